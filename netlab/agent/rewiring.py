"""Putting back what machines lost when they were started again: their links, and with them addresses, ports and routes.

A veth pair ends with the network namespace of either end, so the machine at the other end has lost its interface too.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from netlab.agent import ownership, wiring
from netlab.agent.messages import WireAnswer, WireRequest
from netlab.agent.namespaces import Namespaces
from netlab.agent.ownership import Seen, remove, seen
from netlab.kernel.netlink import NetlinkSocket
from netlab.model.plan import LinkEnd, LinkPlan


def rewire(request: WireRequest, namespaces: Namespaces) -> WireAnswer:
    """Make the links that are not whole, and configure the machines at their ends. Does nothing to a whole lab.

    LabError says which machine and what the kernel refused, or that somebody else has such an interface there.
    """
    ownership.refuse_taken(request, namespaces)
    there = {node.name: _interfaces(node.name, namespaces) for node in request.nodes}
    broken = tuple(link for link in request.links if not _is_whole(link, there))
    touched = {end.node for link in broken for end in (link.a, link.b)}
    touched |= {node.name for node in request.nodes if not there[node.name].keys() >= set(node.bridges)}
    nodes = tuple(node for node in request.nodes if node.name in touched)
    for link in broken:
        for end in (link.a, link.b):
            _remove(end, there, namespaces)
    answer = wiring.wire(replace(request, nodes=nodes, links=broken), namespaces, again=True)
    return replace(answer, links=len(broken))


def _interfaces(node: str, namespaces: Namespaces) -> dict[str, Seen]:
    with namespaces.inside(node), closing(NetlinkSocket()) as netlink:
        return {each.name: each for each in seen(netlink)}


def _is_whole(link: LinkPlan, there: dict[str, dict[str, Seen]]) -> bool:
    return all(end.interface in there[end.node] for end in (link.a, link.b))


def _remove(end: LinkEnd, there: dict[str, dict[str, Seen]], namespaces: Namespaces) -> None:
    """The end that is left of a link: the kernel takes its time with it when the other end's namespace goes."""
    left = there[end.node].pop(end.interface, None)
    if left is not None:
        with namespaces.inside(end.node), closing(NetlinkSocket()) as netlink:
            remove(netlink, end.node, left)
