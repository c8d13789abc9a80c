"""What neither VyOS nor FRR takes of BGP neighbors, said with its place before a daemon refuses it."""

from __future__ import annotations

from netlab.kinds.vyos.bgp import Bgp
from netlab.kinds.vyos.tree import ConfigNode
from netlab.topology.problems import Problems

_FAMILIES = ("ipv4-unicast", "ipv6-unicast")
_EXTERNAL_ONLY = ("as-override", "remove-private-as")


def check_peers(bgp: Bgp, problems: Problems) -> None:
    """Contradictions of neighbors, peer groups and ranges of addresses."""
    for peer in bgp.peers:
        _check_remote_as(bgp, peer, problems)
        _check_policy(bgp, peer, problems)
        for one, other in (("ebgp-multihop", "ttl-security"), ("strict-capability-match", "override-capability")):
            first = peer.find(one)
            if first is not None and peer.find(other) is not None:
                problems.add(f"{one} and {other}", first.position, "keep one")
    for listen in bgp.node.below("listen", "range"):
        for named in listen.below("peer-group"):
            group = bgp.node.find("peer-group", named.value)
            if group is not None and group.leaf("remote-as") is None:
                message = f"peer group {named.value} has no remote-as, and who is in {listen.value} has none either"
                problems.add(message, named.position, f"set ... peer-group {named.value} remote-as N")


def _remote_as(bgp: Bgp, peer: ConfigNode) -> ConfigNode | None:
    group = bgp.group_of(peer)
    return peer.leaf("remote-as") or (group.leaf("remote-as") if group else None)


def _is_internal(bgp: Bgp, peer: ConfigNode) -> bool:
    remote = _remote_as(bgp, peer)
    return remote is not None and remote.value in ("internal", bgp.asn.value)


def _check_remote_as(bgp: Bgp, peer: ConfigNode, problems: Problems) -> None:
    own, group, local = peer.leaf("remote-as"), bgp.group_of(peer), peer.leaf("local-as")
    if own is not None and group is not None and group.leaf("remote-as") is not None:
        message = f"neighbor {peer.value} and its peer group {group.value} both have a remote-as"
        problems.add(message, own.position, "keep one")
    if local is not None and local.value == bgp.asn.value:
        problems.add(f"local-as {local.value} is the router's own AS", local.position, "remove it")
    elif local is not None and _is_internal(bgp, peer):
        problems.add(f"{peer.value} is in the router's own AS", local.position, "remove local-as")


def _check_policy(bgp: Bgp, peer: ConfigNode, problems: Problems) -> None:
    internal = _is_internal(bgp, peer)
    for family in _FAMILIES:
        settings = bgp.policy_of(peer, family)
        if settings is None:
            continue
        client = settings.find("route-reflector-client")
        if client is not None and not internal:
            message = f"{peer.value} is no neighbor in the router's own AS"
            problems.add(message, client.position, "only such neighbors can be route-reflector-client")
        for word in _EXTERNAL_ONLY:
            found = settings.find(word)
            if found is not None and internal:
                problems.add(f"{peer.value} is in the router's own AS", found.position, f"remove {word}")
