"""`protocols bgp`, with the defaults of the daemon that the version ran said out loud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netlab.kinds.vyos.lines import ConfigLine, Row, write
from netlab.kinds.vyos.tree import ConfigNode
from netlab.model.plan import NeighborPlan
from netlab.topology.problems import Problems

KEEPALIVE = 60
HOLD = 180
"""Seconds; BGP's timers where none are set, in Quagga and in FRR's traditional defaults."""

_FAMILIES = (("ipv4-unicast", "ipv4"), ("ipv6-unicast", "ipv6"))

_PARAMETERS = (
    Row("router-id", "bgp router-id {v}"),
    Row("cluster-id", "bgp cluster-id {v}"),
    Row("always-compare-med", "bgp always-compare-med"),
    Row("deterministic-med", "bgp deterministic-med"),
    Row("log-neighbor-changes", "bgp log-neighbor-changes"),
    Row("no-fast-external-failover", "no bgp fast-external-failover"),
    Row("no-client-to-client-reflection", "no bgp client-to-client reflection"),
    Row("default local-pref", "bgp default local-preference {v}"),
    Row("bestpath as-path ignore", "bgp bestpath as-path ignore"),
    Row("bestpath as-path confed", "bgp bestpath as-path confed"),
    Row("bestpath as-path multipath-relax", "bgp bestpath as-path multipath-relax"),
    Row("bestpath compare-routerid", "bgp bestpath compare-routerid"),
    Row("bestpath med confed", "bgp bestpath med confed"),
    Row("bestpath med missing-as-worst", "bgp bestpath med missing-as-worst"),
    Row("bestpath bandwidth", "bgp bestpath bandwidth {v}"),
    Row("bestpath peer-type multipath-relax", "bgp bestpath peer-type multipath-relax"),
    Row("graceful-restart", "bgp graceful-restart"),
    Row("graceful-restart stalepath-time", "bgp graceful-restart stalepath-time {v}"),
    Row("graceful-shutdown", "bgp graceful-shutdown"),
    Row("minimum-holdtime", "bgp minimum-holdtime {v}"),
)
_SESSION = (
    Row("local-as", "neighbor {n} local-as {v}", {"no-prepend": "no-prepend", "no-prepend replace-as": "replace-as"}),
    Row("description", "neighbor {n} description {v}"),
    Row("advertisement-interval", "neighbor {n} advertisement-interval {v}"),
    Row("bfd", "neighbor {n} bfd"),
    Row("bfd check-control-plane-failure", "neighbor {n} bfd check-control-plane-failure"),
    Row("bfd profile", "neighbor {n} bfd profile {v}"),
    Row("capability dynamic", "neighbor {n} capability dynamic"),
    Row("capability extended-nexthop", "neighbor {n} capability extended-nexthop"),
    Row("disable-capability-negotiation", "neighbor {n} dont-capability-negotiate"),
    Row("disable-connected-check", "neighbor {n} disable-connected-check"),
    Row("ebgp-multihop", "neighbor {n} ebgp-multihop {v}"),
    Row("enforce-first-as", "neighbor {n} enforce-first-as"),
    Row("override-capability", "neighbor {n} override-capability"),
    Row("passive", "neighbor {n} passive"),
    Row("password", "neighbor {n} password {v}"),
    Row("port", "neighbor {n} port {v}"),
    Row("shutdown", "neighbor {n} shutdown"),
    Row("solo", "neighbor {n} solo"),
    Row("strict-capability-match", "neighbor {n} strict-capability-match"),
    Row("timers connect", "neighbor {n} timers connect {v}"),
    Row("ttl-security hops", "neighbor {n} ttl-security hops {v}"),
    Row("update-source", "neighbor {n} update-source {v}"),
)
_ROUTES = (
    Row("network", "network {each}", {"route-map": "route-map {v}", "backdoor": "backdoor"}),
    Row("aggregate-address", "aggregate-address {each}", {"as-set": "as-set", "summary-only": "summary-only"}),
    Row("redistribute", "redistribute {each}", {"metric": "metric {v}", "route-map": "route-map {v}"}),
)
_ATTRIBUTES = {"as-path": "as-path", "med": "med", "next-hop": "next-hop"}
_FAMILY = (
    Row("addpath-tx-all", "neighbor {n} addpath-tx-all-paths"),
    Row("allowas-in", "neighbor {n} allowas-in", {"number": "{v}"}),
    Row("as-override", "neighbor {n} as-override"),
    Row("attribute-unchanged", "neighbor {n} attribute-unchanged", _ATTRIBUTES),
    Row("default-originate", "neighbor {n} default-originate", {"route-map": "route-map {v}"}),
    Row("disable-send-community extended", "no neighbor {n} send-community extended"),
    Row("disable-send-community standard", "no neighbor {n} send-community standard"),
    Row("filter-list export", "neighbor {n} filter-list {v} out"),
    Row("filter-list import", "neighbor {n} filter-list {v} in"),
    Row("maximum-prefix", "neighbor {n} maximum-prefix {v}"),
    Row("maximum-prefix-out", "neighbor {n} maximum-prefix-out {v}"),
    Row("nexthop-self", "neighbor {n} next-hop-self", {"force": "force"}),
    Row("prefix-list export", "neighbor {n} prefix-list {v} out"),
    Row("prefix-list import", "neighbor {n} prefix-list {v} in"),
    Row("remove-private-as", "neighbor {n} remove-private-AS", {"all": "all"}),
    Row("route-map export", "neighbor {n} route-map {v} out"),
    Row("route-map import", "neighbor {n} route-map {v} in"),
    Row("route-reflector-client", "neighbor {n} route-reflector-client"),
    Row("route-server-client", "neighbor {n} route-server-client"),
    Row("soft-reconfiguration inbound", "neighbor {n} soft-reconfiguration inbound"),
    Row("weight", "neighbor {n} weight {v}"),
)


@dataclass(frozen=True)
class Bgp:
    """`protocols bgp` of a configuration, wherever its version puts things."""

    node: ConfigNode
    asn: ConfigNode
    version: str

    @property
    def peers(self) -> tuple[ConfigNode, ...]:
        """Peer groups, then neighbors."""
        return (*self.node.below("peer-group"), *self.node.below("neighbor"))

    def group_of(self, neighbor: ConfigNode) -> ConfigNode | None:
        """The neighbor's peer group."""
        named = neighbor.leaf("peer-group") or neighbor.leaf("address-family", "ipv6-unicast", "peer-group")
        return self.node.find("peer-group", named.value) if named else None

    def routes(self, family: str) -> ConfigNode | None:
        """Where a family's networks stand."""
        old = self.version == "1.1" and family == "ipv4-unicast"
        return self.node if old else self.node.find("address-family", family)

    def policy_of(self, peer: ConfigNode, family: str) -> ConfigNode | None:
        """Where a neighbor's or peer group's settings of a family stand."""
        old = self.version == "1.1" and family == "ipv4-unicast"
        return peer if old else peer.find("address-family", family)

    @property
    def implicit_ipv4(self) -> bool:
        """Whether a neighbor exchanges IPv4 routes without being told to."""
        return self.version <= "1.3" and self.node.find("parameters", "default", "no-ipv4-unicast") is None

    def silent(self, neighbor: ConfigNode) -> bool:
        """Whether a neighbor has no address family, so that the session never starts."""
        group = self.group_of(neighbor)
        named = [peer.find("address-family", name) for peer in (neighbor, group) if peer for name, _ in _FAMILIES]
        return not self.implicit_ipv4 and not any(named)


