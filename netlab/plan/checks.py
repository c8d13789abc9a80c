"""What ecmp-check will look at: for each VIP, the BGP routers between a client and what announces it."""

from __future__ import annotations

from netlab.kinds.base import AddressedLab, AddressedMachine
from netlab.model.plan import Address, CheckPlan, Role, ServicePlan
from netlab.plan.routes import PathMap, SegmentGraph


def plan_checks(lab: AddressedLab, graph: SegmentGraph, services: tuple[ServicePlan, ...]) -> tuple[CheckPlan, ...]:
    """Each BGP router once per VIP (a dual-stack service has two), with the first host that reaches it through it."""
    checks: dict[tuple[str, Address, int], CheckPlan] = {}
    hosts = [machine for machine in lab.machines.values() if machine.machine.role is Role.HOST]
    for service in services:
        behind = (lab.machines[name] for name in {*service.pods, *(a.node for a in service.announcers)})
        segments = frozenset(segment for machine in behind for segment in machine.segments())
        paths = graph.paths_to(segments, service.vip.version)
        for host in hosts:
            for check in _along(paths, host, service):
                checks.setdefault((check.router, service.vip, service.port), check)
    return tuple(checks.values())


def _along(paths: PathMap, host: AddressedMachine, service: ServicePlan) -> list[CheckPlan]:
    start = paths.start(host)
    port = next((port for port in host.ports if port.segment == start), None)
    if port is None or start is None:
        return []
    address = host.address_on(start, service.vip.version)
    if address is None:
        return []
    return [
        CheckPlan(
            router=hop.router.name,
            client=host.name,
            client_address=address,
            client_interface=port.interface,
            router_interface=hop.interface,
            vip=service.vip,
            port=service.port,
            service=service.name,
            expect=hop.router.owner.expect.of(service.vip.version),
        )
        for hop in paths.path(host)
        if hop.router.machine.role is Role.ROUTER and hop.router.machine.asn is not None
    ]


def unreachable_vips(lab: AddressedLab, services: tuple[ServicePlan, ...]) -> tuple[str, ...]:
    """A sentence for each host whose own subnet holds a VIP: it asks its link, and sends past every router.

    A cluster in BGP mode does not answer; a node that holds the VIP itself does (Linux's arp_ignore=0), beside others.
    """
    warnings = []
    for machine in lab.machines.values():
        if machine.machine.role is not Role.HOST:
            continue
        networks = [address.network for port in machine.ports for address in port.addresses]
        for service in services:
            if service.is_held_by(machine.name):
                continue
            network = next((n for n in networks if service.vip.version == n.version and service.vip in n), None)
            if network is not None:
                asks = "by ARP" if network.version == 4 else "by neighbour discovery"
                held = [n for n in service.pods if lab.machines[n].segments() & machine.segments()]
                then = "in BGP mode no node answers"
                if service.cluster is None:
                    then = f"goes past every router to {', '.join(held)}" if held else "nobody answers"
                warnings.append(
                    f"{machine.name} is in {network}, which holds the VIP {service.vip} of {service.name}: "
                    f"it asks for it {asks}, and {then}"
                )
    return tuple(warnings)
