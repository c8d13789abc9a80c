"""Links, addresses, routes and sysctls of a whole lab, in as few messages as the kernel takes.

Both ends of a veth pair are born inside their machines in one message (IFLA_NET_NS_FD on each side), so nothing
ever exists in another namespace. Interface indexes are chosen here, so none has to be asked for.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from netlab.agent import encoding, ownership
from netlab.agent.encoding import VethEnd
from netlab.agent.messages import NodeWiring, WireAnswer, WireRequest
from netlab.agent.namespaces import Namespaces
from netlab.agent.pyroute2 import ifinfmsg
from netlab.kernel.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    KernelRefusal,
    Message,
    NetlinkSocket,
    body_of,
)
from netlab.model.errors import HostError, LabError
from netlab.model.plan import Interface, InterfacePlan, LinkEnd, RoutePlan, SysctlPlan

_RTM_NEWLINK = 16
_RTM_NEWADDR = 20
_RTM_NEWROUTE = 24
# New namespaces may hold fallback tunnel devices (tunl0, sit0) with small indexes.
_FIRST_INDEX = 100
_LO_INDEX = 1
"""LOOPBACK_IFINDEX (net/flow.h)."""
_MTU = 1500
_DUMMY_TYPES = ("dummy", "ifb")
"""What an interface without a link may be. An ifb, too, is up as soon as it is raised, has no peer and drops what it
is given to send (drivers/net/ifb.c), and is in kernels that are built without dummy."""
_PROC_SYS = "/proc/sys"
_SYSCTL_FOLDERS = 3
"""As deep as net/ipv4/conf, below which everything is one namespace's alone."""
_IPV6_SYSCTLS = Path("/proc/sys/net/ipv6")


def wire(request: WireRequest, namespaces: Namespaces, *, again: bool = False) -> WireAnswer:
    """Wire every machine of the request. LabError says which machine and what the kernel refused.

    `again`: the machines may have their bridges, addresses and routes already; the links are new.
    """
    _check_ipv6(request)
    ownership.refuse_taken(request, namespaces)
    missing: list[tuple[str, str]] = []
    stand_ins: list[tuple[str, str]] = []
    sockets: dict[str, NetlinkSocket] = {}
    there: dict[str, dict[str, int]] = {}
    for node in request.nodes:
        with namespaces.inside(node.name):
            there[node.name] = {name: index for index, name in socket.if_nameindex()}
            # Before any interface exists, so that interfaces are born with the machine's defaults.
            missing += _set_sysctls(node, [s for s in node.sysctls if not s.of_interface])
            sockets[node.name] = NetlinkSocket()
    indexes = _indexes(request, there)
    try:
        _make_links(request, namespaces, indexes)
        for node in request.nodes:
            stand_ins += _make_dummies(node, sockets[node.name], indexes[node.name], again=again)
            if node.others:
                sockets[node.name].batch(_marks(node, indexes[node.name], request.mark))
            _configure(node, sockets[node.name], indexes[node.name], again=again)
            with namespaces.inside(node.name):
                missing += _set_sysctls(node, [s for s in node.sysctls if s.of_interface])
    except KernelRefusal as refusal:
        raise LabError(str(refusal)) from None
    finally:
        for netlink in sockets.values():
            netlink.close()
    return WireAnswer(tuple(missing), len(request.links), tuple(stand_ins))


def _check_ipv6(request: WireRequest) -> None:
    """HostError where the lab has IPv6 addresses and the kernel no IPv6."""
    if _IPV6_SYSCTLS.exists():
        return
    for node in request.nodes:
        for interface in node.interfaces:
            for address in interface.addresses:
                if address.version == 6:
                    raise HostError(
                        f"{node.name}:{interface.name} has the address {address}, and this kernel has no IPv6: boot it "
                        "without ipv6.disable=1, or take IPv6 out of the topology"
                    )


def _set_sysctls(node: NodeWiring, sysctls: list[SysctlPlan]) -> list[tuple[str, str]]:
    missing = []
    folders: dict[str, int] = {}
    try:
        for sysctl in sysctls:
            try:
                _write(sysctl, folders)
            except FileNotFoundError:
                if sysctl.required:
                    raise HostError(f"{node.name}: this kernel has no sysctl {sysctl.key}") from None
                missing.append((node.name, sysctl.key))
            except OSError as error:
                raise LabError(f"{node.name}: sysctl {sysctl.key}={sysctl.value}: {error.strerror}") from None
    finally:
        for folder in folders.values():
            os.close(folder)
    return missing


def _write(sysctl: SysctlPlan, folders: dict[str, int]) -> None:
    """Write a sysctl of the network namespace that this process is in.

    `folders` holds descriptors of net/ipv4, net/ipv4/conf and the like, opened once for a namespace: the kernel looks
    for these among those of all namespaces (proc_sys_compare), and finds what is in them at once.
    """
    parts = sysctl.key.split(".")
    depth = min(_SYSCTL_FOLDERS, len(parts) - 1)
    folder = "/".join(parts[:depth])
    if folder not in folders:
        folders[folder] = os.open(f"{_PROC_SYS}/{folder}", os.O_PATH)
    descriptor = os.open("/".join(parts[depth:]), os.O_WRONLY, dir_fd=folders[folder])
    try:
        os.write(descriptor, sysctl.value.encode("ascii"))
    finally:
        os.close(descriptor)


