"""What a routing daemon is to the packages that plan it, run it, ask it and judge what it does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from netlab.model.routing import Reader


@dataclass(frozen=True)
class Dialogue:
    """How a daemon is asked over its own socket, which takes 0.2 ms where its command line takes 40 (measured).

    All of it runs in the agent. OSError where it closes the connection or does not understand; its text says why.
    """

    path: Callable[[str], str]
    """Where one of its programs listens: a unix socket, by its absolute path in the machine."""
    greet: Callable[[socket.socket], None]
    """Once for a connection, before the first question."""
    ask: Callable[[socket.socket, str], str]
    """Sends a command; the whole answer."""


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
    sign_of_life: tuple[str, str]
    """One of its programs that always runs where it speaks BGP, and a question that any state of it can answer."""
    command_line: CommandLine
    dialogue: Dialogue
    read: Reader
    """Asks a router that runs it about a destination, and turns the answers into a view."""
    folders: tuple[str, ...] = ()
    """Folders below /etc that every machine has for itself, since the host may run the daemon too."""
    accounts: Accounts | None = None
    in_rootfs: bool = False
    """Another build of it can take its place, from a root file system of its own (`netlab deploy --rootfs`)."""
