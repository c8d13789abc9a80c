"""Client-to-VIP segments leaving a router, counted by flow, interface and destination MAC.

A packet socket on all interfaces with a memory-mapped ring (packet(7); Documentation/networking/packet_mmap):
a ring needs no privilege over socket buffer sizes, and the kernel reports what it had to drop. The filter runs in
the kernel, keeps outgoing IPv4 TCP segments to the VIP and port alone, and adds no rule to the router under test.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address

_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 5, 6, 10
_TPACKET_V2 = 1
_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26
_PACKET_OUTGOING = 4
_SNAP = 96  # Ethernet, IPv4 and TCP headers with options
_FRAME = 256
_BLOCK = 1 << 16
_HEADER = struct.Struct("=IIIHHIIHH4x")  # struct tpacket2_hdr
_SOCKADDR_AT = 32  # TPACKET_ALIGN(sizeof(struct tpacket2_hdr))
_SEGMENTS_PER_FLOW = 16  # an HTTP GET takes 6; the rest is room for retransmissions
_ETHERNET = 14


@dataclass
class Capture:
    """A running capture. Call `drain` now and then, `finish` once."""

    seen: dict[tuple[str, int], Counter[tuple[int, str]]] = field(default_factory=dict)
    """By (source address, source port): how many segments left by (interface index, destination MAC)."""
    packets: int = 0
    drops: int = 0

    def open(self, vip: str, port: int, flows: int) -> None:
        """Start capturing in the current network namespace. The ring has room for `flows` HTTP requests."""
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        _attach_filter(self._socket, _filter(vip, port))
        blocks = (flows * _SEGMENTS_PER_FLOW + 4096) * _FRAME // _BLOCK + 1
        self._frames = blocks * (_BLOCK // _FRAME)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        self._socket.setsockopt(
            _SOL_PACKET, _PACKET_RX_RING, struct.pack("=IIII", _BLOCK, blocks, _FRAME, self._frames)
        )
        self._ring = mmap.mmap(self._socket.fileno(), blocks * _BLOCK)
        self._next = 0
        # Making the ring threw away what had come before the filter; reading the statistics resets them.
        self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)

    def drain(self) -> None:
        """Count what is in the ring and give its frames back to the kernel."""
        ring = self._ring
        while True:
            offset = self._next * _FRAME
            status, _, captured, mac_at, _, _, _, _, _ = _HEADER.unpack_from(ring, offset)
            if not status & 1:
                return
            (index,) = struct.unpack_from("=i", ring, offset + _SOCKADDR_AT + 4)
            self._count(ring[offset + mac_at : offset + mac_at + captured], index)
            struct.pack_into("=I", ring, offset, 0)
            self._next = (self._next + 1) % self._frames

    def _count(self, frame: bytes, index: int) -> None:
        header_length = (frame[_ETHERNET] & 0xF) * 4
        source = str(IPv4Address(frame[_ETHERNET + 12 : _ETHERNET + 16]))
        (source_port,) = struct.unpack_from("!H", frame, _ETHERNET + header_length)
        flow = self.seen.setdefault((source, source_port), Counter())
        flow[index, frame[:6].hex(":")] += 1

    def finish(self) -> None:
        """Count the rest, read the kernel's statistics and close."""
        self.drain()
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        self.packets, self.drops = struct.unpack("=II", statistics)
        self._ring.close()
        self._socket.close()


def _filter(vip: str, port: int) -> list[tuple[int, int, int, int]]:
    """Classic BPF (Documentation/networking/filter): outgoing, IPv4, TCP, to that address and port."""
    load_word, load_half, load_byte = 0x20, 0x28, 0x30
    load_header_length, load_half_indexed = 0xB1, 0x48
    equal, bits_set, accept = 0x15, 0x45, 0x06
    packet_type = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE
    tests = [
        ((load_half, packet_type), (equal, _PACKET_OUTGOING)),
        ((load_half, 12), (equal, 0x0800)),
        ((load_byte, _ETHERNET + 9), (equal, socket.IPPROTO_TCP)),
        ((load_word, _ETHERNET + 16), (equal, int(IPv4Address(vip)))),
    ]
    program = []
    rest = 2 * len(tests) + 6
    for (load, where), (test, value) in tests:
        program.append((load, 0, 0, where))
        # On a mismatch jump to the last instruction, which drops.
        program.append((test, 0, rest - len(program) - 1, value))
    program.append((load_half, 0, 0, _ETHERNET + 6))
    program.append((bits_set, rest - len(program) - 1, 0, 0x1FFF))  # later fragments carry no ports
    program.append((load_header_length, 0, 0, _ETHERNET))
    program.append((load_half_indexed, 0, 0, _ETHERNET + 2))
    program.append((equal, 0, 1, port))
    program.append((accept, 0, 0, _SNAP))
    program.append((accept, 0, 0, 0))
    return program


def _attach_filter(packet_socket: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    descriptor = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    packet_socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, descriptor)
