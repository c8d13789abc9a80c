"""What a capturer makes of packets: the file, the lines, and the program that chooses them."""

import io
import struct
from collections.abc import Iterator
from ipaddress import ip_address

import bpf as machine
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.agent.pcap import libpcap, summary
from netlab.agent.pcap.pcapng import Writer
from netlab.agent.pcap.ring import ARPHRD_ETHER, ARPHRD_LOOPBACK, Packet

NONE = 65534  # ARPHRD_NONE: a tun device
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
MACS = bytes.fromhex(B.replace(":", "") + A.replace(":", ""))
NOON = 1_600_000_000 * 10**9 + 123_456_789


def packet(data: bytes, *, interface: int = 2, hardware: int = ARPHRD_ETHER, outgoing: bool = True) -> Packet:
    return Packet(NOON, interface, hardware, outgoing, len(data), data)


def ip4(protocol: int, payload: bytes, offset: int = 0) -> bytes:
    ends = ip_address("172.16.9.11").packed + ip_address("172.16.7.192").packed
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, offset, 64, protocol, 0) + ends + payload


def ip6(protocol: int, payload: bytes) -> bytes:
    ends = ip_address("fd00::1").packed + ip_address("fd00::2").packed
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + ends + payload


def tcp(flags: int) -> bytes:
    return struct.pack("!HHIIBBHHH", 40001, 80, 0, 0, 5 << 4, flags, 0, 0, 0)


ARP = bytes.fromhex("0001080006040001") + MACS[6:] + ip_address("10.0.0.1").packed + bytes(6)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"\x08\x00" + ip4(6, tcp(2)), "172.16.9.11:40001 > 172.16.7.192:80 tcp S"),
        (b"\x08\x00" + ip4(6, tcp(0x18)), "172.16.9.11:40001 > 172.16.7.192:80 tcp P."),
        (b"\x86\xdd" + ip6(6, tcp(0x11)), "[fd00::1]:40001 > [fd00::2]:80 tcp F."),
        (b"\x08\x00" + ip4(17, bytes.fromhex("0035d431")), "172.16.9.11:53 > 172.16.7.192:54321 udp"),
        (b"\x08\x00" + ip4(1, b"\x08\x00"), "172.16.9.11 > 172.16.7.192 icmp echo request"),
        (b"\x86\xdd" + ip6(58, b"\x87\x00"), "fd00::1 > fd00::2 icmp6 neighbor solicitation"),
        (b"\x08\x00" + ip4(89, b""), "172.16.9.11 > 172.16.7.192 ospf"),
        (b"\x08\x00" + ip4(250, b""), "172.16.9.11 > 172.16.7.192 protocol 250"),
        (b"\x08\x00" + ip4(6, tcp(2), offset=3), "172.16.9.11 > 172.16.7.192 tcp, later fragment"),
        (b"\x81\x00\x00\x0a\x08\x00" + ip4(6, tcp(2)), "vlan 10 172.16.9.11:40001 > 172.16.7.192:80 tcp S"),
        (b"\x08\x06" + ARP + ip_address("10.0.0.2").packed, "arp who has 10.0.0.2, tell 10.0.0.1"),
        (b"\x88\xcc", "type 0x88cc"),
        (b"\x00\x26", "llc"),
    ],
)
def test_what_a_line_says(frame: bytes, said: str) -> None:
    data = MACS + frame
    assert summary.line(packet(data), "eth1").split(" ", 1)[1] == f"eth1     out {A} > {B} {said}, {len(data)} bytes"


def test_a_packet_without_an_ethernet_header_is_taken_for_ip() -> None:
    line = summary.line(packet(ip4(6, tcp(2)), hardware=NONE, outgoing=False), "tun0")
    assert line.endswith(" tun0     in  172.16.9.11:40001 > 172.16.7.192:80 tcp S, 40 bytes")


@given(st.binary(max_size=200), st.sampled_from([ARPHRD_ETHER, ARPHRD_LOOPBACK, NONE]), st.text(max_size=15))
def test_any_packet_is_one_printable_line(data: bytes, hardware: int, interface: str) -> None:
    line = summary.line(packet(data, hardware=hardware), interface)
    assert line.isprintable()


