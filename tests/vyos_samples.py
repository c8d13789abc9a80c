"""A configuration for every statement that a VyOS version knows, and random ones, for several tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import strategies as st

from netlab.kinds.vyos.grammar import statements
from netlab.kinds.vyos.statements import VERSIONS

__all__ = ["VALUES", "VERSIONS", "companions", "configuration", "lists_of_statements", "samples"]

VALUES: dict[str, tuple[str, ...]] = {
    "action": ("permit", "deny"),
    "address": ("10.0.0.1", "10.9.8.7"),
    "address6": ("2001:db8::1", "2001:db8::2"),
    "allowed": ("1", "10"),
    "any-prefix": ("10.7.0.0/16",),
    "as-path": ("64999 64999", "65001"),
    "as-path-list": ("100",),
    "as-path-regex": ("^64999_", "_(64999|65001)$"),
    "asn": ("64512",),
    "bandwidth": ("ignore", "skip-missing"),
    "bfd-profile": ("PROFILE",),
    "communities": ("65000:1", "65000:1 no-export additive", "none"),
    "community": ("65000:7", "no-export", "local-as"),
    "community-list": ("100",),
    "distance": ("20", "255"),
    "ethernet": ("eth1", "eth2"),
    "holdtime": ("9", "180"),
    "hops": ("2", "255"),
    "host-name": ("edge",),
    "interface-address": ("192.0.2.1/24", "2001:db8:9::1/64"),
    "interval": ("0", "30"),
    "ip": ("10.0.0.1",),
    "later-rule": ("60",),
    "length": ("32",),
    "length6": ("128",),
    "link-local": ("fe80::1",),
    "limit": ("100",),
    "local-as": ("65010",),
    "metric": ("50", "+10", "-5"),
    "milliseconds": ("50", "300"),
    "mtu": ("1500",),
    "multiplier": ("3",),
    "name": ("100",),
    "neighbor": ("10.0.0.1", "2001:db8::9"),
    "next-hop": ("10.0.0.1", "peer-address", "unchanged"),
    "origin": ("igp", "incomplete"),
    "password": ("s3cret!|#$", "exit"),
    "paths": ("3", "64"),
    "peer-group": ("300",),
    "port": ("1179",),
    "positive": ("50",),
    "preference": ("150", "0"),
    "prefix": ("10.1.0.0/16", "0.0.0.0/0"),
    "prefix6": ("2001:db8:1::/48", "::/0"),
    "prefix-list": ("100",),
    "prefix-list6": ("100",),
    "prefixes": ("1000",),
    "regex": ("65000:1", "^65000:(1|2)"),
    "remote-as": ("64522", "64512"),
    "route-map": ("200",),
    "rule": ("10",),
    "seconds": ("5", "60"),
    "source": ("10.0.0.1", "eth1"),
    "stalepath": ("120",),
    "tag": ("7",),
    "text": ("to the core", "a ! b | c # d", "router bgp 1", "'quoted' \\ and ? so"),
    "ttl": ("254",),
    "weight": ("10",),
}
"""Good values of every type. Names are all alike, so that whatever is named can be defined beforehand."""

_DEFINED = (
    "policy prefix-list 100 rule 10 action permit",
    "policy prefix-list 100 rule 10 prefix 10.0.0.0/8",
    "policy prefix-list6 100 rule 10 action permit",
    "policy prefix-list6 100 rule 10 prefix 2001:db8::/32",
    "policy as-path-list 100 rule 10 action permit",
    "policy as-path-list 100 rule 10 regex ^64999_",
    "policy community-list 100 rule 10 action permit",
    "policy community-list 100 rule 10 regex 65000:1",
    "policy route-map 100 rule 10 action permit",
    "policy route-map 200 rule 10 action permit",
)


def defined(version: str) -> tuple[str, ...]:
    """Statements that define what others name."""
    profile: tuple[str, ...]
    if version >= "1.4":
        bgp, profile = ("protocols bgp system-as 64512", "protocols bgp"), ("protocols bfd profile PROFILE",)
    else:
        bgp, profile = ("protocols bgp 64512", "protocols bgp 64512"), ()
    return (
        *_DEFINED,
        *profile,
        bgp[0],
        f"{bgp[1]} peer-group 100 remote-as 64522",
        f"{bgp[1]} peer-group 300 description nodes",
        *(f"{bgp[1]} neighbor {peer} remote-as 64522" for peer in VALUES["neighbor"]),
    )


def samples(version: str) -> Iterator[tuple[list[str], list[str]]]:
    """(statement of the grammar, the same with good values) of every statement that is not refused."""
    for statement in statements(version):
        if "!" not in statement:
            yield statement, fill(statement, 0)


def companions(words: list[str]) -> list[list[str]]:
    """The statements that one needs beside it."""
    text = " ".join(words)
    peer = words[: words.index("address-family") if "address-family" in words else -1]
    needed = {
        r"bfd peer \S+ multihop": ["protocols bfd peer 10.0.0.1 source address 10.0.0.1"],
        r"bfd peer \S+ minimum-ttl": [
            "protocols bfd peer 10.0.0.1 source address 10.0.0.1",
            "protocols bfd peer 10.0.0.1 multihop",
        ],
        r"match community exact-match": ["policy route-map 100 rule 10 match community community-list 100"],
        r"set comm-list comm-list": ["policy route-map 100 rule 10 set comm-list delete"],
        r"set comm-list delete": ["policy route-map 100 rule 10 set comm-list comm-list 100"],
        r"listen range": [" ".join([*words[: words.index("listen")], "peer-group 300 remote-as 64522"])]
        if "listen" in words
        else [],
        r"route-reflector-client": [" ".join([*peer, "remote-as 64512"])],
    }
    found = [statement.split() for pattern, more in needed.items() if re.search(pattern, text) for statement in more]
    return [statement for statement in found if statement != words]


def fill(statement: list[str], choice: int) -> list[str]:
    """A statement of the grammar with values in it."""
    words = []
    for word in statement:
        if word == "...":
            words.append("anything")
        elif word.endswith(">"):
            values = VALUES[word.lstrip("=<").rstrip(">")]
            words.append(values[choice % len(values)])
        else:
            words.append(word)
    return words


def command(words: list[str]) -> str:
    """A `set` command; a value of several words stands in quotes of the kind that it has not."""
    return " ".join(["set", *(_quoted(word) for word in words)])


def _quoted(word: str) -> str:
    if not set(word) & set(" '\"#"):
        return word
    return f'"{word}"' if "'" in word else f"'{word}'"


def configuration(version: str, lines: list[list[str]]) -> str:
    """`set` commands: what the statements may name is defined first."""
    return "\n".join([*(f"set {line}" for line in defined(version)), *map(command, lines)])


def lists_of_statements(version: str) -> st.SearchStrategy[list[list[str]]]:
    """Any statements of a version that are not refused, with good values."""
    known = [statement for statement in statements(version) if "!" not in statement]
    one = st.tuples(st.sampled_from(known), st.integers(0, 3)).map(lambda pair: fill(*pair))
    return st.lists(one, max_size=25)
