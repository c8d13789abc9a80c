"""Every interface's addresses: those of the links, of the nodes' configurations, and new ones where the file asks.

`ipv4: auto` takes the LAN's subnet where it has one; otherwise a /30 of 10.0.0.0/16 for a link between two machines
and a /24 (larger for a large LAN) of 10.1.0.0/16 and up for a LAN, the first that is free. `ipv6: auto` likewise, with
a /64 of 2001:db8::/32, the prefix for documentation (RFC 3849), for either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from netlab.kinds.base import AddressedMachine, GivenAddress, Machine, Port
from netlab.model.errors import Position
from netlab.model.plan import Address, Interface, Network
from netlab.model.topology import NodeSpec
from netlab.plan import anycast
from netlab.plan.wiring import WiredLab, WiredPort
from netlab.topology.problems import Problems

POINT_TO_POINT = IPv4Network("10.0.0.0/16")
LAN_FIRST = IPv4Network("10.1.0.0/24")
DOCUMENTATION = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
"""The prefixes of RFC 3849 and RFC 9637; the second for a lab that has all of the first in use."""


@dataclass
class _Interface:
    """An interface while it gets its addresses, with the places where they were written."""

    machine: Machine
    owner: NodeSpec
    name: str
    wired: WiredPort | None
    addresses: list[tuple[Interface, Position]] = field(default_factory=list)

    @property
    def segment(self) -> int | None:
        return self.wired.segment if self.wired else None

    def has(self, version: int) -> bool:
        return any(address.version == version and not _local_to_its_link(address) for address, _ in self.addresses)

    def label(self) -> str:
        return f"{self.machine.name}:{self.name}"


@dataclass(frozen=True)
class AddressedMachines:
    """The machines with their addresses, and what a user should know of them."""

    machines: tuple[AddressedMachine, ...]
    warnings: tuple[str, ...]


def address_lab(wired: WiredLab) -> AddressedMachines:
    """Give every interface its addresses. Raises TopologyError where they contradict each other."""
    problems = Problems()
    addresser = _Addresser(wired, problems)
    addresser.take_given()
    addresser.allocate()
    addresser.check()
    problems.raise_any()
    return addresser.result()


class _Addresser:
    """The interfaces of the lab and the networks in use."""

    def __init__(self, wired: WiredLab, problems: Problems) -> None:
        self.wired = wired
        self.problems = problems
        self.warnings: list[str] = []
        self.interfaces: dict[str, dict[str, _Interface]] = {}
        for name, (machine, owner) in wired.machines.items():
            ports = wired.ports[name]
            self.interfaces[name] = {p.interface: _Interface(machine, owner, p.interface, p) for p in ports}
        self.pools = [pool for expansion in wired.expansions.values() for pool in expansion.pools]
        self.private = [
            (network, name) for name, expansion in wired.expansions.items() for network in expansion.private
        ]

    def everything(self) -> Iterator[_Interface]:
        for interfaces in self.interfaces.values():
            yield from interfaces.values()

    def take_given(self) -> None:
        """The addresses of the links and of the nodes' own configurations; both may say the same."""
        for interface in self.everything():
            wired = interface.wired
            for address in (wired.ipv4, wired.ipv6) if wired else ():
                if wired and address is not None:
                    interface.addresses.append((address, wired.position))
        for name, (machine, owner) in self.wired.machines.items():
            written: defaultdict[str, list[GivenAddress]] = defaultdict(list)
            for given in machine.addresses:
                target = given.interface or self._first_linked(name)
                if target is None:
                    message = f"{name} has an address but no link"
                    self.problems.add(message, given.position, f"add a link of {owner.name}")
                else:
                    written[target].append(given)
            for serving in machine.serves:
                if all(given.address.ip != serving.vip for given in written["lo"]):
                    written["lo"].append(GivenAddress("lo", _alone(serving.vip), serving.position))
            for target, addresses in written.items():
                self._merge(machine, owner, target, addresses)

    def _first_linked(self, machine: str) -> str | None:
        return next((p.interface for p in self.wired.ports[machine] if p.segment is not None), None)

    def _merge(self, machine: Machine, owner: NodeSpec, name: str, written: list[GivenAddress]) -> None:
        interface = self.interfaces[machine.name].get(name)
        if interface is None and name != "lo":
            self.warnings.append(f"{machine.name}: its configuration gives {name} an address, but {name} has no link")
            return
        if interface is None:
            interface = self.interfaces[machine.name]["lo"] = _Interface(machine, owner, name, None)
        for version in (4, 6):
            own = [given for given in written if given.address.version == version]
            linked, where = next((pair for pair in interface.addresses if pair[0].version == version), (None, None))
            if own and linked is not None and linked not in [given.address for given in own]:
                message = f"{interface.label()} is {own[0].address} here and {linked} on its link at {where}"
                self.problems.add(message, own[0].position, "write the address once, or twice the same")
            interface.addresses += [(given.address, given.position) for given in own if given.address != linked]

    def allocate(self) -> None:
        """New addresses where a link says `auto`, and for nodes of a cluster that have none."""
        self._allocate(4, _FreshSubnets(self._networks()))
        self._allocate(6, _FreshSubnets6(self._networks()))

    def _allocate(self, version: int, fresh: _FreshSubnets | _FreshSubnets6) -> None:
        subnets = self._subnets(version)
        used = {address.ip for interface in self.everything() for address, _ in interface.addresses}
        hosts: dict[int, Iterator[Address]] = {}
        members = self._members()
        for interface in list(self.everything()):
            segment = interface.segment
            wanted = interface.wired is not None and (version in interface.wired.auto or self._wants_address(interface))
            if segment is None or not wanted or interface.has(version):
                continue
            if segment not in subnets:
                if not any(member.wired and version in member.wired.auto for member in members[segment]):
                    continue
                subnets[segment] = fresh.take(segment in self.wired.lans, len(members[segment]))
            subnet = subnets[segment]
            free = hosts.setdefault(segment, self._free(subnet, used))
            address = next(free, None)
            assert interface.wired is not None
            if address is None:
                message = f"no free address left in {subnet} for {interface.label()}"
                self.problems.add(message, interface.wired.position, "use a larger subnet")
            else:
                used.add(address)
                interface.addresses.append((_interface(address, subnet), interface.wired.position))

    def _wants_address(self, interface: _Interface) -> bool:
        return interface.machine.allocate and interface.name == self._first_linked(interface.machine.name)

    def _members(self) -> dict[int, list[_Interface]]:
        members: defaultdict[int, list[_Interface]] = defaultdict(list)
        for interface in self.everything():
            if interface.segment is not None:
                members[interface.segment].append(interface)
        return members

    def _subnets(self, version: int) -> dict[int, Network]:
        """The first subnet of that IP version that is written on each segment."""
        subnets: dict[int, Network] = {}
        for interface in self.everything():
            for address, _ in interface.addresses:
                wanted = address.version == version and not _local_to_its_link(address)
                if interface.segment is not None and wanted:
                    subnets.setdefault(interface.segment, address.network)
        return subnets

    def _networks(self) -> list[Network]:
        """What a fresh subnet must keep clear of."""
        written = [address.network for interface in self.everything() for address, _ in interface.addresses]
        return written + [pool.network for pool in self.pools] + [network for network, _ in self.private]

    def _free(self, subnet: Network, used: set[Address]) -> Iterator[Address]:
        pools = [pool.network for pool in self.pools if pool.network.version == subnet.version]
        for host in subnet.hosts():
            if host not in used and not any(host in pool for pool in pools):
                yield host

    def check(self) -> None:
        """Addresses used twice, outside their LAN's subnet, in a pool or in a cluster's own network."""
        self._check_duplicates()
        for segment, members in self._members().items():
            if segment in self.wired.lans:
                self._check_subnets(members)
        self._check_reserved()
        self._check_vips()

    def _check_duplicates(self) -> None:
        first: dict[Address, tuple[_Interface, Position]] = {}
        for interface in self.everything():
            if interface.name == "lo" or (interface.wired is not None and interface.segment is None):
                continue
            for address, position in interface.addresses:
                if _local_to_its_link(address):
                    continue
                other, where = first.setdefault(address.ip, (interface, position))
                # Two links that give the same address are the loader's to report.
                if other is not interface and not (_of_link(other, address) and _of_link(interface, address)):
                    message = f"{interface.label()} and {other.label()} both have {address.ip}"
                    self.problems.add(message, position, f"the other stands at {where}")

    def _check_subnets(self, members: Iterable[_Interface]) -> None:
        placed = [(address, interface, where) for interface in members for address, where in interface.addresses]
        for version in (4, 6):
            here = [entry for entry in placed if entry[0].version == version and not entry[0].is_link_local]
            networks: defaultdict[Network, set[str]] = defaultdict(set)
            for address, interface, _ in here:
                networks[address.network].add(interface.label())
            if len(networks) < 2:
                continue
            usual = max(networks, key=lambda network: len(networks[network]))
            for address, interface, where in here:
                network = address.network
                overlap = next((o for o in networks if o != network and o.overlaps(network)), None)
                alone = len(networks[network]) == 1
                if network != usual and (alone or overlap):
                    message = f"{address} of {interface.label()} is not in its LAN's subnet {usual}"
                    self.problems.add(message, where, "every machine on a bridge shares a subnet with another")

    def _check_reserved(self) -> None:
        for interface in self.everything():
            inside = interface.wired is not None and interface.segment is None
            for address, position in () if inside else interface.addresses:
                for pool in self.pools:
                    if address.version == pool.network.version and address.ip in pool.network:
                        message = f"{address.ip} of {interface.label()} lies in the pool {pool.network}"
                        self.problems.add(message, position, f"the pool stands at {pool.position}")
                for network, owner in self.private:
                    if address.version == network.version and address.network.overlaps(network):
                        message = f"{address} of {interface.label()} lies in {owner}'s own network {network}"
                        self.problems.add(message, position, "set the cluster's pod-subnet to another prefix")
        for index, pool in enumerate(self.pools):
            for other in self.pools[:index]:
                if pool.network.version == other.network.version and pool.network.overlaps(other.network):
                    message = f"the pools {pool.network} and {other.network} overlap"
                    self.problems.add(message, pool.position, f"the other stands at {other.position}")

    def _check_vips(self) -> None:
        """Several machines hold a VIP on `lo`, as many may an address there; as one's own it would be another thing."""
        machines = [machine for machine, _ in self.wired.machines.values()]
        self.problems.extend(anycast.name_problems(machines))
        held = anycast.holders(machines)
        for interface in self.everything() if held else ():
            for address, position in interface.addresses if interface.name != "lo" else ():
                if address.ip in held:
                    holder, where = held[address.ip]
                    message = f"{address.ip} of {interface.label()} is a VIP that {holder} serves"
                    self.problems.add(message, position, f"the VIP stands at {where}")

    def result(self) -> AddressedMachines:
        machines = tuple(
            AddressedMachine(
                machine,
                owner,
                tuple(
                    Port(
                        interface.name,
                        tuple(address for address, _ in interface.addresses),
                        interface.segment,
                        interface.wired.mtu if interface.wired else None,
                        interface.wired.mac if interface.wired else None,
                        interface.wired.dummy if interface.wired else False,
                    )
                    for interface in self.interfaces[name].values()
                ),
            )
            for name, (machine, owner) in self.wired.machines.items()
        )
        return AddressedMachines(machines, tuple(self.warnings))


