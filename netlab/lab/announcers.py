"""Who announces a service, as one router sees it."""

from __future__ import annotations

from dataclasses import replace

from netlab.model.plan import Address, AnnouncerPlan, LabPlan, NodePlan, ServicePlan


def announcers(plan: LabPlan, service: ServicePlan, router: NodePlan) -> tuple[AnnouncerPlan, ...]:
    """A service's announcers by the addresses by which that router knows them: those of a subnet that they share.

    A server may have a link to each of several routers. Where none is shared, it goes by its first address.
    """
    subnets = [address.network for interface in router.interfaces for address in interface.addresses]

    def near(address: Address) -> bool:
        return any(address.version == subnet.version and address in subnet for subnet in subnets)

    def known(announcer: AnnouncerPlan) -> Address:
        others = (a.ip for interface in plan.node(announcer.node).interfaces for a in interface.addresses)
        return next((a for a in (announcer.address, *others) if near(a) and a != service.vip), announcer.address)

    return tuple(replace(announcer, address=known(announcer)) for announcer in service.announcers)
