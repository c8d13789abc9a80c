"""BGP in the topology, for every kind of router: options, their checks, and the neighbors that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from netlab.kinds.base import AddressedLab, AddressedMachine
from netlab.kinds.common import OptionModel, one_of, option_error, together
from netlab.model.errors import Problem
from netlab.model.plan import Address, NeighborPlan, Role
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.problems import did_you_mean

BGP_OR_STARTUP_CONFIG: dict[str, JsonValue] = {
    "not": {
        "type": "object",
        "required": ["bgp", "startup-config"],
        "properties": {"startup-config": {"type": "string"}},
    }
}
"""For a kind's JSON Schema: not both. The kind's own check says so to the user."""

_BROADCAST = IPv4Address("255.255.255.255")

MAX_ASN = 4294967294
"""4294967295 is reserved (RFC 7300)."""
Asn = Annotated[int, Field(ge=1, le=MAX_ASN)]
Description = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/@()+,=-]{0,79}$")]
"""Nothing that a daemon's configuration could take for anything but text."""


class Timers(OptionModel):
    """BGP timers in seconds (RFC 4271, section 10). A hold time is 0 or at least 3."""

    model_config = ConfigDict(json_schema_extra=together("keepalive", "hold"))

    keepalive: int | None = Field(default=None, ge=0, le=21845, description="between two messages")
    hold: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="without a message until the session is given up: 0 or at least 3",
        json_schema_extra={"not": {"enum": [1, 2]}},
    )
    connect: int | None = Field(default=None, ge=1, le=65535, description="between two attempts to connect")


class Neighbor(OptionModel):
    """A BGP neighbor by `address`, by the `interface` that it is behind (unnumbered), or by `cluster` every worker of
    that cluster, by each IP version of its pool."""

    model_config = ConfigDict(json_schema_extra=one_of("address", "cluster", "interface"))

    address: IPv4Address | IPv6Address | None = Field(
        default=None, description="the neighbor's address; this, `interface` or `cluster`"
    )
    interface: Annotated[str, Field(min_length=1, max_length=15)] | None = Field(
        default=None,
        description="the interface that it is behind, by its link-local address, for both IP versions (`frr` alone)",
    )
    cluster: str | None = Field(
        default=None,
        description="a node of kind `k8s`: each of its workers is a neighbor, in the AS of its `metallb`, by an "
        "address of each IP version of its pool",
    )
    asn: Asn | Literal["external", "internal"] | None = Field(default=None, description="the neighbor's AS")
    remote_as: Asn | Literal["external", "internal"] | None = Field(
        default=None, description="another name for `asn`; one of the two"
    )
    description: Description | None = Field(default=None, description="what it is, for `show` commands")
    timers: Timers | None = Field(default=None, description="for this neighbor")
    ebgp_multihop: int | None = Field(default=None, ge=1, le=255, description="hops to a neighbor in another AS")
    bfd: bool | None = Field(default=None, description="over that of `bgp`")
    expect: Literal["up", "down"] = Field(default="up", description="`down`: deploy does not wait for it")

    @property
    def remote(self) -> int | str | None:
        """The neighbor's AS as written, under either name."""
        return self.asn if self.asn is not None else self.remote_as


class BgpOptions(OptionModel):
    """What every router's `bgp:` has; a kind adds what its daemon has beyond that."""

    asn: Asn = Field(description="the autonomous system")
    router_id: IPv4Address | None = Field(
        default=None,
        description="left out, FRR picks one of the router's IPv4 addresses, BIRD gets the first; without any, "
        "both get a number",
    )
    networks: tuple[IPv4Network | IPv6Network, ...] = Field(default=(), description="prefixes to announce")
    neighbors: tuple[Neighbor, ...] = Field(default=(), description="whom it speaks with")
    timers: Timers | None = Field(default=None, description="for all neighbors; left out, the daemon's own hold")
    bfd: bool = Field(default=False, description="BFD with all neighbors")


@dataclass(frozen=True)
class Session:
    """A neighbor as a configuration writes it. `machine`: the worker that it is, where it was given as a cluster."""

    address: Address | None
    """None for one by its interface, which has the addresses of both IP versions."""
    remote: int | str
    plan: NeighborPlan
    machine: str | None = None
    description: str | None = None
    timers: Timers | None = None
    connect: int | None = None
    ebgp_multihop: int | None = None
    bfd: bool = False


