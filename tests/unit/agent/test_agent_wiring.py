import errno
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any

import pytest

from netlab.agent import wiring
from netlab.agent.messages import NodeWiring, WireRequest
from netlab.kernel.netlink import NLM_F_CREATE, KernelRefusal, Message
from netlab.model.errors import HostError, LabError
from netlab.model.plan import InterfacePlan, RoutePlan, SysctlPlan

NODE = NodeWiring("rt-1", (), (), (), ())


@pytest.fixture
def proc_sys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "net" / "ipv4"
    folder.mkdir(parents=True)
    (folder / "ip_forward").write_text("0")
    monkeypatch.setattr(wiring, "_PROC_SYS", str(tmp_path))
    return tmp_path


def sysctl(key: str, required: bool = True) -> Any:
    return wiring._set_sysctls(NODE, [SysctlPlan(key, "1", required)])


def test_a_sysctl_is_written(proc_sys: Path) -> None:
    assert sysctl("net.ipv4.ip_forward") == []
    assert (proc_sys / "net/ipv4/ip_forward").read_text() == "1"


def test_a_sysctl_that_the_kernel_lacks(proc_sys: Path) -> None:
    assert sysctl("net.ipv5.x.fib_seed", required=False) == [("rt-1", "net.ipv5.x.fib_seed")]
    with pytest.raises(HostError, match=r"rt-1: this kernel has no sysctl net\.ipv5\.x\.fib_seed"):
        sysctl("net.ipv5.x.fib_seed")


def test_a_sysctl_that_is_refused_is_named_with_its_value(proc_sys: Path) -> None:
    (proc_sys / "net/ipv4/conf").mkdir()
    with pytest.raises(LabError, match=r"rt-1: sysctl net\.ipv4\.conf=1: Is a directory"):
        sysctl("net.ipv4.conf")


@pytest.mark.parametrize(
    ("key", "own"),
    [
        ("net.ipv4.conf.eth1.rp_filter", True),
        ("net.ipv6.neigh.eth1.gc_stale_time", True),
        ("net.ipv4.conf.all.rp_filter", False),
        ("net.ipv4.conf.default.rp_filter", False),
        ("net.ipv4.ip_forward", False),
        ("net.core.somaxconn", False),
    ],
)
def test_an_interfaces_sysctls_wait_for_the_interface(key: str, own: bool) -> None:
    assert SysctlPlan(key, "1").of_interface is own


def test_bridges_come_first_and_no_index_is_a_fallback_tunnels() -> None:
    node = NodeWiring("sw", (InterfacePlan("eth1", master="br0"), InterfacePlan("br0")), ("br0",), (), ())
    request = WireRequest((node,), ())
    assert wiring._indexes(request, {"sw": {"lo": 1}}) == {"sw": {"br0": 100, "eth1": 101, "lo": 1}}
    # One that went on has its bridge still; an existing container has whatever its engine gave it.
    assert wiring._indexes(request, {"sw": {"lo": 1, "br0": 100}}) == {"sw": {"br0": 100, "eth1": 101, "lo": 1}}
    assert wiring._indexes(request, {"sw": {"lo": 1, "eth0": 101}}) == {"sw": {"br0": 100, "eth1": 102, "lo": 1}}


def test_a_port_is_enslaved_as_it_is_raised() -> None:
    message = wiring._interface_up("sw", InterfacePlan("eth1", master="br0"), {"br0": 100, "eth1": 101})
    assert message.purpose == "sw: raise eth1"
    assert (101).to_bytes(4, "little") in message.body
    assert (100).to_bytes(4, "little") in message.body


def test_what_is_refused_says_what_it_was_for() -> None:
    indexes = {"eth1": 100}
    address = wiring._address("h1", "eth1", indexes, ip_interface("10.0.0.1/24"), NLM_F_CREATE)
    route = wiring._route("h1", RoutePlan(ip_network("10.9.0.0/16"), None, "eth1"), indexes)
    assert address.purpose == "h1: eth1 address 10.0.0.1/24"
    assert route.purpose == "h1: route 10.9.0.0/16 eth1"
    assert str(KernelRefusal(address.purpose, 17)) == "h1: eth1 address 10.0.0.1/24: File exists"


