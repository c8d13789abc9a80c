"""The types of values in a VyOS configuration. Each takes a word and returns a value, or raises ValueError.

A value that passed is an address, a number, a name or one line of plain text: nothing that FRR could take for another
command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
)
from typing import Any

_ETHERNET = re.compile(r"eth[0-9]{1,4}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NUMBER = re.compile(r"[0-9]{1,10}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}")
_PASSWORD = re.compile(r"[!-~]{1,80}")
_AS_PATH = re.compile(r"[1-9][0-9]{0,9}( [1-9][0-9]{0,9}){0,63}")
_METRIC = re.compile(r"[+-]?[0-9]{1,10}")
_REGEX = re.compile(r"[0-9A-Za-z_^$.*+?()\[\]|\\:,-]{1,200}( [0-9A-Za-z_^$.*+?()\[\]|\\:,-]{1,200}){0,31}")
_AS_PATH_REGEX = re.compile(r"[0-9_^|\[,{}() \]$*+.?\\-]{1,200}")
_COMMUNITY = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")
_COMMUNITY_WORDS = {
    **{word: word for word in ("internet", "no-advertise", "no-export", "no-peer", "graceful-shutdown", "blackhole")},
    "local-as": "local-AS",
    "local-AS": "local-AS",
}

MAX_DESCRIPTION = 255


class Reference(str):
    """The name of something that the configuration has to define elsewhere. `kind` says of what."""

    kind: str

    def __new__(cls, name: str, kind: str) -> Reference:
        made = super().__new__(cls, name)
        made.kind = kind
        return made


def number(low: int, high: int) -> Callable[[str], int]:
    """A decimal number between two bounds, both included."""

    def take(word: str) -> int:
        if not _NUMBER.fullmatch(word) or not low <= int(word) <= high:
            raise ValueError(f"is not a number from {low} to {high}")
        return int(word)

    return take


def one_of(*words: str) -> Callable[[str], str]:
    """One of several words."""

    def take(word: str) -> str:
        if word not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return word

    return take


def matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    """A word that matches a pattern as a whole."""

    def take(word: str) -> str:
        if not pattern.fullmatch(word):
            raise ValueError(f"is not {what}")
        return word

    return take


def reference(kind: str) -> Callable[[str], Reference]:
    """The name of a `kind` that is defined elsewhere in the configuration."""
    return lambda word: Reference(name(word), kind)


def address(word: str) -> IPv4Address:
    """An IPv4 address."""
    try:
        return IPv4Address(word)
    except ValueError:
        raise ValueError("is not an IPv4 address") from None


def address6(word: str) -> IPv6Address:
    """An IPv6 address without a zone."""
    try:
        value = IPv6Address(word)
    except ValueError:
        raise ValueError("is not an IPv6 address") from None
    if value.scope_id is not None:
        raise ValueError("has a zone: name the interface by itself")
    return value


def ip(word: str) -> IPv4Address | IPv6Address:
    """An address of either family."""
    try:
        return address6(word) if ":" in word else address(word)
    except ValueError:
        raise ValueError("is not an IP address") from None


def neighbor(word: str) -> IPv4Address | IPv6Address:
    """A neighbor's address; VyOS takes an interface too."""
    if _ETHERNET.fullmatch(word):
        raise ValueError("is an interface: name the neighbor by its address")
    return ip(word)


def prefix(word: str) -> IPv4Network:
    """An IPv4 prefix without host bits, as VyOS wants it."""
    try:
        network = IPv4Network(word)
    except ValueError:
        raise ValueError("is not an IPv4 prefix such as 10.0.0.0/24") from None
    if "/" not in word or not word.rpartition("/")[2].isdecimal():
        raise ValueError("has no prefix length")
    return network


def prefix6(word: str) -> IPv6Network:
    """An IPv6 prefix without host bits."""
    try:
        network = IPv6Network(word)
    except ValueError:
        raise ValueError("is not an IPv6 prefix such as 2001:db8::/64") from None
    if "/" not in word or "%" in word:
        raise ValueError("has no prefix length")
    return network


def any_prefix(word: str) -> IPv4Network | IPv6Network:
    """A prefix of either family."""
    return prefix6(word) if ":" in word else prefix(word)


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


def text(word: str) -> str:
    """A description: one printable line. What is not ASCII becomes a question mark, since FRR takes nothing else.

    So does `|`: FRR's daemons take what follows it for a filter of their output, and drop the line.
    """
    if not word.isprintable():
        raise ValueError("has characters that cannot be printed")
    if not word.strip() or len(word) > MAX_DESCRIPTION:
        raise ValueError(f"is not a text of 1 to {MAX_DESCRIPTION} characters")
    return " ".join(word.encode("ascii", "replace").decode().replace("|", "?").split())


def source(word: str) -> str:
    """An address or an Ethernet interface."""
    if _ETHERNET.fullmatch(word) or word == "lo":
        return word
    try:
        return str(ip(word))
    except ValueError:
        raise ValueError("is neither an IP address nor an interface") from None


