"""The names in a lab, read in milliseconds: of machines, interfaces and processes, for whoever types them.

From the plan as it was saved, without the library that checks it. What cannot be read has no names.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from netlab.lab import state


@dataclass(frozen=True)
class MachineOutline:
    """A machine, as far as its names go."""

    name: str
    role: str
    interfaces: tuple[str, ...]
    """`lo` first."""


def outline(lab: str) -> tuple[MachineOutline, ...]:
    """The machines of the lab of that name."""
    try:
        nodes = json.loads(state.saved_plan(lab))["nodes"]
        return tuple(
            MachineOutline(node["name"], node["role"], ("lo", *(each["name"] for each in node["interfaces"])))
            for node in nodes
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def processes(lab: str, node: str) -> tuple[str, ...]:
    """The processes of a machine that have a log."""
    with suppress(OSError):
        return tuple(sorted(file.stem for file in Path(state.directory(lab), "logs", node).glob("*.log")))
    return ()
