"""What netlab must know of a user's own FRR configuration: interface addresses and BGP neighbors.

The rest is FRR's business: `vtysh -b` loads the file and deploy shows every line that a daemon refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface

from netlab.kinds.base import GivenAddress, SourceText
from netlab.model.errors import Position, Problem, TopologyError
from netlab.model.plan import NeighborPlan

_SECTION = re.compile(r"(interface|router|vrf|address-family|route-map|key|line|bfd|segment-routing)\b")
_NUMBER = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True)
class StartupConfig:
    """A user's FRR configuration and what it says of addresses and BGP."""

    file: str
    text: str = field(repr=False)
    addresses: tuple[GivenAddress, ...]
    asn: int | None
    neighbors: tuple[NeighborPlan, ...]


@dataclass
class _Neighbor:
    remote: str | None = None
    group: str | None = None
    shutdown: bool = False


@dataclass
class _Reader:
    source: SourceText
    interface: str | None = None
    in_bgp: bool = False
    asn: int | None = None
    addresses: list[GivenAddress] = field(default_factory=list)
    neighbors: dict[str, _Neighbor] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, number: int, words: list[str], column: int) -> None:
        where = Position(self.source.file, number, column)
        if _SECTION.match(words[0]) and words[0] != "address-family":
            self.interface = words[1] if words[0] == "interface" and len(words) == 2 else None
            self.in_bgp = words[:2] == ["router", "bgp"] and len(words) == 3
            if self.in_bgp:
                self.asn = _asn(words[2]) or self.asn
        elif self.interface and words[0] in ("ip", "ipv6") and words[1:2] == ["address"] and len(words) >= 3:
            self._address(words[2], where)
        elif self.in_bgp and words[0] == "neighbor" and len(words) >= 3:
            self._neighbor(self.neighbors.setdefault(words[1], _Neighbor()), words[2:])

    def _address(self, word: str, where: Position) -> None:
        try:
            address = ip_interface(word.replace("%", "%%"))  # no zone: it may be any text
        except ValueError:
            self.problems.append(Problem(f'"{word}" is not an address', where, "write it as 10.0.0.1/24"))
            return
        self.addresses.append(GivenAddress(self.interface, address, where))

    def _neighbor(self, neighbor: _Neighbor, words: list[str]) -> None:
        if words[0] == "remote-as" and len(words) > 1:
            neighbor.remote = words[1]
        elif words[0] == "peer-group" and len(words) > 1:
            neighbor.group = words[1]
        elif words[0] == "shutdown":
            neighbor.shutdown = True

    def result(self) -> StartupConfig:
        plans = []
        for name, neighbor in self.neighbors.items():
            group = self.neighbors.get(neighbor.group or "", _Neighbor())
            remote = neighbor.remote or group.remote
            try:
                address = ip_address(name)
            except ValueError:
                continue  # a peer group or an interface
            if remote is None:
                continue
            asn = self.asn if remote == "internal" else _asn(remote)
            plans.append(NeighborPlan(address, asn, expect_down=neighbor.shutdown or group.shutdown))
        return StartupConfig(self.source.file, self.source.text, tuple(self.addresses), self.asn, tuple(plans))


def _asn(word: str) -> int | None:
    """An AS number; what is none is for FRR to refuse."""
    return int(word) if _NUMBER.fullmatch(word) else None


def parse_startup(source: SourceText) -> StartupConfig:
    """Read a configuration of FRR's integrated form (frr.conf). Raises TopologyError."""
    reader = _Reader(source)
    for number, line in enumerate(source.text.splitlines(), 1):
        words = line.split()
        if words and words[0][0] not in "!#":
            reader.line(number, words, len(line) - len(line.lstrip()) + 1)
    if reader.problems:
        raise TopologyError(*reader.problems)
    return reader.result()