def _of_link(interface: _Interface, address: Interface) -> bool:
    return interface.wired is not None and address in (interface.wired.ipv4, interface.wired.ipv6)


def _local_to_its_link(address: Interface) -> bool:
    """Whether it is an IPv6 link-local address, which every interface may have besides (RFC 4291)."""
    return address.version == 6 and address.is_link_local


def _alone(address: Address) -> Interface:
    return IPv4Interface((address, 32)) if address.version == 4 else IPv6Interface((address, 128))


def _interface(address: Address, subnet: Network) -> Interface:
    if address.version == 4:
        return IPv4Interface((address, subnet.prefixlen))
    return IPv6Interface((address, subnet.prefixlen))


class _FreshSubnets:
    """IPv4 subnets that nothing in the lab uses, one after the other."""

    def __init__(self, taken: list[Network]) -> None:
        self._taken = [network for network in taken if isinstance(network, IPv4Network)]
        self._pairs = POINT_TO_POINT.subnets(new_prefix=30)
        self._next = int(LAN_FIRST.network_address)

    def take(self, lan: bool, machines: int) -> IPv4Network:
        """A subnet for that many machines."""
        if not lan:
            for pair in self._pairs:
                if not any(pair.overlaps(network) for network in self._taken):
                    return pair
        prefix = min(24, 32 - (machines + 2).bit_length())
        size = 1 << (32 - prefix)
        while True:
            self._next = -(-self._next // size) * size
            subnet = IPv4Network((self._next, prefix))
            self._next += size
            if not any(subnet.overlaps(network) for network in self._taken):
                return subnet


class _FreshSubnets6:
    """IPv6 subnets that nothing in the lab uses: a /64 for every link, whatever its size (RFC 7421)."""

    def __init__(self, taken: list[Network]) -> None:
        self._taken = [network for network in taken if isinstance(network, IPv6Network)]
        self._next = int(DOCUMENTATION[0].network_address)

    def take(self, lan: bool, machines: int) -> IPv6Network:  # noqa: ARG002
        """The next free /64."""
        first, second = DOCUMENTATION
        while True:
            if first.broadcast_address < IPv6Address(self._next) < second.network_address:
                self._next = int(second.network_address)
            subnet = IPv6Network((self._next, 64))
            overlapping = next((network for network in self._taken if network.overlaps(subnet)), None)
            # Past the whole of what is in use: a /32 holds four thousand million of them.
            self._next = max(int(net.broadcast_address) for net in (subnet, overlapping or subnet)) + 1
            if overlapping is None:
                return subnet
