"""Putting back what machines lost when they were started again: their links, and with them addresses, ports and routes.

A veth pair ends with the network namespace of either end, so the machine at the other end has lost its interface too.
"""

from __future__ import annotations

import socket
from dataclasses import replace

from netlab.agent import wiring
from netlab.agent.messages import WireAnswer, WireRequest
from netlab.agent.namespaces import Namespaces
from netlab.agent.netlink import KernelRefusal, NetlinkSocket
from netlab.model.errors import LabError
from netlab.model.plan import LinkEnd, LinkPlan


def rewire(request: WireRequest, namespaces: Namespaces) -> WireAnswer:
    """Make the links that are not whole, and configure the machines at their ends. Does nothing to a whole lab.

    LabError says which machine and what the kernel refused.
    """
    there = {node.name: _interfaces(node.name, namespaces) for node in request.nodes}
    broken = tuple(link for link in request.links if not _is_whole(link, there))
    touched = {end.node for link in broken for end in (link.a, link.b)}
    touched |= {node.name for node in request.nodes if not there[node.name].keys() >= set(node.bridges)}
    nodes = tuple(node for node in request.nodes if node.name in touched)
    try:
        for link in broken:
            for end in (link.a, link.b):
                _remove(end, there, namespaces)
        answer = wiring.wire(WireRequest(nodes, broken), namespaces, again=True)
    except KernelRefusal as refusal:
        raise LabError(str(refusal)) from None
    return replace(answer, links=len(broken))


def _interfaces(node: str, namespaces: Namespaces) -> dict[str, int]:
    with namespaces.inside(node):
        return {name: index for index, name in socket.if_nameindex()}


def _is_whole(link: LinkPlan, there: dict[str, dict[str, int]]) -> bool:
    return all(end.interface in there[end.node] for end in (link.a, link.b))


def _remove(end: LinkEnd, there: dict[str, dict[str, int]], namespaces: Namespaces) -> None:
    """The end that is left of a link: the kernel takes its time with it when the other end's namespace goes."""
    index = there[end.node].pop(end.interface, None)
    if index is None:
        return
    with namespaces.inside(end.node):
        if end.interface not in {name for _, name in socket.if_nameindex()}:
            return
        netlink = NetlinkSocket()
        try:
            netlink.batch([wiring.removal(end, index)])
        except KernelRefusal:
            pass  # gone meanwhile
        finally:
            netlink.close()
