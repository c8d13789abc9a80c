"""Answers of FRR 8.4.4 in topologies/ecmp-vs-vyos.yaml, as its daemons gave them."""

import json
from pathlib import Path

import pytest

from netlab.daemons.frr import reader as routing
from netlab.model.plan import NeighborPlan, NodePlan, Role, RoutingPlan
from netlab.model.routing import DaemonAnswer, RoutingView

ANSWERS = Path(__file__).parent / "frr-8.4.4"
WORKERS = ("172.16.7.11", "172.16.7.12", "172.16.7.13")
VIP = "172.16.7.192"


def router(name: str = "rt-frr", daemons: tuple[str, ...] = ("zebra", "bgpd"), down: str = "") -> NodePlan:
    from ipaddress import ip_address

    neighbors = tuple(NeighborPlan(ip_address(worker), 64522, worker == down) for worker in WORKERS)
    plan = RoutingPlan("frr", daemons, 64512, neighbors)
    return NodePlan(name, "frr", Role.ROUTER, name, "FRR", routing=plan)


def texts(name: str, **replaced: str) -> tuple[DaemonAnswer, ...]:
    files = ("summary.json", "bgp-route.json", "running-config", "rib-route.json", "version")
    return tuple(DaemonAnswer(replaced.get(f.partition(".")[0], (ANSWERS / name / f).read_text())) for f in files)


def view(name: str, **replaced: str) -> RoutingView:
    return routing.view(router(name), VIP, texts(name, **replaced))


def test_the_multipath_router() -> None:
    seen = view("rt-frr")
    assert seen.error is None
    assert seen.bgp is not None
    assert seen.version == "8.4.4"
    assert seen.bgp.local_asn == 64512
    assert [(s.neighbor, s.remote_asn, s.state) for s in seen.bgp.sessions] == [
        (w, 64522, "Established") for w in WORKERS
    ]
    assert seen.bgp.prefix == f"{VIP}/32"
    assert sorted(path.next_hop for path in seen.bgp.paths if path.valid and path.multipath) == list(WORKERS)
    assert [path.next_hop for path in seen.bgp.paths if path.best] == ["172.16.7.11"]
    assert {(path.as_path, path.origin, path.med, path.local_pref) for path in seen.bgp.paths} == {
        ((64522,), "incomplete", 0, None)
    }
    assert [(hop.address, hop.interface, hop.active, hop.fib) for hop in seen.rib] == [
        (worker, "eth1", True, True) for worker in WORKERS
    ]
    assert seen.rib_settled
    assert sorted(seen.received) == [(worker, 1) for worker in WORKERS]


def test_the_router_with_vyos_defaults() -> None:
    seen = view("rt-vyos")
    assert seen.bgp is not None
    assert (seen.bgp.maximum_paths, seen.bgp.maximum_paths_ibgp, seen.bgp.multipath_relax) == (1, 2, False)
    assert sum(path.valid for path in seen.bgp.paths) == 3
    # FRR marks no path `multipath` where only one is chosen; the best is chosen all the same.
    assert [path.next_hop for path in seen.bgp.paths if path.multipath] == ["172.16.7.11"]
    assert [hop.address for hop in seen.rib] == ["172.16.7.11"]


def test_the_settings_are_those_of_the_destinations_address_family() -> None:
    """topologies/dual-stack.yaml: `maximum-paths` 3 for IPv4, 1 for IPv6."""
    six = routing.view(router(), "2001:db8:8::c0", texts("rt-dual"))
    four = routing.view(router(), VIP, texts("rt-dual"))
    assert six.bgp is not None and four.bgp is not None
    assert (six.bgp.maximum_paths, four.bgp.maximum_paths) == (1, 3)
    assert len(six.bgp.sessions) == 6


def test_of_two_ipv6_next_hops_the_one_in_use_counts() -> None:
    seen = routing.view(router(), "2001:db8:8::c0", texts("rt-dual"))
    assert seen.bgp is not None
    for path in seen.bgp.paths:
        assert path.next_hop.startswith("fe80::")
        assert path.global_next_hop == path.neighbor
    (best,) = [path for path in seen.bgp.paths if path.best]
    assert [(hop.address, hop.interface) for hop in seen.rib] == [(best.next_hop, "eth1")]


