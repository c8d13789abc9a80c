"""Services whose endpoints are machines that hold the virtual IP (VIP) themselves, and what is wrong with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from netlab.kinds.base import AddressedLab, AddressedMachine, Machine, Serving
from netlab.model.endpoint import endpoint
from netlab.model.errors import Position, Problem
from netlab.model.plan import Address, AnnouncerPlan, ServicePlan


def services(lab: AddressedLab) -> Iterator[ServicePlan]:
    """One for each VIP and port, in the order of the file."""
    found: defaultdict[tuple[Address, int], list[tuple[AddressedMachine, Serving]]] = defaultdict(list)
    for machine in lab.machines.values():
        for serving in machine.machine.serves:
            found[serving.vip, serving.port].append((machine, serving))
    for (vip, port), endpoints in found.items():
        # A router knows one without an address on a link (unnumbered) by none that could be named here.
        known = ((machine.name, machine.linked_address(vip.version)) for machine, _ in endpoints)
        yield ServicePlan(
            cluster=None,
            name=next((serving.name for _, serving in endpoints if serving.name), str(vip)),
            vip=vip,
            port=port,
            policy=None,
            pods=tuple(machine.name for machine, _ in endpoints),
            announcers=tuple(AnnouncerPlan(name, address, True) for name, address in known if address is not None),
        )


def name_problems(machines: Iterable[Machine]) -> Iterator[Problem]:
    """A service that two machines call by different names."""
    first: dict[tuple[Address, int], tuple[str, Serving]] = {}
    for machine in machines:
        for serving in machine.serves:
            if serving.name is None:
                continue
            other, named = first.setdefault((serving.vip, serving.port), (machine.name, serving))
            if named.name != serving.name:
                message = f"{endpoint(serving.vip, serving.port)} is {serving.name} here and {named.name} at {other}"
                yield Problem(message, serving.position, f"the other stands at {named.position}")


def holders(machines: Iterable[Machine]) -> dict[Address, tuple[str, Position]]:
    """The first machine that serves each VIP, and where that is written."""
    found: dict[Address, tuple[str, Position]] = {}
    for machine in machines:
        for serving in machine.serves:
            found.setdefault(serving.vip, (machine.name, serving.position))
    return found
