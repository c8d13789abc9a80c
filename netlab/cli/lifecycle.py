"""validate, deploy, destroy, inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from netlab.cli.options import Format, FormatOption, LabOption, TopologyArgument
from netlab.model.text import printable
from netlab.registry.runtimes import RUNTIMES

RootfsOption = Annotated[
    Optional[Path],  # noqa: UP045  typer reads it at run time
    typer.Option(metavar="DIR", help="Run every FRR router from the root file system unpacked in DIR."),
]
RuntimeOption = Annotated[
    Optional[str],  # noqa: UP045  typer reads it at run time
    typer.Option(metavar="R", help=f"{' or '.join(RUNTIMES.own)}, in place of the file's."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (validate, deploy, destroy, inspect):
        app.command()(command)


def validate(file: TopologyArgument, runtime: RuntimeOption = None) -> None:
    """Check a topology file and every file that it names."""
    from netlab import api

    plan = api.validate(file, runtime=runtime)
    for warning in plan.warnings:
        typer.echo(f"note: {printable(warning)}", err=True)
    about = f"lab {plan.name}: {len(plan.nodes)} nodes, {len(plan.links)} links, no problems"
    typer.echo(f"{printable(str(file))}: {about}")


def deploy(
    file: TopologyArgument,
    runtime: RuntimeOption = None,
    name: Annotated[Optional[str], typer.Option(metavar="LAB", help="Another name than the file's.")] = None,  # noqa: UP045
    rootfs: RootfsOption = None,
    reconfigure: Annotated[bool, typer.Option("--reconfigure", help="Replace the lab if it exists.")] = False,
    reuse_cluster: Annotated[
        bool, typer.Option("--reuse-cluster", help="Replace the lab if it exists, but for its Kubernetes cluster.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep a lab that could not be built, to look into it.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for convergence.")] = False,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds to wait for convergence.")] = 60.0,
    output: FormatOption = Format.TABLE,
) -> None:
    """Build a lab and wait until it has converged.

    Exit code 1: the lab runs, but has not converged in time; what is missing is listed.
    """
    from netlab import api
    from netlab.cli.screen import Screen
    from netlab.report.lab import print_deployment

    lab = api.deploy(
        file,
        name=name,
        runtime=runtime,
        rootfs=rootfs,
        timeout=timeout,
        wait=not no_wait,
        must_converge=False,
        reconfigure=reconfigure,
        reuse_cluster=reuse_cluster,
        keep=keep,
        detach=True,
        progress=Screen(),
    )
    print_deployment(lab.plan, lab.convergence, as_json=output is Format.JSON)
    if lab.convergence and not lab.convergence.converged:
        raise typer.Exit(1)


def destroy(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The lab's topology file.", readable=False)
    ] = None,
    lab: LabOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every lab of this user.")] = False,
) -> None:
    """Remove a lab: nothing of it is left."""
    from netlab import api
    from netlab.cli.screen import Screen

    screen = Screen()
    names = api.destroy(file, lab=lab, everything=everything, progress=screen)
    screen.done(f"destroyed {', '.join(names)}" if names else "no lab is deployed")


def inspect(lab: LabOption = None, output: FormatOption = Format.TABLE) -> None:
    """Show nodes, addresses, BGP sessions and VIPs.

    Without --lab, of every lab.
    """
    from netlab import api
    from netlab.report.lab import print_reports

    print_reports(api.inspect(lab), as_json=output is Format.JSON)
