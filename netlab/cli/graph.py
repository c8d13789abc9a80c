"""graph: a lab as a picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from netlab.cli.options import LabOption

FileArgument = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Argument(
        metavar="FILE", help="A topology file, which need not be deployed.", show_default=False, readable=False
    ),
]


class Language(StrEnum):
    """What the picture is written in."""

    MERMAID = "mermaid"
    DOT = "dot"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(graph)


def graph(
    file: FileArgument = None,
    language: Annotated[
        Language, typer.Option("--format", "-f", help="Mermaid, for Markdown pages, or Graphviz.")
    ] = Language.MERMAID,
    bgp: Annotated[bool, typer.Option("--bgp/--no-bgp", help="Draw BGP sessions and VIPs too, dotted.")] = True,
    lab: LabOption = None,
) -> None:
    """Draw a lab, or a topology file that is not deployed yet.

    \b
    netlab graph topologies/ecmp.yaml >lab.mmd
    netlab graph --lab ecmp --format dot | dot -Tsvg >lab.svg

    Of a running lab the BGP sessions are drawn as they are now; one that is down ends in a cross or is red.
    """
    from netlab import api
    from netlab.report.dot import dot
    from netlab.report.graph import graph as drawn
    from netlab.report.mermaid import mermaid

    shown = api.picture(file, bgp=bgp, lab=lab)
    write = mermaid if language is Language.MERMAID else dot
    typer.echo(write(drawn(shown.plan, shown.sessions, bgp=bgp)), nl=False)