def test_settings_that_the_configuration_leaves_out_are_none() -> None:
    seen = view("rt-vyos", **{"running-config": "router bgp 64512\n bgp bestpath as-path multipath-relax\n"})
    assert seen.bgp is not None
    assert (seen.bgp.maximum_paths, seen.bgp.maximum_paths_ibgp, seen.bgp.multipath_relax) == (None, None, True)


def test_no_route_at_all() -> None:
    seen = routing.view(router(), VIP, texts("rt-frr", **{"bgp-route": "{\n}\n", "rib-route": '{"0.0.0.0/0":[\n]}'}))
    assert seen.bgp is not None
    assert (seen.bgp.prefix, seen.bgp.paths, seen.rib, seen.rib_settled) == (None, (), (), True)


def test_a_route_on_its_way_into_the_kernel_has_not_settled() -> None:
    rib = json.loads((ANSWERS / "rt-frr" / "rib-route.json").read_text())
    (route,) = rib[f"{VIP}/32"]
    for change in ({"installed": False}, {"queued": True}):
        hops, settled = routing.rib_next_hops(json.dumps({f"{VIP}/32": [{**route, **change}]}))
        assert len(hops) == 3
        assert not settled


def test_the_selected_route_counts_and_duplicate_next_hops_do_not() -> None:
    rib = json.loads((ANSWERS / "rt-frr" / "rib-route.json").read_text())
    (route,) = rib[f"{VIP}/32"]
    other = {**route, "selected": False, "nexthops": route["nexthops"][:1]}
    twice = {**route, "nexthops": [*route["nexthops"], {**route["nexthops"][0], "duplicate": True}]}
    hops, _ = routing.rib_next_hops(json.dumps({f"{VIP}/32": [other, twice]}))
    assert [hop.address for hop in hops] == list(WORKERS)


def test_a_neighbor_that_is_expected_down_is_marked() -> None:
    seen = routing.view(router(down="172.16.7.12"), VIP, texts("rt-frr"))
    assert seen.bgp is not None
    assert [session.neighbor for session in seen.bgp.sessions if session.expect_down] == ["172.16.7.12"]


def test_a_daemon_that_does_not_answer_is_an_error_of_the_view() -> None:
    answers = (DaemonAnswer("", "rt-frr: bgpd does not answer: No such file or directory"), *texts("rt-frr")[1:])
    seen = routing.view(router(), VIP, answers)
    assert seen.error == "rt-frr: bgpd does not answer: No such file or directory"
    assert (seen.bgp, seen.rib_settled) == (None, False)


@pytest.mark.parametrize(
    "garbage", ["% Unknown command", "[]", '{"172.16.7.192/32": 3}', '{"ipv4Unicast": {"peers": 3}}']
)
@pytest.mark.parametrize("which", ["summary", "bgp-route", "rib-route"])
def test_an_answer_of_another_shape_is_no_traceback(which: str, garbage: str) -> None:
    seen = routing.view(router(), VIP, texts("rt-frr", **{which: garbage}))
    assert seen.error is None or seen.error.startswith("rt-frr: unexpected answer of its daemons")


def test_a_router_without_bgp_is_asked_for_its_rib_alone() -> None:
    static = router(daemons=("zebra", "staticd"))
    asked = routing.questions(static, VIP)
    assert [(question.program, question.command) for question in asked] == [
        ("zebra", f"show ip route {VIP} json"),
        ("zebra", "show version"),
    ]
    seen = routing.view(static, VIP, texts("rt-frr")[3:])
    assert seen.bgp is None
    assert len(seen.rib) == 3


def test_ipv6_destinations_are_asked_for_in_their_family() -> None:
    commands = [question.command for question in routing.questions(router(), "fd00::1")]
    assert commands[1] == "show bgp ipv6 unicast fd00::1 json"
    assert commands[3] == "show ipv6 route fd00::1 json"


def test_a_version_that_is_not_there() -> None:
    assert routing.frr_version("FRRouting 10.3 (rt-1) on Linux") == "10.3"
    assert routing.frr_version("Quagga") == "of unknown version"
