"""Nodes become machines, links get both ends and names, and links joined by bridges become LANs (segments)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface
from itertools import count

from netlab.kinds.base import Expansion, Machine
from netlab.kinds.bridge import DEVICE
from netlab.kinds.common import interface_name
from netlab.kinds.ext_container import KIND_NAME as EXTERNAL
from netlab.model.errors import Position
from netlab.model.plan import LinkEnd, LinkPlan, Role
from netlab.model.topology import DummySpec, EndpointSpec, LinkSpec, NodeSpec, Topology
from netlab.topology.problems import Problems


@dataclass(frozen=True)
class WiredPort:
    """An interface of a machine with what its link says of it."""

    machine: str
    interface: str
    segment: int | None
    """The number of its LAN; None on a link inside a node."""
    mtu: int | None
    ipv4: IPv4Interface | None
    ipv6: IPv6Interface | None
    auto: frozenset[int]
    """The IP versions for which the link says `auto`."""
    position: Position
    mac: str | None = None
    dummy: bool = False


@dataclass(frozen=True)
class WiredLab:
    """Every machine with its node, every link and every interface; no addresses but the links' own."""

    expansions: Mapping[str, Expansion]
    machines: Mapping[str, tuple[Machine, NodeSpec]]
    links: tuple[LinkPlan, ...]
    ports: Mapping[str, tuple[WiredPort, ...]]
    """By machine, in the order of the links."""
    lans: frozenset[int]
    """The segments that have a bridge."""


def wire_lab(topology: Topology, expanded: Mapping[str, Expansion]) -> WiredLab:
    """Connect the machines that the nodes were expanded into, by the node's name. Raises TopologyError."""
    problems = Problems()
    expansions = _join_clusters(topology, expanded)
    wirer = _Wirer(expansions, _machines(topology, expansions, problems), problems)
    wirer.reserve_names(topology)
    for link in topology.links:
        wirer.connect(link)
    for dummy in topology.dummies:
        wirer.add_dummy(dummy)
    for node in topology.nodes:
        wirer.connect_inside(node)
    problems.raise_any()
    return wirer.result()


def _join_clusters(topology: Topology, expanded: Mapping[str, Expansion]) -> Mapping[str, Expansion]:
    """An existing container that is called as a cluster's node is that node: containerlab's files link clusters so."""
    expansions = dict(expanded)
    outside = {node.name for node in topology.nodes if node.kind == EXTERNAL}
    for name, expansion in expanded.items():
        joined = {machine.name for machine in expansion.machines} & outside - {name}
        if joined:
            machines = tuple(replace(m, allocate=m.allocate and m.name not in joined) for m in expansion.machines)
            expansions[name] = replace(expansion, machines=machines)
            expansions.update((one, Expansion(())) for one in joined)
    return expansions


def _machines(
    topology: Topology, expansions: Mapping[str, Expansion], problems: Problems
) -> dict[str, tuple[Machine, NodeSpec]]:
    machines: dict[str, tuple[Machine, NodeSpec]] = {}
    for node in topology.nodes:
        for machine in expansions[node.name].machines:
            other = machines.setdefault(machine.name, (machine, node))[1]
            if other is not node:
                message = f'two machines would be called "{machine.name}": one of {other.name}, one of {node.name}'
                problems.add(message, node.position, "rename a node or a service")
    return machines