def bgp_problems(node: NodeSpec, bgp: BgpOptions, topology: Topology) -> list[Problem]:
    """What is wrong with `bgp:` beyond the shape of its values."""
    found = _timer_problems(node, bgp.timers, ("bgp", "timers"))
    seen: set[str] = set()
    nodes = {other.name for other in topology.nodes}
    for index, neighbor in enumerate(bgp.neighbors):
        path = ("bgp", "neighbors", index)
        where = node.options.at(*path)
        found += _timer_problems(node, neighbor.timers, (*path, "timers"))
        if sum(name is not None for name in (neighbor.address, neighbor.cluster, neighbor.interface)) != 1:
            message, hint = "a neighbor has an address, an interface or a cluster", "give one of the three"
            found.append(Problem(message, where, hint))
        elif neighbor.cluster is not None:
            at = node.options.at(*path, "cluster")
            if neighbor.cluster not in nodes:
                message = f'unknown node "{neighbor.cluster}"'
                found.append(Problem(message, at, did_you_mean(neighbor.cluster, nodes)))
            if neighbor.remote is not None:
                found.append(Problem("a cluster's AS is its metallb.asn", where, "remove the neighbor's asn"))
        elif _name(neighbor) in seen:
            at = node.options.at(*path, "interface" if neighbor.interface else "address")
            found.append(Problem(f"neighbor {_name(neighbor)} twice", at))
        elif neighbor.remote is None:
            found.append(Problem(f"neighbor {_name(neighbor)} has no AS", where, "add asn: N"))
        elif not _is_a_hosts(neighbor.address):
            message = f"{neighbor.address} is no neighbor's address"
            found.append(Problem(message, node.options.at(*path, "address"), "name one of its interfaces'"))
        if neighbor.asn is not None and neighbor.remote_as is not None:
            found.append(Problem("asn and remote-as say the same", where, "remove one"))
        seen.add(_name(neighbor))
    return found


def _is_a_hosts(address: IPv4Address | IPv6Address | None) -> bool:
    """Whether it can be the address of one machine."""
    return address is None or not (address.is_unspecified or address.is_multicast or address == _BROADCAST)


def _name(neighbor: Neighbor) -> str:
    return neighbor.interface or str(neighbor.address)


def _timer_problems(node: NodeSpec, timers: Timers | None, path: tuple[str | int, ...]) -> list[Problem]:
    if timers is None:
        return []
    found = []
    if (timers.keepalive is None) != (timers.hold is None):
        message = "keepalive and hold come together"
        found.append(Problem(message, node.options.at(*path), "for example keepalive: 3, hold: 9"))
    if timers.hold in (1, 2):
        where = node.options.at(*path, "hold")
        found.append(Problem(f"hold time {timers.hold} s", where, "it is 0 or at least 3 (RFC 4271)"))
    return found


def sessions(node: NodeSpec, bgp: BgpOptions, lab: AddressedLab) -> tuple[Session, ...]:
    """A router's neighbors, with every cluster's workers. Raises TopologyError."""
    found: dict[Address | str, Session] = {}
    for index, neighbor in enumerate(bgp.neighbors):
        if neighbor.interface is not None:
            found[neighbor.interface] = _unnumbered(node, index, bgp, neighbor, lab)
            continue
        for address, remote, machine in _peers(node, index, neighbor, lab):
            if address in found:
                message = f"neighbor {address} twice: by address and as a node of a cluster"
                raise option_error(message, node, "bgp", "neighbors", index)
            found[address] = _session(bgp, neighbor, address, remote, machine)
    return tuple(found.values())


def one_sided_bfd(node: NodeSpec, found: tuple[Session, ...], lab: AddressedLab) -> tuple[str, ...]:
    """A warning for each cluster whose speakers have BFD with the router where it has none with them, or the other way
    round: a BFD session needs both, and without one only the hold time finds a path that is dead."""
    bfd = {
        address.ip: (machine.owner.name, machine.machine.bfd)
        for machine in lab.machines.values()
        if machine.machine.bfd is not None
        for port in machine.ports
        for address in port.addresses
    }
    odd = {}
    for session in found:
        cluster, theirs = bfd.get(session.address, ("", None)) if session.address else ("", None)
        if theirs is not None and theirs != session.bfd:
            odd[cluster] = theirs
    return tuple(
        f"{node.name}: BFD with {cluster} is on at {cluster if theirs else node.name} alone, so its sessions may stay "
        f"down: set {f'bfd: true in bgp of {node.name}' if theirs else f'bfd: true in metallb of {cluster}'} too"
        for cluster, theirs in odd.items()
    )


