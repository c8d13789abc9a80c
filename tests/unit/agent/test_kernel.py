import socket
import struct
from ipaddress import ip_address
from pathlib import Path

import pytest

from netlab.agent import kernel
from netlab.kernel import netlink
from netlab.kernel.netlink import KernelRefusal, attribute, attributes
from netlab.model.evidence import ArpEntry, FibNextHop, HashSettings

VIP = "172.16.7.192"
FIVE_TUPLE = HashSettings(policy=3, fields=0x37, seed=1234)


class FakeNetlink:
    """Answers each request with the next of `bodies`; an errno is a refusal."""

    def __init__(self, *bodies: bytes | int) -> None:
        self.bodies = list(bodies)
        self.asked: list[tuple[int, bytes]] = []

    def ask(self, kind: int, body: bytes, *, dump: bool = False) -> list[bytes]:
        self.asked.append((kind, body))
        answer = self.bodies.pop(0)
        if isinstance(answer, int):
            raise KernelRefusal("request", answer)
        return [answer]


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_indextoname", lambda index: {100: "eth1", 101: "eth2"}[index])


def route(*parts: bytes, kind: int = 1, protocol: int = 11, length: int = 32) -> bytes:
    header = struct.pack("=BBBBBBBBI", socket.AF_INET, length, 0, 0, 254, protocol, 0, kind, 0)
    return header + attribute(1, ip_address(VIP).packed) + b"".join(parts)


def gateway(address: str) -> bytes:
    return attribute(5, ip_address(address).packed)


def hops(*members: tuple[str, int, int]) -> bytes:
    data = b""
    for address, index, weight in members:
        via = gateway(address)
        data += struct.pack("=HBBi", 8 + len(via), 0, weight - 1, index) + via
    return attribute(9, data)


def test_a_route_with_several_next_hops_and_weights() -> None:
    found = kernel.route_to(VIP, FakeNetlink(route(hops(("172.16.7.11", 100, 1), ("172.16.7.12", 100, 3)))))
    assert found is not None
    assert (found.prefix, found.protocol) == (f"{VIP}/32", "zebra")
    assert found.next_hops == (FibNextHop("172.16.7.11", "eth1", 1), FibNextHop("172.16.7.12", "eth1", 3))
    assert (found.group, found.group_type) == (None, None)


@pytest.mark.parametrize(("value", "name"), [(0, "mpath"), (1, "resilient")])
def test_a_route_by_a_next_hop_group(value: int, name: str) -> None:
    group = bytes(8) + attribute(1, struct.pack("=I", 13)) + attribute(3, struct.pack("=H", value))
    fake = FakeNetlink(route(attribute(30, struct.pack("=I", 13)), hops(("172.16.7.11", 100, 1))), group)
    found = kernel.route_to(VIP, fake)
    assert found is not None
    assert (found.group, found.group_type) == (13, name)


def test_a_connected_route_has_a_next_hop_without_an_address() -> None:
    found = kernel.route_to(VIP, FakeNetlink(route(attribute(4, struct.pack("=i", 101)), protocol=2)))
    assert found is not None
    assert (found.protocol, found.next_hops) == ("kernel", (FibNextHop("", "eth2", 1),))


@pytest.mark.parametrize("answer", [route(kind=7), route(kind=6), route(kind=2), 101])
def test_what_does_not_forward_is_no_route(answer: bytes | int) -> None:
    assert kernel.route_to(VIP, FakeNetlink(answer)) is None


def test_neighbours_by_interface_and_state() -> None:
    def entry(state: int, address: str, mac: str | None, family: int = socket.AF_INET) -> bytes:
        link = attribute(2, bytes.fromhex(mac.replace(":", ""))) if mac else b""
        return struct.pack("=BxxxiHBB", family, 100, state, 0, 0) + attribute(1, ip_address(address).packed) + link

    class Dump(FakeNetlink):
        def ask(self, kind: int, body: bytes, *, dump: bool = False) -> list[bytes]:
            assert dump
            return [
                entry(32, "172.16.7.13", None),
                entry(2, "172.16.7.11", "02:00:00:00:00:0b"),
                entry(64, "224.0.0.5", "01:00:5e:00:00:05"),
                entry(4, "fe80::1", "02:00:00:00:00:0b", socket.AF_INET6),
            ]

    assert kernel.arp_entries(Dump()) == (
        ArpEntry("172.16.7.11", "eth1", "02:00:00:00:00:0b", "REACHABLE"),
        ArpEntry("172.16.7.13", "eth1", None, "FAILED"),
        ArpEntry("fe80::1", "eth1", "02:00:00:00:00:0b", "STALE"),
    )


def test_a_prediction_per_flow_asks_by_the_five_tuple() -> None:
    fake = FakeNetlink(route(gateway("172.16.7.12")), 101, route())
    keys = kernel.FlowKeys("172.16.9.11", VIP, (40001, 40002, 40003), 80, 101)
    assert kernel.predict(keys, FIVE_TUPLE, fake) == ["172.16.7.12", None, None]
    _, body = fake.asked[0]
    asked = attributes(body[12:])
    assert asked[2] == ip_address("172.16.9.11").packed
    assert asked[3] == struct.pack("=I", 101)
    assert (asked[27], asked[28], asked[29]) == (b"\x06", struct.pack("!H", 40001), struct.pack("!H", 80))