class _Wirer:
    """The links made so far, the interface names in use, and which bridges are connected."""

    def __init__(
        self,
        expansions: Mapping[str, Expansion],
        machines: Mapping[str, tuple[Machine, NodeSpec]],
        problems: Problems,
    ) -> None:
        self.expansions = expansions
        self.machines = machines
        self.problems = problems
        self.reserved: defaultdict[str, set[str]] = defaultdict(set)
        self.used: defaultdict[str, set[str]] = defaultdict(set)
        self.links: list[LinkPlan] = []
        self.inner: list[LinkPlan] = []
        self.drafts: list[tuple[WiredPort, object]] = []
        self.groups = _Groups()
        self.bridges = {name for name, (machine, _) in machines.items() if machine.role is Role.BRIDGE}

    def reserve_names(self, topology: Topology) -> None:
        """Names that the file or a kind gives go before names that are made up."""
        own: defaultdict[str, set[str]] = defaultdict(set)
        for name in self.bridges:
            own[name].add(DEVICE)
        for expansion in self.expansions.values():
            for machine in expansion.machines:
                own[machine.name].update(machine.taken_interfaces)
            for link in expansion.links:
                for end in (link.a, link.b):
                    own[end.node].add(end.interface)
        ends = [end for link in topology.links for end in link.endpoints]
        for endpoint in (*ends, *(dummy.endpoint for dummy in topology.dummies)):
            for name in self._linked(endpoint.node):
                if endpoint.interface in own[name]:
                    message = f"{name} has an interface {endpoint.interface} of its own"
                    self.problems.add(message, endpoint.position, "use another name")
                    break
                if endpoint.interface is not None:
                    self.reserved[name].add(endpoint.interface)
        for name, interfaces in own.items():
            self.reserved[name] |= interfaces

    def _linked(self, node: str) -> list[str]:
        machines = self.expansions[node].machines
        return [machine.name for machine in machines if machine.linked] if machines else [node]

    def connect(self, spec: LinkSpec) -> None:
        """The link, or for a node of several machines one link of each machine to the bridge."""
        first, second = (self._linked(endpoint.node) for endpoint in spec.endpoints)
        for own, other, endpoint in ((first, second, spec.endpoints[0]), (second, first, spec.endpoints[1])):
            if len(own) > 1 and not self.bridges.issuperset(other):
                message = f"{endpoint.node} is {len(own)} machines, and this link leads to a single interface"
                self.problems.add(message, endpoint.position, "link it to a node of kind bridge")
                return
        self._check_addresses(spec, (first, second))
        bridged = [names[0] for names in (first, second) if self.bridges.issuperset(names)]
        if len(bridged) == 2 and not self.groups.join(bridged[0], bridged[1]):
            message = f"the bridges {bridged[0]} and {bridged[1]} form a loop"
            self.problems.add(message, spec.position, "frames would circle for ever: there is no spanning tree here")
        for one in first:
            for two in second:
                self._link(spec, one, two, bridged[0] if bridged else object())

    def _check_addresses(self, spec: LinkSpec, machines: tuple[list[str], list[str]]) -> None:
        for index, (endpoint, names) in enumerate(zip(spec.endpoints, machines, strict=True)):
            if len(names) > 1 and spec.macs[index] is not None:
                message = f"{endpoint.node} is {len(names)} machines: they cannot share a MAC address"
                self.problems.add(message, endpoint.position, "leave mac: out")
            if spec.ipv4[index] is None and spec.ipv6[index] is None:
                continue
            if len(names) > 1:
                message = f"{endpoint.node} is {len(names)} machines: they cannot share an address"
                self.problems.add(message, spec.position, "give them in the node's addresses:")
            elif self.bridges.issuperset(names):
                message = f"{endpoint.node} is a bridge: its ports have no addresses"
                self.problems.add(message, spec.position, "give the address to the other end")

    def _link(self, spec: LinkSpec, one: str, two: str, lan: object) -> None:
        names = (self._name(one, spec.endpoints[0], two), self._name(two, spec.endpoints[1], one))
        auto = frozenset(version for version, wanted in ((4, spec.auto_ipv4), (6, spec.auto_ipv6)) if wanted)
        self.links.append(LinkPlan(LinkEnd(one, names[0]), LinkEnd(two, names[1]), spec.mtu))
        for index, machine in enumerate((one, two)):
            plain = machine not in self.bridges
            port = WiredPort(
                machine,
                names[index],
                None,
                spec.mtu,
                spec.ipv4[index] if plain else None,
                spec.ipv6[index] if plain else None,
                auto if plain else frozenset(),
                spec.position,
                spec.macs[index],
            )
            self.drafts.append((port, lan))

    def add_dummy(self, spec: DummySpec) -> None:
        """An interface that leads nowhere: a LAN of its own."""
        node, interface = spec.endpoint.node, spec.endpoint.interface
        machines = self._linked(node)
        if len(machines) != 1 or self.bridges.issuperset(machines):
            message = f"{node} cannot have an interface that leads nowhere"
            self.problems.add(message, spec.endpoint.position, "give it to a host or a router")
            return
        assert interface is not None
        port = WiredPort(
            machines[0],
            interface,
            None,
            spec.mtu,
            spec.ipv4,
            spec.ipv6,
            frozenset(),
            spec.endpoint.position,
            spec.mac,
            dummy=True,
        )
        self.used[machines[0]].add(interface)
        self.drafts.append((port, object()))

    def _name(self, machine: str, endpoint: EndpointSpec, other: str) -> str:
        """The name written in the file; else `eth1`, `eth2`, ... or, on a bridge, the other machine's name."""
        used, reserved = self.used[machine], self.reserved[machine]
        if endpoint.interface is not None and endpoint.interface not in used:
            name = endpoint.interface
        elif endpoint.interface is not None or machine in self.bridges:
            name = interface_name(endpoint.interface or other, used | reserved)
        else:
            name = next(eth for number in count(1) if (eth := f"eth{number}") not in used | reserved)
        used.add(name)
        return name

    def connect_inside(self, node: NodeSpec) -> None:
        """The links that a kind makes between its own machines."""
        for link in self.expansions[node.name].links:
            self.inner.append(link)
            for end in (link.a, link.b):
                port = WiredPort(end.node, end.interface, None, link.mtu, None, None, frozenset(), node.position)
                self.drafts.append((port, None))

    def result(self) -> WiredLab:
        """The segments, numbered as they appear in the file."""
        numbers: dict[object, int] = {}
        ports: defaultdict[str, list[WiredPort]] = defaultdict(list)
        lans = set()
        for draft, lan in self.drafts:
            segment = None
            if lan is not None:
                root = self.groups.root(lan)
                segment = numbers.setdefault(root, len(numbers))
                if isinstance(lan, str):
                    lans.add(segment)
            port = WiredPort(**{**vars(draft), "segment": segment})
            ports[port.machine].append(port)
        fixed = {machine: tuple(ports[machine]) for machine in self.machines}
        return WiredLab(self.expansions, self.machines, (*self.links, *self.inner), fixed, frozenset(lans))


class _Groups:
    """Which things belong together (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[object, object] = {}

    def root(self, item: object) -> object:
        while (parent := self._parent.get(item, item)) is not item:
            item = parent
        return item

    def join(self, one: object, two: object) -> bool:
        """Join two groups. False where they were one already."""
        first, second = self.root(one), self.root(two)
        if first == second:
            return False
        self._parent[second] = first
        return True
