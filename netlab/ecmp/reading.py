"""What the evidence of one router amounts to before any conclusion: each flow's next hop, counted by hash key."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from netlab.ecmp.keys import HashKey, flow_keys
from netlab.model.evidence import BgpEvidence, BgpPath, FibRoute, FlowEvidence, RouterEvidence
from netlab.model.verdict import PathCounts

Place = tuple[str, str]
"""A next hop's address (its MAC address where no neighbour entry names it) and interface."""


@dataclass(frozen=True)
class Hop:
    """A next hop. `weight` is 0 for one that carried flows but is not in the FIB."""

    address: str
    interface: str
    weight: int
    node: str | None

    @property
    def name(self) -> str:
        """For messages: the address, and the node's name where it is known."""
        return f"{self.address} ({self.node})" if self.node else self.address


@dataclass(frozen=True)
class Reading:
    """One router's evidence with every flow attributed.

    `hops` are the FIB's next hops as they were before the flows, in the kernel's order, then any others that were
    seen. `flow_hop` names each flow's next hop by its index in `hops`, None where no segment was seen; a flow that
    was seen on several (listed in `split`) counts for the one that carried most of its segments.

    `router` is without the flows that took another way (`elsewhere`): they say nothing of this router.
    """

    router: RouterEvidence
    elsewhere: tuple[FlowEvidence, ...]
    """Flows that were answered and never came to the router: another one carried them."""
    hops: tuple[Hop, ...]
    fib_size: int
    flow_hop: tuple[int | None, ...]
    split: tuple[int, ...]
    """Indexes of the flows that were seen on two or more next hops."""
    flow_counts: tuple[int, ...]
    """Flows per hop."""
    key_counts: tuple[int, ...]
    """Hash keys per hop: the unit of every statistic."""
    segment_counts: tuple[int, ...]
    """Segments per hop: the unit where packets, not flows, are spread."""
    split_keys: int
    """Hash keys whose flows, each on one next hop, did not all take the same."""
    paths: PathCounts

    @property
    def fib_hops(self) -> tuple[Hop, ...]:
        return self.hops[: self.fib_size]

    @property
    def fib_keys(self) -> tuple[int, ...]:
        """Hash keys per next hop of the FIB."""
        return self.key_counts[: self.fib_size]

    @property
    def weights(self) -> tuple[int, ...]:
        """Weights of the FIB's next hops."""
        return tuple(hop.weight for hop in self.fib_hops)

    @property
    def keys(self) -> int:
        """Distinct hash keys among the attributed flows."""
        return sum(self.key_counts)

    @property
    def attributed(self) -> int:
        """Flows of which a segment was seen leaving the router."""
        return sum(self.flow_counts)

    @property
    def lost(self) -> int:
        """Flows that were answered although none of their segments was seen: the capture missed them."""
        return sum(flow.answered for flow in self._unseen())

    @property
    def never_left(self) -> int:
        """Flows that were neither answered nor seen leaving the router, which they reached as far as is known."""
        return sum(not flow.answered and flow.arrived is not False for flow in self._unseen())

    @property
    def valid(self) -> int:
        """Next hops of all valid BGP paths, detours too: what the router's BGP table shows."""
        return len({path.next_hop for path in valid_paths(self.router.bgp)})

    @property
    def intended(self) -> int:
        """Next hops that should share the traffic: all that were announced, or that the FIB has."""
        return max(self.paths.announced, self.fib_size)

    def _unseen(self) -> list[FlowEvidence]:
        return [flow for flow, hop in zip(self.router.flows, self.flow_hop, strict=True) if hop is None]


def read(router: RouterEvidence) -> Reading:
    """Attribute every flow of the router to a next hop."""
    elsewhere = _elsewhere(router)
    router = replace(router, flows=tuple(flow for flow in router.flows if flow not in elsewhere))
    seen = [_segments_by_place(flow) for flow in router.flows]
    fib = route_weights(router.fib_before, router.vip)
    used = {place for places in seen for place in places}
    order = [*fib, *sorted(used - set(fib))]
    index = {place: number for number, place in enumerate(order)}
    flow_hop = tuple(_most({index[place]: count for place, count in places.items()}) for places in seen)
    split = tuple(number for number, places in enumerate(seen) if len(places) > 1)
    keys = flow_keys(router)
    by_key = _flows_by_key(keys, flow_hop)
    whole = [hop if len(places) == 1 else None for hop, places in zip(flow_hop, seen, strict=True)]
    return Reading(
        router=router,
        elsewhere=tuple(elsewhere),
        hops=tuple(_hop(router, place, fib.get(place, 0)) for place in order),
        fib_size=len(fib),
        flow_hop=flow_hop,
        split=split,
        flow_counts=_count(flow_hop, len(order)),
        key_counts=_count((_most(hops) for hops in by_key), len(order)),
        segment_counts=tuple(sum(places[place] for places in seen) for place in order),
        split_keys=sum(len(hops) > 1 for hops in _flows_by_key(keys, whole)),
        paths=_count_paths(router, fib=len(fib), used=len(used)),
    )


