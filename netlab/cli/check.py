"""ecmp-check and judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from netlab.cli.options import Format, FormatOption, LabOption
from netlab.model.topology import Expect

ExpectOption = Annotated[
    Optional[Expect],  # noqa: UP045
    typer.Option(help="What every router is expected to do; overrides the topology's own `expect`."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="ecmp-check")(ecmp_check)
    app.command()(judge)


def ecmp_check(
    router: Annotated[Optional[list[str]], typer.Option(help="A router; may be repeated. Without it, all.")] = None,  # noqa: UP045
    vip: Annotated[Optional[str], typer.Option(metavar="IP[:PORT]", help="A VIP. Without it, all.")] = None,  # noqa: UP045
    flows: Annotated[int, typer.Option(help="New TCP connections per router and VIP.")] = 600,
    seed: Annotated[Optional[int], typer.Option(help="Repeat a run's source ports by the seed it printed.")] = None,  # noqa: UP045
    expect: ExpectOption = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each answer.")] = 5.0,
    output: FormatOption = Format.TABLE,
    evidence: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Save what was seen, for `judge`.")] = None,  # noqa: UP045
    lab: LabOption = None,
) -> None:
    """Does ECMP work? Send flows from the clients to the VIPs and see which next hop each of them took."""
    from netlab.ecmp.check import CheckOptions, run
    from netlab.report.verdict import print_verdict

    options = CheckOptions(
        routers=tuple(router or ()), vip=vip, flows=flows, seed=seed, timeout=timeout, expect=expect, evidence=evidence
    )
    verdict = run(lab, options)
    print_verdict(verdict, as_json=output is Format.JSON)
    raise typer.Exit(0 if verdict.matches else 1)


def judge(
    file: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="A file that ecmp-check saved.", show_default=False)],
    expect: ExpectOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """The verdict again from a saved evidence file, on any machine."""
    from netlab.ecmp.check import judge_file
    from netlab.report.verdict import print_verdict

    verdict = judge_file(file, expect)
    print_verdict(verdict, as_json=output is Format.JSON)
    raise typer.Exit(0 if verdict.matches else 1)
