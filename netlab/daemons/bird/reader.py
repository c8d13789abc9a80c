"""What BIRD 2 says about BGP and the RIB, over its control socket.

Its answers are text for people: lines that start with a code of four digits (doc/reply_codes in BIRD's source), or
with a space where the code is the line's before. What the kernel gets is asked for as well as what BGP knows: BIRD
marks no path as multipath, it merges equal ones on their way out to its kernel protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from netlab.model.evidence import BgpEvidence, BgpPath, BgpSession, RibNextHop
from netlab.model.plan import NodePlan
from netlab.model.routing import Conversation, DaemonAnswer, DaemonQuestion, RoutingView, unanswered

_PROTOCOL, _PROTOCOL_DETAIL, _ROUTE = "1002", "1006", "1007"
_REPLY = re.compile(r"(\d{4})[ -](.*)")
_DETAIL = re.compile(r"\s*(BGP state|Neighbor address|Neighbor AS|Local AS|Table|Routes):\s+(\S+)")
_CHANNEL = re.compile(r"\s*Channel (\S+)")
_PATH = re.compile(r"(\S*)\s+(unicast|unreachable|blackhole|prohibit) \[(\S+) [^]]*\]\s*(\*)?\s*\(\d+(?:/(\d+))?")
_NEXT_HOP = re.compile(r"\t(?:via (\S+) on|dev) (\S+)")
_ATTRIBUTE = re.compile(r"\t(Type|BGP\.\w+): (.*)")
_NAME = re.compile(r"[\w.:-]+")
# RFC 4271, section 8.2.2, has no such states: a protocol that is off, one that is ending, one that waits to be called.
_STATES = {"Down": "Idle", "Close": "Idle", "Passive": "Active"}


@dataclass
class _Protocol:
    """A row of `show protocols all`, with its first channel."""

    name: str
    kind: str
    state: str
    details: dict[str, str] = field(default_factory=dict)
    channels: list[str] = field(default_factory=list)
    imported: int = 0


@dataclass
class _Route:
    """A path to a prefix."""

    prefix: str
    kind: str
    protocol: str
    best: bool
    igp_metric: int | None = None
    next_hops: list[RibNextHop] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


def converse(node: NodePlan, destination: str) -> Conversation:
    """Ask BIRD about a destination: its protocols first, since they name the tables and what goes to the kernel."""
    status, listed = yield _questions(node, "show status", "show protocols all")
    try:
        if status.error or listed.error:
            return unanswered("BIRD", status.error or listed.error or "")
        protocols = _protocols(listed.text)
        kernels = _kernels(protocols, "ipv6" if ":" in destination else "ipv4")
        if kernels:
            commands = [command for kernel in kernels for command in _route_commands(kernel, destination)]
        else:
            commands = [f"show route for {destination} all"]
        answers = yield _questions(node, *commands)
        error = next((answer.error for answer in answers if answer.error), None)
        if error:
            return unanswered("BIRD", error)
        known, exported = _chosen_table(answers)
        return _view(node, _version(status.text), protocols, known, exported)
    except (ValueError, KeyError, IndexError) as error:
        return unanswered("BIRD", f"{node.name}: unexpected answer of BIRD: {error!r}")


def _questions(node: NodePlan, *commands: str) -> tuple[DaemonQuestion, ...]:
    return tuple(DaemonQuestion(node.name, "bird", "bird", command) for command in commands)


def _kernels(protocols: list[_Protocol], family: str) -> list[_Protocol]:
    """The kernel protocols of that family whose names can be said back to BIRD."""
    return [
        protocol
        for protocol in protocols
        if protocol.kind == "Kernel"
        and protocol.channels == [family]
        and _NAME.fullmatch(protocol.name)
        and _NAME.fullmatch(protocol.details.get("Table", ""))
    ]


def _route_commands(kernel: _Protocol, destination: str) -> tuple[str, str]:
    table = f"show route table '{kernel.details['Table']}'"
    return f"{table} for {destination} all", f"{table} export '{kernel.name}' for {destination} all"


def _chosen_table(answers: tuple[DaemonAnswer, ...]) -> tuple[list[_Route], list[_Route]]:
    """The paths in the table of the first kernel protocol that gets a route, and what it gets. One table is usual."""
    tables = [list(_routes(answer.text)) for answer in answers]
    if len(tables) == 1:
        return tables[0], []
    pairs = list(zip(tables[::2], tables[1::2], strict=True))
    return next((pair for pair in pairs if pair[1]), pairs[0])


def _view(
    node: NodePlan, version: str, protocols: list[_Protocol], known: list[_Route], exported: list[_Route]
) -> RoutingView:
    peers = [p for p in protocols if p.kind == "BGP" and "Neighbor address" in p.details]
    rib = exported[0].next_hops if exported else _there_already(known)
    return RoutingView(
        daemon="BIRD",
        bgp=_bgp(node, peers, known, {hop.address for hop in rib}) if peers else None,
        rib=tuple(rib),
        rib_settled=True,  # it says nothing of that: the RIB and the kernel's FIB are compared anyway
        version=version,
        received=tuple((_address(peer), peer.imported) for peer in peers),
        whole_rib=False,
    )


def _there_already(known: list[_Route]) -> list[RibNextHop]:
    """The next hops of a best route that BIRD gives nobody: connected, or learned from the kernel."""
    best = next((route for route in known if route.best), None)
    return best.next_hops if best and best.attributes.get("Type", "").startswith(("device", "inherit")) else []


def _bgp(node: NodePlan, peers: list[_Protocol], known: list[_Route], forwarding: set[str]) -> BgpEvidence:
    addresses = {peer.name: _address(peer) for peer in peers}
    paths = [route for route in known if route.attributes.get("Type", "").startswith("BGP")]
    return BgpEvidence(
        daemon="bird",
        local_asn=int(peers[0].details["Local AS"]),
        maximum_paths=None,
        maximum_paths_ibgp=None,
        multipath_relax=True,  # it merges paths whose AS paths are equally long, whatever is in them
        sessions=tuple(sorted((_session(node, peer) for peer in peers), key=lambda session: session.neighbor)),
        prefix=paths[0].prefix if paths else None,
        paths=tuple(_path(route, addresses.get(route.protocol, ""), forwarding) for route in paths),
    )


def _session(node: NodePlan, peer: _Protocol) -> BgpSession:
    address = _address(peer)
    planned = node.routing.neighbors if node.routing else ()
    expect_down = any(neighbor.name == address and neighbor.expect_down for neighbor in planned)
    if node.routing and node.routing.neighbors_asked:
        expect_down = peer.state == "down"  # `disabled` in the user's own configuration
    state = peer.details.get("BGP state", "Down")
    return BgpSession(address, int(peer.details.get("Neighbor AS", 0)), _STATES.get(state, state), expect_down)


def _address(peer: _Protocol) -> str:
    return peer.details["Neighbor address"].partition("%")[0]


def _path(route: _Route, neighbor: str, forwarding: set[str]) -> BgpPath:
    gateways = {hop.address for hop in route.next_hops}
    next_hop, *_ = route.attributes.get("BGP.next_hop", "").split() or [""]
    valid = route.kind == "unicast" and bool(gateways)
    local_pref, med = route.attributes.get("BGP.local_pref"), route.attributes.get("BGP.med")
    return BgpPath(
        next_hop=next_hop,
        neighbor=neighbor,
        as_path=tuple(int(asn) for asn in re.findall(r"\d+", route.attributes.get("BGP.as_path", ""))),
        origin=route.attributes.get("BGP.origin", ""),
        valid=valid,
        best=route.best,
        multipath=route.best or (valid and gateways <= forwarding),
        local_pref=int(local_pref) if local_pref else None,
        med=int(med) if med else None,
        igp_metric=route.igp_metric,
    )


def _replies(text: str) -> Iterator[tuple[str, str]]:
    """(code, line) of an answer; a line that starts with a space has the code of the line before."""
    code = ""
    for line in text.splitlines():
        found = _REPLY.fullmatch(line)
        if found:
            code = found[1]
            yield code, found[2]
        elif line.startswith(" "):
            yield code, line[1:]


def _protocols(text: str) -> list[_Protocol]:
    protocols: list[_Protocol] = []
    for code, line in _replies(text):
        if code == _PROTOCOL:
            name, kind, _, state, *_ = line.split()
            protocols.append(_Protocol(name, kind, state))
        elif code == _PROTOCOL_DETAIL:
            channel, detail = _CHANNEL.fullmatch(line), _DETAIL.match(line)
            if channel:
                protocols[-1].channels.append(channel[1])
            elif detail and detail[1] == "Routes":
                protocols[-1].imported += int(detail[2])
            elif detail:
                protocols[-1].details.setdefault(detail[1], detail[2])
    return protocols


def _routes(text: str) -> Iterator[_Route]:
    """The paths of `show route ... all`; only a prefix's first line names it. Each path's header is code 1007."""
    route, prefix = None, ""
    for code, line in _replies(text):
        header = _PATH.match(line) if code == _ROUTE else None
        if header:
            if route:
                yield route
            prefix = header[1] or prefix
            route = _Route(prefix, header[2], header[3], header[4] == "*", int(header[5]) if header[5] else None)
        elif route:
            hop, attribute = _NEXT_HOP.match(line), _ATTRIBUTE.fullmatch(line)
            if hop:
                route.next_hops.append(RibNextHop(hop[1] or "", hop[2], active=True, fib=True))
            elif attribute:
                route.attributes[attribute[1]] = attribute[2]
    if route:
        yield route


def _version(text: str) -> str:
    found = re.search(r"BIRD (\d[\w.]*)", text)
    return found[1] if found else "of unknown version"