def test_attributes_survive_their_coding() -> None:
    data = attribute(1, b"abcde") + attribute(0x8002, b"") + attribute(3, b"1234")
    assert attributes(data) == {1: b"abcde", 2: b"", 3: b"1234"}


@pytest.mark.parametrize("data", [b"\x02\0\x01\0", b"\0" * 7, b"\x08"])
def test_attributes_that_make_no_sense_end_the_reading(data: bytes) -> None:
    assert attributes(data) == {}


class FakeSocket:
    """A kernel that acknowledges every message of a datagram but refuses those whose body is b'bad!'."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.answers: list[bytes] = []

    def send(self, data: bytes) -> None:
        offset, acks = 0, b""
        count = 0
        while offset < len(data):
            length, _, _, sequence, _ = struct.unpack_from("=IHHII", data, offset)
            number = -17 if data[offset + 16 : offset + length] == b"bad!" else 0
            acks += struct.pack("=IHHIIi", 20, 2, 0, sequence, 0, number)
            offset += (length + 3) & ~3
            count += 1
        self.sent.append(count)
        # In two pieces, as the kernel may.
        half = len(acks) // 40 * 20
        self.answers += [piece for piece in (acks[:half], acks[half:]) if piece]

    def recv(self, size: int) -> bytes:
        return self.answers.pop(0)


@pytest.fixture
def link() -> tuple[netlink.NetlinkSocket, FakeSocket]:
    made, fake = netlink.NetlinkSocket.__new__(netlink.NetlinkSocket), FakeSocket()
    made._socket, made._sequence = fake, 0  # type: ignore[assignment]
    return made, fake


def test_messages_go_64_to_a_datagram(link: tuple[netlink.NetlinkSocket, FakeSocket]) -> None:
    made, fake = link
    made.batch(netlink.Message(16, 0, b"good", str(number)) for number in range(150))
    assert fake.sent == [64, 64, 22]


def test_the_first_refusal_of_a_batch_is_named(link: tuple[netlink.NetlinkSocket, FakeSocket]) -> None:
    made, fake = link
    messages = [netlink.Message(16, 0, b"bad!" if n in (5, 9) else b"good", f"link {n}") for n in range(70)]
    with pytest.raises(KernelRefusal, match="link 5: File exists"):
        made.batch(messages)
    assert fake.sent == [64]
    assert fake.answers == []


def test_an_ipv4_route_by_ipv6_next_hops() -> None:
    """RFC 8950: RTA_VIA holds the next hop's family and address."""
    data = b""
    for number, index in ((1, 100), (2, 101)):
        via = attribute(18, struct.pack("=H", socket.AF_INET6) + ip_address(f"fe80::{number}").packed)
        data += struct.pack("=HBBi", 8 + len(via), 0, 0, index) + via
    found = kernel.route_to(VIP, FakeNetlink(route(attribute(9, data))))
    assert found is not None
    assert found.next_hops == (FibNextHop("fe80::1", "eth1", 1), FibNextHop("fe80::2", "eth2", 1))


def test_the_hash_settings_are_those_of_the_ip_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version, policy in (("ipv4", 3), ("ipv6", 0)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "fib_multipath_hash_policy").write_text(f"{policy}\n")
        (tmp_path / version / "fib_multipath_hash_fields").write_text("55\n")
    (tmp_path / "ipv4" / "fib_multipath_hash_seed").write_text("7\n")
    monkeypatch.setattr(kernel, "_SYSCTLS", tmp_path)
    assert kernel.hash_settings(VIP) == HashSettings(3, 55, 7)
    assert kernel.hash_settings("2001:db8::1") == HashSettings(0, 55, 7)


def six(*parts: bytes) -> bytes:
    header = struct.pack("=BBBBBBBBI", socket.AF_INET6, 128, 0, 0, 254, 11, 0, 1, 0)
    return header + attribute(1, ip_address("2001:db8::1").packed) + b"".join(parts)


@pytest.mark.parametrize(
    ("policy", "looked_up", "predicted"),
    [
        (0, ("fe80::1", "fe80::2"), ["fe80::1", "fe80::2"]),
        (0, ("fe80::1", "fe80::1"), [None, None]),
        (1, ("fe80::1", "fe80::1"), ["fe80::1", "fe80::1"]),
        (2, ("fe80::1", "fe80::2"), [None, None]),
        (3, ("fe80::1", "fe80::2"), [None, None]),
    ],
    ids=["by the label", "a kernel that takes no label", "the sockets' hash", "another hash", "no seed"],
)
def test_an_ipv6_prediction_is_made_only_where_it_can_be(
    policy: int, looked_up: tuple[str, str], predicted: list[str | None]
) -> None:
    route = six(hops(("fe80::1", 100, 1), ("fe80::2", 100, 1)))
    fake = FakeNetlink(*(six(gateway(hop)) for hop in looked_up), route)
    keys = kernel.FlowKeys("2001:db8::9", "2001:db8::1", (40001, 40002), 80, 101, (0xABCDE, None))
    assert kernel.predict(keys, HashSettings(policy, 0x37, None), fake) == predicted
    assert attributes(fake.asked[0][1][12:])[31] == struct.pack("!I", 0xABCDE)
    assert 31 not in attributes(fake.asked[1][1][12:])
