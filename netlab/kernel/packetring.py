"""A packet socket with a filter and a ring in shared memory (Documentation/networking/packet_mmap.rst).

The measurement reads frames one by one as they come (TPACKET_V2); `netlab capture` reads blocks with nanoseconds and
interfaces' types (TPACKET_V3). How the ring's memory is laid out is the reader's.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct

from netlab.kernel.bpf import Instruction, encode

TPACKET_V2, TPACKET_V3 = 1, 2
OUTGOING = 4
"""PACKET_OUTGOING of linux/if_packet.h."""
_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 5, 6, 10
_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26


def open_ring(program: list[Instruction], version: int, request: tuple[int, ...]) -> tuple[socket.socket, mmap.mmap]:
    """Start capturing what `program` accepts in the current network namespace. OSError where the kernel refuses.

    `request`: the words of struct tpacket_req (V2) or tpacket_req3 (V3), block size and number of blocks first.
    """
    packet_socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    instructions = encode(program)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    descriptor = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    packet_socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, descriptor)
    packet_socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, version)
    packet_socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, struct.pack(f"={len(request)}I", *request))
    ring = mmap.mmap(packet_socket.fileno(), request[0] * request[1])
    counted(packet_socket)  # making the ring threw away what had come before the filter
    return packet_socket, ring


def counted(packet_socket: socket.socket) -> tuple[int, int]:
    """Packets that the filter accepted, and of these the dropped ones, since the last call: it resets both."""
    packets, drops = struct.unpack("=II", packet_socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return packets, drops
