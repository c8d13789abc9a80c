"""What a kind is: three pure functions, and the values that pass between them and the planner.

`check` turns a node as written into the kind's options; `expand` turns it into machines; once every machine has its
links, addresses and routes (an `AddressedLab`), `render` gives the machines' files and processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from pydantic import BaseModel

from netlab.daemons.base import Peers
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import Position
from netlab.model.evidence import BgpEvidence, RouterEvidence
from netlab.model.plan import Address, Interface, LinkPlan, Network, NodePlan, Role, RoutePlan, ServicePlan
from netlab.model.topology import NodeSpec, Topology

Options = TypeVar("Options")
HOSTS = "/etc/hosts"
"""A file of every machine, unless a bind of the user's shows another."""


@dataclass(frozen=True)
class SourceText:
    """The text of a node's startup-config, read before any kind sees it. `file` is its name in positions."""

    file: str
    text: str


@dataclass(frozen=True)
class GivenAddress:
    """An address that the node's own configuration or options give to one of its interfaces.

    `interface` None means the machine's first interface on a link of the topology.
    """

    interface: str | None
    address: Interface
    position: Position


@dataclass(frozen=True)
class Serving:
    """A virtual IP (VIP) that a machine holds on `lo`, as others may too (anycast), and a port that it answers on."""

    vip: Address
    port: int
    name: str | None
    """What the service is called, where the user says so."""
    position: Position


@dataclass(frozen=True)
class Machine:
    """A machine that a node becomes, before it has links of the topology and all of its addresses."""

    name: str
    role: Role
    addresses: tuple[GivenAddress, ...] = ()
    asn: int | None = None
    """The autonomous system of its BGP speaker, which other nodes' configurations may need."""
    linked: bool = True
    """Whether it takes part in the links of its node; a pod does not."""
    allocate: bool = False
    """Whether the planner gives it an address of its link's subnet where nothing else does."""
    routes: bool | None = None
    """Whether it gets routes to the lab's other subnets; None leaves that to the node's `routes`."""
    node: str | None = None
    """Of a pod: the cluster node that it runs on."""
    unnumbered: tuple[str, ...] = ()
    """Interfaces without addresses that it routes over all the same: BGP finds the neighbor (RFC 8950)."""
    taken_interfaces: tuple[str, ...] = ()
    """Interfaces that are there before any link is: no link may have their names."""
    bfd: bool | None = None
    """Whether its BGP speaker has BFD with its peers; None where that is not known."""
    serves: tuple[Serving, ...] = ()
    """Services that it is an endpoint of. The planner gives it their VIPs; its kind has them announced and answered."""


@dataclass(frozen=True)
class Pool:
    """Addresses that load-balanced services take their virtual IPs from. No machine may have one of them."""

    network: Network
    position: Position


@dataclass(frozen=True)
class Expansion:
    """What a node becomes: machines, the links between them, and the addresses it reserves."""

    machines: tuple[Machine, ...]
    links: tuple[LinkPlan, ...] = ()
    """Links inside the node. Their interfaces' addresses stand in the machines' `addresses`."""
    private: tuple[Network, ...] = ()
    """Networks behind these links: nothing else in the lab may use them."""
    pools: tuple[Pool, ...] = ()


@dataclass(frozen=True)
class Port:
    """An interface of a machine. `segment` numbers the LAN it is on; None for `lo` and for links inside a node."""

    interface: str
    addresses: tuple[Interface, ...] = ()
    segment: int | None = None
    mtu: int | None = None
    mac: str | None = None
    dummy: bool = False
    """No link leads to it."""

    def address(self, version: int) -> Address | None:
        """Its first address of that IP version; not an IPv6 link-local one, which means nothing off its link."""
        fitting = (a.ip for a in self.addresses if a.version == version)
        return next((ip for ip in fitting if version == 4 or not ip.is_link_local), None)