def find_bgp(config: ConfigNode, version: str, problems: Problems) -> Bgp | None:
    """The configuration's BGP, or None."""
    found = config.find("protocols", "bgp")
    if found is None:
        return None
    if version >= "1.4":
        asn = found.leaf("system-as")
        if asn is None:
            problems.add("protocols bgp has no system-as", found.position, "set protocols bgp system-as N")
            return None
        return Bgp(found, asn, version)
    systems = list(found.children.values())
    for other in systems[1:]:
        message = f"a second autonomous system, {other.value}"
        problems.add(message, other.position, f"VyOS runs one: the first is {systems[0].value}")
    return Bgp(systems[0], systems[0], version)


def neighbor_plans(bgp: Bgp, problems: Problems) -> Iterator[NeighborPlan]:
    """What deploy waits for."""
    for neighbor in bgp.node.below("neighbor"):
        group = bgp.group_of(neighbor)
        remote = neighbor.leaf("remote-as") or (group.leaf("remote-as") if group else None)
        if remote is None:
            message = f"neighbor {neighbor.value} has no remote-as"
            problems.add(message, neighbor.position, f"set ... neighbor {neighbor.value} remote-as N")
            continue
        down = any(peer.find("shutdown") is not None for peer in (neighbor, group) if peer)
        known = {"internal": bgp.asn.value, "external": None}.get(remote.value, remote.value)
        yield NeighborPlan(neighbor.value, known, expect_down=down or bgp.silent(neighbor))


def bgp_lines(bgp: Bgp) -> Iterator[ConfigLine]:
    """`router bgp`."""
    node = bgp.node
    yield ConfigLine(f"router bgp {bgp.asn.value}", (bgp.asn.position,))
    yield from _defaults(bgp)
    yield from write(node.find("parameters"), _PARAMETERS, " ")
    yield ConfigLine(" coalesce-time 0", reason="netlab's own: FRR holds the first updates back for a second")
    yield from _timers(node, " timers bgp")
    for group in node.below("peer-group"):
        yield ConfigLine(f" neighbor {group.value} peer-group", (group.position,))
        yield from _session(bgp, group)
    for neighbor in node.below("neighbor"):
        yield from _session(bgp, neighbor)
    yield from write(node, (Row("listen limit", "bgp listen limit {v}"),), " ")
    for listen in node.below("listen", "range"):
        for group in listen.below("peer-group"):
            text = f" bgp listen range {listen.value} peer-group {group.value}"
            yield ConfigLine(text, (listen.position, group.position))
    yield ConfigLine(" !")
    for name, family in _FAMILIES:
        yield from _family(bgp, name, family)
    yield ConfigLine("exit")
    yield ConfigLine("!")


