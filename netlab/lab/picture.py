"""What a picture of a lab shows: its plan, and its BGP sessions where it runs."""

from __future__ import annotations

from pathlib import Path

from netlab.lab import state
from netlab.model.errors import InputError, Problem
from netlab.model.parameters import parameter
from netlab.model.results import Picture


def picture(file: Path | None, lab: str | None, *, ask: bool) -> Picture:
    """Of a topology file or of a lab, running or dead. `ask`: its routers, about their sessions."""
    if file is not None and lab is not None:
        raise InputError(Problem(f"graph takes one of {parameter('file')} and {parameter('lab')}"))
    if file is not None:
        from netlab.plan import plan_file

        return Picture(plan_file(file), {})
    found = state.choose(lab, dead_too=True)
    if not ask or not state.is_alive(found):
        return Picture(state.load_plan(found), {})
    from netlab.lab.inspect import inspect

    sessions = {node.name: node.sessions for node in inspect(found.name).nodes}
    return Picture(state.load_plan(found), sessions)
