"""Paths through the lab's routers: the static routes of hosts and cluster nodes, and which routers a client crosses."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from netlab.kinds.base import AddressedMachine, Pool
from netlab.model.plan import Address, Network, Role, RoutePlan
from netlab.model.topology import RouteSpec
from netlab.topology.problems import Problems

_FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
ROUTED_ROLES = frozenset({Role.HOST, Role.WORKER, Role.CONTROL_PLANE})


MAX_WAYS = 1_200_000
"""Subnets times segments: the ways between them that can be found in a second or two."""


class Hop(NamedTuple):  # cheap to make: a large lab has a million
    """A router on a path: the interface that the packets enter by, and its address there."""

    router: AddressedMachine
    interface: str
    address: Address | None
    """None on an unnumbered link, where only BGP knows the next hop."""
    next_segment: int


@dataclass(frozen=True)
class Destination:
    """A network that hosts may need a route to, and the segments that it is on."""

    network: Network
    segments: frozenset[int]


class PathMap:
    """The shortest ways, in routers crossed, from every segment to a set of segments, for one IP version."""

    def __init__(self, hops: Mapping[int, Hop | None], distance: Mapping[int, int], version: int) -> None:
        self._hops = hops
        self._distance = distance
        self._version = version

    def start(self, machine: AddressedMachine) -> int | None:
        """The nearest of the segments that the machine has an address on. None where there is no way."""
        reached = [
            port.segment
            for port in machine.ports
            if port.segment in self._distance and port.address(self._version) is not None
        ]
        return min(reached, key=lambda segment: self._distance[segment], default=None)  # type: ignore[index]

    def next_hop(self, machine: AddressedMachine) -> Hop | None:
        """The router that the machine sends to. None where there is no way, or none is needed."""
        segment = self.start(machine)
        return None if segment is None else self._hops[segment]

    def path(self, machine: AddressedMachine) -> tuple[Hop, ...]:
        """Every router from the machine to the nearest of the segments."""
        hops = []
        hop = self.next_hop(machine)
        while hop is not None:
            hops.append(hop)
            hop = self._hops[hop.next_segment]
        return tuple(hops)


class SegmentGraph:
    """The lab's segments and the machines that forward between them."""

    def __init__(self, machines: Iterable[AddressedMachine]) -> None:
        self._machines = tuple(machines)
        self._on: defaultdict[int, list[AddressedMachine]] = defaultdict(list)
        for machine in self._machines:
            for segment in machine.segments() if forwards(machine, 4) or forwards(machine, 6) else ():
                self._on[segment].append(machine)
        self._doors = {4: self._addressed_ports(4), 6: self._addressed_ports(6)}

    @property
    def size(self) -> int:
        """How many segments there are with a router."""
        return len(self._on)

    def _addressed_ports(self, version: int) -> dict[str, list[tuple[int, str, Address | None]]]:
        """By router: the segments where it has an address or needs none, with the interface and the address."""
        return {
            router.name: [
                (port.segment, port.interface, address)
                for port in router.ports
                if port.segment is not None
                and ((address := port.address(version)) is not None or port.interface in router.machine.unnumbered)
            ]
            for router in self._machines
            if forwards(router, version)
        }

    def paths_to(self, segments: frozenset[int], version: int) -> PathMap:
        """Breadth first from the destination, so that each segment learns its nearest router. Ties: file order."""
        hops: dict[int, Hop | None] = dict.fromkeys(segments)
        distance = dict.fromkeys(segments, 0)
        queue = deque(sorted(segments))
        crossed: set[str] = set()
        doors = self._doors[version]
        while queue:
            here = queue.popleft()
            for router in self._on.get(here, ()):
                name = router.machine.name
                if name in crossed:
                    continue
                crossed.add(name)
                for segment, interface, address in doors.get(name, ()):
                    if segment not in hops:
                        hops[segment] = Hop(router, interface, address, here)
                        distance[segment] = distance[here] + 1
                        queue.append(segment)
        return PathMap(hops, distance, version)

    def subnets(self) -> tuple[Destination, ...]:
        """Every subnet of the lab, in the order in which the file names them."""
        found: defaultdict[Network, set[int]] = defaultdict(set)
        for machine in self._machines:
            for port in machine.ports:
                for address in port.addresses if port.segment is not None else ():
                    if port.segment is not None and not address.is_link_local:
                        found[address.network].add(port.segment)
        return tuple(Destination(network, frozenset(segments)) for network, segments in found.items())


