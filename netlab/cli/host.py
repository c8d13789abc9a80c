"""doctor: what this host has and lacks."""

from __future__ import annotations

import typer

from netlab.cli.options import Format, FormatOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(output: FormatOption = Format.TABLE) -> None:
    """Say what this host lacks and what mends it."""
    from netlab import api
    from netlab.report.host import print_findings

    findings = api.doctor()
    print_findings(findings, as_json=output is Format.JSON)
    raise typer.Exit(0 if all(finding.ok or not finding.needed for finding in findings) else 3)
