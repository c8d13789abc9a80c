"""Whose interfaces and routes are, as the kernel tells it."""

import socket
import struct
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from netlab.agent import ownership
from netlab.agent.messages import NodeWiring, WireRequest
from netlab.kernel.netlink import KernelRefusal, Message, NetlinkSocket, attribute
from netlab.model.errors import LabError
from netlab.model.plan import InterfacePlan, RoutePlan

MARK = "netlab:lab"
NODE = NodeWiring(
    "dev-worker",
    (InterfacePlan("eth1"), InterfacePlan("lo")),
    (),
    (RoutePlan(ip_network("10.9.0.0/24"), None, "eth1"), RoutePlan(ip_network("fd00:9::/64"), None, "eth1")),
    (),
    others=True,
)


def test_the_kernels_interfaces_are_read() -> None:
    netlink = NetlinkSocket()
    found = {each.name: each for each in ownership.seen(netlink)}
    netlink.close()
    assert found["lo"] == ownership.Seen(1, "lo", "")
    assert {each.index: each.name for each in found.values()} == dict(socket.if_nameindex())


def link(index: int, name: str, alias: str = "") -> bytes:
    named = attribute(3, name.encode() + b"\0")
    return struct.pack("=BxHiII", 0, 1, index, 0, 0) + named + (attribute(20, alias.encode() + b"\0") if alias else b"")


def route(prefix: str, out: int, table: int = 254, **given: int) -> bytes:
    """As the kernel dumps one; `priority` and `tos` where they are given."""
    network = ip_network(prefix)
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    head = struct.pack("=BBBBBBBBI", family, network.prefixlen, 0, given.get("tos", 0), min(table, 255), 4, 0, 1, 0)
    body = head + attribute(15, struct.pack("=I", table)) + attribute(4, struct.pack("=I", out))
    if network.prefixlen:
        body += attribute(1, network.network_address.packed)
    priority = given.get("priority", 0 if network.version == 4 else 1024)
    return body + (attribute(6, struct.pack("=I", priority)) if priority else b"")


class Kernel:
    """A machine's route netlink socket: what it dumps, and the interfaces that were removed."""

    def __init__(self, links: list[bytes], routes: list[bytes]) -> None:
        self.links, self.routes = links, routes
        self.removed: list[int] = []
        self.gone = False

    def __call__(self) -> "Kernel":
        return self

    def close(self) -> None:
        pass

    def ask(self, kind: int, body: bytes, *, dump: bool) -> list[bytes]:
        assert dump
        return self.links if kind == 18 else [found for found in self.routes if found[0] == body[0]]

    def batch(self, messages: list[Message]) -> None:
        (message,) = messages
        assert message.kind == 17
        if self.gone:
            raise KernelRefusal(message.purpose, 19)
        self.removed.append(struct.unpack_from("=i", message.body, 4)[0])


class Inside:
    """Stands for the agent's namespaces."""

    @contextmanager
    def inside(self, node: str) -> Any:
        yield


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Any:
    def play(*links: bytes, routes: tuple[bytes, ...] = ()) -> Kernel:
        kernel = Kernel([link(1, "lo"), link(2, "eth0"), *links], [*routes])
        monkeypatch.setattr(ownership, "NetlinkSocket", kernel)
        return kernel

    return play


def refuse(node: NodeWiring = NODE) -> None:
    ownership.refuse_taken(WireRequest((node,), (), MARK), Inside())  # type: ignore[arg-type]


@pytest.mark.parametrize("alias", ["", "my uplink", "netlab:another", "netlab:la"])
def test_an_interface_that_is_not_the_labs_is_named_with_the_key_that_chooses_another(play: Any, alias: str) -> None:
    play(link(7, "eth1", alias))
    with pytest.raises(LabError) as refused:
        refuse()
    assert str(refused.value) == (
        "dev-worker: it has an interface eth1 already, which this lab did not make: choose another name in the "
        "topology, in `endpoints` of the link (NODE:INTERFACE)"
    )


def test_the_labs_own_interface_is_no_obstacle(play: Any) -> None:
    play(link(7, "eth1", MARK), routes=(route("10.9.0.0/24", 7), route("fd00:9::/64", 7)))
    refuse()


def test_a_machine_of_the_labs_own_is_not_asked(play: Any) -> None:
    play(link(7, "eth1"))
    refuse(NodeWiring("rt-1", NODE.interfaces, (), (), ()))


def test_a_bridge_that_is_there_is_somebody_elses_too(play: Any) -> None:
    play(link(7, "br0"))
    with pytest.raises(LabError, match="an interface br0 already"):
        refuse(NodeWiring("box", (), ("br0",), (), (), others=True))


@pytest.mark.parametrize("prefix", ["10.9.0.0/24", "fd00:9::/64"])
def test_a_route_that_would_be_replaced_is_named(play: Any, prefix: str) -> None:
    play(routes=(route(prefix, 2),))
    with pytest.raises(LabError, match=f"dev-worker: it has a route to {prefix} already.*`worker-routes`"):
        refuse()


def test_a_default_route_is_one_too(play: Any) -> None:
    play(routes=(route("0.0.0.0/0", 2),))
    refuse()
    with pytest.raises(LabError, match=r"a route to 0\.0\.0\.0/0 already"):
        refuse(NodeWiring("box", (), (), (RoutePlan(ip_network("0.0.0.0/0"), None, "eth1"),), (), others=True))


@pytest.mark.parametrize(
    "other",
    [
        route("10.9.0.0/25", 2),
        route("10.8.0.0/24", 2),
        route("10.9.0.0/24", 2, table=100),
        route("10.9.0.0/24", 2, table=1000),
        route("10.9.0.0/24", 2, priority=100),
        route("10.9.0.0/24", 2, tos=4),
        route("fd00:9::/64", 2, priority=256),
    ],
)
def test_a_route_that_stays_beside_the_labs_is_no_obstacle(play: Any, other: bytes) -> None:
    play(routes=(other,))
    refuse()


def test_only_what_bears_the_mark_is_removed(play: Any) -> None:
    kernel = play(link(7, "eth1", MARK), link(8, "eth2", "netlab:another"), link(9, "d0", MARK), link(10, "eth3"))
    request = WireRequest((NODE, NodeWiring("rt-1", (), (), (), ())), (), MARK)
    ownership.remove_marked(request, Inside())  # type: ignore[arg-type]
    assert kernel.removed == [7, 9]
    kernel.gone = True
    ownership.remove_marked(request, Inside())  # type: ignore[arg-type]  what goes meanwhile is no error
