"""What an FRR router is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netlab.daemons.frr import running
from netlab.kinds import forwarding, hashing, serving
from netlab.kinds.base import AddressedLab, Expansion, Machine, Rendered
from netlab.kinds.bgp import Session, one_sided_bfd
from netlab.kinds.bgp import sessions as bgp_sessions
from netlab.kinds.common import machine_plan
from netlab.kinds.frr.options import Bgp, CheckedFrr, MaximumPaths
from netlab.kinds.serving import servings
from netlab.model.plan import Role, RoutingPlan
from netlab.model.topology import NodeSpec


@dataclass(frozen=True)
class _Family:
    name: str
    networks: tuple[Any, ...]
    activate: tuple[Session, ...]
    deactivate: tuple[Session, ...]
    paths: MaximumPaths


def expand(node: NodeSpec, checked: CheckedFrr) -> Expansion:
    """One machine."""
    bgp, startup = checked.options.bgp, checked.startup
    asn = bgp.asn if bgp else startup.asn if startup else None
    addresses = startup.addresses if startup else ()
    unnumbered = tuple(neighbor.interface for neighbor in (bgp.neighbors if bgp else ()) if neighbor.interface)
    serves = servings(node, checked.options.serve)
    return Expansion((Machine(node.name, Role.ROUTER, addresses, asn, unnumbered=unnumbered, serves=serves),))


def render(node: NodeSpec, checked: CheckedFrr, lab: AddressedLab) -> Rendered:
    """The configuration, the daemons that it needs and the kernel's hash settings."""
    sessions: tuple[Session, ...] = ()
    if checked.startup is not None:
        config, asn, neighbors = checked.startup.text, checked.startup.asn, checked.startup.neighbors
    else:
        config, sessions = _configuration(node, checked.options.bgp, lab)
        neighbors = tuple(session.plan for session in sessions)
        asn = checked.options.bgp.asn if checked.options.bgp else None
    daemons = running.daemons_for(config)
    own_file = checked.startup.file if checked.startup else None
    spread, serve = checked.options.forwarding, checked.options.serve
    plan = machine_plan(
        lab,
        lab.machines[node.name],
        runs_as=serving.runs_as("FRR", serve),
        sysctls=hashing.hash_sysctls(lab.name, node.name, checked.options.hash),
        files=running.files(config, daemons) + forwarding.files(spread) + serving.files(serve),
        processes=running.router_processes(daemons, own_file)
        + forwarding.processes(spread)
        + serving.processes(lab, node, serve),
        routing=RoutingPlan("frr", daemons, asn, neighbors),
        startup_check=running.startup_check(own_file) if own_file else None,
        forwarding=spread,
    )
    return Rendered(
        (plan,), emulated=forwarding.emulated(node.name, spread), warnings=one_sided_bfd(node, sessions, lab)
    )


def _configuration(node: NodeSpec, bgp: Bgp | None, lab: AddressedLab) -> tuple[str, tuple[Session, ...]]:
    from netlab.kinds.templating import render_template

    sessions = bgp_sessions(node, bgp, lab) if bgp else ()
    machine = lab.machines[node.name]
    # FRR takes its identifier from an IPv4 address, one of lo first: from the VIP, and all that serve it would have the
    # same. Without an address of that version no session comes up.
    address = machine.address()
    own = None if address and not machine.machine.serves else address or hashing.router_id(node.name)
    text = render_template(
        __package__,
        "frr.conf.j2",
        hostname=node.name,
        bgp=bgp,
        router_id=(bgp.router_id or own) if bgp else None,
        neighbors=sessions,
        families=_families(bgp, sessions) if bgp else (),
    )
    return text, sessions


def _families(bgp: Bgp, sessions: tuple[Session, ...]) -> list[_Family]:
    """IPv4 always; IPv6 where a network or a neighbor needs it. FRR activates every neighbor for IPv4 by itself."""
    unnumbered = tuple(session for session in sessions if session.address is None)
    ipv6 = tuple(session for session in sessions if session.address is not None and session.address.version == 6)
    families = [_Family("ipv4", tuple(n for n in bgp.networks if n.version == 4), (), ipv6, bgp.paths(4))]
    networks = tuple(n for n in bgp.networks if n.version == 6)
    if ipv6 or networks or unnumbered:
        families.append(_Family("ipv6", networks, ipv6 + unnumbered, (), bgp.paths(6)))
    return families