def test_ipv6_addresses_skip_duplicate_detection_and_have_no_broadcast() -> None:
    message = wiring._address("h1", "eth1", {"eth1": 100}, ip_interface("fd00::1/64"), NLM_F_CREATE)
    assert message.body[0] == 10
    assert message.body[1] == 64
    assert bytes.fromhex("08000800") + (2).to_bytes(4, "little") in message.body  # IFA_FLAGS: IFA_F_NODAD


@pytest.mark.parametrize(
    ("prefix", "broadcast"), [("10.0.0.1/24", True), ("10.0.0.0/31", False), ("10.0.0.1/32", False)]
)
def test_a_point_to_point_address_has_no_broadcast(prefix: str, broadcast: bool) -> None:
    body = wiring._address("h1", "eth1", {"eth1": 100}, ip_interface(prefix), NLM_F_CREATE).body
    assert (bytes.fromhex("08000400") in body) is broadcast


def test_ipv6_addresses_need_a_kernel_with_ipv6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def request(address: str) -> WireRequest:
        return WireRequest((NodeWiring("rt-1", (InterfacePlan("eth1", (ip_interface(address),)),), (), (), ()),), ())

    monkeypatch.setattr(wiring, "_IPV6_SYSCTLS", tmp_path / "ipv6")
    wiring._check_ipv6(request("192.0.2.1/24"))
    with pytest.raises(HostError, match=r"rt-1:eth1 has the address fd00::1/64, and this kernel has no IPv6"):
        wiring._check_ipv6(request("fd00::1/64"))
    (tmp_path / "ipv6").mkdir()
    wiring._check_ipv6(request("fd00::1/64"))


class Kernel:
    """A route netlink socket of a kernel that has some types of interfaces, and some interfaces already."""

    def __init__(self, types: set[str], there: bool = False) -> None:
        self.types = types
        self.there = there
        self.made: list[str] = []

    def batch(self, messages: list[Message]) -> None:
        (message,) = messages
        kind = message.purpose.split()[1]
        if kind not in self.types:
            raise KernelRefusal(message.purpose, errno.EOPNOTSUPP)
        if self.there:
            raise KernelRefusal(message.purpose, errno.EEXIST)
        self.made.append(kind)


DUMMY = NodeWiring("rt-1", (InterfacePlan("eth1"), InterfacePlan("d0", dummy=True)), (), (), ())


def dummies(kernel: Kernel, again: bool = False) -> list[tuple[str, str]]:
    return list(wiring._make_dummies(DUMMY, kernel, {"eth1": 100, "d0": 101}, again=again))  # type: ignore[arg-type]


def test_a_dummy_interface_is_the_kernels_where_it_has_them() -> None:
    kernel = Kernel({"dummy", "ifb"})
    assert dummies(kernel) == []
    assert kernel.made == ["dummy"]


def test_an_ifb_stands_in_where_the_kernel_has_none_and_is_named() -> None:
    kernel = Kernel({"ifb"})
    assert dummies(kernel) == [("rt-1", "d0")]
    assert kernel.made == ["ifb"]


def test_a_kernel_with_neither_is_said_with_what_mends_it() -> None:
    with pytest.raises(HostError) as refused:
        dummies(Kernel(set()))
    assert refused.value.lines() == (
        "rt-1: this kernel has no dummy interfaces (to mend it: load its module: modprobe dummy)",
    )


def test_a_dummy_that_is_there_stays_where_a_node_is_wired_again() -> None:
    assert dummies(Kernel({"dummy"}, there=True), again=True) == []
    with pytest.raises(KernelRefusal):
        dummies(Kernel({"dummy"}, there=True))
