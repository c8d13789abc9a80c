"""What exists: a running lab as its state folder records it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabMachine:
    """A running machine. `pid` is its init's, in the host's numbering; `lab_pid` the same in the lab's."""

    name: str
    pid: int
    started: int
    """Start time of `pid` in clock ticks since boot (proc(5), stat field 22): confirms the pid before any use."""
    lab_pid: int
    container: str = ""
    """The id of its container, or the name of one that is not netlab's. Empty where no engine runs it."""


@dataclass(frozen=True)
class LabRecord:
    """A lab that was built. Its runtime knows whether it is alive."""

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
    init: LabMachine
    """The lab's init; where it has none, the process that built it, with the build's own id as its container. No two
    labs have the same."""
    nodes: tuple[LabMachine, ...]
    engine: str = ""
    """Where the container engine listens that runs it; empty where none does."""

    def node(self, name: str) -> LabMachine:
        """The machine of that name. KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
