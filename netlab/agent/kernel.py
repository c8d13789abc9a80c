"""What a machine's kernel says about forwarding: routes, next-hop groups, ARP and ND entries, hash settings."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from netlab.agent.multipath_hash import HashedFlow, forwarded
from netlab.kernel.netlink import KernelRefusal, NetlinkSocket, attribute, attributes
from netlab.model.evidence import ArpEntry, FibNextHop, FibRoute, HashSettings

_RTM_GETROUTE = 26
_RTM_GETNEIGH = 30
_RTM_GETNEXTHOP = 106
_RTM_F_FIB_MATCH = 0x2000
_RTA_DST, _RTA_SRC, _RTA_IIF, _RTA_OIF, _RTA_GATEWAY, _RTA_MULTIPATH = 1, 2, 3, 4, 5, 9
_RTA_VIA, _RTA_IP_PROTO, _RTA_SPORT, _RTA_DPORT, _RTA_NH_ID, _RTA_FLOWLABEL = 18, 27, 28, 29, 30, 31
_NHA_ID, _NHA_GROUP_TYPE = 1, 3
_NDA_DST, _NDA_LLADDR = 1, 2
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg
_NEXT_HOP = struct.Struct("=HBBi")  # struct rtnexthop
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # struct ndmsg
_NUD = {
    1: "INCOMPLETE",
    2: "REACHABLE",
    4: "STALE",
    8: "DELAY",
    16: "PROBE",
    32: "FAILED",
    64: "NOARP",
    128: "PERMANENT",
}
# linux/rtnetlink.h and /etc/iproute2/rt_protos: who put a route into the kernel.
_PROTOCOLS = {2: "kernel", 3: "boot", 4: "static", 11: "zebra", 12: "bird", 186: "bgp", 188: "ospf", 196: "static"}
_SYSCTLS = Path("/proc/sys/net")
_GROUP_TYPES = {0: "mpath", 1: "resilient"}


def route_to(destination: str, netlink: NetlinkSocket) -> FibRoute | None:
    """The route that the kernel's FIB has for `destination`, with all its next hops; None where there is none."""
    try:
        data = netlink.ask(_RTM_GETROUTE, _look_up(destination, flags=_RTM_F_FIB_MATCH))[0]
    except KernelRefusal:
        return None
    family, prefix_length, *_, protocol, _, kind, _ = _ROUTE.unpack_from(data)
    found = attributes(data[_ROUTE.size :])
    if kind != 1:  # unreachable, blackhole, local: not a route that forwards
        return None
    group = struct.unpack("=I", found[_RTA_NH_ID])[0] if _RTA_NH_ID in found else None
    network = found.get(_RTA_DST, bytes(4 if family == socket.AF_INET else 16))
    return FibRoute(
        prefix=f"{ip_address(network)}/{prefix_length}",
        protocol=_PROTOCOLS.get(protocol, str(protocol)),
        next_hops=tuple(_next_hops(found)),
        group=group,
        group_type=_group_type(group, netlink) if group is not None else None,
    )


def _next_hops(found: dict[int, bytes]) -> Iterable[FibNextHop]:
    if _RTA_MULTIPATH not in found:
        yield _next_hop(found, struct.unpack("=i", found[_RTA_OIF])[0] if _RTA_OIF in found else 0, 1)
        return
    data = found[_RTA_MULTIPATH]
    while data:
        length, _, hops, index = _NEXT_HOP.unpack_from(data)
        # rtnh_hops is the weight less one (linux/rtnetlink.h).
        yield _next_hop(attributes(data[_NEXT_HOP.size : length]), index, hops + 1)
        data = data[(length + 3) & ~3 :]


def _next_hop(found: dict[int, bytes], index: int, weight: int) -> FibNextHop:
    return FibNextHop(_gateway(found) or "", _interface(index), weight)


def _gateway(found: dict[int, bytes]) -> str | None:
    """The next hop's address; an IPv4 route may have one of IPv6 (RFC 8950), behind its family in struct rtvia."""
    if _RTA_GATEWAY in found:
        return str(ip_address(found[_RTA_GATEWAY]))
    return str(ip_address(found[_RTA_VIA][2:])) if _RTA_VIA in found else None


