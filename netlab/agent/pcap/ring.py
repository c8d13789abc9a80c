"""A packet socket over all interfaces of a network namespace, with a ring that the kernel fills (packet(7)).

TPACKET_V3 (Documentation/networking/packet_mmap): blocks of packets of any length, timestamps in nanoseconds, and
one order over all interfaces. The socket is never bound to an interface, so one that goes down and comes back
does not end it; a single interface is chosen by the filter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netlab.kernel import packetring
from netlab.kernel.bpf import Instruction

ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772  # linux/if_arp.h
RETIRE_MS = 20
"""How long a block that is not full may wait before it can be read."""
_BLOCK, _BLOCKS, _FRAME = 1 << 19, 16, 1 << 11  # 8 MiB; a block holds the largest packet that a veth passes on
_USER = 1
_VLAN_VALID, _VLAN_TPID_VALID = 0x10, 0x40
_BLOCK_HEADER = struct.Struct("=8xIII")  # status, packets, offset of the first (struct tpacket_block_desc)
_PACKET_HEADER = struct.Struct("=IIIIIIHHIIH10x")  # struct tpacket3_hdr
_ADDRESS = struct.Struct("=2xHiHB")  # struct sockaddr_ll
_ETHERNET_ADDRESSES = 12


@dataclass(frozen=True)
class Packet:
    """A packet as an interface passed it. `length` is what it had, `data` what was kept of it."""

    time: int
    """Nanoseconds since the epoch, when the kernel saw it."""
    interface: int
    hardware: int
    """The interface's type, ARPHRD_* of linux/if_arp.h."""
    outgoing: bool
    length: int
    data: bytes

    @property
    def is_ethernet(self) -> bool:
        """Whether it begins with an Ethernet header; otherwise it begins with that of IP."""
        return self.hardware in (ARPHRD_ETHER, ARPHRD_LOOPBACK)


class Ring:
    """Packets of the current network namespace that `program` accepts, from now on."""

    def __init__(self, program: list[Instruction]) -> None:
        frames = _BLOCK // _FRAME * _BLOCKS
        request = (_BLOCK, _BLOCKS, _FRAME, frames, RETIRE_MS, 0, 0)
        self._socket, self._ring = packetring.open_ring(program, packetring.TPACKET_V3, request)
        self._next = 0
        self._drops = 0

    def fileno(self) -> int:
        """For poll(2): readable when there is a block to read."""
        return self._socket.fileno()

    def packets(self) -> Iterator[Packet]:
        """What is in the blocks that the kernel has finished, which then are its own again.

        One round at most: where packets come faster than they are read, this ends all the same.
        """
        for _ in range(_BLOCKS):
            start = self._next * _BLOCK
            status, count, offset = _BLOCK_HEADER.unpack_from(self._ring, start)
            if not status & _USER:
                return
            at = start + offset
            for _packet in range(count):
                header = _PACKET_HEADER.unpack_from(self._ring, at)
                yield self._packet(at, header)
                at += header[0]
            struct.pack_into("=I", self._ring, start + 8, 0)
            self._next = (self._next + 1) % _BLOCKS

    def _packet(self, at: int, header: tuple[int, ...]) -> Packet:
        _, seconds, nanoseconds, kept, length, status, mac_at, network_at, _, tag, protocol = header
        _, index, hardware, kind = _ADDRESS.unpack_from(self._ring, at + _PACKET_HEADER.size)
        ethernet = hardware in (ARPHRD_ETHER, ARPHRD_LOOPBACK)
        skipped = 0 if ethernet else min(kept, max(0, network_at - mac_at))
        data = self._ring[at + mac_at + skipped : at + mac_at + kept]
        length -= skipped
        if ethernet and status & _VLAN_VALID and kept >= _ETHERNET_ADDRESSES:
            # The kernel keeps the tag beside the packet; on the wire it stands after the addresses.
            tpid = protocol if status & _VLAN_TPID_VALID else 0x8100
            data = data[:_ETHERNET_ADDRESSES] + struct.pack("!HH", tpid, tag & 0xFFFF) + data[_ETHERNET_ADDRESSES:]
            length += 4
        return Packet(seconds * 10**9 + nanoseconds, index, hardware, kind == packetring.OUTGOING, length, data)

    @property
    def drops(self) -> int:
        """Packets that matched and found no room in the ring, so far."""
        self._drops += packetring.counted(self._socket)[1]
        return self._drops

    def close(self) -> None:
        """End the capture."""
        self._ring.close()
        self._socket.close()
