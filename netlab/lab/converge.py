"""Waiting until a lab has converged: sessions up, BGP, RIB and FIB agreeing and steady, every VIP answering."""

from __future__ import annotations

import time
from dataclasses import dataclass

from netlab.agent.client import AgentClient
from netlab.agent.messages import FlowGroup, FlowsRequest, KernelView
from netlab.lab import routing
from netlab.lab.announcers import announcers
from netlab.lab.progress import Progress
from netlab.model.endpoint import endpoint
from netlab.model.plan import CheckPlan, LabPlan, NodePlan
from netlab.model.results import Convergence
from netlab.model.routing import RoutingView

_POLL = 0.02
# Once every expected announcement is in the RIB. bgpd holds new paths back for 50 ms before it chooses among them
# (bgp_process_main_queue in FRR 8.4 and 10), and zebra for 10.
_STEADY = 0.1
_STEADY_INCOMPLETE = 2.0  # longer than FRR's 1 s of coalescing and start timer: something may still come
_PROBE_TIMEOUT = 1.0
_PROBE_PORT, _PROBE_PORTS = 33000, 12000


@dataclass(frozen=True)
class _Poll:
    missing: tuple[str, ...]
    incomplete: bool
    signature: object
    routed: frozenset[CheckPlan]


def wait(plan: LabPlan, agent: AgentClient, timeout: float, progress: Progress) -> Convergence:
    """Poll until the lab has converged or `timeout` seconds have passed."""
    start = time.monotonic()
    deadline = start + timeout
    steady_since, signature = start, object()
    answered: set[CheckPlan] = set()
    progress.step("waiting for BGP sessions, routes and VIPs")
    while True:
        poll = _look(plan, agent)
        now = time.monotonic()
        if poll.signature != signature:
            steady_since, signature = now, poll.signature
        missing = poll.missing
        if not missing and now - steady_since >= (_STEADY_INCOMPLETE if poll.incomplete else _STEADY):
            missing = _probe(plan, agent, poll.routed - answered, answered)
            if not missing:
                return Convergence((), time.monotonic() - start)
        elif not missing:
            missing = ("routes are not steady",)
        if now > deadline:
            return Convergence(missing, time.monotonic() - start)
        time.sleep(_POLL)


def _look(plan: LabPlan, agent: AgentClient) -> _Poll:
    routers = [node for node in plan.nodes if node.routing]
    abouts = [(node, vip) for node in routers for vip in _destinations(plan)]
    views = routing.ask(agent, abouts)
    kernels = agent.kernel(tuple((node.name, vip) for node, vip in abouts))
    missing: list[str] = []
    incomplete = False
    routed = set()
    seen = []
    for (node, vip), view, kernel in zip(abouts, views, kernels, strict=True):
        missing += _missing_sessions(node, view)
        if not _is_own(plan, node, vip):
            missing += _disagreement(node, vip, view, kernel)
            incomplete = incomplete or _more_may_come(plan, node, vip, view)
        seen.append((view.bgp, view.rib, view.received, kernel.route))
        # A route with a next hop: the VIP's own, not the connected subnet that the pool may lie in.
        if kernel.route and any(hop.address for hop in kernel.route.next_hops):
            routed |= {check for check in plan.checks if check.router == node.name and str(check.vip) == vip}
    return _Poll(tuple(dict.fromkeys(missing)), incomplete, seen, frozenset(routed))


def _destinations(plan: LabPlan) -> tuple[str, ...]:
    """The VIPs to look at in a router; where the lab has none, any address will do to see the sessions."""
    return tuple(dict.fromkeys(str(service.vip) for service in plan.services)) or ("192.0.2.1",)


def _is_own(plan: LabPlan, node: NodePlan, vip: str) -> bool:
    """Whether the router holds the VIP itself: it announces that, and has no route to it."""
    return any(str(service.vip) == vip and service.is_held_by(node.name) for service in plan.services)


def _missing_sessions(node: NodePlan, view: RoutingView) -> list[str]:
    if view.error:
        return [view.error]
    states = {session.neighbor: session.state for session in view.bgp.sessions} if view.bgp else {}
    return [
        f"{node.name}: neighbor {address} is {states.get(address, 'not configured')}"
        for address in _awaited(node, view)
        if states.get(address) != "Established"
    ]


