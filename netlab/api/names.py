"""The names that a shell may complete. Called while somebody types: it loads little, and fails on nothing.

Of the lab that is named, of NETLAB_LAB's, or of all where neither is given.
"""

from __future__ import annotations

from contextlib import suppress


def labs() -> list[str]:
    """Every lab of this user."""
    from netlab.lab import state

    with suppress(Exception):
        return state.names()
    return []


def interfaces(lab: str | None = None) -> dict[str, tuple[str, ...]]:
    """The interfaces of each node."""
    from netlab.lab.outline import outline

    found = {}
    with suppress(Exception):
        found = {machine.name: machine.interfaces for name in _chosen(lab) for machine in outline(name)}
    return found


def routers(lab: str | None = None) -> list[str]:
    """The nodes that run routing daemons for the user."""
    from netlab.lab.outline import outline

    with suppress(Exception):
        machines = {machine.name: machine for name in _chosen(lab) for machine in outline(name)}
        return [name for name, machine in machines.items() if machine.role == "router"]
    return []


def processes(nodes: set[str], lab: str | None = None) -> list[str]:
    """The processes of those of the words that are nodes."""
    from netlab.lab import outline

    found: set[str] = set()
    with suppress(Exception):
        known = nodes & interfaces(lab).keys()
        for name in _chosen(lab):
            for node in known:
                found.update(outline.processes(name, node))
    return sorted(found)


def _chosen(lab: str | None) -> list[str]:
    from netlab.lab import state

    name = lab or state.preferred()
    return [name] if name else state.names()