@dataclass(frozen=True)
class AddressedMachine:
    """A machine with its interfaces, addresses and routes."""

    machine: Machine
    owner: NodeSpec
    ports: tuple[Port, ...]
    routes: tuple[RoutePlan, ...] = ()

    @property
    def name(self) -> str:
        return self.machine.name

    def address(self, version: int = 4) -> Address | None:
        """Its first address on a link of the topology, or else its first address at all that it shares with nobody."""
        ports = sorted(self.ports, key=lambda port: port.segment is None)
        shared = {serving.vip for serving in self.machine.serves}
        if shared:
            ports = [replace(port, addresses=tuple(a for a in port.addresses if a.ip not in shared)) for port in ports]
        return next((ip for port in ports if (ip := port.address(version)) is not None), None)

    def linked_address(self, version: int) -> Address | None:
        """Its first address on a link of the topology, by which other nodes reach it."""
        ports = (port for port in self.ports if port.segment is not None)
        return next((ip for port in ports if (ip := port.address(version)) is not None), None)

    def address_on(self, segment: int, version: int = 4) -> Address | None:
        """Its first address on that LAN."""
        ports = (port for port in self.ports if port.segment == segment)
        return next((ip for port in ports if (ip := port.address(version)) is not None), None)

    def segments(self) -> frozenset[int]:
        """The LANs it is on."""
        return frozenset(port.segment for port in self.ports if port.segment is not None)


@dataclass(frozen=True)
class AddressedLab:
    """Every machine of the lab with its addresses: what `render` may look at."""

    name: str
    topology: Topology
    machines: Mapping[str, AddressedMachine]
    expansions: Mapping[str, Expansion]
    hosts: str = field(repr=False)
    """The content of every machine's /etc/hosts."""

    def owned_by(self, node: str) -> tuple[AddressedMachine, ...]:
        """The machines that a node of the topology became."""
        return tuple(machine for machine in self.machines.values() if machine.owner.name == node)

    def cluster(self, node: str) -> tuple[AddressedMachine, ...]:
        """The workers of a cluster."""
        return tuple(machine for machine in self.owned_by(node) if machine.machine.role is Role.WORKER)


@dataclass(frozen=True)
class Rendered:
    """What a node's machines are made of."""

    nodes: tuple[NodePlan, ...]
    services: tuple[ServicePlan, ...] = ()
    emulated: tuple[str, ...] = ()
    """What is not the real thing, one sentence each."""
    warnings: tuple[str, ...] = ()
    cluster: ClusterPlan | None = None
    """The real cluster that the node is."""


@dataclass(frozen=True)
class Mends:
    """What findings of ecmp-check tell a user of the kind to type; what is None is said by the router's daemon alone.

    Each text ends a sentence, with what is typed in backquotes.
    """

    maximum_paths: Callable[[RouterEvidence, BgpEvidence, Peers, int], str] | None = None
    """So that BGP chooses so many equal paths."""
    merge_paths: Callable[[int | None], str] | None = None
    """So that so many equal paths of BGP's reach the kernel; None: up to the daemon's own limit."""
    relax_as_paths: Callable[[RouterEvidence, BgpEvidence], str] | None = None
    """So that paths by different autonomous systems are equal."""
    hash_ports: Callable[[RouterEvidence], str | None] | None = None
    """So that the router hashes ports, where its configuration has a statement for it."""
    hash_key: bool = False
    """Whether the topology's key `hash` sets how the router hashes."""
    newer_kernel: str = ""
    """The first version whose kernel is Linux 4.4 or later, of a kind that gives `NodePlan.old_kernel`."""


@dataclass(frozen=True)
class Kind(Generic[Options]):
    """A kind of node.

    `check(node, topology, startup_config)` raises TopologyError with every problem of the node's options.
    `expand(node, options)` and `render(node, options, lab)` take what `check` returned. All three are pure.
    """

    check: Callable[[NodeSpec, Topology, SourceText | None], Options]
    expand: Callable[[NodeSpec, Options], Expansion]
    render: Callable[[NodeSpec, Options, AddressedLab], Rendered]
    options: type[BaseModel] | None = None
    """The model of its own keys, for `netlab schema`; with None any key passes there."""
    wants_startup_config: bool = False
    """Whether nodes of this kind may have a startup-config."""
    reads: tuple[str, ...] = ()
    """Paths in the machine that `check` looks into where a bind shows them (`node.bound`)."""
    files: tuple[str, ...] = ()
    """Own keys that hold lists of files, by paths from the topology's folder. The planner sees that they exist."""
    mends: Mends = Mends()
    """Of a router whose routes are asked for."""