def remote_as(word: str) -> int | str:
    """A neighbor's AS."""
    return word if word in ("external", "internal") else asn(word)


def metric(word: str) -> str:
    """A metric, or what is added to it."""
    if not _METRIC.fullmatch(word) or int(word.lstrip("+-")) > 4294967295:
        raise ValueError("is not a metric such as 50, +10 or -10")
    return word


def as_path(word: str) -> str:
    """AS numbers between spaces."""
    joined = " ".join(word.split())
    if not _AS_PATH.fullmatch(joined) or any(int(part) > 4294967295 for part in joined.split()):
        raise ValueError('is not a list of AS numbers such as "64512 64512"')
    return joined


def regex(word: str) -> str:
    """A regular expression over communities."""
    if not _REGEX.fullmatch(word):
        raise ValueError("is not a regular expression of digits, letters, spaces and _^$.*+?()[]|\\:,-")
    return _compiled(word)


def as_path_regex(word: str) -> str:
    """A regular expression over AS paths: FRR takes no letters in it."""
    if not _AS_PATH_REGEX.fullmatch(word) or word != " ".join(word.split()):
        raise ValueError("is not a regular expression of digits, spaces and _^|[,{}()]$*+.?\\-")
    return _compiled(word)


def _compiled(word: str) -> str:
    if "| " in word:
        raise ValueError("has a space after |, where FRR would begin a filter")
    try:
        re.compile(word)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return word


def link_local(word: str) -> IPv6Address:
    """A link-local IPv6 address."""
    value = address6(word)
    if not value.is_link_local:
        raise ValueError("is not a link-local address")
    return value


def community(word: str) -> str:
    """A community, as FRR writes it."""
    found = _COMMUNITY.fullmatch(word)
    if found and all(int(part) <= 65535 for part in found.groups()):
        return word
    if word not in _COMMUNITY_WORDS:
        raise ValueError("is not a community such as 65000:100 or no-export")
    return _COMMUNITY_WORDS[word]


def communities(word: str) -> str:
    """Communities between spaces, perhaps with `additive` at the end; or `none`."""
    parts = word.split()
    if parts == ["none"]:
        return "none"
    last = ["additive"] if parts[-1:] == ["additive"] else []
    listed = parts[: len(parts) - len(last)]
    if not listed:
        raise ValueError('is not a list of communities such as "65000:100 additive"')
    return " ".join([community(part) for part in listed] + last)


def next_hop(word: str) -> str:
    """A next hop that a route map sets."""
    return word if word in ("peer-address", "unchanged") else str(address(word))


name = matching(_NAME, "a name of letters, digits and _.:-")
ethernet = matching(_ETHERNET, "an Ethernet interface such as eth1")
asn = number(1, 4294967294)

TYPES: dict[str, Callable[[str], Any]] = {
    "action": one_of("permit", "deny"),
    "address": address,
    "address6": address6,
    "allowed": number(1, 10),
    "any-prefix": any_prefix,
    "as-path": as_path,
    "as-path-list": reference("as-path-list"),
    "as-path-regex": as_path_regex,
    "asn": asn,
    "bandwidth": one_of("default-weight-for-missing", "ignore", "skip-missing"),
    "bfd-profile": reference("bfd-profile"),
    "communities": communities,
    "community": community,
    "community-list": reference("community-list"),
    "distance": number(1, 255),
    "ethernet": ethernet,
    "holdtime": number(4, 65535),
    "hops": number(1, 255),
    "host-name": matching(_HOST_NAME, "a host name"),
    "interface-address": interface_address,
    "interval": number(0, 600),
    "ip": ip,
    "local-as": asn,
    "later-rule": number(1, 65535),
    "length": number(0, 32),
    "length6": number(0, 128),
    "link-local": link_local,
    "limit": number(1, 5000),
    "metric": metric,
    "milliseconds": number(10, 60000),
    "mtu": number(68, 65535),
    "multiplier": number(2, 255),
    "name": name,
    "neighbor": neighbor,
    "next-hop": next_hop,
    "origin": one_of("egp", "igp", "incomplete"),
    "password": matching(_PASSWORD, "one word of at most 80 ASCII characters"),
    "paths": number(1, 255),
    "peer-group": reference("peer-group"),
    "port": number(1, 65535),
    "positive": number(1, 4294967295),
    "preference": number(0, 4294967295),
    "prefix": prefix,
    "prefix6": prefix6,
    "prefix-list": reference("prefix-list"),
    "prefix-list6": reference("prefix-list6"),
    "prefixes": number(1, 4294967295),
    "regex": regex,
    "remote-as": remote_as,
    "route-map": reference("route-map"),
    "rule": number(1, 65535),
    "seconds": number(1, 65535),
    "source": source,
    "stalepath": number(1, 3600),
    "tag": number(1, 4294967295),
    "text": text,
    "ttl": number(1, 254),
    "weight": number(1, 65535),
}
