"""ecmp-check and judge."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from netlab.cli import names
from netlab.cli.options import LabOption
from netlab.model.topology import Expect


class VerdictFormat(Enum):
    """How a verdict is printed."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


VerdictFormatOption = Annotated[
    VerdictFormat,
    typer.Option("--format", "-f", help="A table, or JSON or JUnit XML and nothing else."),
]
ExpectOption = Annotated[
    Optional[Expect],  # noqa: UP045
    typer.Option(help="What every router is expected to do; overrides the topology's own `expect`."),
]

RouterOption = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(metavar="ROUTER", help="Only this router; may be repeated.", autocompletion=names.routers),
]
VipOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="IP[:PORT]", help="Only this VIP; of IPv6 with a port: [IP]:PORT."),
]
SeedOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(metavar="S", help="Use the source ports of the run that printed this seed."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="ecmp-check")(ecmp_check)
    app.command()(judge)


def ecmp_check(
    router: RouterOption = None,
    vip: VipOption = None,
    flows: Annotated[int, typer.Option(metavar="N", help="New TCP connections per router and VIP.")] = 600,
    seed: SeedOption = None,
    expect: ExpectOption = None,
    timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds to wait for each connection, and its answer.")
    ] = 5.0,
    output: VerdictFormatOption = VerdictFormat.TABLE,
    evidence: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Save what was seen, for `judge`.")] = None,  # noqa: UP045
    lab: LabOption = None,
) -> None:
    """Measure whether flows spread over the next hops.

    Opens connections from the client behind each router to each VIP and counts, where they leave the router, which
    next hop each of them took. Exit code 0: every router does what is expected of it, and every flow was answered; 1:
    one does not, or something fails.
    """
    from netlab import api
    from netlab.report.verdict import print_verdict

    verdict = api.ecmp_check(
        lab,
        routers=router or (),
        vip=vip,
        flows=flows,
        seed=seed,
        timeout=timeout,
        expect=expect,
        evidence=evidence,
    )
    print_verdict(verdict, output.value)
    raise typer.Exit(0 if verdict.matches else 1)


def judge(
    file: Annotated[
        Path,
        typer.Argument(metavar="EVIDENCE", help="A file that ecmp-check saved.", show_default=False, readable=False),
    ],
    expect: ExpectOption = None,
    output: VerdictFormatOption = VerdictFormat.TABLE,
) -> None:
    """Judge saved evidence again, on any machine."""
    from netlab import api
    from netlab.report.verdict import print_verdict

    verdict = api.judge(file, expect=expect)
    print_verdict(verdict, output.value)
    raise typer.Exit(0 if verdict.matches else 1)
