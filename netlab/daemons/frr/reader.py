"""What FRR says about BGP and the RIB, from its own JSON (the field names are FRR 8.4's and 10's)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from netlab.model.evidence import BgpEvidence, BgpPath, BgpSession, RibNextHop
from netlab.model.plan import NodePlan
from netlab.model.routing import Conversation, DaemonAnswer, DaemonQuestion, RoutingView, unanswered

_SHUT_DOWN = "Idle (Admin)"
"""The state of a neighbor with `shutdown`."""


def converse(node: NodePlan, destination: str) -> Conversation:
    """Ask FRR's daemons about a destination."""
    answers = yield questions(node, destination)
    return view(node, destination, answers)


def questions(node: NodePlan, destination: str) -> tuple[DaemonQuestion, ...]:
    """What to ask a router about a destination; `view` reads the answers."""
    family = "ipv6" if ":" in destination else "ipv4"
    ip = "ipv6" if ":" in destination else "ip"
    ask_bgp = (
        "show bgp summary json",
        f"show bgp {family} unicast {destination} json",
        "show running-config",
    )
    has_bgp = node.routing is not None and "bgpd" in node.routing.daemons
    return (
        *(DaemonQuestion(node.name, "frr", "bgpd", command) for command in ask_bgp if has_bgp),
        DaemonQuestion(node.name, "frr", "zebra", f"show {ip} route {destination} json"),
        DaemonQuestion(node.name, "frr", "zebra", "show version"),
    )


def view(node: NodePlan, destination: str, answers: tuple[DaemonAnswer, ...]) -> RoutingView:
    """Read the answers to `questions` about a destination."""
    errors = [answer.error for answer in answers if answer.error]
    if errors:
        return unanswered("FRR", errors[0])
    *bgp, route, version = (answer.text for answer in answers)
    try:
        rib, settled = rib_next_hops(route)
        evidence = bgp_evidence(node, destination, *bgp) if bgp else None
        received = tuple(_received(bgp[0])) if bgp else ()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return unanswered("FRR", f"{node.name}: unexpected answer of its daemons: {error!r}")
    return RoutingView("FRR", evidence, rib, settled, frr_version(version), received=received)


def _received(summary: str) -> Iterable[tuple[str, int]]:
    for family in json.loads(summary or "{}").values():
        if isinstance(family, dict):
            for address, peer in family.get("peers", {}).items():
                yield address, peer.get("pfxRcd", 0)


def bgp_evidence(node: NodePlan, destination: str, summary: str, route: str, configuration: str) -> BgpEvidence:
    """BGP's sessions, its paths to the destination and the settings that decide about multipath there."""
    expect_down = {n.name for n in node.routing.neighbors if n.expect_down} if node.routing else set()
    asked = node.routing is not None and node.routing.neighbors_asked
    sessions: dict[str, BgpSession] = {}
    local_asn = 0
    for family in json.loads(summary or "{}").values():
        if not isinstance(family, dict):
            continue
        local_asn = family.get("as", local_asn)
        for address, peer in family.get("peers", {}).items():
            down = peer["state"] == _SHUT_DOWN if asked else address in expect_down
            sessions[address] = BgpSession(address, peer["remoteAs"], peer["state"], down)
    table = json.loads(route or "{}")
    family = _address_family(configuration, "ipv6" if ":" in destination else "ipv4")
    return BgpEvidence(
        local_asn=local_asn,
        maximum_paths=_maximum_paths(family, ""),
        maximum_paths_ibgp=_maximum_paths(family, "ibgp "),
        multipath_relax=bool(re.search(r"^\s*bgp bestpath as-path multipath-relax", configuration, re.MULTILINE)),
        sessions=tuple(sessions[address] for address in sorted(sessions)),
        prefix=table.get("prefix"),
        paths=tuple(_path(path) for path in table.get("paths", ())),
    )


def _address_family(configuration: str, name: str) -> str:
    """What the running configuration says of an address family's unicast routes."""
    found = re.search(
        rf"^ address-family {name} unicast$(.*?)^ exit-address-family$", configuration, re.MULTILINE | re.DOTALL
    )
    return found[1] if found else ""


def _maximum_paths(family: str, kind: str) -> int | None:
    found = re.search(rf"^\s*maximum-paths {kind}(\d+)", family, re.MULTILINE)
    return int(found[1]) if found else None


def _path(path: dict[str, Any]) -> BgpPath:
    # Of IPv6 there are two, global and link-local, and `used` marks the one that the route gets.
    hops = [hop for hop in path.get("nexthops", ()) if "ip" in hop]
    next_hop = next((hop["ip"] for hop in hops if hop.get("used")), hops[0]["ip"] if hops else "")
    other = next((hop["ip"] for hop in hops if hop.get("scope") == "global" and hop["ip"] != next_hop), None)
    peer = path.get("peer", {})
    segments = path.get("aspath", {}).get("segments", ())
    best = bool(path.get("bestpath", {}).get("overall"))
    return BgpPath(
        next_hop=next_hop,
        # An unnumbered neighbor is called by its interface, as in the summary.
        neighbor=peer.get("interface") or peer.get("peerId", ""),
        as_path=tuple(asn for segment in segments for asn in segment["list"]),
        origin=path.get("origin", ""),
        valid=bool(path.get("valid")),
        best=best,
        multipath=bool(path.get("multipath")) or best,
        local_pref=path.get("locPrf"),
        med=path.get("metric", path.get("med")),
        weight=path.get("weight"),
        igp_metric=hops[0].get("metric") if hops else None,
        global_next_hop=other,
    )


def rib_next_hops(text: str) -> tuple[tuple[RibNextHop, ...], bool]:
    """The next hops of the selected route, and whether the route has settled in the kernel."""
    for routes in json.loads(text or "{}").values():
        for route in routes:
            if not route.get("selected"):
                continue
            hops = tuple(
                RibNextHop(
                    address=hop.get("ip", ""),
                    interface=hop.get("interfaceName", ""),
                    active=bool(hop.get("active")),
                    fib=bool(hop.get("fib")),
                )
                for hop in route.get("nexthops", ())
                if not hop.get("duplicate")
            )
            return hops, bool(route.get("installed")) and not route.get("queued")
    return (), True


def frr_version(text: str) -> str:
    """The version that `show version` names: "8.4.4"."""
    found = re.search(r"FRRouting (\d[\w.]*)", text)
    return found[1] if found else "of unknown version"