def _interface(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return str(index)


def _group_type(group: int, netlink: NetlinkSocket) -> str | None:
    """The type of a next-hop group; None for a single next hop (Documentation/networking/nexthop-group-resilient)."""
    body = struct.pack("=BBBBI", 0, 0, 0, 0, 0) + attribute(_NHA_ID, struct.pack("=I", group))
    try:
        found = attributes(netlink.ask(_RTM_GETNEXTHOP, body)[0][8:])
    except KernelRefusal:
        return None
    value = found.get(_NHA_GROUP_TYPE)
    return _GROUP_TYPES.get(struct.unpack("=H", value[:2])[0]) if value else None


def arp_entries(netlink: NetlinkSocket) -> tuple[ArpEntry, ...]:
    """The neighbour table, without multicast and loopback entries."""
    table = []
    for data in netlink.ask(_RTM_GETNEIGH, _NEIGHBOUR.pack(0, 0, 0, 0, 0), dump=True):
        family, index, state, _, _ = _NEIGHBOUR.unpack_from(data)
        found = attributes(data[_NEIGHBOUR.size :])
        if family not in (socket.AF_INET, socket.AF_INET6) or _NDA_DST not in found or state == 64:
            continue
        mac = found.get(_NDA_LLADDR)
        table.append(
            ArpEntry(
                address=str(ip_address(found[_NDA_DST])),
                interface=_interface(index),
                mac=mac.hex(":") if mac else None,
                state=_NUD.get(state, str(state)),
            )
        )
    return tuple(sorted(table, key=lambda entry: (entry.interface, entry.address)))


def hash_settings(destination: str) -> HashSettings:
    """fib_multipath_hash_* of the current namespace, for the IP version of `destination`.

    The seed stands in net.ipv4 and is IPv6's too (Documentation/networking/ip-sysctl).
    """
    version = f"ipv{ip_address(destination).version}"
    return HashSettings(
        policy=_sysctl(version, "fib_multipath_hash_policy") or 0,
        fields=_sysctl(version, "fib_multipath_hash_fields"),
        seed=_sysctl("ipv4", "fib_multipath_hash_seed"),
    )


def _sysctl(version: str, name: str) -> int | None:
    try:
        return int((_SYSCTLS / version / name).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class FlowKeys:
    """The TCP flows of one client to one VIP. `input_index` is the interface by which they enter the router."""

    source: str
    destination: str
    source_ports: tuple[int, ...]
    port: int
    input_index: int
    labels: tuple[int | None, ...] = ()
    """Of IPv6: each flow's label, None where no segment was seen."""


def predict(flows: FlowKeys, settings: HashSettings, netlink: NetlinkSocket) -> list[str | None]:
    """The next hop that the kernel's route look-up names for each flow.

    The look-up takes the 5-tuple (RTA_IP_PROTO, RTA_SPORT, RTA_DPORT) and so runs the very hash that forwards. Of IPv6
    it also takes the flow label, which policy 0 hashes (RTA_FLOWLABEL, Linux 6.14: a kernel without it gives all flows
    one answer). With policy 3 it leaves out the hash's last step, which is made up for (multipath_hash.py); with policy
    2 it hashes something else.
    """
    answers = _look_up_each(flows, netlink)
    route = route_to(flows.destination, netlink) if ":" in flows.destination else None
    if route is None or len(route.next_hops) < 2 or settings.policy == 1:
        return answers
    if settings.policy != 3:
        return answers if settings.policy == 0 and len(set(answers)) > 1 else [None] * len(answers)
    hashed = [HashedFlow(flows.source, flows.destination, port, flows.port) for port in flows.source_ports]
    return forwarded(hashed, answers, [hop.weight for hop in route.next_hops], settings.fields, settings.seed)


def _look_up_each(flows: FlowKeys, netlink: NetlinkSocket) -> list[str | None]:
    answers: list[str | None] = []
    labels = flows.labels or (None,) * len(flows.source_ports)
    for source_port, label in zip(flows.source_ports, labels, strict=True):
        ports = (source_port, flows.port)
        body = _look_up(flows.destination, source=flows.source, input_index=flows.input_index, ports=ports)
        if label is not None:
            body += attribute(_RTA_FLOWLABEL, struct.pack("!I", label))
        try:
            found = attributes(netlink.ask(_RTM_GETROUTE, body)[0][_ROUTE.size :])
        except KernelRefusal:
            answers.append(None)
            continue
        answers.append(_gateway(found))
    return answers


def _look_up(
    destination: str,
    *,
    flags: int = 0,
    source: str | None = None,
    input_index: int | None = None,
    ports: tuple[int, int] | None = None,
) -> bytes:
    target = ip_address(destination)
    family, bits = (socket.AF_INET, 32) if target.version == 4 else (socket.AF_INET6, 128)
    source_bits = bits if source else 0
    body = _ROUTE.pack(family, bits, source_bits, 0, 0, 0, 0, 0, flags) + attribute(_RTA_DST, target.packed)
    if source:
        body += attribute(_RTA_SRC, ip_address(source).packed)
    if input_index is not None:
        body += attribute(_RTA_IIF, struct.pack("=I", input_index))
    if ports:
        body += attribute(_RTA_IP_PROTO, bytes((socket.IPPROTO_TCP,)))
        body += attribute(_RTA_SPORT, struct.pack("!H", ports[0]))
        body += attribute(_RTA_DPORT, struct.pack("!H", ports[1]))
    return body
