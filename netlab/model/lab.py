"""What exists: a running lab as its state folder records it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabNode:
    """A running machine. `pid` is its init's, in the host's numbering; `lab_pid` the same in the lab's."""

    name: str
    pid: int
    started: int
    """Start time of `pid` in clock ticks since boot (proc(5), stat field 22): confirms the pid before any use."""
    lab_pid: int


@dataclass(frozen=True)
class Lab:
    """A lab that was built. It is alive while its init holds the lock on its lock file."""

    name: str
    runtime: str
    owner: int
    """uid of the user who deployed it."""
    boot_id: str
    version: str
    """netlab's version."""
    directory: str
    topology_file: str
    created: str
    """RFC 3339, UTC."""
    init: LabNode
    nodes: tuple[LabNode, ...]

    def node(self, name: str) -> LabNode:
        """The machine of that name. KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
