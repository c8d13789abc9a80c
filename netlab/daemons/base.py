"""What a routing daemon is to the packages that plan it, run it, ask it and judge what it does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from netlab.model.routing import Reader

Peers = Literal["ebgp", "ibgp"]
"""Whose paths: those of other autonomous systems, or of the router's own."""


@dataclass(frozen=True)
class Dialogue:
    """How a daemon is asked over its own socket, which takes 0.2 ms where its command line takes 40 (measured).

    `path`, `greet` and `ask` run in the agent. OSError where it closes the connection or does not understand; its text
    says why.
    """

    path: Callable[[str], str]
    """Where one of its programs listens: a unix socket, by its absolute path in the machine."""
    greet: Callable[[socket.socket], None]
    """Once for a connection, before the first question."""
    ask: Callable[[socket.socket, str], str]
    """Sends a command; the whole answer."""
    read: Reader
    """Asks a router that runs it about a destination, and turns the answers into a view."""
    sign_of_life: tuple[str, str]
    """One of its programs that always runs where it speaks BGP, and a question that any state of it can answer."""


@dataclass(frozen=True)
class Accounts:
    """Users and groups that become other names of the machine's root, by whose ids the daemon then works."""

    user: str
    groups: tuple[str, ...]
    folders: tuple[str, ...]
    """What the packages give to that user, and root must have."""


@dataclass(frozen=True)
class CommandLine:
    """The program by which people ask a daemon, and what it is asked for a bug report."""

    program: str
    report: tuple[str, ...]
    """Commands of a shell; they change nothing."""


def maximum_paths(peers: Peers, paths: int) -> str:
    """The line that gives BGP a limit of equal paths, as most daemons have it from Cisco's IOS."""
    return f"maximum-paths {'ibgp ' if peers == 'ibgp' else ''}{paths}"


@dataclass(frozen=True)
class PathLimit:
    """BGP itself chooses several equal paths, up to a limit, and counts those of eBGP and of iBGP apart."""

    place: Callable[[int, int], str]
    """Where the line goes, by the router's AS and the IP version."""
    line: Callable[[Peers, int], str] = maximum_paths
    """What its configuration says: whose paths, and how many."""


@dataclass(frozen=True)
class PathMerge:
    """BGP chooses one path, and what writes the kernel's routes merges its equals, or does not."""

    name: str
    place: str
    """Where the line goes."""
    line: Callable[[int | None], str]
    """What its configuration says to merge so many; None: up to the daemon's own limit."""


@dataclass(frozen=True)
class RibLimit:
    """How many next hops of a route the daemon's RIB makes active, whatever BGP chose."""

    program: str
    mend: Callable[[int], str]
    """How it is raised to so many."""


@dataclass(frozen=True)
class Knobs:
    """What decides how many of a daemon's equal paths become next hops, in the daemon's words, for findings."""

    equal_paths: PathLimit | PathMerge
    kernel_filters: str
    """Where to look for what keeps a best path from the kernel."""
    rib_limit: RibLimit | None = None


@dataclass(frozen=True)
class Daemon:
    """A routing daemon: several programs (FRR) or one."""

    name: str
    """As `RoutingPlan.daemon` has it."""
    title: str
    """What people call it."""
    package: str
    """Debian's package of it."""
    image: str
    """netlab's image that has it: a folder below images/, or another package's."""
    programs: tuple[str, ...]
    """The beginnings of its programs' paths, by which a machine's process is known to be one of them."""
    configuration: str
    """The file that netlab writes."""
    comment: str
    """What begins a comment there."""
    command_line: CommandLine
    dialogue: Dialogue | None = None
    """None for one that netlab does not ask: what it announces shows at the routers that it speaks with."""
    folders: tuple[str, ...] = ()
    """Folders below /etc that every machine has for itself, since the host may run the daemon too."""
    accounts: Accounts | None = None
    knobs: Knobs | None = None
    """None: findings say in general words what to look for."""
    in_rootfs: bool = False
    """Another build of it can take its place, from a root file system of its own (`netlab deploy --rootfs`)."""

    def is_not_asked(self, node: str) -> str:
        """Why nothing is known of what it does in a machine, where it has no dialogue."""
        return f"{node} runs {self.title}, which netlab does not ask"
