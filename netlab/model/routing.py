"""What routing daemons are asked and answer, and what is read from that."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from netlab.model.evidence import BgpEvidence, RibNextHop
from netlab.model.plan import NodePlan


@dataclass(frozen=True)
class DaemonQuestion:
    """A command for one of the programs of a routing daemon in a machine."""

    node: str
    daemon: str
    """As `RoutingPlan.daemon` has it."""
    program: str
    command: str


@dataclass(frozen=True)
class DaemonAnswer:
    """What the daemon printed, in its socket's own form. `error` says why nothing could be asked, where that is so."""

    text: str
    error: str | None = None


@dataclass(frozen=True)
class RoutingView:
    """A router's BGP and RIB for one destination. `error`: why its daemons could not be asked."""

    daemon: str
    """What people call it."""
    bgp: BgpEvidence | None
    rib: tuple[RibNextHop, ...]
    rib_settled: bool
    """The RIB has nothing for this destination still on its way into the kernel."""
    version: str
    error: str | None = None
    received: tuple[tuple[str, int], ...] = ()
    """How many prefixes each BGP neighbor has announced and the router has taken."""
    whole_rib: bool = True
    """The RIB knows the kernel's routes of others too."""


def unanswered(daemon: str, error: str) -> RoutingView:
    """The view of a router whose daemons could not be asked, or answered what nobody understands."""
    return RoutingView(daemon, None, (), False, "", error)


Conversation = Generator[tuple[DaemonQuestion, ...], tuple[DaemonAnswer, ...], RoutingView]
"""Yields questions, is sent their answers, and returns the view. Later questions may depend on earlier answers."""

Reader = Callable[[NodePlan, str], Conversation]
"""Starts the conversation with a router about a destination address."""
