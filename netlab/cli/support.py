"""support: one archive for a bug report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from netlab.cli.options import LabOption

OutputOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output", "-o", metavar="FILE", help="The archive to write.", show_default="netlab-support-TIME.tar.gz"
    ),
]
AddOption = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--add", metavar="FILE", help="Put this file in too, such as saved evidence; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(support)


def support(output: OutputOption = None, add: AddOption = None, lab: LabOption = None) -> None:
    """Write an archive for a bug report: host, labs, configurations, logs.

    Of every lab of yours, running, dead or half-built, or of the one that --lab names; without a lab, of the host.
    Passwords and keys are left out, and MANIFEST.txt says what is in it. Look into it before you pass it on.
    """
    from netlab import api

    file, size = api.support(output, add=add or (), lab=lab)
    typer.echo(f"{file}: {-(-size // 1024)} KiB; look into it before you pass it on")
