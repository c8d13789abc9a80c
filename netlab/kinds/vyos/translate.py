"""VyOS to FRR, with the defaults of the daemons that the version ran said out loud.

VyOS 1.1 runs Quagga: one path from eBGP and one from iBGP where no maximum-paths is set (FRR: its compile-time
limit), no policy needed between autonomous systems (FRR refuses without, RFC 8212), and bgpd is started with -I, so
that a `network` is announced only while the routing table has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netlab.kinds.vyos.config import ConfigNode
from netlab.model.errors import Position
from netlab.model.plan import NeighborPlan
from netlab.topology.problems import Problems

QUAGGA_KEEPALIVE = 60
QUAGGA_HOLD = 180
"""Seconds; Quagga's BGP timers where none are set."""


@dataclass(frozen=True)
class ConfigLine:
    """A line of FRR configuration and the VyOS statement that it comes from; None for a default said out loud."""

    text: str
    source: Position | None = None


@dataclass(frozen=True)
class Translation:
    """An FRR configuration, and what it says of BGP."""

    lines: tuple[ConfigLine, ...]
    asn: int | None
    neighbors: tuple[NeighborPlan, ...]

    @property
    def text(self) -> str:
        """The configuration file."""
        return "".join(f"{line.text}\n" for line in self.lines)


_Lines = Mapping[tuple[str, ...], str]
"""How FRR says a statement: {n} is the neighbor, {v} the value."""

_PARAMETERS: _Lines = {
    ("always-compare-med",): "bgp always-compare-med",
    ("deterministic-med",): "bgp deterministic-med",
    ("log-neighbor-changes",): "bgp log-neighbor-changes",
    ("no-fast-external-failover",): "no bgp fast-external-failover",
    ("bestpath", "as-path", "ignore"): "bgp bestpath as-path ignore",
    ("bestpath", "as-path", "confed"): "bgp bestpath as-path confed",
    ("bestpath", "compare-routerid"): "bgp bestpath compare-routerid",
    ("bestpath", "med", "confed"): "bgp bestpath med confed",
    ("bestpath", "med", "missing-as-worst"): "bgp bestpath med missing-as-worst",
}
_PARAMETER_VALUES: _Lines = {
    ("router-id",): "bgp router-id {v}",
    ("default", "local-pref"): "bgp default local-preference {v}",
}
_SESSION: _Lines = {
    ("disable-connected-check",): "neighbor {n} disable-connected-check",
    ("passive",): "neighbor {n} passive",
    ("shutdown",): "neighbor {n} shutdown",
}
_SESSION_VALUES: _Lines = {
    ("description",): "neighbor {n} description {v}",
    ("advertisement-interval",): "neighbor {n} advertisement-interval {v}",
    ("ebgp-multihop",): "neighbor {n} ebgp-multihop {v}",
    ("timers", "connect"): "neighbor {n} timers connect {v}",
    ("update-source",): "neighbor {n} update-source {v}",
}
_FAMILY: _Lines = {
    ("default-originate",): "neighbor {n} default-originate",
    ("nexthop-self",): "neighbor {n} next-hop-self",
    ("route-reflector-client",): "neighbor {n} route-reflector-client",
    ("remove-private-as",): "neighbor {n} remove-private-AS",
    ("soft-reconfiguration", "inbound"): "neighbor {n} soft-reconfiguration inbound",
}
_FAMILY_VALUES: _Lines = {
    ("allowas-in", "number"): "neighbor {n} allowas-in {v}",
    ("maximum-prefix",): "neighbor {n} maximum-prefix {v}",
    ("weight",): "neighbor {n} weight {v}",
}


def translate(config: ConfigNode, host_name: str) -> Translation:
    """The FRR configuration of a VyOS 1.1 configuration. Raises TopologyError for what VyOS would not commit."""
    problems = Problems()
    name = config.leaf("system", "host-name")
    lines = [
        ConfigLine("frr defaults traditional"),
        ConfigLine(f"hostname {name.value}", name.position) if name else ConfigLine(f"hostname {host_name}"),
        ConfigLine("!"),
        *_descriptions(config),
        *_static_routes(config, problems),
    ]
    systems = list(config.below("protocols", "bgp"))
    for other in systems[1:]:
        message = f"a second autonomous system, {other.value}"
        problems.add(message, other.position, f"VyOS runs one: the first is {systems[0].value}")
    neighbors: tuple[NeighborPlan, ...] = ()
    if systems:
        neighbors = tuple(_neighbor_plans(systems[0], problems))
        lines += _bgp(systems[0])
    problems.raise_any()
    return Translation(tuple(lines), systems[0].value if systems else None, neighbors)