def forwards(machine: AddressedMachine, version: int) -> bool:
    """Whether others may use the machine as a router: routers do, and hosts that the file tells to forward."""
    if machine.machine.role is Role.HOST:
        return (_FORWARDING[version], "1") in machine.owner.sysctls
    return machine.machine.role is Role.ROUTER


def destinations(
    graph: SegmentGraph, machines: tuple[AddressedMachine, ...], pools: Mapping[str, tuple[Pool, ...]]
) -> tuple[Destination, ...]:
    """The lab's subnets, and what lies in none of them: pools of virtual IPs (`pools` by the cluster's node), and
    virtual IPs that machines hold themselves."""
    subnets = graph.subnets()
    found = list(subnets)
    for cluster, owned in pools.items():
        if not owned:
            continue
        segments = frozenset(
            segment
            for machine in machines
            if machine.owner.name == cluster and machine.machine.role is Role.WORKER
            for segment in machine.segments()
        )
        for pool in owned:
            if not any(_within(pool.network, subnet.network) for subnet in subnets):
                found.append(Destination(pool.network, segments))
    holders: defaultdict[Network, frozenset[int]] = defaultdict(frozenset)
    for machine in machines:
        for serving in machine.machine.serves:
            holders[ip_network(serving.vip)] |= machine.segments()
    for vip, segments in holders.items():
        if not any(_within(vip, subnet.network) for subnet in subnets):
            found.append(Destination(vip, segments))
    return tuple(found)


def static_routes(
    graph: SegmentGraph, machines: tuple[AddressedMachine, ...], found: tuple[Destination, ...]
) -> dict[str, tuple[RoutePlan, ...]]:
    """Every machine's static routes: those that the file lists, or one per subnet that is not its own.

    A subnet route each and no default route, so that a missing route shows as it would in the real network.
    Raises TopologyError where a listed next hop is on none of the machine's subnets.
    """
    problems = Problems()
    routes: dict[str, list[RoutePlan]] = {machine.name: [] for machine in machines}
    asking = []
    for machine in machines:
        written = machine.owner.routes
        if machine.machine.role in ROUTED_ROLES and _wants_routes(machine):
            asking.append(machine)
        elif isinstance(written, tuple) and machine.machine.linked and machine.machine.routes is None:
            routes[machine.name] = _listed(machine, written, problems)
    ways = len(found) * graph.size if asking else 0
    if ways > MAX_WAYS:
        message = f"{len(found)} subnets and {graph.size} segments with routers are too many for routes by themselves"
        problems.add(message, asking[-1].owner.position, "write routes: none in defaults, or split the lab")
    problems.raise_any()
    own = [
        frozenset(a.network for port in machine.ports for a in port.addresses if port.segment is not None)
        for machine in asking
    ]
    known = frozenset[Network]().union(*own)
    for destination in found if asking and graph.size else ():  # without a router there is no way to any
        paths = graph.paths_to(destination.segments, destination.network.version)
        # The own networks that hold the destination: few, so that a lab of 500 hosts and 700 subnets is quick.
        holding = known.intersection(_supernets(destination.network))
        for machine, networks in zip(asking, own, strict=True):
            hop = paths.next_hop(machine)
            if hop is not None and hop.address and hop.router is not machine and networks.isdisjoint(holding):
                routes[machine.name].append(RoutePlan(destination.network, via=hop.address))
    return {name: tuple(listed) for name, listed in routes.items()}


def _supernets(network: Network) -> Iterator[Network]:
    """The network and every larger one that holds it."""
    for length in range(network.prefixlen + 1):
        yield network.supernet(new_prefix=length)


def _wants_routes(machine: AddressedMachine) -> bool:
    override = machine.machine.routes
    return machine.owner.routes == "auto" if override is None else override


def _listed(machine: AddressedMachine, written: tuple[RouteSpec, ...], problems: Problems) -> list[RoutePlan]:
    routes = []
    own = [address.network for port in machine.ports for address in port.addresses]
    for route in written:
        via = ip_address(route.via)
        if own and not any(via.version == network.version and via in network for network in own):
            message = f"next hop {via} is on no subnet of {machine.name}"
            problems.add(message, route.position, f"its subnets: {', '.join(str(network) for network in own)}")
        routes.append(RoutePlan(ip_network(route.to), via=via))
    return routes


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
