"""`policy`: prefix lists, AS-path lists, community lists and route maps."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.kinds.vyos.lines import ConfigLine, Row, write
from netlab.kinds.vyos.tree import ConfigNode
from netlab.kinds.vyos.types import Reference, community
from netlab.topology.problems import Problems

_PREFIX_LISTS = (("prefix-list", "ip"), ("prefix-list6", "ipv6"))
_STANDARD = range(1, 100)
_EXPANDED = range(100, 501)
"""Community lists by number: of communities, and of regular expressions over them (FRR, Quagga)."""

_RULE = (
    Row("description", "description {v}"),
    Row("call", "call {v}"),
    Row("match as-path", "match as-path {v}"),
    Row("match community community-list", "match community {v}"),
    Row("match interface", "match interface {v}"),
    Row("match ip address prefix-list", "match ip address prefix-list {v}"),
    Row("match ip nexthop prefix-list", "match ip next-hop prefix-list {v}"),
    Row("match ip nexthop address", "match ip next-hop address {v}"),
    Row("match ip route-source prefix-list", "match ip route-source prefix-list {v}"),
    Row("match ipv6 address prefix-list", "match ipv6 address prefix-list {v}"),
    Row("match ipv6 nexthop prefix-list", "match ipv6 next-hop prefix-list {v}"),
    Row("match ipv6 nexthop address", "match ipv6 next-hop address {v}"),
    Row("match local-preference", "match local-preference {v}"),
    Row("match metric", "match metric {v}"),
    Row("match origin", "match origin {v}"),
    Row("match peer", "match peer {v}"),
    Row("match tag", "match tag {v}"),
    Row("continue", "on-match goto {v}"),
    Row("on-match next", "on-match next"),
    Row("on-match goto", "on-match goto {v}"),
    Row("set as-path-exclude", "set as-path exclude {v}"),
    Row("set as-path exclude", "set as-path exclude {v}"),
    Row("set as-path-prepend", "set as-path prepend {v}"),
    Row("set as-path prepend", "set as-path prepend {v}"),
    Row("set as-path prepend-last-as", "set as-path prepend last-as {v}"),
    Row("set atomic-aggregate", "set atomic-aggregate"),
    Row("set comm-list comm-list", "set comm-list {v} delete"),
    Row("set community delete", "set comm-list {v} delete"),
    Row("set distance", "set distance {v}"),
    Row("set ip-next-hop", "set ip next-hop {v}"),
    Row("set ipv6-next-hop global", "set ipv6 next-hop global {v}"),
    Row("set ipv6-next-hop local", "set ipv6 next-hop local {v}"),
    Row("set ipv6-next-hop peer-address", "set ipv6 next-hop peer-address"),
    Row("set ipv6-next-hop prefer-global", "set ipv6 next-hop prefer-global"),
    Row("set local-preference", "set local-preference {v}"),
    Row("set metric", "set metric {v}"),
    Row("set origin", "set origin {v}"),
    Row("set originator-id", "set originator-id {v}"),
    Row("set tag", "set tag {v}"),
    Row("set weight", "set weight {v}"),
)


def policy(config: ConfigNode, version: str, problems: Problems) -> Iterator[ConfigLine]:
    """The lists and the route maps. They come before BGP: FRR applies a route map that a neighbor waits for late."""
    for kind, family in _PREFIX_LISTS:
        for named in config.below("policy", kind):
            yield from write(
                named, (Row("description", "{f} prefix-list {n} description {v}"),), f=family, n=named.value
            )
            for rule, action in _rules(named, problems):
                yield from _prefix_rule(named, rule, action, family, problems)
    for named in config.below("policy", "as-path-list"):
        for rule, action in _rules(named, problems):
            yield from _regex_rule(rule, action, f"bgp as-path access-list {named.value}", problems)
    for named in config.below("policy", "community-list"):
        command = _community_list(named, problems)
        for rule, action in _rules(named, problems):
            yield from _regex_rule(rule, action, command, problems)
    if config.find("policy") is not None:
        yield ConfigLine("!")
    for named in config.below("policy", "route-map"):
        for rule, action in _rules(named, problems):
            yield ConfigLine(f"route-map {named.value} {action.value} {rule.value}", (rule.position, action.position))
            yield from _route_map_rule(named, rule, version, problems)
            yield ConfigLine("exit")
            yield ConfigLine("!")


def _rules(named: ConfigNode, problems: Problems) -> Iterator[tuple[ConfigNode, ConfigNode]]:
    """The rules in the order of their numbers, with their actions."""
    for rule in sorted(named.below("rule"), key=lambda rule: int(rule.value)):
        action = rule.leaf("action")
        if action is None:
            problems.add(f"rule {rule.value} of {named.value} has no action", rule.position, "permit or deny")
        else:
            yield rule, action


def _prefix_rule(
    named: ConfigNode, rule: ConfigNode, action: ConfigNode, family: str, problems: Problems
) -> Iterator[ConfigLine]:
    prefix = rule.leaf("prefix")
    if prefix is None:
        problems.add(f"rule {rule.value} of {named.value} has no prefix", rule.position, "set ... prefix P")
        return
    text = f"{family} prefix-list {named.value} seq {rule.value} {action.value} {prefix.value}"
    sources = [rule.position, action.position, prefix.position]
    shortest = prefix.value.prefixlen
    for bound in ("ge", "le"):
        length = rule.leaf(bound)
        if length is not None:
            if length.value < shortest:
                message = f"{bound} {length.value} is shorter than {prefix.value} or than ge"
                problems.add(message, length.position, "prefix length <= ge <= le")
            shortest = max(shortest, length.value)
            text += f" {bound} {length.value}"
            sources.append(length.position)
    yield ConfigLine(text, tuple(sources))


def _regex_rule(rule: ConfigNode, action: ConfigNode, command: str, problems: Problems) -> Iterator[ConfigLine]:
    regex = rule.leaf("regex")
    if regex is None:
        problems.add(f"rule {rule.value} has no regex", rule.position, "set ... regex R")
        return
    text = f"{command} seq {rule.value} {action.value} {regex.value}"
    yield ConfigLine(text, (rule.position, action.position, regex.position))


def _community_list(named: ConfigNode, problems: Problems) -> str:
    """How FRR names the list; a list of communities takes no regular expressions."""
    if not named.value.isdecimal():
        return f"bgp community-list expanded {named.value}"
    if int(named.value) in _STANDARD:
        for rule in named.below("rule"):
            regex = rule.leaf("regex")
            if regex is not None and not _is_communities(regex.value):
                message = f'"{regex.value}" is not a list of communities such as 65000:100'
                problems.add(message, regex.position, "lists 100 to 500 take regular expressions")
    elif int(named.value) not in _EXPANDED:
        problems.add(f"community list {named.value}", named.position, "lists by number are 1 to 500")
    return f"bgp community-list {named.value}"


def _is_communities(text: str) -> bool:
    try:
        return [community(word) for word in text.split()] == text.split()
    except ValueError:
        return False


def _route_map_rule(named: ConfigNode, rule: ConfigNode, version: str, problems: Problems) -> Iterator[ConfigLine]:
    for line in write(rule, _RULE, " "):
        exact = rule.find("match", "community", "exact-match")
        if exact is not None and line.text.startswith(" match community "):
            line = ConfigLine(f"{line.text} exact-match", (*line.sources, exact.position))  # noqa: PLW2901
        elif line.text.startswith(" set comm-list ") and version <= "1.3":
            delete = rule.find("set", "comm-list", "delete")
            if delete is None:
                problems.add("comm-list without delete", line.sources[0], "set ... comm-list delete")
            else:
                line = ConfigLine(line.text, (*line.sources, delete.position))  # noqa: PLW2901
        yield line
    _check_rule(named, rule, problems)
    yield from _communities(rule, version, problems)


def _check_rule(named: ConfigNode, rule: ConfigNode, problems: Problems) -> None:
    """What contradicts itself. FRR drops a whole route map for it, and says no line."""
    last = rule.leaf("set", "as-path", "prepend-last-as")
    if last is not None and rule.find("set", "as-path", "prepend") is not None:
        problems.add("as-path prepend and prepend-last-as", last.position, "keep one")
    call = rule.leaf("call")
    if call is not None and call.value == named.value:
        problems.add(f"route map {named.value} calls itself", call.position, "call another")
    ways = [rule.leaf("continue"), rule.leaf("on-match", "goto"), rule.find("on-match", "next")]
    given = [way for way in ways if way is not None]
    action = rule.leaf("action")
    for way in given if action is not None and action.value == "deny" else ():
        problems.add(f"rule {rule.value} denies and goes on", way.position, "only a rule that permits goes on")
    for way in given[1:]:
        problems.add(f"rule {rule.value} goes on in two ways", way.position, "keep one of continue, goto and next")
    for goto in ways[:2]:
        if goto is not None and goto.value <= rule.value:
            problems.add(f"rule {rule.value} goes back to {goto.value}", goto.position, "name a later rule")


def _communities(rule: ConfigNode, version: str, problems: Problems) -> Iterator[ConfigLine]:
    if version <= "1.3":
        yield from write(rule, (Row("set community", "set community {v}"),), " ")
        return
    given = [word for word in ("replace", "add", "none") if rule.find("set", "community", word) is not None]
    for word in given[1:]:
        found = rule.find("set", "community", word)
        assert found is not None
        problems.add(f"community {given[0]} and {word}", found.position, "keep one")
    for word, suffix in (("replace", ""), ("add", " additive")):
        values = list(rule.below("set", "community", word))
        if values:
            text = " ".join(value.value for value in values)
            yield ConfigLine(f" set community {text}{suffix}", tuple(value.position for value in values))
    yield from write(rule, (Row("set community none", "set community none"),), " ")


def check_references(config: ConfigNode, bgp: ConfigNode | None, problems: Problems) -> None:
    """Every name that stands for something else must be defined, as VyOS's commit wants it."""
    for node in config.everything():
        if not isinstance(node.value, Reference):
            continue
        kind = node.value.kind
        if kind == "peer-group":
            defined = bgp.find("peer-group", node.value) if bgp else None
        elif kind == "bfd-profile":
            defined = config.find("protocols", "bfd", "profile", node.value)
        else:
            defined = config.find("policy", kind, node.value)
        if defined is None:
            known = _known(config, bgp, kind)
            hint = f"there is {', '.join(known)}" if known else f"the configuration has no {kind}"
            problems.add(f"there is no {kind} {node.value}", node.position, hint)


def _known(config: ConfigNode, bgp: ConfigNode | None, kind: str) -> list[str]:
    if kind == "peer-group":
        nodes = bgp.below("peer-group") if bgp else iter(())
    elif kind == "bfd-profile":
        nodes = config.below("protocols", "bfd", "profile")
    else:
        nodes = config.below("policy", kind)
    return sorted(str(node.value) for node in nodes)[:16]
