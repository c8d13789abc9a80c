"""What is filled in is read back by pyroute2, which has encoded the shape alone."""

import subprocess
import sys
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from netlab.agent import encoding
from netlab.agent.encoding import Shape, VethEnd
from netlab.kernel.netlink import _packed
from netlab.model.plan import RoutePlan

MAC = "02:00:00:00:00:01"


def read(kind: Any, body: bytes) -> Any:
    message = kind(_packed(16, 0, 1, body))
    message.decode()
    return message


@pytest.mark.parametrize(
    "macs", [(None, None), ("02:00:00:00:00:01", None), ("02:00:00:00:00:01", "02:00:00:00:00:02")]
)
def test_a_veth_pair_with_both_its_ends(macs: tuple[str | None, str | None]) -> None:
    near, far = VethEnd(100, "eth1", 7, 1500, macs[0]), VethEnd(101, "a-name-of-15-ch", 8, 9000, macs[1])
    for _ in range(2):  # filled in twice, the shape is the same
        message = read(ifinfmsg, encoding.veth(near, far))
        info = message.get_attr("IFLA_LINKINFO")
        assert info.get_attr("IFLA_INFO_KIND") == "veth"
        peer = info.get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
        for end, made in ((near, message), (far, peer)):
            assert made["index"] == end.index
            assert made.get_attr("IFLA_IFNAME") == end.name
            assert made.get_attr("IFLA_MTU") == end.mtu
            assert made.get_attr("IFLA_ADDRESS") == end.mac
            assert dict(made["attrs"])["IFLA_NET_NS_FD"] == end.namespace
        near, far = far, near


def test_an_interface_is_raised_and_made_a_port_at_once() -> None:
    alone, port = read(ifinfmsg, encoding.interface_up(103)), read(ifinfmsg, encoding.interface_up(104, 100))
    assert (alone["index"], alone["flags"], alone["change"], alone["attrs"]) == (103, 1, 1, [])
    assert (port["index"], port["flags"], port["change"], port.get_attr("IFLA_MASTER")) == (104, 1, 1, 100)


@pytest.mark.parametrize(
    ("given", "broadcast"),
    [("10.0.0.1/30", "10.0.0.3"), ("10.0.1.1/24", "10.0.1.255"), ("10.0.0.0/31", None), ("10.0.0.1/32", None)],
)
def test_an_ipv4_address(given: str, broadcast: str | None) -> None:
    message = read(ifaddrmsg, encoding.address(105, ip_interface(given)))
    address, _, length = given.partition("/")
    assert (message["family"], message["prefixlen"], message["index"]) == (2, int(length), 105)
    assert message.get_attr("IFA_LOCAL") == message.get_attr("IFA_ADDRESS") == address
    assert message.get_attr("IFA_BROADCAST") == broadcast


def test_an_ipv6_address() -> None:
    message = read(ifaddrmsg, encoding.address(106, ip_interface("fd00::1/64")))
    assert (message["family"], message["prefixlen"], message["index"]) == (10, 64, 106)
    assert (message.get_attr("IFA_ADDRESS"), message.get_attr("IFA_FLAGS")) == ("fd00::1", 2)


@pytest.mark.parametrize(
    ("to", "via"), [("10.9.0.0/16", "10.0.0.2"), ("0.0.0.0/0", "10.0.0.6"), ("fd01::/48", "fd00::2")]
)
@pytest.mark.parametrize("index", [None, 107])
@pytest.mark.parametrize("by_hop", [True, False])
def test_a_route(to: str, via: str, index: int | None, by_hop: bool) -> None:
    given = RoutePlan(ip_network(to), ip_address(via) if by_hop else None, onlink=by_hop)
    message = read(rtmsg, encoding.route(given, index))
    assert (message["dst_len"], message["table"], message["proto"]) == (ip_network(to).prefixlen, 254, 4)
    assert (message["scope"], message["flags"]) == ((0, 4) if by_hop else (253, 0))
    assert message.get_attr("RTA_DST") == str(ip_network(to).network_address)
    assert message.get_attr("RTA_GATEWAY") == (via if by_hop else None)
    assert message.get_attr("RTA_OIF") == index


def test_a_mark_that_is_not_there_just_once_and_a_value_of_another_size_are_refused() -> None:
    message = ifinfmsg()
    message["index"], message["flags"] = 0x7A11C0D1, 0x7A11C0D1
    mark = (0x7A11C0D1).to_bytes(4, "little")
    with pytest.raises(ValueError, match="index is 2 times in the message"):
        Shape(message, {"index": mark})
    with pytest.raises(ValueError, match="mtu is 0 times in the message"):
        Shape(message, {"mtu": b"none"})
    message["flags"] = 0
    with pytest.raises(ValueError, match="index has 2 bytes instead of 4"):
        Shape(message, {"index": mark}).filled(index=b"ab")


def test_the_messages_come_without_the_rest_of_pyroute2_which_can_still_be_had() -> None:
    script = """
import sys
from netlab.agent import encoding
print([name for name in sys.modules if name.startswith("pyroute2")])
import pyroute2
print(pyroute2.netlink.rtnl.rtmsg.rtmsg.__name__, pyroute2.IPRoute.__name__, encoding.interface_up(100)[4:8])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\nrtmsg IPRoute b'd\\x00\\x00\\x00'\n", done
