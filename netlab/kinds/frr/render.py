"""What an FRR router is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netlab.kinds import frrouting
from netlab.kinds.base import AddressedLab, Expansion, Machine, Rendered
from netlab.kinds.common import machine_plan, option_error
from netlab.kinds.frr.options import Bgp, CheckedFrr, MaximumPaths, Neighbor, Timers
from netlab.model.plan import Address, NeighborPlan, Role, RoutingPlan
from netlab.model.topology import NodeSpec


@dataclass(frozen=True)
class _Session:
    """A neighbor as the template writes it."""

    address: Address
    remote: int | str
    plan: NeighborPlan
    description: str | None = None
    timers: Timers | None = None
    connect: int | None = None
    ebgp_multihop: int | None = None
    bfd: bool = False


@dataclass(frozen=True)
class _Family:
    name: str
    networks: tuple[Any, ...]
    activate: tuple[_Session, ...]
    deactivate: tuple[_Session, ...]


def expand(node: NodeSpec, checked: CheckedFrr) -> Expansion:
    """One machine."""
    bgp, startup = checked.options.bgp, checked.startup
    asn = bgp.asn if bgp else startup.asn if startup else None
    addresses = startup.addresses if startup else ()
    return Expansion((Machine(node.name, Role.ROUTER, addresses, asn),))


def render(node: NodeSpec, checked: CheckedFrr, lab: AddressedLab) -> Rendered:
    """The configuration, the daemons that it needs and the kernel's hash settings."""
    if checked.startup is not None:
        config, asn, neighbors = checked.startup.text, checked.startup.asn, checked.startup.neighbors
    else:
        config, neighbors = _configuration(node, checked.options.bgp, lab)
        asn = checked.options.bgp.asn if checked.options.bgp else None
    daemons = frrouting.daemons_for(config)
    plan = machine_plan(
        lab,
        lab.machines[node.name],
        runs_as="FRR",
        sysctls=frrouting.hash_sysctls(lab.name, node.name, checked.options.hash),
        files=frrouting.files(config, daemons),
        processes=frrouting.router_processes(daemons),
        routing=RoutingPlan("frr", daemons, asn, neighbors),
    )
    return Rendered((plan,))


def _configuration(node: NodeSpec, bgp: Bgp | None, lab: AddressedLab) -> tuple[str, tuple[NeighborPlan, ...]]:
    from netlab.kinds.templating import render_template

    sessions = _sessions(node, bgp, lab) if bgp else ()
    paths = bgp.maximum_paths if bgp else None
    if not isinstance(paths, MaximumPaths):
        paths = MaximumPaths(ebgp=paths)
    text = render_template(
        __package__,
        "frr.conf.j2",
        hostname=node.name,
        bgp=bgp,
        neighbors=sessions,
        families=_families(bgp, sessions) if bgp else (),
        ebgp_paths=paths.ebgp,
        ibgp_paths=paths.ibgp,
    )
    return text, tuple(session.plan for session in sessions)


def _families(bgp: Bgp, sessions: tuple[_Session, ...]) -> list[_Family]:
    """IPv4 always; IPv6 where a network or a neighbor needs it. FRR activates every neighbor for IPv4 by itself."""
    ipv6 = tuple(session for session in sessions if session.address.version == 6)
    families = [_Family("ipv4", tuple(n for n in bgp.networks if n.version == 4), (), ipv6)]
    networks = tuple(n for n in bgp.networks if n.version == 6)
    if ipv6 or networks:
        families.append(_Family("ipv6", networks, ipv6, ()))
    return families


def _sessions(node: NodeSpec, bgp: Bgp, lab: AddressedLab) -> tuple[_Session, ...]:
    sessions: dict[Address, _Session] = {}
    for index, neighbor in enumerate(bgp.neighbors):
        for address, remote, description in _peers(node, index, neighbor, lab):
            if address in sessions:
                message = f"neighbor {address} twice: by address and as a node of a cluster"
                raise option_error(message, node, "bgp", "neighbors", index)
            sessions[address] = _session(bgp, neighbor, address, remote, description)
    return tuple(sessions.values())


def _session(bgp: Bgp, neighbor: Neighbor, address: Address, remote: int | str, description: str | None) -> _Session:
    asn = remote if isinstance(remote, int) else bgp.asn if remote == "internal" else None
    timers = [timers for timers in (neighbor.timers, bgp.timers) if timers is not None]
    return _Session(
        address,
        remote,
        NeighborPlan(address, asn, expect_down=neighbor.expect == "down"),
        neighbor.description or description,
        neighbor.timers,
        next((t.connect for t in timers if t.connect is not None), None),
        neighbor.ebgp_multihop,
        bgp.bfd if neighbor.bfd is None else neighbor.bfd,
    )


def _peers(
    node: NodeSpec, index: int, neighbor: Neighbor, lab: AddressedLab
) -> list[tuple[Address, int | str, str | None]]:
    """The addresses and ASes that an entry of `neighbors` stands for."""
    if neighbor.cluster is None:
        assert neighbor.address is not None and neighbor.remote is not None  # check() saw to it
        return [(neighbor.address, neighbor.remote, None)]
    workers = lab.cluster(neighbor.cluster)
    if not workers:
        message = f"{neighbor.cluster} is not a cluster"
        raise option_error(message, node, "bgp", "neighbors", index, "cluster", hint="name a node of kind k8s")
    own = lab.machines[node.name].segments()
    peers: list[tuple[Address, int | str, str | None]] = []
    for worker in workers:
        shared = (worker.address_on(segment) for segment in sorted(own))
        address = next((a for a in shared if a is not None), None) or worker.address()
        if address is None or worker.machine.asn is None:
            message = f"{worker.name} has no BGP speaker with an address"
            raise option_error(message, node, "bgp", "neighbors", index)
        peers.append((address, worker.machine.asn, worker.name))
    return peers
