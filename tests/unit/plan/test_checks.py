"""Warnings of VIPs that hosts ask for on their own link."""

from ipaddress import ip_address, ip_interface
from typing import Any

from netlab.kinds.base import AddressedLab, AddressedMachine, Machine, Port
from netlab.model.plan import Role, ServicePlan
from netlab.plan.checks import unreachable_vips

VIP = ip_address("10.0.0.200")


def machine(name: str, address: str) -> AddressedMachine:
    owner: Any = None
    return AddressedMachine(Machine(name, Role.HOST), owner, (Port("eth1", (ip_interface(address),), segment=0),))


def test_who_holds_the_vip_is_not_warned_that_it_asks_for_it() -> None:
    machines = {"s-1": machine("s-1", "10.0.0.1/24"), "h-1": machine("h-1", "10.0.0.2/24")}
    topology: Any = None
    lab = AddressedLab("lab", topology, machines, {}, "")
    service = ServicePlan(None, "web", VIP, 80, None, ("s-1",), ())
    assert unreachable_vips(lab, (service,)) == (
        "h-1 is in 10.0.0.0/24, which holds the VIP 10.0.0.200 of web: it asks for it by ARP, and goes past every "
        "router to s-1",
    )
