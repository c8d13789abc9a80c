"""The routing daemons: a folder for each, with all that is true of it and of no other. base.py holds the contract.

Another package brings one by an entry point of the group `netlab.daemons` that names a `Daemon` (docs/kinds.md).

    base.py  what a routing daemon is to the other packages
    bird/    BIRD 2
    frr/     FRRouting
"""

from __future__ import annotations

from netlab.daemons.base import Daemon
from netlab.model.plan import NodePlan, RoutingPlan
from netlab.registry import Registry

DAEMONS = Registry(
    "netlab.daemons",
    "routing daemon",
    Daemon,
    {"frr": "netlab.daemons.frr:DAEMON", "bird": "netlab.daemons.bird:DAEMON"},
)


def of(routing: RoutingPlan) -> Daemon:
    """The daemon that a plan names."""
    return DAEMONS.load(routing.daemon)


def running_in(node: NodePlan) -> Daemon | None:
    """The daemon whose programs a machine runs, asked about routes or not (a cluster's speaker is not)."""
    if node.routing is not None:
        return of(node.routing)
    programs = [process.argv[0] for process in node.processes]
    known = (DAEMONS.load(name) for name in DAEMONS.usable()) if programs else ()
    return next((daemon for daemon in known if any(one.startswith(daemon.programs) for one in programs)), None)