def _indexes(request: WireRequest, there: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Interface indexes by machine and name: bridges first, then the rest in the plan's order. `lo` is the kernel's.

    An interface that is there has its own, and a new one none that another has: a container that somebody else made may
    have interfaces of any index.
    """
    indexes: dict[str, dict[str, int]] = {}
    for node in request.nodes:
        taken = there[node.name]
        free = (index for index in count(_FIRST_INDEX) if index not in taken.values())
        names = dict.fromkeys((*node.bridges, *(interface.name for interface in node.interfaces)))
        indexes[node.name] = {name: taken.get(name) or next(free) for name in names} | {"lo": _LO_INDEX}
    return indexes


def _make_links(request: WireRequest, namespaces: Namespaces, indexes: dict[str, dict[str, int]]) -> None:
    netlink = NetlinkSocket()
    messages = []
    macs = {(node.name, interface.name): interface.mac for node in request.nodes for interface in node.interfaces}
    for link in request.links:
        near, far = (_veth_end(end, link.mtu, macs, namespaces, indexes) for end in (link.a, link.b))
        purpose = f"link {link.a.node}:{link.a.interface} - {link.b.node}:{link.b.interface}"
        messages.append(Message(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, encoding.veth(near, far), purpose))
    try:
        netlink.batch(messages)
    finally:
        netlink.close()


def _veth_end(
    end: LinkEnd,
    mtu: int | None,
    macs: Mapping[tuple[str, str], str | None],
    namespaces: Namespaces,
    indexes: dict[str, dict[str, int]],
) -> VethEnd:
    index, mac = indexes[end.node][end.interface], macs.get((end.node, end.interface))
    return VethEnd(index, end.interface, namespaces.handle(end.node), mtu or _MTU, mac)


def _make_dummies(
    node: NodeWiring, netlink: NetlinkSocket, indexes: dict[str, int], *, again: bool
) -> Iterator[tuple[str, str]]:
    """Make the interfaces that lead nowhere, and say which of them are not of the kernel's dummy type."""
    for interface in node.interfaces:
        if interface.dummy and _make_dummy(node, interface, netlink, indexes, again=again) != _DUMMY_TYPES[0]:
            yield node.name, interface.name


def _make_dummy(
    node: NodeWiring, interface: InterfacePlan, netlink: NetlinkSocket, indexes: dict[str, int], *, again: bool
) -> str:
    """Its type. One that is there already, where that may be, stays as it is."""
    for kind in _DUMMY_TYPES:
        try:
            netlink.batch([_new_dummy(node.name, interface, kind, indexes[interface.name])])
        except KernelRefusal as refusal:
            if again and refusal.number == errno.EEXIST:
                return _DUMMY_TYPES[0]
            if refusal.number != errno.EOPNOTSUPP:
                raise
        else:
            return kind
    raise HostError(f"{node.name}: this kernel has no dummy interfaces", "load its module: modprobe dummy")


def _new_dummy(node: str, interface: InterfacePlan, kind: str, index: int) -> Message:
    message = ifinfmsg()
    message["index"] = index
    attributes: list[tuple[str, object]] = [("IFLA_IFNAME", interface.name), ("IFLA_MTU", interface.mtu or _MTU)]
    if interface.mac is not None:
        attributes.append(("IFLA_ADDRESS", interface.mac))
    message["attrs"] = [*attributes, ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", kind)]})]
    return Message(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body_of(message), f"{node}: {kind} {interface.name}")


def _marks(node: NodeWiring, indexes: dict[str, int], mark: str) -> list[Message]:
    """What says that its interfaces are the lab's. (The kernel takes no alias when it makes one: do_setlink.)"""
    names = (interface.name for interface in node.interfaces if interface.name != "lo")
    return [ownership.marking(node.name, name, indexes[name], mark) for name in names]


def _configure(node: NodeWiring, netlink: NetlinkSocket, indexes: dict[str, int], *, again: bool) -> None:
    messages = [_link_up(node.name, "lo", _LO_INDEX)]
    # RTM_NEWLINK without NLM_F_EXCL leaves a bridge that is there as it is.
    exclusive = 0 if again else NLM_F_EXCL
    messages += [_new_bridge(node.name, bridge, indexes[bridge], exclusive) for bridge in node.bridges]
    for interface in node.interfaces:
        messages.append(_interface_up(node.name, interface, indexes))
        flags = NLM_F_CREATE | (NLM_F_REPLACE if again else NLM_F_EXCL)
        messages += [_address(node.name, interface.name, indexes, address, flags) for address in interface.addresses]
    messages += [_link_up(node.name, bridge, indexes[bridge]) for bridge in node.bridges]
    messages += [_route(node.name, route, indexes) for route in node.routes]
    netlink.batch(messages)


def _link_up(node: str, name: str, index: int) -> Message:
    return Message(_RTM_NEWLINK, 0, encoding.interface_up(index), f"{node}: raise {name}")


def _new_bridge(node: str, name: str, index: int, exclusive: int) -> Message:
    message = ifinfmsg()
    message["index"] = index
    message["attrs"] = [("IFLA_IFNAME", name), ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "bridge")]})]
    return Message(_RTM_NEWLINK, NLM_F_CREATE | exclusive, body_of(message), f"{node}: bridge {name}")


def _interface_up(node: str, interface: InterfacePlan, indexes: dict[str, int]) -> Message:
    master = indexes[interface.master] if interface.master else None
    body = encoding.interface_up(indexes[interface.name], master)
    return Message(_RTM_NEWLINK, 0, body, f"{node}: raise {interface.name}")


def _address(node: str, interface: str, indexes: dict[str, int], address: Interface, flags: int) -> Message:
    body = encoding.address(indexes[interface], address)
    return Message(_RTM_NEWADDR, flags, body, f"{node}: {interface} address {address}")


def _route(node: str, route: RoutePlan, indexes: dict[str, int]) -> Message:
    body = encoding.route(route, indexes[route.interface] if route.interface else None)
    out_of = " ".join(str(part) for part in (f"via {route.via}" if route.via else "", route.interface or "") if part)
    return Message(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body, f"{node}: route {route.to} {out_of}")