def _unnumbered(node: NodeSpec, index: int, bgp: BgpOptions, neighbor: Neighbor, lab: AddressedLab) -> Session:
    """A neighbor by its interface, which must be one of the router's own, with a single machine behind it."""
    name = neighbor.interface or ""
    ports = {port.interface: port.segment for port in lab.machines[node.name].ports if port.segment is not None}
    path = ("bgp", "neighbors", index, "interface")
    if name not in ports:
        raise option_error(f"{node.name} has no link {name}", node, *path, hint=did_you_mean(name, ports))
    others = [
        machine.name
        for machine in lab.machines.values()
        if ports[name] in machine.segments() and machine.name != node.name and machine.machine.role is not Role.BRIDGE
    ]
    if len(others) > 1:
        message = f"{len(others)} machines are behind {name}, and an unnumbered neighbor is one"
        raise option_error(message, node, *path, hint="name them by address")
    assert neighbor.remote is not None  # check() saw to it
    session = _session(bgp, neighbor, None, neighbor.remote, None)
    return replace(session, plan=replace(session.plan, interface=name))


def _session(
    bgp: BgpOptions, neighbor: Neighbor, address: Address | None, remote: int | str, machine: str | None
) -> Session:
    asn = remote if isinstance(remote, int) else bgp.asn if remote == "internal" else None
    timers = [timers for timers in (neighbor.timers, bgp.timers) if timers is not None]
    return Session(
        address,
        remote,
        NeighborPlan(address, asn, expect_down=neighbor.expect == "down"),
        machine,
        neighbor.description or machine,
        neighbor.timers,
        next((t.connect for t in timers if t.connect is not None), None),
        neighbor.ebgp_multihop,
        bgp.bfd if neighbor.bfd is None else neighbor.bfd,
    )


def _peers(
    node: NodeSpec, index: int, neighbor: Neighbor, lab: AddressedLab
) -> list[tuple[Address, int | str, str | None]]:
    """The addresses, ASes and machines that an entry of `neighbors` stands for."""
    if neighbor.cluster is None:
        assert neighbor.address is not None and neighbor.remote is not None  # check() saw to it
        return [(neighbor.address, neighbor.remote, None)]
    workers = lab.cluster(neighbor.cluster)
    if not workers:
        message = f"{neighbor.cluster} is not a cluster"
        raise option_error(message, node, "bgp", "neighbors", index, "cluster", hint="name a node of kind k8s")
    router = lab.machines[node.name]
    pools = {pool.network.version for pool in lab.expansions[neighbor.cluster].pools} or {4}
    peers: list[tuple[Address, int | str, str | None]] = []
    for worker in workers:
        # A session per IP version of the pool, as MetalLB has it; of two, one that the router has no address of is not.
        addresses = [_worker_address(router, worker, version) for version in sorted(pools)]
        reachable = [a for a in addresses if a and (len(pools) == 1 or router.linked_address(a.version))]
        if not reachable or worker.machine.asn is None:
            message = f"{worker.name} has no BGP speaker with an address"
            raise option_error(message, node, "bgp", "neighbors", index)
        peers += [(address, worker.machine.asn, worker.name) for address in reachable]
    return peers


def _worker_address(router: AddressedMachine, worker: AddressedMachine, version: int) -> Address | None:
    """The worker's address on a LAN that it shares with the router, else on another."""
    shared = (worker.address_on(segment, version) for segment in sorted(router.segments()))
    return next((address for address in shared if address is not None), None) or worker.linked_address(version)


def or_bgp_key(typed: str, key: str) -> str:
    """The end of a sentence: a line of the daemon's configuration, or the key of `bgp:` that does the same."""
    return f"{typed}, or `bgp: {{{key}}}` in the topology file"
