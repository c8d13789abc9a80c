"""What a BIRD router is made of."""

from __future__ import annotations

from typing import Any

from netlab.daemons.bird import DAEMON, running
from netlab.kinds import serving
from netlab.kinds.base import AddressedLab, AddressedMachine, Expansion, Machine, Rendered
from netlab.kinds.bgp import Session, one_sided_bfd
from netlab.kinds.bgp import sessions as bgp_sessions
from netlab.kinds.bird.options import BirdBgp, CheckedBird, speaks_bgp
from netlab.kinds.common import machine_plan, option_error
from netlab.kinds.hashing import hash_sysctls, router_id
from netlab.model.plan import Address, FilePlan, Role, RoutingPlan
from netlab.model.topology import NodeSpec

_LONGEST_NAME = 63
"""SYM_MAX_LEN - 1 in BIRD's conf/conf.h."""


def expand(node: NodeSpec, checked: CheckedBird) -> Expansion:
    """One machine. BIRD sets no addresses: they are the topology's."""
    serves = serving.servings(node, checked.options.serve)
    return Expansion((Machine(node.name, Role.ROUTER, asn=checked.asn, serves=serves),))


def render(node: NodeSpec, checked: CheckedBird, lab: AddressedLab) -> Rendered:
    """The configuration, the daemon and the kernel's hash settings."""
    sessions: tuple[Session, ...] = ()
    user_file = None
    serve = checked.options.serve
    if checked.startup is not None:
        config, user_file = checked.startup.text, running.user_file(checked.startup.file)
    else:
        config, sessions = _configuration(node, checked.options.bgp, lab)
    neighbors = tuple(session.plan for session in sessions)
    plan = machine_plan(
        lab,
        lab.machines[node.name],
        runs_as=serving.runs_as(DAEMON.title, serve),
        sysctls=hash_sysctls(lab.name, node.name, checked.options.hash),
        files=(FilePlan(running.CONFIG, config, 0o640), *serving.files(serve)),
        processes=running.processes(user_file) + serving.processes(lab, node, serve),
        routing=RoutingPlan(
            DAEMON.name, (DAEMON.name,), checked.asn, neighbors, neighbors_asked=checked.startup is not None
        ),
    )
    return Rendered((plan,), warnings=_warnings(node, checked) + one_sided_bfd(node, sessions, lab))


def _warnings(node: NodeSpec, checked: CheckedBird) -> tuple[str, ...]:
    startup = checked.startup
    if startup is None or checked.asn is not None or not speaks_bgp(startup.text):
        return ()
    return (
        f"{node.name}: no `local ... as N` was found in {startup.file}, so clusters do not connect to it and "
        "ecmp-check leaves it out",
    )


def _configuration(node: NodeSpec, bgp: BirdBgp | None, lab: AddressedLab) -> tuple[str, tuple[Session, ...]]:
    from netlab.kinds.templating import render_template

    sessions = bgp_sessions(node, bgp, lab) if bgp else ()
    networks = bgp.networks if bgp else ()
    timers = bgp.timers if bgp else None
    text = render_template(
        __package__,
        "bird.conf.j2",
        hostname=node.name,
        router_id=(bgp.router_id if bgp else None) or _router_id(node, lab),
        asn=bgp.asn if bgp else None,
        families=[_family(version, networks, sessions) for version in (4, 6)],
        merge_paths=bgp.merge_paths if bgp else False,
        sessions=[_neighbor(session, node, bgp, lab) for session in sessions if bgp],
        timers=timers,
        bfd=any(session.bfd for session in sessions),
    )
    return text, sessions


def _family(version: int, networks: tuple[Any, ...], sessions: tuple[Session, ...]) -> dict[str, Any]:
    own = [network for network in networks if network.version == version]
    used = version == 4 or bool(own) or any(_address(session).version == version for session in sessions)
    return {"name": f"ipv{version}", "version": version, "networks": own, "used": used}


def _neighbor(session: Session, node: NodeSpec, bgp: BirdBgp, lab: AddressedLab) -> dict[str, Any]:
    """A session for the template.

    BIRD takes iBGP for multihop wherever the neighbor is. With BFD that matters: FRR expects single-hop BFD of a
    neighbor on its subnet, and BIRD asks for the local address of a multihop session.
    """
    machine, address = lab.machines[node.name], _address(session)
    version = address.version
    internal = session.ebgp_multihop is None and session.remote in ("internal", bgp.asn)
    direct = session.bfd and internal and _is_beside(address, machine)
    source = None
    if session.bfd and not direct and (internal or session.ebgp_multihop):
        source = machine.address(version)
        if source is None:
            message = f"BFD with {address} needs an IPv{version} address of {node.name}"
            raise option_error(message, node, "bgp", "neighbors", hint="give one on a link, or set bfd: false")
    return {
        "name": protocol_name(session),
        "family": f"ipv{version}",
        "direct": direct,
        "source": source,
        "session": session,
    }


def _address(session: Session) -> Address:
    assert session.address is not None  # check() saw to it
    return session.address


def _is_beside(neighbor: Address, machine: AddressedMachine) -> bool:
    addresses = [address for port in machine.ports for address in port.addresses]
    return any(address.version == neighbor.version and neighbor in address.network for address in addresses)


def protocol_name(session: Session) -> str:
    """What the neighbor's protocol is called in BIRD: after its machine, or after its address."""
    name = f"bgp_{session.machine}".replace("-", "_") + ("_v6" if _address(session).version == 6 else "")
    if session.machine is None or len(name) > _LONGEST_NAME:
        name = f"bgp_{session.address}".replace(".", "_").replace(":", "_")
    return name


def _router_id(node: NodeSpec, lab: AddressedLab) -> str:
    """The router's first IPv4 address. BIRD does not start without an id, so one without IPv4 gets a number."""
    return str(lab.machines[node.name].address() or router_id(node.name))
