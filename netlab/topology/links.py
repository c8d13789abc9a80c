"""The links: ends, interface names, addresses, and what two links may not share."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface

from netlab.model.errors import Position
from netlab.model.topology import DummySpec, EndpointSpec, Key, LinkSpec, Located
from netlab.topology import patterns
from netlab.topology.addresses import AddressBook, Family, address, pair, same_subnet
from netlab.topology.checking import check
from netlab.topology.names import interface_name_problem
from netlab.topology.problems import Problems, did_you_mean
from netlab.topology.schema import EndKeys, LinkKeys
from netlab.topology.tree import Tree, located

# In containerlab's files these ends, and links of these types, lead out of the lab.
_OUTSIDE_NODES = frozenset({"host", "mgmt-net", "macvlan"})
_OUTSIDE_TYPES = frozenset({"host", "mgmt-net", "macvlan", "vxlan", "vxlan-stitch"})
_INSIDE_ONLY = "netlab makes nothing in the host's namespaces: leave the link out, or link two nodes"
_MAC = re.compile(patterns.MAC)


@dataclass(frozen=True)
class Links:
    """The links between nodes, and the interfaces that lead nowhere."""

    links: tuple[LinkSpec, ...]
    dummies: tuple[DummySpec, ...]


def link_specs(trees: Sequence[Tree], nodes: Collection[str], auto: Collection[str], problems: Problems) -> Links:
    """The links whose ends could be understood. `auto` names what links that say nothing of it have as `auto`."""
    reader = _Reader(nodes, auto, problems)
    for tree in trees:
        reader.read(located(tree))
    return Links(tuple(reader.links), tuple(reader.dummies))


class _Reader:
    """The links so far, and what no second one may have."""

    def __init__(self, nodes: Collection[str], auto: Collection[str], problems: Problems) -> None:
        self.nodes = nodes
        self.auto = auto
        self.problems = problems
        self.links: list[LinkSpec] = []
        self.dummies: list[DummySpec] = []
        self.interfaces: dict[tuple[str, str], Position] = {}
        self.macs: dict[str, Position] = {}
        self.book = AddressBook()

    def read(self, where: Located) -> None:
        """Take one link."""
        kind = where.value.get("type") if isinstance(where.value, dict) else None
        if isinstance(kind, str) and kind in _OUTSIDE_TYPES:
            self.problems.add(f"a link of type {kind} leads out of the lab", where.at("type"), _INSIDE_ONLY)
            return
        keys, found = check(LinkKeys, where, "a link")
        self.problems.extend(found)
        if keys is None or not self._fits(keys, where):
            return
        if keys.mtu is not None and keys.mtu < 1280 and _has_ipv6(keys, self.auto):
            message = f"IPv6 needs an mtu of at least 1280, not {keys.mtu}"
            self.problems.add(message, where.at("mtu"), "RFC 8200, section 5")
        if keys.type == "dummy":
            self._dummy(keys, where)
        else:
            self._veth(keys, where)

    def _fits(self, keys: LinkKeys, where: Located) -> bool:
        """Whether it has the ends that its type needs, and no others."""
        needed, other = ("endpoint", "endpoints") if keys.type == "dummy" else ("endpoints", "endpoint")
        written = where.value
        if other in written and (written[other] is not None or other == "endpoints"):
            message = f'a link of type {keys.type} has no "{other}"'
            self.problems.add(message, where.key_at(other), f"it has {needed}")
        elif needed not in written or (written[needed] is None and needed == "endpoint"):
            self.problems.add(f'a link needs "{needed}"', where.at(), _as_written(needed))
        # Where a wrong one is left out of the model, that is told already.
        return bool(getattr(keys, needed)) and not getattr(keys, other)

    def _veth(self, keys: LinkKeys, where: Located) -> None:
        written = keys.endpoints
        ends = [self._end(end, where, ("endpoints", index)) for index, end in enumerate(written)]
        macs = [self._mac(end, where, ("endpoints", index)) for index, end in enumerate(written)]
        first, second = ends
        if first is None or second is None:
            return
        if first.node == second.node and (first.interface is None or second.interface is None):
            self.problems.add(f'both ends of this link are "{first.node}"', second.position, "name another node")
            return
        for end in (first, second):
            self._take_interface(end)
        self.links.append(
            LinkSpec(
                (first, second),
                where.at(),
                mtu=keys.mtu,
                ipv4=self._addresses(IPv4Interface, "ipv4", keys, where, (first, second)),
                ipv6=self._addresses(IPv6Interface, "ipv6", keys, where, (first, second)),
                auto_ipv4=keys.ipv4 == "auto" or (keys.ipv4 is None and "ipv4" in self.auto),
                auto_ipv6=keys.ipv6 == "auto" or (keys.ipv6 is None and "ipv6" in self.auto),
                macs=(macs[0], macs[1]),
            )
        )

    def _dummy(self, keys: LinkKeys, where: Located) -> None:
        assert keys.endpoint is not None
        end = self._end(keys.endpoint, where, ("endpoint",))
        for key in ("ipv4", "ipv6"):
            if where.value.get(key) is not None:
                message = f'a link of type dummy has no "{key}" of its own'
                self.problems.add(message, where.key_at(key), "give the address in its endpoint")
        mac = self._mac(keys.endpoint, where, ("endpoint",))
        if end is None:
            return
        if end.interface is None:
            self.problems.add("this interface has no name", end.position, "add interface:")
            return
        self._take_interface(end)
        self.dummies.append(
            DummySpec(
                end,
                mtu=keys.mtu,
                ipv4=self._own(IPv4Interface, keys.endpoint.ipv4, where, ("endpoint", "ipv4"), end),
                ipv6=self._own(IPv6Interface, keys.endpoint.ipv6, where, ("endpoint", "ipv6"), end),
                mac=mac,
            )
        )

    def _addresses(
        self, family: type[Family], key: str, keys: LinkKeys, where: Located, ends: tuple[EndpointSpec, EndpointSpec]
    ) -> tuple[Family | None, Family | None]:
        """The ends' addresses: those of the link's own list, and those in its endpoints."""
        listed = pair(family, where, key, self.problems)
        found: list[Family | None] = []
        place = where.at(key, 1)
        for index, (written, of_link, end) in enumerate(zip(keys.endpoints, listed, ends, strict=True)):
            text = getattr(written, key) if isinstance(written, EndKeys) else None
            if text is not None and of_link is not None:
                twice = where.at("endpoints", index, key)
                self.problems.add(f"{end.node} has its address twice", twice, f"write it here or under {key}")
            if of_link is not None:
                found.append(self.book.take(of_link, end, where.at(key, index), self.problems))
            else:
                place = where.at("endpoints", index, key)
                found.append(self._own(family, text, where, ("endpoints", index, key), end))
        first, second = found
        same_subnet(first, second, place, self.problems)
        return first, second

    def _own(
        self, family: type[Family], text: str | None, where: Located, path: tuple[Key, ...], end: EndpointSpec
    ) -> Family | None:
        value = address(family, text, where.at(*path), self.problems)
        return self.book.take(value, end, where.at(*path), self.problems)

    def _end(self, written: str | EndKeys, where: Located, path: tuple[Key, ...]) -> EndpointSpec | None:
        if isinstance(written, EndKeys):
            node, interface = written.node, written.interface
            places = where.at(*path, "node"), where.at(*path, "interface")
        else:
            node, colon, name = written.partition(":")
            interface = name if colon else None
            places = where.at(*path), where.at(*path)
        good = True
        if node not in self.nodes:
            hint = _INSIDE_ONLY if node in _OUTSIDE_NODES else did_you_mean(node, self.nodes)
            self.problems.add(f'unknown node "{node}"', places[0], hint)
            good = False
        reason = interface_name_problem(interface) if interface is not None else None
        if reason is not None:
            self.problems.add(f'"{interface}" cannot be the name of an interface', places[1], reason)
            good = False
        return EndpointSpec(node, interface, places[0]) if good else None

    def _mac(self, written: str | EndKeys, where: Located, path: tuple[Key, ...]) -> str | None:
        if not isinstance(written, EndKeys) or written.mac is None:
            return None
        place, mac = where.at(*path, "mac"), written.mac.lower()
        if not _MAC.fullmatch(mac):
            self.problems.add(f'"{written.mac}" is not a MAC address', place, "write it as 02:00:00:00:00:01")
        elif int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
            # eth_validate_addr() of the kernel takes neither.
            self.problems.add(f"{mac} is no address for an interface", place, "a multicast one, or zero: give another")
        elif mac in self.macs:
            self.problems.add(f"{mac} is used twice", place, f"the first stands in line {self.macs[mac].line}")
        else:
            self.macs[mac] = place
            return mac
        return None

    def _take_interface(self, end: EndpointSpec) -> None:
        if end.interface is None:
            return
        name = (end.node, end.interface)
        if name in self.interfaces:
            self.problems.add(
                f"interface {end.node}:{end.interface} is used twice",
                end.position,
                f"the first stands in line {self.interfaces[name].line}; an interface has one link",
            )
        else:
            self.interfaces[name] = end.position


def _has_ipv6(keys: LinkKeys, auto: Collection[str]) -> bool:
    ends = [*keys.endpoints, keys.endpoint]
    of_an_end = any(end.ipv6 for end in ends if isinstance(end, EndKeys))
    return bool(keys.ipv6) or of_an_end or (keys.type == "veth" and keys.ipv6 is None and "ipv6" in auto)


def _as_written(key: str) -> str:
    return 'as in ["a:eth1", "b:eth1"]' if key == "endpoints" else "as in {node: a, interface: dummy0}"