def blocks(file: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, body) of each block of a file; both of its lengths are checked."""
    stream = io.BytesIO(file)
    while head := stream.read(8):
        kind, length = struct.unpack("=II", head)
        body = stream.read(length - 12)
        assert struct.unpack("=I", stream.read(4)) == (length,)
        assert length % 4 == 0
        yield kind, body


def options(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        code, length = struct.unpack_from("=HH", data)
        if code == 0:
            assert len(data) == 4
            break
        found[code] = data[4 : 4 + length]
        data = data[4 + length + -length % 4 :]
    return found


@given(st.lists(st.tuples(st.integers(1, 4), st.binary(max_size=70), st.booleans()), max_size=12))
def test_a_file_holds_each_packet_with_its_interface_time_lengths_and_direction(
    packets: list[tuple[int, bytes, bool]],
) -> None:
    writer = Writer("netlab", "rt-1 of lab x", "tcp", 96, lambda index: f"eth{index}")
    file = writer.head()
    for index, data, outgoing in packets:
        file += writer.packet(packet(data, interface=index, outgoing=outgoing, hardware=NONE if index == 4 else 1))
    file += writer.tail(len(packets), 7)

    interfaces: list[tuple[int, dict[int, bytes]]] = []
    read = []
    (first, head), *rest = blocks(file)
    assert (first, head[:8]) == (0x0A0D0D0A, struct.pack("=IHH", 0x1A2B3C4D, 1, 0))
    for kind, body in rest:
        if kind == 1:
            interfaces.append((struct.unpack_from("=HHI", body)[0], options(body[8:])))
        elif kind == 6:
            number, high, low, kept, length = struct.unpack_from("=IIIII", body)
            assert (high << 32 | low, kept) == (NOON, length)
            flags = options(body[20 + kept + -kept % 4 :])[2]
            read.append((interfaces[number][1][2].decode(), body[20 : 20 + kept], flags == b"\x02\0\0\0"))
        else:
            assert (kind, options(body[12:])[5]) == (5, struct.pack("=Q", 7))
    assert read == [(f"eth{index}", data, outgoing) for index, data, outgoing in packets]
    assert len({found[2] for _, found in interfaces}) == len(interfaces)
    for link, found in interfaces:
        assert link == (101 if found[2] == b"eth4" else 1)
        assert (found[9], found[11]) == (b"\x09", b"\0tcp")  # nanoseconds; a filter in pcap syntax


@pytest.mark.parametrize("wanted", [None, 3])
@pytest.mark.parametrize("hardware", [ARPHRD_ETHER, ARPHRD_LOOPBACK, NONE])
@pytest.mark.parametrize("interface", [3, 4])
@pytest.mark.parametrize("outgoing", [0, 4])
def test_without_a_filter_all_is_kept_of_the_interfaces_that_are_wanted(
    wanted: int | None, hardware: int, interface: int, outgoing: int
) -> None:
    program = b"".join(struct.pack("=HBBI", *row) for row in libpcap.program("", wanted, 96))
    kept = machine.run(program, b"", packet_type=outgoing, interface=interface, hardware=hardware)
    twice_on_lo = hardware == ARPHRD_LOOPBACK and outgoing
    assert kept == (0 if twice_on_lo or wanted not in (None, interface) else 96)


def test_each_type_of_link_meets_its_own_program(monkeypatch: pytest.MonkeyPatch) -> None:
    ethernet, raw = [(6, 0, 0, 11)] * 300, [(6, 0, 0, 22)]  # longer than a conditional jump reaches
    monkeypatch.setattr(libpcap, "_compile", lambda text, snaplen: (ethernet, raw))
    program = b"".join(struct.pack("=HBBI", *row) for row in libpcap.program("tcp", None, 96))
    found = {kind: machine.run(program, b"", hardware=kind) for kind in (ARPHRD_ETHER, ARPHRD_LOOPBACK, NONE)}
    assert found == {ARPHRD_ETHER: 11, ARPHRD_LOOPBACK: 11, NONE: 22}


def test_a_host_without_libpcap_says_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpcap, "_LIBRARIES", ("libnone.so.0",))
    with pytest.raises(libpcap.HostError) as refused:
        libpcap.program("tcp", None, 96)
    assert refused.value.remedy == "sudo apt-get install libpcap0.8"
    assert libpcap.program("", None, 96)
