"""repair, restart: nodes that died or lost their links."""

from __future__ import annotations

from typing import Annotated

import typer

from netlab.cli.commands import NodeArgument
from netlab.cli.options import LabOption

NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Do not wait for convergence.")]
TimeoutOption = Annotated[float, typer.Option(metavar="S", help="Seconds to wait for convergence.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (repair, restart):
        app.command()(command)


def repair(lab: LabOption = None, no_wait: NoWaitOption = False, timeout: TimeoutOption = 60.0) -> None:
    """Put back what nodes lost that died or were restarted outside netlab: links, addresses, routes, daemons.

    A whole lab stays as it is. For labs of the docker runtime.
    """
    from netlab import api
    from netlab.cli.screen import Screen
    from netlab.report.lab import print_repair

    done = api.repair(lab, wait=not no_wait, timeout=timeout, progress=Screen())
    print_repair(done)
    if done.convergence and not done.convergence.converged:
        raise typer.Exit(1)


def restart(
    node: NodeArgument, lab: LabOption = None, no_wait: NoWaitOption = False, timeout: TimeoutOption = 60.0
) -> None:
    """Restart a node of a docker lab: it comes back with its links, addresses, routes and daemons."""
    from netlab import api
    from netlab.cli.screen import Screen
    from netlab.report.lab import print_repair

    done = api.restart(node, lab, wait=not no_wait, timeout=timeout, progress=Screen())
    print_repair(done)
    if done.convergence and not done.convergence.converged:
        raise typer.Exit(1)
