"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from netlab.cli import names


class Format(StrEnum):
    """How a command prints its result."""

    TABLE = "table"
    JSON = "json"


LabOption = Annotated[
    Optional[str],  # noqa: UP045  typer reads it at run time
    typer.Option(
        "--lab",
        "-l",
        metavar="LAB",
        help="The lab (or NETLAB_LAB); not needed if there is only one.",
        autocompletion=names.labs,
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="A table, or JSON and nothing else.")]
# readable=False: what cannot be read is told in netlab's own words, with its name escaped.
TopologyArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A topology file.", show_default=False, readable=False)
]