def _descriptions(config: ConfigNode) -> Iterator[ConfigLine]:
    for kind in ("ethernet", "loopback"):
        for interface in config.below("interfaces", kind):
            text = interface.leaf("description")
            if text is not None:
                yield ConfigLine(f"interface {interface.value}", interface.position)
                yield ConfigLine(f" description {text.value}", text.position)
                yield ConfigLine("exit")
                yield ConfigLine("!")


def _static_routes(config: ConfigNode, problems: Problems) -> Iterator[ConfigLine]:
    for route in config.below("protocols", "static", "route"):
        if route.find("blackhole") is not None:
            yield ConfigLine(f"ip route {route.value} blackhole", route.position)
        for hop in route.below("next-hop"):
            distance = hop.leaf("distance")
            suffix = f" {distance.value}" if distance else ""
            yield ConfigLine(f"ip route {route.value} {hop.value}{suffix}", hop.position)
            if route.find("blackhole") is not None:
                problems.add(f"route {route.value} has a next hop and is a blackhole", route.position, "keep one")
    if config.find("protocols", "static") is not None:
        yield ConfigLine("!")


def _neighbor_plans(bgp: ConfigNode, problems: Problems) -> Iterator[NeighborPlan]:
    for neighbor in bgp.below("neighbor"):
        remote = neighbor.leaf("remote-as")
        if remote is None:
            message = f"neighbor {neighbor.value} has no remote-as"
            problems.add(message, neighbor.position, f"set ... neighbor {neighbor.value} remote-as N")
        else:
            yield NeighborPlan(neighbor.value, remote.value, expect_down=neighbor.find("shutdown") is not None)


def _bgp(bgp: ConfigNode) -> Iterator[ConfigLine]:
    yield ConfigLine(f"router bgp {bgp.value}", bgp.position)
    yield ConfigLine(" no bgp ebgp-requires-policy")
    unchecked = bgp.find("parameters", "disable-network-import-check")
    yield (
        ConfigLine(" no bgp network import-check", unchecked.position)
        if unchecked
        else ConfigLine(" bgp network import-check")
    )
    parameters = bgp.find("parameters")
    if parameters is not None:
        yield from _statements(parameters, " ", "", _PARAMETERS, _PARAMETER_VALUES)
    # FRR holds the first updates back for a second, Quagga did not.
    yield ConfigLine(" coalesce-time 0")
    yield from _timers(bgp, " timers bgp")
    for neighbor in bgp.below("neighbor"):
        remote = neighbor.leaf("remote-as")
        if remote is not None:
            yield ConfigLine(f" neighbor {neighbor.value} remote-as {remote.value}", remote.position)
            yield from _statements(neighbor, " ", str(neighbor.value), _SESSION, _SESSION_VALUES)
            yield from _timers(neighbor, f" neighbor {neighbor.value} timers")
    yield ConfigLine(" !")
    yield from _ipv4_family(bgp)
    yield ConfigLine("exit")
    yield ConfigLine("!")


def _ipv4_family(bgp: ConfigNode) -> Iterator[ConfigLine]:
    yield ConfigLine(" address-family ipv4 unicast")
    for network in bgp.below("network"):
        yield ConfigLine(f"  network {network.value}", network.position)
    for protocol in bgp.below("redistribute"):
        yield ConfigLine(f"  redistribute {protocol.value}", protocol.position)
    for neighbor in bgp.below("neighbor"):
        yield from _statements(neighbor, "  ", str(neighbor.value), _FAMILY, _FAMILY_VALUES)
    for command, key in (("maximum-paths", "ebgp"), ("maximum-paths ibgp", "ibgp")):
        paths = bgp.leaf("maximum-paths", key)
        if paths is not None:
            yield ConfigLine(f"  {command} {paths.value}", paths.position)
        else:
            yield ConfigLine(f"  {command} 1")
    yield ConfigLine(" exit-address-family")


def _statements(
    node: ConfigNode,
    indent: str,
    neighbor: str,
    words: _Lines,
    values: _Lines,
) -> Iterator[ConfigLine]:
    for path, line in values.items():
        leaf = node.leaf(*path)
        if leaf is not None:
            yield ConfigLine(indent + line.format(n=neighbor, v=leaf.value), leaf.position)
    for path, line in words.items():
        word = node.find(*path)
        if word is not None:
            yield ConfigLine(indent + line.format(n=neighbor), word.position)


def _timers(node: ConfigNode, command: str) -> Iterator[ConfigLine]:
    """FRR takes both timers in one line; the one that is not set has Quagga's default."""
    keepalive, hold = node.leaf("timers", "keepalive"), node.leaf("timers", "holdtime")
    first = keepalive or hold
    if first is not None:
        values = (keepalive.value if keepalive else QUAGGA_KEEPALIVE, hold.value if hold else QUAGGA_HOLD)
        yield ConfigLine(f"{command} {values[0]} {values[1]}", first.position)