def _awaited(node: NodePlan, view: RoutingView) -> list[str]:
    """The neighbors whose sessions must be up: the plan's, and the daemon's own where the plan need not know them."""
    planned = [n.name for n in (node.routing.neighbors if node.routing else ()) if not n.expect_down]
    if node.routing is None or not node.routing.neighbors_asked:
        return planned
    # One that the plan knows and the daemon does not has a configuration that is still to be loaded.
    sessions = view.bgp.sessions if view.bgp else ()
    known = {session.neighbor for session in sessions}
    asked = [session.neighbor for session in sessions if not session.expect_down]
    return [*asked, *(name for name in planned if name not in known)]


def _disagreement(node: NodePlan, vip: str, view: RoutingView, kernel: KernelView) -> list[str]:
    """BGP's choice, the RIB's next hops and the kernel's must be the same set."""
    if view.error or not view.bgp or not view.bgp.paths:
        return []
    if not view.rib_settled:
        return [f"{node.name}: the route to {vip} is not in the kernel yet"]
    if not any(path.valid for path in view.bgp.paths):
        return []
    if not view.rib and not view.whole_rib:
        return []
    in_rib = {hop.address for hop in view.rib if hop.fib}
    in_fib = {hop.address for hop in kernel.route.next_hops} if kernel.route else set()
    if in_rib != in_fib:
        return [f"{node.name}: {vip} has {len(in_rib)} next hops in the RIB and {len(in_fib)} in the kernel"]
    return []


def _more_may_come(plan: LabPlan, node: NodePlan, vip: str, view: RoutingView) -> bool:
    """Whether BGP is likely to have more to say, so that a longer silence is needed to believe it.

    Never an error: a router that is not the cluster's neighbor sees other next hops than the announcers', a filter
    may keep paths from the RIB, and a neighbor may have nothing to announce.
    """
    if view.bgp is None:
        return False
    if not plan.services:
        quiet = {address for address, prefixes in view.received if prefixes == 0}
        return not quiet.isdisjoint(_awaited(node, view))
    chosen = {path.next_hop for path in view.bgp.paths if path.multipath}
    if chosen != {hop.address for hop in view.rib if hop.fib and hop.address}:
        return True
    expected = {
        str(announcer.address)
        for service in plan.services
        if str(service.vip) == vip
        for announcer in announcers(plan, service, node)
        if announcer.expected
    }
    valid = [path for path in view.bgp.paths if path.valid]
    return not expected <= {path.next_hop for path in valid} | {path.global_next_hop for path in valid}


def _probe(
    plan: LabPlan, agent: AgentClient, checks: frozenset[CheckPlan], answered: set[CheckPlan]
) -> tuple[str, ...]:
    """One GET to every VIP from the client behind each router that has a route to it.

    Where a router on the way spreads packets, a connection is all that can be asked for: most requests fail behind it.
    """
    if not checks:
        return ()
    spread = {_path(check) for check in plan.checks if plan.node(check.router).forwarding == "per-packet"}
    ordered = sorted(checks, key=lambda check: (check.router, str(check.vip), check.port))
    first = _PROBE_PORT + int(time.monotonic() * 100) % 20000  # another hash key at each try
    # Each its own: two routers on one way share client, VIP and port.
    groups = tuple(
        FlowGroup(c.client, str(c.client_address), str(c.vip), c.port, (first + number % _PROBE_PORTS,))
        for number, c in enumerate(ordered)
    )
    agent.start_flows(FlowsRequest(groups, _PROBE_TIMEOUT))
    missing = []
    for check, outcome in zip(ordered, agent.finish_flows(), strict=True):
        if outcome.flows[0].answered or (outcome.flows[0].connected and _path(check) in spread):
            answered.add(check)
        else:
            missing.append(
                f"VIP {endpoint(check.vip, check.port)} does not answer {check.client}: {outcome.flows[0].error}"
            )
    return tuple(missing)


def _path(check: CheckPlan) -> tuple[str, str, int]:
    """What all routers between a client and a VIP have in common."""
    return check.client, str(check.vip), check.port
