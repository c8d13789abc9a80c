"""Interfaces, static routes and BFD."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.kinds.vyos.lines import ConfigLine, Row, write
from netlab.kinds.vyos.tree import ConfigNode
from netlab.topology.problems import Problems

_INTERFACE = (
    Row("description", "description {v}"),
    Row("disable", "shutdown"),
)
_DISTANCE = {"distance": "{v}"}
_ROUTE = (
    Row("blackhole", "{c} route {p} blackhole", {"tag": "tag {v}"} | _DISTANCE),
    Row("reject", "{c} route {p} reject", _DISTANCE),
    Row("next-hop", "{c} route {p} {each}", {"interface": "{v}", "next-hop-interface": "{v}"} | _DISTANCE),
    Row("interface", "{c} route {p} {each}", _DISTANCE),
    Row("next-hop-interface", "{c} route {p} {each}", _DISTANCE),
)
_ROUTES = (("route", "ip"), ("interface-route", "ip"), ("route6", "ipv6"), ("interface-route6", "ipv6"))
_SESSION = (
    Row("profile", "profile {v}"),
    Row("interval multiplier", "detect-multiplier {v}"),
    Row("interval receive", "receive-interval {v}"),
    Row("interval transmit", "transmit-interval {v}"),
    Row("interval echo-interval", "echo receive-interval {v}"),
    Row("interval echo-interval", "echo transmit-interval {v}"),
    Row("echo-mode", "echo-mode"),
    Row("minimum-ttl", "minimum-ttl {v}"),
    Row("passive", "passive-mode"),
    Row("shutdown", "shutdown"),
)
_PEER_OPTIONS = {
    "multihop": "multihop",
    "source address": "local-address {v}",
    "source interface": "interface {v}",
}


def interfaces(config: ConfigNode) -> Iterator[ConfigLine]:
    """Descriptions and interfaces that are down. The addresses are netlab's to set."""
    for kind in ("ethernet", "loopback"):
        for interface in config.below("interfaces", kind):
            lines = list(write(interface, _INTERFACE, " "))
            if lines:
                yield ConfigLine(f"interface {interface.value}", (interface.position,))
                yield from lines
                yield ConfigLine("exit")
                yield ConfigLine("!")


def static_routes(config: ConfigNode, problems: Problems) -> Iterator[ConfigLine]:
    """Static routes. A next hop that is disabled is no route, as in VyOS, and stays as a comment."""
    yield from write(config, (Row("system gateway-address", "ip route 0.0.0.0/0 {v}"),))
    for kind, command in _ROUTES:
        for route in config.below("protocols", "static", kind):
            disabled = {hop.position: off for hop in route.everything() if (off := hop.find("disable")) is not None}
            for line in write(route, _ROUTE, c=command, p=route.value):
                off = disabled.get(line.sources[0])
                if off is not None:
                    yield ConfigLine(f"! disabled: {line.text}", (route.position, *line.sources, off.position))
                else:
                    yield ConfigLine(line.text, (route.position, *line.sources))
            _check_route(route, problems)
    if config.find("protocols", "static") or config.find("system", "gateway-address"):
        yield ConfigLine("!")


def _check_route(route: ConfigNode, problems: Problems) -> None:
    ways = [word for word in ("blackhole", "reject") if route.find(word) is not None]
    ways += [word for word in ("next-hop", "interface") if any(route.below(word))]
    if ways[:1] in (["blackhole"], ["reject"]) and len(ways) > 1:
        names = {"next-hop": "has a next hop", "interface": "has an interface", "reject": "is rejected"}
        first = {"blackhole": "is a blackhole", "reject": "is rejected"}[ways[0]]
        problems.add(f"route {route.value} {names[ways[1]]} and {first}", route.position, "keep one")


def bfd(config: ConfigNode, problems: Problems) -> Iterator[ConfigLine]:
    """`protocols bfd`."""
    section = config.find("protocols", "bfd")
    if section is None:
        return
    yield ConfigLine("bfd", (section.position,))
    for profile in section.below("profile"):
        yield ConfigLine(f" profile {profile.value}", (profile.position,))
        yield from write(profile, _SESSION, "  ")
        yield ConfigLine(" exit")
    if section.find("peer") is not None:
        for line in write(section, (Row("peer", "peer {each}", _PEER_OPTIONS),), " "):
            peer = next(node for node in section.below("peer") if node.position == line.sources[0])
            _check_peer(peer, problems)
            yield line
            yield from write(peer, _SESSION, "  ")
            yield ConfigLine(" exit")
    yield ConfigLine("exit")
    yield ConfigLine("!")


def _check_peer(peer: ConfigNode, problems: Problems) -> None:
    """What FRR wants of a session (bfd.rst), said before a daemon refuses it."""
    address = peer.leaf("source", "address")
    interface = peer.leaf("source", "interface")
    if address is not None and address.value.version != peer.value.version:
        problems.add(f"{address.value} and {peer.value} are of two families", address.position, "use one")
    ttl = peer.leaf("minimum-ttl")
    if ttl is not None and peer.find("multihop") is None:
        problems.add("minimum-ttl without multihop", ttl.position, "set ... multihop")
    if peer.find("multihop") is not None:
        if address is None:
            problems.add("multihop without a source address", peer.position, "set ... source address A")
        echo = peer.find("echo-mode")
        for other, word in ((interface, "an interface"), (echo, "echo-mode")):
            if other is not None:
                problems.add(f"multihop with {word}", other.position, "remove one")
    if peer.value.version == 6 and address is None:
        problems.add("a BFD peer with an IPv6 address has a source address", peer.position, "set ... source address A")
