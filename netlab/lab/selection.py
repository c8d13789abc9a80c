"""Which labs a command means."""

from __future__ import annotations

from pathlib import Path

from netlab.lab import state
from netlab.model.errors import InputError, LabError, NetlabError, Problem
from netlab.model.parameters import parameter


def to_destroy(file: Path | None, name: str | None, everything: bool) -> list[str]:
    """The labs that `destroy` removes: every one, the named one, the file's, or the only one."""
    if sum((everything, file is not None, name is not None)) > 1:
        one, two, three = map(parameter, ("file", "lab", "everything"))
        raise InputError(Problem(f"destroy takes one of {one}, {two} and {three}"))
    if everything:
        return state.names()
    if file is not None:
        return [_name_in(file)]
    name = name or state.preferred()
    if name is not None:
        return [name]
    known = state.names()
    if len(known) != 1:
        which = f"say which with {parameter('lab')}, or {parameter('everything')} ({', '.join(known)})"
        raise LabError(f"there are several labs: {which}" if known else "no lab is deployed")
    return known


def _name_in(file: Path) -> str:
    """The lab of a topology file: the one deployed from it, without reading it; else the one whose name it has."""
    wanted = str(file.resolve())
    deployed = [name for name in state.names() if _file_of(name) == wanted]
    if len(deployed) == 1:
        return deployed[0]
    from netlab.plan import read

    return read(file).topology.name


def _file_of(name: str) -> str | None:
    try:
        return state.load(name).topology_file
    except NetlabError:
        return None  # unfinished, damaged or another user's


def to_inspect(name: str | None) -> list[str]:
    """The named lab, or all."""
    name = name or state.preferred()
    if name is None:
        return state.names()
    state.must_exist(name)
    return [name]
