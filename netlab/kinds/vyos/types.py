"""The types of values in a VyOS configuration. Each takes a word and returns a value, or raises ValueError.

A value that passed is an address, a number or plain text: nothing that FRR could take for another command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface, ip_interface
from typing import Any

_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/@()+,=_-]{0,79}")
_ETHERNET = re.compile(r"eth[0-9]{1,4}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NUMBER = re.compile(r"[0-9]{1,10}")


def number(low: int, high: int) -> Callable[[str], int]:
    """A decimal number between two bounds, both included."""

    def take(word: str) -> int:
        if not _NUMBER.fullmatch(word) or not low <= int(word) <= high:
            raise ValueError(f"is not a number from {low} to {high}")
        return int(word)

    return take


def address(word: str) -> IPv4Address:
    """An IPv4 address."""
    try:
        return IPv4Address(word)
    except ValueError:
        raise ValueError("is not an IPv4 address") from None


def prefix(word: str) -> IPv4Network:
    """An IPv4 prefix without host bits, as VyOS wants it."""
    try:
        network = IPv4Network(word)
    except ValueError:
        raise ValueError("is not an IPv4 prefix such as 10.0.0.0/24") from None
    if "/" not in word or not word.rpartition("/")[2].isdecimal():
        raise ValueError("has no prefix length")
    return network


def interface_address(word: str) -> IPv4Interface | IPv6Interface:
    """An address with its prefix length."""
    if word in ("dhcp", "dhcpv6"):
        raise ValueError("cannot be used: the lab has no DHCP server")
    try:
        value = ip_interface(word)
    except ValueError:
        raise ValueError("is not an address such as 10.0.0.1/24") from None
    if not word.rpartition("/")[2].isdecimal() or "/" not in word or "%" in word:
        raise ValueError("has no prefix length")
    return value


def ethernet(word: str) -> str:
    """The name of an Ethernet interface."""
    if not _ETHERNET.fullmatch(word):
        raise ValueError("is not an Ethernet interface such as eth1")
    return word


def host_name(word: str) -> str:
    """A host name (RFC 1123)."""
    if not _HOST_NAME.fullmatch(word):
        raise ValueError("is not a host name")
    return word


def text(word: str) -> str:
    """A description."""
    if not _TEXT.fullmatch(word):
        raise ValueError("is not plain text of at most 80 characters: letters, digits, spaces and ._:/@()+,=-")
    return word


def source(word: str) -> str:
    """An address or an Ethernet interface."""
    if _ETHERNET.fullmatch(word) or word == "lo":
        return word
    try:
        return str(IPv4Address(word))
    except ValueError:
        raise ValueError("is neither an IPv4 address nor an interface") from None


TYPES: dict[str, Callable[[str], Any]] = {
    "asn": number(1, 4294967294),
    "address": address,
    "prefix": prefix,
    "interface-address": interface_address,
    "ethernet": ethernet,
    "host-name": host_name,
    "text": text,
    "source": source,
    "paths": number(1, 255),
    "hops": number(1, 255),
    "distance": number(1, 255),
    "seconds": number(1, 65535),
    "holdtime": number(4, 65535),
    "interval": number(0, 600),
    "prefixes": number(1, 4294967295),
    "weight": number(1, 65535),
    "allowed": number(1, 10),
    "preference": number(0, 4294967295),
}
