"""What ecmp-check will look at: for each VIP, the BGP routers between a client and the cluster."""

from __future__ import annotations

from netlab.kinds.base import AddressedLab, AddressedMachine
from netlab.model.plan import CheckPlan, Role, ServicePlan
from netlab.plan.routes import PathMap, SegmentGraph


def plan_checks(lab: AddressedLab, graph: SegmentGraph, services: tuple[ServicePlan, ...]) -> tuple[CheckPlan, ...]:
    """Each BGP router once per VIP (a dual-stack service has two), with the first host that reaches it through it."""
    checks: dict[tuple[str, str, str, int], CheckPlan] = {}
    hosts = [machine for machine in lab.machines.values() if machine.machine.role is Role.HOST]
    for service in services:
        segments = frozenset(segment for worker in lab.cluster(service.cluster) for segment in worker.segments())
        paths = graph.paths_to(segments, service.vip.version)
        for host in hosts:
            for check in _along(paths, host, service):
                checks.setdefault((check.router, service.cluster, service.name, service.vip.version), check)
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
    """A sentence for each host whose own subnet holds a VIP: it asks its link, and in BGP mode nothing answers."""
    warnings = []
    for machine in lab.machines.values():
        if machine.machine.role is not Role.HOST:
            continue
        networks = [address.network for port in machine.ports for address in port.addresses]
        for service in services:
            network = next((n for n in networks if service.vip.version == n.version and service.vip in n), None)
            if network is not None:
                asks = "by ARP" if network.version == 4 else "by neighbour discovery"
                warnings.append(
                    f"{machine.name} is in {network}, which holds the VIP {service.vip} of {service.name}: "
                    f"it asks for it {asks}, and in BGP mode no node answers"
                )
    return tuple(warnings)
