"""doctor: what this host has and lacks."""

from __future__ import annotations

from typing import Annotated

import typer

from netlab.cli.options import Format, FormatOption
from netlab.registry.runtimes import RUNTIMES, USUAL

RuntimeOption = Annotated[str, typer.Option(metavar="R", help=f"{' or '.join(RUNTIMES.own)}.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(runtime: RuntimeOption = USUAL, output: FormatOption = Format.TABLE) -> None:
    """Say what this host lacks for a runtime, and what mends it."""
    from netlab import api
    from netlab.report.host import print_findings

    findings = api.doctor(runtime)
    print_findings(findings, as_json=output is Format.JSON)
    raise typer.Exit(0 if all(finding.ok or not finding.needed for finding in findings) else 3)
