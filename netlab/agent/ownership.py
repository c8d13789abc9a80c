"""Whose an interface is, in a machine that somebody else has made: netlab's own bear its mark, as their alias.

A node of a kind cluster, or an existing container, may have interfaces and routes of its user's under any name. Only
what bears the lab's mark is ever changed or removed there (IFLA_IFALIAS, linux/if_link.h; `ip link` shows it).
"""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from dataclasses import dataclass

from netlab.agent.messages import NodeWiring, WireRequest
from netlab.agent.namespaces import Namespaces
from netlab.kernel.netlink import KernelRefusal, Message, NetlinkSocket, attribute, attributes
from netlab.model.errors import LabError
from netlab.model.plan import RoutePlan

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK, _RTM_GETROUTE = 16, 17, 18, 26
_IFLA_IFNAME, _IFLA_IFALIAS = 3, 20
_RTA_DST, _RTA_OIF, _RTA_PRIORITY, _RTA_TABLE = 1, 4, 6, 15
_INTERFACE = struct.Struct("=BxHiII")  # struct ifinfomsg
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg
_MAIN = 254
_METRIC = {socket.AF_INET: 0, socket.AF_INET6: 1024}
"""What a route has that names none."""


@dataclass(frozen=True)
class Seen:
    """An interface of a machine. `alias` is empty where it has none."""

    index: int
    name: str
    alias: str


def seen(netlink: NetlinkSocket) -> tuple[Seen, ...]:
    """The interfaces of the socket's network namespace."""
    found = []
    for body in netlink.ask(_RTM_GETLINK, _INTERFACE.pack(0, 0, 0, 0, 0), dump=True):
        _, _, index, _, _ = _INTERFACE.unpack_from(body)
        known = attributes(body[_INTERFACE.size :])
        found.append(Seen(index, _text(known.get(_IFLA_IFNAME, b"")), _text(known.get(_IFLA_IFALIAS, b""))))
    return tuple(found)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def marking(node: str, name: str, index: int, mark: str) -> Message:
    """The message that marks an interface."""
    body = _INTERFACE.pack(0, 0, index, 0, 0) + attribute(_IFLA_IFALIAS, mark.encode())
    return Message(_RTM_NEWLINK, 0, body, f"{node}: mark {name}")


def refuse_taken(request: WireRequest, namespaces: Namespaces) -> None:
    """LabError where a machine that somebody else has made has an interface or a route of theirs in the place of one of
    the lab's. Changes nothing."""
    for node in request.nodes:
        if node.others:
            with namespaces.inside(node.name), closing(NetlinkSocket()) as netlink:
                there = seen(netlink)
                _refuse_interfaces(node, there, request.mark)
                _refuse_routes(node, there, request.mark, netlink)


def _refuse_interfaces(node: NodeWiring, there: tuple[Seen, ...], mark: str) -> None:
    wanted = {*node.bridges, *(interface.name for interface in node.interfaces)} - {"lo"}
    for each in there:
        if each.name in wanted and each.alias != mark:
            raise LabError(
                f"{node.name}: it has an interface {each.name} already, which this lab did not make: choose another "
                f"name in the topology, in `endpoints` of the link (NODE:INTERFACE)"
            )


def _refuse_routes(node: NodeWiring, there: tuple[Seen, ...], mark: str, netlink: NetlinkSocket) -> None:
    own = {each.index for each in there if each.alias == mark}
    for route in node.routes:
        family = socket.AF_INET6 if route.to.version == 6 else socket.AF_INET
        body = _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
        if any(_takes_place(found, route, own) for found in netlink.ask(_RTM_GETROUTE, body, dump=True)):
            raise LabError(
                f"{node.name}: it has a route to {route.to} already, which this lab did not make: leave the lab's out "
                "in the topology, by the node's `routes`, or a cluster's `worker-routes`"
            )


def _takes_place(body: bytes, route: RoutePlan, own: set[int]) -> bool:
    """Whether a route of the kernel's is where the plan's would go, and leads out of no interface of the lab's."""
    family, length, _, tos, table, *_ = _ROUTE.unpack_from(body)
    found = attributes(body[_ROUTE.size :])
    if _number(found, _RTA_TABLE, table) != _MAIN or tos or length != route.to.prefixlen:
        return False
    if _number(found, _RTA_PRIORITY, 0) != _METRIC[family]:
        return False
    network = route.to.network_address.packed
    return found.get(_RTA_DST, bytes(len(network))) == network and _number(found, _RTA_OIF, 0) not in own


def _number(found: dict[int, bytes], kind: int, otherwise: int) -> int:
    return int(struct.unpack("=I", found[kind])[0]) if kind in found else otherwise


def remove_marked(request: WireRequest, namespaces: Namespaces) -> None:
    """Remove the lab's interfaces from machines that somebody else has made, and nothing else."""
    for node in request.nodes:
        if node.others:
            with namespaces.inside(node.name), closing(NetlinkSocket()) as netlink:
                for each in seen(netlink):
                    if each.alias == request.mark:
                        remove(netlink, node.name, each)


def remove(netlink: NetlinkSocket, node: str, interface: Seen) -> None:
    """Remove an interface, and with it the other end of a veth pair. One that is gone meanwhile is no error."""
    body = _INTERFACE.pack(0, 0, interface.index, 0, 0)
    try:
        netlink.batch([Message(_RTM_DELLINK, 0, body, f"{node}: remove {interface.name}")])
    except KernelRefusal:
        pass
