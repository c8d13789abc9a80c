"""The links: ends, interface names, addresses, and what two links may not share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Interface, IPv6Interface

from netlab.model.errors import Position
from netlab.model.topology import EndpointSpec, LinkSpec, Located
from netlab.topology.addresses import AddressBook, pair
from netlab.topology.checking import check
from netlab.topology.names import interface_name_problem
from netlab.topology.problems import Problems, did_you_mean
from netlab.topology.schema import LinkKeys
from netlab.topology.tree import Tree, located

# In containerlab's files these ends lead out of the lab.
_OUTSIDE = frozenset({"host", "mgmt-net", "macvlan"})


def link_specs(
    trees: Sequence[Tree], nodes: Collection[str], auto: Collection[str], problems: Problems
) -> tuple[LinkSpec, ...]:
    """The links whose ends could be understood. `auto` names what links that say nothing of it have as `auto`."""
    specs = []
    used: dict[tuple[str, str], Position] = {}
    book = AddressBook()
    for tree in trees:
        where = located(tree)
        keys, found = check(LinkKeys, where, "a link")
        problems.extend(found)
        if keys is None:
            continue
        ends = _ends(keys.endpoints, where, nodes, problems)
        if ends is None:
            continue
        for end in ends:
            _take_interface(end, used, problems)
        specs.append(_link(keys, ends, where, auto=auto, book=book, problems=problems))
    return tuple(specs)


def _link(
    keys: LinkKeys,
    ends: tuple[EndpointSpec, EndpointSpec],
    where: Located,
    *,
    auto: Collection[str],
    book: AddressBook,
    problems: Problems,
) -> LinkSpec:
    ipv4 = pair(IPv4Interface, where, "ipv4", problems)
    ipv6 = pair(IPv6Interface, where, "ipv6", problems)
    a, b = ends
    ipv4 = (
        book.take(ipv4[0], a, where.at("ipv4", 0), problems),
        book.take(ipv4[1], b, where.at("ipv4", 1), problems),
    )
    ipv6 = (
        book.take(ipv6[0], a, where.at("ipv6", 0), problems),
        book.take(ipv6[1], b, where.at("ipv6", 1), problems),
    )
    auto_ipv6 = keys.ipv6 == "auto" or (keys.ipv6 is None and "ipv6" in auto)
    if keys.mtu is not None and keys.mtu < 1280 and (keys.ipv6 or auto_ipv6):
        problems.add(f"IPv6 needs an mtu of at least 1280, not {keys.mtu}", where.at("mtu"), "RFC 8200, section 5")
    return LinkSpec(
        ends,
        where.at(),
        mtu=keys.mtu,
        ipv4=ipv4,
        ipv6=ipv6,
        auto_ipv4=keys.ipv4 == "auto" or (keys.ipv4 is None and "ipv4" in auto),
        auto_ipv6=auto_ipv6,
    )


def _ends(
    written: Sequence[str], where: Located, nodes: Collection[str], problems: Problems
) -> tuple[EndpointSpec, EndpointSpec] | None:
    first, second = (_end(text, where.at("endpoints", index), nodes, problems) for index, text in enumerate(written))
    if first is None or second is None:
        return None
    if first.node == second.node and (first.interface is None or second.interface is None):
        problems.add(f'both ends of this link are "{first.node}"', second.position, "name another node")
        return None
    return first, second


def _end(text: str, position: Position, nodes: Collection[str], problems: Problems) -> EndpointSpec | None:
    node, colon, interface = text.partition(":")
    good = True
    if node not in nodes:
        outside = node in _OUTSIDE
        hint = "a lab has no link to the host" if outside else did_you_mean(node, nodes)
        problems.add(f'unknown node "{node}"', position, hint)
        good = False
    if colon:
        reason = interface_name_problem(interface)
        if reason is not None:
            problems.add(f'"{interface}" cannot be the name of an interface', position, reason)
            good = False
    return EndpointSpec(node, interface if colon else None, position) if good else None


def _take_interface(end: EndpointSpec, used: dict[tuple[str, str], Position], problems: Problems) -> None:
    if end.interface is None:
        return
    name = (end.node, end.interface)
    if name in used:
        problems.add(
            f"interface {end.node}:{end.interface} is used twice",
            end.position,
            f"the first stands in line {used[name].line}; an interface has one link",
        )
    else:
        used[name] = end.position
