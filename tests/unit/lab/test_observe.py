from dataclasses import replace
from ipaddress import ip_address

import pytest

from netlab.agent.messages import FlowGroup, FlowOutcome, GroupOutcome, KernelView, SeenSegments
from netlab.ecmp import observe, ports
from netlab.ecmp.observe import choose
from netlab.ecmp.options import CheckOptions
from netlab.model.errors import InputError, LabError
from netlab.model.evidence import ArpEntry, FibNextHop, FibRoute, HashSettings, SegmentCount
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
        (CheckOptions(), (FRR, VYOS, SECOND)),
        (CheckOptions(routers=("rt-vyos",)), (VYOS,)),
        (CheckOptions(vip="172.16.7.192"), (FRR, VYOS)),
        (CheckOptions(vip="172.16.7.193:443"), (SECOND,)),
        (CheckOptions(routers=("rt-frr", "rt-vyos"), vip="172.16.7.192:80"), (FRR, VYOS)),
        (CheckOptions(flows=1), (FRR, VYOS, SECOND)),
        (CheckOptions(flows=ports.MAX_FLOWS), (FRR, VYOS, SECOND)),
    ],
)
def test_what_is_checked(options: CheckOptions, chosen: tuple[CheckPlan, ...]) -> None:
    assert choose(PLAN, options) == chosen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CheckOptions(routers=("rt-1",)), "routers rt-1: .* is rt-frr, rt-vyos"),
        (CheckOptions(vip="10.0.0.1"), "vip 10.0.0.1: .*172.16.7.192:80, 172.16.7.193:443"),
        (CheckOptions(vip="172.16.7.193:80"), "vip 172.16.7.193:80: "),
    ],
)
def test_what_makes_no_sense_is_refused(options: CheckOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(PLAN, options)


def test_a_lab_without_anything_to_check() -> None:
    with pytest.raises(LabError, match="nothing to check"):
        choose(replace(PLAN, checks=()), CheckOptions())


def test_a_service_of_two_ip_versions_is_two_things_to_check() -> None:
    six = replace(FRR, vip=ip_address("fd00::192"))
    both = replace(PLAN, checks=(FRR, six))
    assert choose(both, CheckOptions()) == (FRR, six)
    assert choose(both, CheckOptions(vip=str(VIP))) == (FRR,)
    assert choose(both, CheckOptions(vip="[fd00::192]:80")) == (six,)
    with pytest.raises(InputError, match="no such VIP") as refused:
        choose(both, CheckOptions(vip="[fd00::192]:81"))
    assert f"vip [fd00::192]:81: no such VIP to check (there is {VIP}:80, [fd00::192]:80)" in refused.value.lines()


def drawn(check_plan: CheckPlan, flows: int, seed: int) -> tuple[int, ...]:
    return ports.draw((check_plan,), flows, seed)[0].ports


def group(flows: int = 1) -> FlowGroup:
    (made,) = ports.draw((FRR,), flows, 1)
    return observe._group(FRR, made)


def test_source_ports_are_distinct_unprivileged_and_repeat_with_the_seed() -> None:
    own = drawn(FRR, 600, 7)
    assert len(set(own)) == 600
    assert all(1024 <= port <= 65535 for port in own)
    assert own[:5] == (10646, 61120, 51349, 58499, 57932)  # as every netlab before drew them for this seed
    assert own == drawn(FRR, 600, 7)
    assert own != drawn(FRR, 600, 8)
    assert own != drawn(VYOS, 600, 7)


def test_every_source_port_there_is() -> None:
    (every,) = ports.draw((FRR,), ports.MAX_FLOWS, 1)
    assert sorted(every.ports) == list(range(1024, 65536))
    assert every.spare == ()


TIERS = tuple(replace(FRR, router=f"rt-{number}") for number in range(1, 4))


@pytest.mark.parametrize("flows", [600, 6000, ports.MAX_FLOWS // 3])
def test_routers_on_one_way_share_no_source_port(flows: int) -> None:
    made = ports.draw(TIERS, flows, 7)
    every = [port for one in made for port in (*one.ports, *one.spare)]
    assert len(every) == len(set(every))
    assert [len(one.ports) for one in made] == [flows] * 3
    assert made == ports.draw(TIERS, flows, 7)
    assert made[0].ports == drawn(TIERS[0], flows, 7)


def test_a_router_alone_has_the_ports_that_it_had_beside_others() -> None:
    beside, alone = ports.draw(TIERS, 600, 7)[2].ports, drawn(TIERS[2], 600, 7)
    assert len(set(beside) & set(alone)) > 550


def test_what_has_another_client_vip_or_port_may_have_the_same_source_ports() -> None:
    checks = (FRR, VYOS, SECOND, replace(FRR, port=443))
    assert choose(replace(PLAN, checks=checks), CheckOptions(flows=ports.MAX_FLOWS)) == checks
    assert [len(one.ports) for one in ports.draw(checks, ports.MAX_FLOWS, 1)] == [ports.MAX_FLOWS] * 4


def test_more_flows_than_the_routers_on_one_way_have_ports_for() -> None:
    plan = replace(PLAN, checks=(*TIERS, VYOS))
    assert choose(plan, CheckOptions(flows=21504)) == (*TIERS, VYOS)
    assert choose(plan, CheckOptions(routers=("rt-1",), flows=21505)) == TIERS[:1]
    with pytest.raises(InputError) as refused:
        choose(plan, CheckOptions(flows=21505))
    assert refused.value.lines() == (
        "flows 21505: h1 has 64512 source ports to 172.16.7.192:80, and 3 routers on its way (rt-1, rt-2, rt-3) "
        "share them: 21504 flows each (flows 21504, or one router at a time with routers)",
    )


def test_flows_that_the_client_cannot_open_are_no_finding_about_the_network() -> None:
    well = FlowOutcome(40001, True, None, "", 0, None, ())
    lost = replace(well, answered=False, error="no connection in time")
    unsent = replace(well, answered=False, error="Address already in use", refused=True)
    observe._refuse_unsent((group(2),), (GroupOutcome((well, lost), 0, 0),))
    with pytest.raises(
        LabError, match=r"h1 cannot open 1 of 3 flows .*\(Address already in use\), so nothing was meas"
    ):
        observe._refuse_unsent((group(3),), (GroupOutcome((well, lost, unsent), 0, 0),))


def kernel(*neighbours: tuple[str, str | None], hops: tuple[str, ...] = ()) -> KernelView:
    route = FibRoute(f"{VIP}/32", "zebra", tuple(FibNextHop(hop, "eth1") for hop in hops)) if hops else None
    table = tuple(ArpEntry(address, "eth1", mac, "REACHABLE") for address, mac in neighbours)
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
    flow = observe._flow(group(), outcome, {("eth1", "02:0b"): "172.16.7.11"})
    assert (flow.source, flow.pod, flow.client_seen) == ("172.16.9.11", "nginx-1", "172.16.7.11")
    assert flow.segments == (
        SegmentCount("eth1", "02:0b", "172.16.7.11", 6),
        SegmentCount("eth1", "02:ff", None, 1),
    )


def test_a_flow_that_nobody_answered() -> None:
    outcome = FlowOutcome(40001, False, "no connection in time", "", 3, None, ())
    flow = observe._flow(group(), outcome, {})
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
    assert CheckOptions(vip=text).target() == vip


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
        CheckOptions(vip=text).target()