def _elsewhere(router: RouterEvidence) -> dict[FlowEvidence, None]:
    """Only where every flow that left was seen coming too, so that to see none come means something."""
    left = [flow for flow in router.flows if flow.segments]
    if router.capture_drops or not all(flow.arrived for flow in left):
        return {}
    return dict.fromkeys(flow for flow in router.flows if flow.answered and flow.arrived is False and not flow.segments)


def route_weights(route: FibRoute | None, vip: str) -> dict[Place, int]:
    """The weight of each next hop of the route. A connected route, which asks for the VIP itself, has no next hop."""
    weights: Counter[Place] = Counter()
    for hop in route.next_hops if route else ():
        if hop.address not in ("", vip):
            weights[hop.address, hop.interface] += max(hop.weight, 1)
    return dict(weights)


def valid_paths(bgp: BgpEvidence | None) -> tuple[BgpPath, ...]:
    """The valid BGP paths to the VIP's prefix."""
    return tuple(path for path in bgp.paths if path.valid) if bgp else ()


def detours(router: RouterEvidence) -> tuple[BgpPath, ...]:
    """The valid paths that come through further networks to where a chosen path leads, so that no next hop is lost.

    A router that learns the VIP by one of its neighbors and tells the others gives them such a path, or does not, as
    its best path has it. What an announcer says itself is never one, nor is a longer path that is the only one to a
    node: while an expected announcer is not heard, its path may be among them.
    """
    heard = announcing(router)
    if not all(heard.get(announcer.node, not heard) for announcer in router.announcers if announcer.expected):
        return ()
    valid = valid_paths(router.bgp)
    announced_by = {announcer.address for announcer in router.announcers}
    chosen = [path.as_path for path in valid if path.best or path.multipath]
    return tuple(
        path
        for path in valid
        if not (path.best or path.multipath or announced_by.intersection(path_addresses(path)))
        and any(_leads_through(path.as_path, to=as_path) for as_path in chosen)
    )


def _leads_through(as_path: tuple[int, ...], *, to: tuple[int, ...]) -> bool:
    """Whether it is `to` with other networks before it; AS numbers of its own that one repeats (prepends) are none."""
    before = as_path[: len(as_path) - len(to)]
    return bool(to) and as_path[len(before) :] == to and not set(before) <= set(to)


def announcing(router: RouterEvidence) -> dict[str, bool]:
    """Of each announcer whether the router has a valid path from it, by node.

    Empty where that cannot be seen: without BGP, and behind other routers, which have their own paths from the nodes.
    """
    if router.bgp is None:
        return {}
    valid = valid_paths(router.bgp)
    heard = {address for path in valid for address in path_addresses(path)}
    nearby = heard | {session.neighbor for session in router.bgp.sessions}
    if valid and not any(announcer.address in nearby for announcer in router.announcers):
        return {}
    return {announcer.node: announcer.address in heard for announcer in router.announcers}


def path_addresses(path: BgpPath) -> tuple[str | None, ...]:
    """The addresses by which a path tells whom it is from."""
    return path.neighbor, path.next_hop, path.global_next_hop


def node_of(router: RouterEvidence, address: str, interface: str | None = None) -> str | None:
    """The node behind a next hop: by its address, or by the MAC address that it shares with an announcer.

    An IPv6 next hop in the FIB is a link-local address, which no announcer is known by.
    """
    neighbours = [*router.neighbours_before, *router.neighbours_after]
    macs = {near.mac for near in neighbours if near.mac and (near.address, near.interface) == (address, interface)}
    same = {address} | {near.address for near in neighbours if near.mac in macs}
    nodes = {announcer.node for announcer in router.announcers if announcer.address in same}
    return nodes.pop() if len(nodes) == 1 else None


def _segments_by_place(flow: FlowEvidence) -> Counter[Place]:
    places: Counter[Place] = Counter()
    for segment in flow.segments:
        if segment.count > 0:
            places[segment.next_hop or segment.mac, segment.interface] += segment.count
    return places


def _flows_by_key(keys: Iterable[HashKey], flow_hop: Iterable[int | None]) -> list[Counter[int]]:
    flows: defaultdict[HashKey, Counter[int]] = defaultdict(Counter)
    for key, hop in zip(keys, flow_hop, strict=True):
        if hop is not None:
            flows[key][hop] += 1
    return list(flows.values())


def _most(counts: Mapping[int, int]) -> int | None:
    """The hop with the highest count, the first of equals, so that the order of the flows does not matter."""
    return min(counts, key=lambda hop: (-counts[hop], hop)) if counts else None


def _count(hops: Iterable[int | None], size: int) -> tuple[int, ...]:
    counts = Counter(hops)
    return tuple(counts[hop] for hop in range(size))


def _hop(router: RouterEvidence, place: Place, weight: int) -> Hop:
    address, interface = place
    return Hop(address=address, interface=interface, weight=weight, node=node_of(router, address, interface))


def _count_paths(router: RouterEvidence, *, fib: int, used: int) -> PathCounts:
    valid = valid_paths(router.bgp)
    longer = detours(router)
    return PathCounts(
        announced=len({path.next_hop for path in valid if path not in longer}),
        multipath=len({path.next_hop for path in valid if path.best or path.multipath}),
        rib=len({(hop.address, hop.interface) for hop in router.rib if hop.active}),
        fib=fib,
        used=used,
    )