def _defaults(bgp: Bgp) -> Iterator[ConfigLine]:
    """What the version's bgpd did unasked and FRR does not, or the reverse."""
    parameters = bgp.node.find("parameters")
    required = parameters.find("ebgp-requires-policy") if parameters else None
    unchecked = parameters.find("disable-network-import-check") if parameters else None
    checked = parameters.find("network-import-check") if parameters else None
    no_ipv4 = parameters.find("default", "no-ipv4-unicast") if parameters else None
    who = f"default of VyOS {bgp.version}: "
    if required is not None:
        yield ConfigLine(" bgp ebgp-requires-policy", (required.position,))
    else:
        yield ConfigLine(" no bgp ebgp-requires-policy", reason=f"{who}no policy is needed between autonomous systems")
    if bgp.version >= "1.4":
        reason = f"{who}a neighbor's address families are named"
        yield ConfigLine(" no bgp default ipv4-unicast", reason=reason)
    elif no_ipv4 is not None:
        yield ConfigLine(" no bgp default ipv4-unicast", (no_ipv4.position,))
    if bgp.version == "1.1" and unchecked is None:
        reason = f"{who}a network is announced while the routing table has it (bgpd -I)"
        yield ConfigLine(" bgp network import-check", reason=reason)
    elif checked is not None:
        yield ConfigLine(" bgp network import-check", (checked.position,))
    elif unchecked is not None:
        yield ConfigLine(" no bgp network import-check", (unchecked.position,))
    else:
        reason = f"{who}a network is announced whether the routing table has it or not"
        yield ConfigLine(" no bgp network import-check", reason=reason)


def _session(bgp: Bgp, peer: ConfigNode) -> Iterator[ConfigLine]:
    """A neighbor or a peer group. FRR wants the AS before the peer group (vtysh takes them in this order)."""
    yield from write(peer, (Row("remote-as", "neighbor {n} remote-as {v}"),), " ", n=peer.value)
    named = peer.leaf("peer-group") or peer.leaf("address-family", "ipv6-unicast", "peer-group")
    if named is not None:
        yield ConfigLine(f" neighbor {peer.value} peer-group {named.value}", (peer.position, named.position))
    yield from write(peer, _SESSION, " ", n=peer.value)
    yield from _timers(peer, f" neighbor {peer.value} timers")
    first_as = bgp.node.find("parameters", "enforce-first-as")
    if first_as is not None:
        yield ConfigLine(f" neighbor {peer.value} enforce-first-as", (first_as.position,))


def _family(bgp: Bgp, name: str, family: str) -> Iterator[ConfigLine]:
    named = [peer for peer in bgp.peers if bgp.policy_of(peer, name) is not None]
    section = bgp.node.find("address-family", name)
    if name == "ipv6-unicast" and section is None and not named:
        return
    yield ConfigLine(f" address-family {family} unicast", (section.position,) if section else ())
    yield from write(bgp.routes(name), _ROUTES, "  ")
    for peer in named:
        settings = bgp.policy_of(peer, name)
        assert settings is not None
        if settings is not peer:
            yield ConfigLine(f"  neighbor {peer.value} activate", (settings.position,))
        yield from write(settings, _FAMILY, "  ", n=peer.value)
    yield from _maximum_paths(bgp, name)
    yield ConfigLine(" exit-address-family")


def _maximum_paths(bgp: Bgp, name: str) -> Iterator[ConfigLine]:
    if bgp.version >= "1.3":
        holder = bgp.node.find("address-family", name)
    else:
        holder = bgp.node if name == "ipv4-unicast" else None
    for command, key, kind in (("maximum-paths", "ebgp", "eBGP"), ("maximum-paths ibgp", "ibgp", "iBGP")):
        paths = holder.leaf("maximum-paths", key) if holder else None
        if paths is not None:
            yield ConfigLine(f"  {command} {paths.value}", (paths.position,))
        elif bgp.version == "1.1":
            yield ConfigLine(f"  {command} 1", reason=f"default of VyOS 1.1 (Quagga): one path from {kind}")


def _timers(node: ConfigNode, command: str) -> Iterator[ConfigLine]:
    """FRR takes both timers in one line; the one that is not set has its default."""
    keepalive, hold = node.leaf("timers", "keepalive"), node.leaf("timers", "holdtime")
    sources = tuple(timer.position for timer in (keepalive, hold) if timer is not None)
    if sources:
        values = (keepalive.value if keepalive else KEEPALIVE, hold.value if hold else HOLD)
        yield ConfigLine(f"{command} {values[0]} {values[1]}", sources)
