"""One readable line per packet: when, where, between which MAC addresses, and what it is.

The destination MAC address is the next hop, which is what one looks for where flows should spread.
"""

from __future__ import annotations

import socket
import struct
import time
from ipaddress import IPv4Address, IPv6Address

from netlab.agent.pcap.ring import Packet

_ETHERNET = 14
_VLANS = (0x8100, 0x88A8)
_FLAGS = ((0x02, "S"), (0x01, "F"), (0x04, "R"), (0x08, "P"), (0x10, "."))  # as tcpdump writes them
_ICMP = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded"}
_ICMP6 = {
    1: "unreachable",
    2: "packet too big",
    3: "time exceeded",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
    143: "multicast listener report",
}
_PROTOCOLS = {1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 47: "gre", 58: "icmp6", 89: "ospf", 112: "vrrp"}
_ARP_REQUEST = 1


def line(packet: Packet, interface: str) -> str:
    """The packet in one line, without the line's end. A packet that is cut off says so."""
    seconds, nanoseconds = divmod(packet.time, 10**9)
    clock = f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{nanoseconds // 1000:06d}"
    way = "out" if packet.outgoing else "in "
    try:
        what = _ethernet(packet.data) if packet.is_ethernet else _network(packet.data)
    except (struct.error, IndexError, ValueError):
        what = "cut off"
    name = "".join(character if character.isprintable() else "?" for character in interface)
    return f"{clock} {name:<8} {way} {what}, {packet.length} bytes"


def _ethernet(frame: bytes) -> str:
    (kind,) = struct.unpack_from("!H", frame, 12)
    at, tags = _ETHERNET, ""
    while kind in _VLANS:
        tag, kind = struct.unpack_from("!HH", frame, at)
        at += 4
        tags += f" vlan {tag & 0xFFF}"
    addresses = f"{frame[6:12].hex(':')} > {frame[:6].hex(':')}{tags}"
    if kind == 0x0806:
        return f"{addresses} {_arp(frame[at:])}"
    if kind in (0x0800, 0x86DD):
        return f"{addresses} {_network(frame[at:])}"
    return f"{addresses} type {kind:#06x}" if kind >= 0x600 else f"{addresses} llc"  # a length below, 802.3


def _arp(data: bytes) -> str:
    operation, mac, source, target = struct.unpack_from("!6xH6s4s6x4s", data)
    if operation == _ARP_REQUEST:
        return f"arp who has {IPv4Address(target)}, tell {IPv4Address(source)}"
    return f"arp {IPv4Address(source)} is at {mac.hex(':')}"


def _network(data: bytes) -> str:
    """What an IP packet of either version carries."""
    if data[0] >> 4 == 6:
        protocol, source, target = struct.unpack_from("!6xBx16s16s", data)
        return _transport(str(IPv6Address(source)), str(IPv6Address(target)), protocol, data[40:])
    (length,) = struct.unpack_from("!2xH", data)
    fragment, protocol, source, target = struct.unpack_from("!6xHxB2x4s4s", data)
    first, last = str(IPv4Address(source)), str(IPv4Address(target))
    if fragment & 0x1FFF:
        return f"{first} > {last} {_PROTOCOLS.get(protocol, f'protocol {protocol}')}, later fragment"
    header = (data[0] & 0xF) * 4
    return _transport(first, last, protocol, data[header : length or None])


def _transport(source: str, target: str, protocol: int, data: bytes) -> str:
    name = _PROTOCOLS.get(protocol, f"protocol {protocol}")
    if protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        source_port, target_port = struct.unpack_from("!HH", data)
        ends = f"{_with_port(source, source_port)} > {_with_port(target, target_port)} {name}"
        if protocol == socket.IPPROTO_UDP:
            return ends
        return f"{ends} {''.join(letter for bit, letter in _FLAGS if data[13] & bit) or 'none'}"
    if protocol == socket.IPPROTO_ICMP:
        return f"{source} > {target} {name} {_ICMP.get(data[0], f'type {data[0]}')}"
    if protocol == socket.IPPROTO_ICMPV6:
        return f"{source} > {target} {name} {_ICMP6.get(data[0], f'type {data[0]}')}"
    return f"{source} > {target} {name}"


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
