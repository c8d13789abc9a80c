"""Client-to-VIP segments leaving a router, counted by flow, interface and destination MAC; and which flows came to it.

A packet socket on all interfaces with a memory-mapped ring (packet(7); Documentation/networking/packet_mmap): a ring
needs no privilege over socket buffer sizes, and the kernel reports what it had to drop. The filter runs in the kernel,
keeps TCP segments to the VIP and port alone, of those that come in only SYNs, and adds no rule to the router under
test. Of IPv6 it takes packets whose first next header is TCP: what a client's kernel sends has no extension headers.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from netlab.kernel import bpf, packetring

_SNAP = 96  # Ethernet, IP and the ports of TCP: at most 14 + 60 + 4 bytes
_FRAME = 256
_BLOCK = 1 << 16
_HEADER = struct.Struct("=IIIHHIIHH4x")  # struct tpacket2_hdr
_SOCKADDR_AT = 32  # TPACKET_ALIGN(sizeof(struct tpacket2_hdr))
_SOCKADDR = struct.Struct("=4xi2xB")  # struct sockaddr_ll: the interface's index and the packet's type
_SEGMENTS_PER_FLOW = 16  # an HTTP GET takes 7, its SYN coming in included; the rest is room for retransmissions
_ETHERNET = 14
_TCP_FLAGS, _SYN = 13, 0x02
_IPV6_HEADER = 40
_IPV4, _IPV6 = 0x0800, 0x86DD  # EtherTypes


@dataclass
class Segments:
    """A running capture. Call `drain` now and then, `finish` once.

    What else goes to the same VIP and port is left out: the flows of another router's group, a client of the user's.
    """

    own: frozenset[tuple[str, int]]
    """The flows to count, by (source address, source port)."""
    seen: dict[tuple[str, int], Counter[tuple[int, str]]] = field(default_factory=dict)
    """By (source address, source port): how many segments left by (interface index, destination MAC)."""
    arrived: set[tuple[str, int]] = field(default_factory=set)
    """The flows of which a SYN came in, by the same key."""
    labels: dict[tuple[str, int], int] = field(default_factory=dict)
    """The IPv6 flow label of each flow's first segment."""
    packets: int = 0
    drops: int = 0

    def open(self, vip: str, port: int, flows: int) -> None:
        """Start capturing in the current network namespace.

        The ring has room for `flows` HTTP requests: all those to the VIP and port that may pass here.
        """
        blocks = (flows * _SEGMENTS_PER_FLOW + 4096) * _FRAME // _BLOCK + 1
        self._frames = blocks * (_BLOCK // _FRAME)
        request = (_BLOCK, blocks, _FRAME, self._frames)
        self._socket, self._ring = packetring.open_ring(_filter(vip, port), packetring.TPACKET_V2, request)
        self._next = 0

    def drain(self) -> None:
        """Count what is in the ring and give its frames back to the kernel."""
        ring = self._ring
        while True:
            offset = self._next * _FRAME
            status, _, captured, mac_at, _, _, _, _, _ = _HEADER.unpack_from(ring, offset)
            if not status & 1:
                return
            index, packet_type = _SOCKADDR.unpack_from(ring, offset + _SOCKADDR_AT)
            self._count(ring[offset + mac_at : offset + mac_at + captured], index, packet_type)
            struct.pack_into("=I", ring, offset, 0)
            self._next = (self._next + 1) % self._frames

    def _count(self, frame: bytes, index: int, packet_type: int) -> None:
        version = frame[_ETHERNET] >> 4
        if version == 4:
            header_length = (frame[_ETHERNET] & 0xF) * 4
            source = str(IPv4Address(frame[_ETHERNET + 12 : _ETHERNET + 16]))
        else:
            header_length = _IPV6_HEADER
            source = str(IPv6Address(frame[_ETHERNET + 8 : _ETHERNET + 24]))
        (source_port,) = struct.unpack_from("!H", frame, _ETHERNET + header_length)
        if (source, source_port) not in self.own:
            return
        self.packets += 1
        if packet_type != packetring.OUTGOING:
            self.arrived.add((source, source_port))
            return
        if version == 6:
            self.labels.setdefault((source, source_port), int.from_bytes(frame[_ETHERNET : _ETHERNET + 4]) & 0xFFFFF)
        flow = self.seen.setdefault((source, source_port), Counter())
        flow[index, frame[:6].hex(":")] += 1

    def finish(self) -> None:
        """Count the rest, read the kernel's statistics and close."""
        self.drain()
        _, self.drops = packetring.counted(self._socket)
        self._ring.close()
        self._socket.close()


def _filter(vip: str, port: int) -> list[bpf.Instruction]:
    """TCP segments to that address and port that go out, and SYNs that come in."""
    address = ip_address(vip)
    version6 = isinstance(address, IPv6Address)
    next_header, destination = (_ETHERNET + 6, _ETHERNET + 24) if version6 else (_ETHERNET + 9, _ETHERNET + 16)
    words = [int.from_bytes(address.packed[at : at + 4]) for at in range(0, len(address.packed), 4)]
    tests = [
        (bpf.LOAD_HALF, 12, _IPV6 if version6 else _IPV4),
        (bpf.LOAD_BYTE, next_header, socket.IPPROTO_TCP),
        *((bpf.LOAD_WORD, destination + 4 * number, word) for number, word in enumerate(words)),
    ]
    program: list[bpf.Line] = []
    for load, where, value in tests:
        program += [bpf.Step(load, where), bpf.Step(bpf.EQUAL, value, fails="drop")]
    program += [
        *(_port_and_flags_of_ipv6(port) if version6 else _port_and_flags_of_ipv4(port)),
        bpf.Step(bpf.ANY_OF, _SYN, fails="drop"),
        bpf.Label("keep"),
        bpf.Step(bpf.ANSWER, _SNAP),
        bpf.Label("drop"),
        bpf.Step(bpf.ANSWER, 0),
    ]
    return bpf.assemble(program)


_KEEP_OUTGOING = (
    bpf.Step(bpf.LOAD_HALF, bpf.PACKET_TYPE),
    bpf.Step(bpf.EQUAL, packetring.OUTGOING, holds="keep"),
)


def _port_and_flags_of_ipv4(port: int) -> list[bpf.Line]:
    return [
        bpf.Step(bpf.LOAD_HALF, _ETHERNET + 6),
        bpf.Step(bpf.ANY_OF, 0x1FFF, holds="drop"),  # later fragments carry no ports
        bpf.Step(bpf.LOAD_IP_HEADER_LENGTH, _ETHERNET),
        bpf.Step(bpf.LOAD_HALF_INDEXED, _ETHERNET + 2),
        bpf.Step(bpf.EQUAL, port, fails="drop"),
        *_KEEP_OUTGOING,
        bpf.Step(bpf.LOAD_BYTE_INDEXED, _ETHERNET + _TCP_FLAGS),
    ]


def _port_and_flags_of_ipv6(port: int) -> list[bpf.Line]:
    return [
        bpf.Step(bpf.LOAD_HALF, _ETHERNET + _IPV6_HEADER + 2),
        bpf.Step(bpf.EQUAL, port, fails="drop"),
        *_KEEP_OUTGOING,
        bpf.Step(bpf.LOAD_BYTE, _ETHERNET + _IPV6_HEADER + _TCP_FLAGS),
    ]
