from dataclasses import replace
from ipaddress import ip_address

import pytest

from netlab.agent.messages import FlowOutcome, KernelView, SeenSegments
from netlab.ecmp import check, observe
from netlab.ecmp.observe import ObserveOptions, choose
from netlab.model.errors import InputError, LabError
from netlab.model.evidence import FibNextHop, FibRoute, HashSettings, Neighbour, SegmentCount
from netlab.model.plan import CheckPlan, LabPlan
from netlab.model.topology import Expect

VIP = ip_address("172.16.7.192")
FRR = CheckPlan("rt-frr", "h1", ip_address("172.16.9.11"), "eth1", "eth2", VIP, 80, "nginx", Expect.ECMP)
VYOS = replace(FRR, router="rt-vyos", client="h2", client_address=ip_address("172.16.10.11"))
SECOND = replace(FRR, vip=ip_address("172.16.7.193"), port=443)
PLAN = LabPlan("lab", "/lab.yaml", "netns", (), (), (), (FRR, VYOS, SECOND))


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (ObserveOptions(), (FRR, VYOS, SECOND)),
        (ObserveOptions(routers=("rt-vyos",)), (VYOS,)),
        (ObserveOptions(vip="172.16.7.192"), (FRR, VYOS)),
        (ObserveOptions(vip="172.16.7.193", port=443), (SECOND,)),
        (ObserveOptions(routers=("rt-frr", "rt-vyos"), port=80), (FRR, VYOS)),
        (ObserveOptions(flows=1), (FRR, VYOS, SECOND)),
        (ObserveOptions(flows=observe.MAX_FLOWS), (FRR, VYOS, SECOND)),
    ],
)
def test_what_is_checked(options: ObserveOptions, chosen: tuple[CheckPlan, ...]) -> None:
    assert choose(PLAN, options) == chosen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ObserveOptions(flows=0), "--flows 0: one client address has source ports for 1 to 64512 flows"),
        (ObserveOptions(flows=64513), "--flows 64513: "),
        (ObserveOptions(routers=("rt-1",)), "--router rt-1: .* is rt-frr, rt-vyos"),
        (ObserveOptions(vip="10.0.0.1"), "--vip 10.0.0.1: .*172.16.7.192:80, 172.16.7.193:443"),
        (ObserveOptions(vip="172.16.7.193", port=80), "--vip 172.16.7.193:80: "),
    ],
)
def test_what_makes_no_sense_is_refused(options: ObserveOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(PLAN, options)


def test_a_lab_without_anything_to_check() -> None:
    with pytest.raises(LabError, match="nothing to check"):
        choose(replace(PLAN, checks=()), ObserveOptions())


def test_a_service_of_two_ip_versions_is_two_things_to_check() -> None:
    six = replace(FRR, vip=ip_address("fd00::192"))
    both = replace(PLAN, checks=(FRR, six))
    assert choose(both, ObserveOptions()) == (FRR, six)
    assert choose(both, ObserveOptions(vip=str(VIP))) == (FRR,)
    assert choose(both, ObserveOptions(vip="fd00::192", port=80)) == (six,)
    with pytest.raises(InputError, match="no such VIP") as refused:
        choose(both, ObserveOptions(vip="fd00::192", port=81))
    assert f"--vip [fd00::192]:81: no such VIP to check (there is {VIP}:80, [fd00::192]:80)" in refused.value.lines()


def test_source_ports_are_distinct_unprivileged_and_repeat_with_the_seed() -> None:
    ports = observe._group(FRR, 600, 7).source_ports
    assert len(set(ports)) == 600
    assert all(1024 <= port <= 65535 for port in ports)
    assert ports == observe._group(FRR, 600, 7).source_ports
    assert ports != observe._group(FRR, 600, 8).source_ports
    assert ports != observe._group(VYOS, 600, 7).source_ports


def test_every_source_port_there_is() -> None:
    assert sorted(observe._group(FRR, observe.MAX_FLOWS, 1).source_ports) == list(range(1024, 65536))


def kernel(*neighbours: tuple[str, str | None], hops: tuple[str, ...] = ()) -> KernelView:
    route = FibRoute(f"{VIP}/32", "zebra", tuple(FibNextHop(hop, "eth1") for hop in hops)) if hops else None
    table = tuple(Neighbour(address, "eth1", mac, "REACHABLE") for address, mac in neighbours)
    return KernelView(route, table, HashSettings(3, 55, 1))


def test_a_mac_belongs_to_the_address_that_the_fib_names() -> None:
    before = kernel(("172.16.7.11", "02:0b"), ("172.16.7.99", "02:0b"), ("172.16.7.13", None), hops=("172.16.7.11",))
    after = kernel(("172.16.7.12", "02:0c"), hops=("172.16.7.11", "172.16.7.12"))
    assert observe._addresses_by_mac(before, after, 4) == {
        ("eth1", "02:0b"): "172.16.7.11",
        ("eth1", "02:0c"): "172.16.7.12",
    }


def test_a_flow_is_attributed_and_its_answer_is_read() -> None:
    seen = (SeenSegments("eth1", "02:0b", 6), SeenSegments("eth1", "02:ff", 1))
    outcome = FlowOutcome(40001, True, None, "pod: nginx-1\nclient: 172.16.7.11\n", 0, "172.16.7.11", seen)
    flow = observe._flow(observe._group(FRR, 1, 1), outcome, {("eth1", "02:0b"): "172.16.7.11"})
    assert (flow.source, flow.pod, flow.client_seen) == ("172.16.9.11", "nginx-1", "172.16.7.11")
    assert flow.segments == (
        SegmentCount("eth1", "02:0b", "172.16.7.11", 6),
        SegmentCount("eth1", "02:ff", None, 1),
    )


def test_a_flow_that_nobody_answered() -> None:
    outcome = FlowOutcome(40001, False, "no connection in time", "", 3, None, ())
    flow = observe._flow(observe._group(FRR, 1, 1), outcome, {})
    assert (flow.answered, flow.error, flow.pod, flow.client_seen, flow.segments) == (
        False,
        "no connection in time",
        None,
        None,
        (),
    )


@pytest.mark.parametrize(
    ("text", "vip"),
    [
        (None, (None, None)),
        ("172.16.7.192", ("172.16.7.192", None)),
        ("172.16.7.192:80", ("172.16.7.192", 80)),
        ("fd00:0::192", ("fd00::192", None)),
        ("[fd00::192]", ("fd00::192", None)),
        ("[fd00:0::192]:8080", ("fd00::192", 8080)),
    ],
)
def test_vips_as_they_are_written(text: str | None, vip: tuple[str | None, int | None]) -> None:
    assert check._vip(text) == vip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nginx",
        "172.16.7.192:http",
        "172.16.7.256",
        ":80",
        "172.16.7.192:",
        "[fd00::192]:",
        "[fd00::192]80",
        "[nginx]:80",
    ],
)
def test_what_is_no_vip(text: str) -> None:
    with pytest.raises(InputError, match="not an address, or an address and a port"):
        check._vip(text)
