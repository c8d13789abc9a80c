"""The pcapng file format (draft-ietf-opsawg-pcapng): one section, an interface block per interface, packets.

An interface gets its block when its first packet comes, so that interfaces may appear meanwhile and a file of
Ethernet interfaces alone is read by tcpdump too, which wants one type of link.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from netlab.agent.pcap.ring import Packet

_SECTION, _INTERFACE, _PACKET, _STATISTICS = 0x0A0D0D0A, 1, 6, 5
_LINK_ETHERNET, _LINK_RAW = 1, 101
_NAME, _DESCRIPTION, _RESOLUTION, _FILTER = 2, 3, 9, 11
_APPLICATION, _FLAGS, _RECEIVED, _DROPPED = 4, 2, 4, 5
_INBOUND, _OUTBOUND = 1, 2
_NANOSECONDS = b"\x09"


class Writer:
    """Makes the bytes of a file, piece by piece."""

    def __init__(
        self, application: str, owner: str, filter_text: str, snaplen: int, name: Callable[[int], str]
    ) -> None:
        """`owner` describes the machine in each interface's block; `name` gives an interface's name by its index."""
        self._application = application
        self._owner = owner
        self._filter = filter_text
        self._snaplen = snaplen
        self._name = name
        self._numbers: dict[int, int] = {}
        self._last = 0

    def head(self) -> bytes:
        """The section's header."""
        body = struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1)
        return _block(_SECTION, body + _options((_APPLICATION, self._application.encode())))

    def packet(self, packet: Packet) -> bytes:
        """A packet, after its interface where that is new."""
        block = b""
        if packet.interface not in self._numbers:
            self._numbers[packet.interface] = len(self._numbers)
            block = self._interface(packet)
        self._last = packet.time
        number = self._numbers[packet.interface]
        header = struct.pack("=III", number, packet.time >> 32, packet.time & 0xFFFFFFFF)
        lengths = struct.pack("=II", len(packet.data), packet.length)
        direction = struct.pack("=I", _OUTBOUND if packet.outgoing else _INBOUND)
        return block + _block(_PACKET, header + lengths + _padded(packet.data) + _options((_FLAGS, direction)))

    def _interface(self, packet: Packet) -> bytes:
        name = self._name(packet.interface)
        options = [
            (_NAME, name.encode("utf-8", "replace")),
            (_DESCRIPTION, f"{self._owner}, {name}".encode("utf-8", "replace")),
            (_RESOLUTION, _NANOSECONDS),
        ]
        if self._filter:
            options.append((_FILTER, b"\0" + self._filter.encode()))
        link = _LINK_ETHERNET if packet.is_ethernet else _LINK_RAW
        return _block(_INTERFACE, struct.pack("=HHI", link, 0, self._snaplen) + _options(*options))

    def tail(self, packets: int, drops: int) -> bytes:
        """Statistics, in the first interface's name: the kernel counts for all of them together."""
        if not self._numbers:
            return b""
        counts = ((_RECEIVED, struct.pack("=Q", packets + drops)), (_DROPPED, struct.pack("=Q", drops)))
        header = struct.pack("=III", 0, self._last >> 32, self._last & 0xFFFFFFFF)
        return _block(_STATISTICS, header + _options(*counts))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("=HH", code, len(value)) + _padded(value) for code, value in options) + bytes(4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length
