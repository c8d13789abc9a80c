"""The statements that a VyOS version knows, as a table, and the tree of words that parses them.

A line of the table is one statement. `<type>` is a value that may occur any number of times (VyOS's tag and multi
nodes), `=<type>` a value that a later one replaces, `a|b` one of two words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from netlab.kinds.vyos.types import TYPES

_V1_1 = """
system host-name =<host-name>
interfaces ethernet <ethernet> address <interface-address>
interfaces ethernet <ethernet> description =<text>
interfaces loopback lo address <interface-address>
interfaces loopback lo description =<text>
protocols static route <prefix> next-hop <address>
protocols static route <prefix> next-hop <address> distance =<distance>
protocols static route <prefix> blackhole
protocols bgp <asn>
protocols bgp <asn> network <prefix>
protocols bgp <asn> redistribute connected|static|kernel
protocols bgp <asn> maximum-paths ebgp|ibgp =<paths>
protocols bgp <asn> timers keepalive =<seconds>
protocols bgp <asn> timers holdtime =<holdtime>
protocols bgp <asn> parameters router-id =<address>
protocols bgp <asn> parameters always-compare-med|deterministic-med|log-neighbor-changes
protocols bgp <asn> parameters no-fast-external-failover|disable-network-import-check
protocols bgp <asn> parameters bestpath as-path ignore|confed
protocols bgp <asn> parameters bestpath compare-routerid
protocols bgp <asn> parameters bestpath med confed|missing-as-worst
protocols bgp <asn> parameters default local-pref =<preference>
protocols bgp <asn> neighbor <address>
protocols bgp <asn> neighbor <address> remote-as =<asn>
protocols bgp <asn> neighbor <address> description =<text>
protocols bgp <asn> neighbor <address> advertisement-interval =<interval>
protocols bgp <asn> neighbor <address> allowas-in number =<allowed>
protocols bgp <asn> neighbor <address> default-originate|nexthop-self|route-reflector-client|remove-private-as
protocols bgp <asn> neighbor <address> disable-connected-check|passive|shutdown
protocols bgp <asn> neighbor <address> ebgp-multihop =<hops>
protocols bgp <asn> neighbor <address> maximum-prefix =<prefixes>
protocols bgp <asn> neighbor <address> soft-reconfiguration inbound
protocols bgp <asn> neighbor <address> timers connect =<seconds>
protocols bgp <asn> neighbor <address> timers keepalive =<seconds>
protocols bgp <asn> neighbor <address> timers holdtime =<holdtime>
protocols bgp <asn> neighbor <address> update-source =<source>
protocols bgp <asn> neighbor <address> weight =<weight>
"""

_TABLES = {"1.1": _V1_1}

VERSIONS = tuple(_TABLES)
"""The VyOS versions whose configurations are understood."""


@dataclass
class GrammarNode:
    """What may follow the words so far."""

    words: dict[str, GrammarNode] = field(default_factory=dict)
    value: GrammarNode | None = None
    take: Callable[[str], Any] | None = None
    """Turns the word that `value` stands for into its value, or raises ValueError."""
    type_name: str = ""
    replaces: bool = False
    """A later value replaces an earlier one."""
    complete: bool = False
    """A statement may end here."""

    def expected(self) -> Iterator[str]:
        """What may come next, for a message."""
        yield from sorted(self.words)
        if self.value is not None:
            yield f"<{self.type_name}>"


@cache
def grammar(version: str) -> GrammarNode:
    """The statements of a version as a tree. KeyError where the version is not known."""
    root = GrammarNode()
    for statement in _TABLES[version].strip().splitlines():
        for parts in _alternatives(statement.split()):
            node = root
            for part in parts:
                node = _step(node, part)
            node.complete = True
    return root


def _alternatives(parts: list[str]) -> Iterator[list[str]]:
    """The statement once for each word of an `a|b`."""
    index = next((i for i, part in enumerate(parts) if "|" in part), None)
    if index is None:
        yield parts
        return
    for word in parts[index].split("|"):
        yield from _alternatives([*parts[:index], word, *parts[index + 1 :]])


def _step(node: GrammarNode, part: str) -> GrammarNode:
    if not part.endswith(">"):
        return node.words.setdefault(part, GrammarNode())
    name = part.lstrip("=<").rstrip(">")
    if node.value is None:
        node.value, node.take, node.type_name = GrammarNode(), TYPES[name], name
        node.replaces = part.startswith("=")
    return node.value
