import mmap
import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import bpf
import pytest

from netlab.agent import segments

OUTGOING, INCOMING = 4, 0


def tcp(source_port: int, port: int, flags: int) -> bytes:
    return struct.pack("!HHIIBB", source_port, port, 0, 0, 0x50, flags) + bytes(6)


def segment(
    destination: str = "172.16.7.192",
    port: int = 80,
    *,
    options: int = 0,
    protocol: int = 6,
    offset: int = 0,
    source_port: int = 40001,
    flags: int = 0,
) -> bytes:
    ethernet = bytes.fromhex("020000000002020000000001") + struct.pack("!H", 0x0800)
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45 + options // 4,
        0,
        60,
        0,
        offset,
        64,
        protocol,
        0,
        IPv4Address("172.16.9.11").packed,
        IPv4Address(destination).packed,
    )
    return ethernet + header + bytes(options) + tcp(source_port, port, flags)


def accepted(frame: bytes, packet_type: int = OUTGOING) -> int:
    program = segments._filter("172.16.7.192", 80)
    return bpf.run(b"".join(struct.pack("=HBBI", *i) for i in program), frame, packet_type=packet_type)


@pytest.mark.parametrize("options", [0, 4, 40])
def test_client_to_vip_segments_are_kept_whatever_their_ip_options(options: int) -> None:
    assert accepted(segment(options=options)) == segments._SNAP


@pytest.mark.parametrize(
    "frame",
    [
        segment("172.16.7.193"),
        segment(port=443),
        segment(protocol=17),
        segment(offset=1),
        segment(options=40, port=443),
        b"\xff" * 12 + b"\x08\x06" + bytes(60),
        b"",
    ],
    ids=["other address", "other port", "UDP", "later fragment", "options and other port", "ARP", "nothing"],
)
def test_everything_else_is_dropped(frame: bytes) -> None:
    assert accepted(frame) == 0


def test_what_comes_in_is_not_counted_again() -> None:
    assert accepted(segment(), INCOMING) == 0


@pytest.mark.parametrize("options", [0, 40])
def test_of_what_comes_in_only_syns_are_kept(options: int) -> None:
    for flags, kept in ((0x02, segments._SNAP), (0xC2, segments._SNAP), (0x10, 0), (0x11, 0)):
        assert accepted(segment(options=options, flags=flags), INCOMING) == kept
        assert accepted(segment(options=options, flags=flags)) == segments._SNAP
        assert accepted6(segment6(flags=flags), INCOMING) == kept
    assert accepted(segment(port=443, flags=0x02), INCOMING) == 0
    assert accepted6(segment6(port=443, flags=0x02), INCOMING) == 0
    assert accepted(segment(offset=1, flags=0x02), INCOMING) == 0


def test_the_first_fragment_and_dont_fragment_count() -> None:
    assert accepted(segment(offset=0x2000)) == segments._SNAP
    assert accepted(segment(offset=0x4000)) == segments._SNAP


VIP6, CLIENT6 = "2001:db8:8::c0", "2001:db8:9::11"


def segment6(destination: str = VIP6, port: int = 80, next_header: int = 6, flags: int = 0) -> bytes:
    ethernet = bytes.fromhex("020000000002020000000001") + struct.pack("!H", 0x86DD)
    addresses = IPv6Address(CLIENT6).packed + IPv6Address(destination).packed
    header = struct.pack("!IHBB", 0x6 << 28 | 0xABCDE, 20, next_header, 64) + addresses
    return ethernet + header + tcp(40001, port, flags)


def accepted6(frame: bytes, packet_type: int = OUTGOING) -> int:
    program = segments._filter(VIP6, 80)
    return bpf.run(b"".join(struct.pack("=HBBI", *i) for i in program), frame, packet_type=packet_type)


def test_ipv6_segments_are_kept() -> None:
    assert accepted6(segment6()) == segments._SNAP
    assert accepted6(segment6(), packet_type=INCOMING) == 0


@pytest.mark.parametrize(
    "frame",
    [
        segment6("2001:db8:8::c1"),
        segment6("2001:db8:9::c0"),
        segment6(port=443),
        segment6(next_header=17),
        segment6(next_header=44),
        segment(),
        b"",
    ],
    ids=["another address", "another subnet", "other port", "UDP", "a fragment", "IPv4", "nothing"],
)
def test_other_ipv6_is_dropped(frame: bytes) -> None:
    assert accepted6(frame) == 0


@pytest.fixture
def ring() -> Callable[..., segments.Segments]:
    """A capture over a ring of four frames in memory, laid out as the kernel does (struct tpacket2_hdr)."""

    def make(*frames: tuple[bytes, int], packet_type: int = OUTGOING) -> segments.Segments:
        made = segments.Segments(frozenset({("172.16.9.11", 40001), (CLIENT6, 40001)}))
        made._frames, made._next = 4, 0
        memory = mmap.mmap(-1, 4 * segments._FRAME)
        for number, (frame, index) in enumerate(frames):
            start = number % 4 * segments._FRAME
            segments._HEADER.pack_into(memory, start, 1, len(frame), len(frame), 80, 94, 0, 0, 0, 0)
            struct.pack_into("=HHiHB", memory, start + segments._SOCKADDR_AT, 17, 0, index, 1, packet_type)
            memory[start + 80 : start + 80 + len(frame)] = frame
        made._ring = memory
        return made

    return make


def test_segments_are_counted_by_flow_interface_and_mac(ring: Callable[..., segments.Segments]) -> None:
    made = ring((segment(), 100), (segment(options=8), 100), (segment(), 101))
    made.drain()
    assert made.seen == {("172.16.9.11", 40001): {(100, "02:00:00:00:00:02"): 2, (101, "02:00:00:00:00:02"): 1}}


def test_a_flow_that_comes_in_has_arrived_and_is_not_counted_as_leaving(ring: Callable[..., segments.Segments]) -> None:
    made = ring((segment(flags=2), 100), (segment(flags=2, source_port=40002), 100), packet_type=INCOMING)
    made.drain()
    assert (made.arrived, made.seen) == ({("172.16.9.11", 40001)}, {})


def test_another_groups_segments_are_not_counted(ring: Callable[..., segments.Segments]) -> None:
    made = ring((segment(), 100), (segment(source_port=40002), 100), (segment(source_port=40003), 101))
    made.drain()
    assert made.packets == 1
    assert list(made.seen) == [("172.16.9.11", 40001)]


def test_frames_go_back_to_the_kernel_and_the_ring_goes_round(ring: Callable[..., segments.Segments]) -> None:
    made = ring(*((segment(), 100) for _ in range(4)))
    made.drain()
    assert made._next == 0
    made.drain()
    assert sum(made.seen["172.16.9.11", 40001].values()) == 4


def test_ipv6_segments_are_counted(ring: Callable[..., segments.Segments]) -> None:
    made = ring((segment6(), 100), (segment6(), 100))
    made.drain()
    assert made.seen == {(CLIENT6, 40001): {(100, "02:00:00:00:00:02"): 2}}
