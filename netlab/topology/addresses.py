"""The addresses of a link's two ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
)
from typing import TypeVar

from pydantic import BaseModel

from netlab.model.errors import Position, Problem
from netlab.model.topology import EndpointSpec, Key, Located
from netlab.topology import wording
from netlab.topology.prefixes import meant
from netlab.topology.problems import Problems

_ADDRESSES = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)
Family = TypeVar("Family", IPv4Interface, IPv6Interface)


def pair(family: type[Family], where: Located, key: str, problems: Problems) -> tuple[Family | None, Family | None]:
    """The one or two addresses below `key` of a link, one per end. A wrong one counts as not written."""
    value = where.value.get(key)
    written: list[str | None] = (
        [text if isinstance(text, str) and text else None for text in value] if isinstance(value, list) else []
    )
    first, second = (
        address(family, text, where.at(key, index), problems) for index, text in enumerate([*written, None, None][:2])
    )
    return first, second


def same_subnet(first: Family | None, second: Family | None, position: Position, problems: Problems) -> None:
    """A problem at `position`, the second one's, where the ends of a link are not in one subnet."""
    if first is not None and second is not None and first.network != second.network:
        problems.add(
            f"{second} is not in the subnet of the link's other end, {first.network}",
            position,
            "both ends of a link share one subnet",
        )


def address(family: type[Family], written: str | None, position: Position, problems: Problems) -> Family | None:
    """An address with its prefix length that a host can have. None, and a problem, where it is not."""
    if written is None:
        return None
    version = "IPv4" if family is IPv4Interface else "IPv6"
    sample = "10.0.0.1/24" if family is IPv4Interface else "fd00::1/64"
    try:
        value = ip_interface(written.replace("%", "%%"))  # no zone: the interface is the link's end
    except ValueError:
        problems.add(f'"{written}" is not an {version} address', position, f"write it as {sample}")
        return None
    if not isinstance(value, family):
        other = "ipv6" if family is IPv4Interface else "ipv4"
        problems.add(f"{written} is not an {version} address", position, f"write it under {other}")
        return None
    if "/" not in written:
        problems.add(f"{written} has no prefix length", position, f"write it as {sample}")
        return None
    reason = _no_host(value)
    if reason is not None:
        problems.add(f"{written} is no address for a host: {reason}", position, "give another")
        return None
    return value


def unfit(model: BaseModel, located: Located) -> Iterator[Problem]:
    """What ipaddress and pydantic take and netlab does not, in a checked model.

    An IPv6 address with a zone (`fe80::1%eth0`): a zone may be any text, spaces too, so it must not reach a daemon's
    configuration; and which interface an address belongs to never stands in the address here. And an address where a
    prefix is meant, of which they make one that holds that address alone.
    """
    for path, value in _addresses(model):
        text = wording.value_at(located, path) if path in located.positions else None
        first = value.network_address if isinstance(value, IPv6Network) else value
        if isinstance(first, IPv6Address) and first.scope_id is not None:
            yield Problem(f"{value} has a zone", located.at(*path), "write the address without %")
        elif isinstance(value, IPv4Network | IPv6Network) and isinstance(text, str) and "/" not in text:
            yield Problem(f"{text} has no prefix length", located.at(*path), meant(value))


def _addresses(value: object, path: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], object]]:
    """The addresses and prefixes in a checked model that stands at `path`, with their places."""
    parts: Iterable[tuple[Key, object]]
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        written = sorted(value.model_fields_set)  # few of the many that a node or a link can have
        parts = ((fields[name].alias or name, getattr(value, name)) for name in written)
    elif isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, tuple | list):
        parts = enumerate(value)
    else:
        if isinstance(value, _ADDRESSES):
            yield path, value
        return
    for key, part in parts:
        yield from _addresses(part, (*path, key))


def _no_host(value: IPv4Interface | IPv6Interface) -> str | None:
    """Why no interface can have this address."""
    ip, network = value.ip, value.network
    if ip.is_unspecified or ip.is_multicast or ip.is_loopback or (ip.version == 4 and ip.is_reserved):
        return "it is unspecified, multicast, loopback or reserved"
    # RFC 3021 (IPv4 /31) and RFC 6164 (IPv6 /127) use both addresses.
    if network.prefixlen >= network.max_prefixlen - 1:
        return None
    if ip == network.network_address:
        return f"it is the network address of {network}"
    if isinstance(ip, IPv4Address) and ip == network.broadcast_address:
        return f"it is the broadcast address of {network}"
    return None


class AddressBook:
    """Every address of the lab, to find one that two interfaces have."""

    def __init__(self) -> None:
        self._seen: dict[IPv4Address | IPv6Address, tuple[str, Position]] = {}

    def take(self, value: Family | None, end: EndpointSpec, position: Position, problems: Problems) -> Family | None:
        """Note an address; None where another interface has it. IPv6 link-local ones may repeat (RFC 4007)."""
        if value is None or (value.version == 6 and value.is_link_local):
            return value
        ip = value.ip  # made anew each time
        if ip in self._seen:
            owner, first = self._seen[ip]
            problems.add(f"{ip} is used twice", position, f"{owner} has it in line {first.line}")
            return None
        self._seen[ip] = (f"{end.node}:{end.interface}" if end.interface else end.node, position)
        return value
