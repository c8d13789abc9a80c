from dataclasses import replace
from typing import Any

import pytest
from evidence_builder import (
    FIVE_TUPLE,
    LAYER_3,
    LAYER_4,
    address,
    article,
    bgp,
    evidence,
    flow,
    flows,
    neighbours,
    path,
    route,
    router,
)

from netlab.ecmp.judge import judge
from netlab.ecmp.rules import RULES
from netlab.model.evidence import (
    BgpEvidence,
    BgpSession,
    FibNextHop,
    FibRoute,
    HashSettings,
    RibNextHop,
    RouterEvidence,
)
from netlab.model.verdict import Finding, Severity

EVEN = (200, 200, 200)


def findings(made: RouterEvidence, *others: RouterEvidence) -> dict[str, Finding]:
    return {finding.rule: finding for finding in judge(evidence(made, *others)).routers[0].findings}


def rules(made: RouterEvidence, *others: RouterEvidence) -> list[str]:
    return list(findings(made, *others))


def test_a_router_that_spreads_evenly_has_no_findings() -> None:
    assert rules(router(EVEN), article()) == []


def test_a_rule_is_named_as_its_function() -> None:
    assert [rule.__name__.replace("_", "-") for rule in RULES] == [
        "neighbour-failed",
        "node-not-announcing",
        "ibgp-knob-on-ebgp-peers",
        "max-paths-below-announced",
        "merge-paths-off",
        "attribute-differs",
        "as-paths-differ",
        "zebra-multipath-limit",
        "filtered-from-fib",
        "one-hash-key",
        "socket-hash",
        "per-packet",
        "local-uneven-pods",
        "only-pods-balanced",
        "unanswered",
        "forwarding-plane-differs",
    ]


# ibgp-knob-on-ebgp-peers


def test_the_article_set_the_ibgp_knob_for_ebgp_peers() -> None:
    found = findings(article())
    assert list(found) == ["ibgp-knob-on-ebgp-peers", "only-pods-balanced"]
    knob = found["ibgp-knob-on-ebgp-peers"]
    assert knob.message == (
        "`maximum-paths ibgp 2` does not apply here: the peers are in AS 64522, the router in AS 64512, so all 3 paths "
        "are eBGP and the eBGP limit of 1 holds."
    )
    assert "3 valid paths to 172.16.7.192/32, 1 chosen; kernel: 1 next hop" in knob.evidence
    assert knob.mend == "`set protocols bgp 64512 maximum-paths ebgp 3`"


@pytest.mark.parametrize(
    "changes",
    [
        {"maximum_paths_ibgp": 1},
        {"maximum_paths_ibgp": None},
        {"maximum_paths": 3},
        {"maximum_paths": None},
        {"local_asn": 64522},
        {"paths": (path(0, best=True),)},
    ],
)
def test_the_ibgp_knob_is_blamed_only_where_it_is_the_cause(changes: dict[str, Any]) -> None:
    knobs = {"maximum_paths": 1, "maximum_paths_ibgp": 2}
    assert "ibgp-knob-on-ebgp-peers" not in rules(article(bgp=bgp(3, 1, **{**knobs, **changes})))


# max-paths-below-announced


@pytest.mark.parametrize(
    ("kind", "mend"),
    [
        ("vyos", "`set protocols bgp 64512 maximum-paths ebgp 3`"),
        ("frr", "`maximum-paths 3` under `router bgp 64512`, or `bgp: {maximum-paths: 3}` in the topology file"),
        ("other", "let the router's BGP (AS 64512) install 3 equal ebgp paths; in FRR that is `maximum-paths 3`"),
    ],
)
def test_maximum_paths_below_the_equal_paths(kind: str, mend: str) -> None:
    found = findings(router([300, 300], fib=2, kind=kind, bgp=bgp(3, 2, maximum_paths=2)))
    limit = found["max-paths-below-announced"]
    assert limit.message == "`maximum-paths 2` lets BGP choose 2 of 3 equal paths to 172.16.7.192/32."
    assert limit.mend == mend


BIRD = {"kind": "bird", "runs_as": "BIRD 2.0.12"}


def bird(chosen: int, **changes: Any) -> BgpEvidence:
    return bgp(3, chosen, daemon="bird", multipath_relax=True, **changes)


def test_bird_that_merges_no_paths() -> None:
    found = findings(router([600], fib=1, bgp=bird(1), **BIRD))
    off = found["merge-paths-off"]
    assert off.severity is Severity.WARNING
    assert "BIRD knows 3 equal paths to 172.16.7.192/32 and gives the kernel 1 of them" in off.message
    assert "3 valid paths, 3 equal; its route for the kernel: 1 next hop; kernel: 1 next hop" in off.evidence
    assert off.mend == (
        "`merge paths yes;` in the `protocol kernel` of BIRD, or `bgp: {merge-paths: true}` in the topology file"
    )
    assert "max-paths-below-announced" not in found


def test_bird_that_merges_them_all_has_no_findings() -> None:
    assert rules(router(EVEN, bgp=bird(3), **BIRD)) == []


def test_bird_with_a_limit_below_the_equal_paths() -> None:
    found = findings(router([300, 300], fib=2, bgp=bird(2), **BIRD))
    limit = found["max-paths-below-announced"]
    assert limit.message == "The limit of `merge paths` lets BIRD take 2 of 3 equal paths to 172.16.7.192/32."
    assert "merge paths yes limit 3;" in limit.mend
    assert "merge-paths-off" not in found


@pytest.mark.parametrize(
    "changes",
    [
        {"bgp": bgp(3, 1)},  # FRR
        {"bgp": bird(1, paths=(path(0, best=True), path(1, med=50), path(2, local_pref=50)))},
        {"bgp": bird(1, paths=(path(0, best=True), path(1, as_path=(64522, 64522)), path(2, valid=False)))},
        {"bgp": bird(1), "rib": ()},  # nothing is exported: another fault
        {"bgp": None},
    ],
)
def test_merge_paths_is_not_blamed_for_anything_else(changes: dict[str, Any]) -> None:
    assert "merge-paths-off" not in rules(router([600], fib=1, **{**BIRD, **changes}))


def test_paths_through_different_ases_are_equal_for_bird() -> None:
    different = bird(1, paths=(path(0, best=True), path(1, as_path=(64523,), multipath=False)))
    assert "merge-paths-off" in rules(router([600], fib=1, bgp=different, **BIRD))


@pytest.mark.parametrize(
    ("version", "statement"),
    [
        ("1.1", "protocols bgp 64512 maximum-paths ebgp 3"),
        ("1.2", "protocols bgp 64512 maximum-paths ebgp 3"),
        ("1.3", "protocols bgp 64512 address-family ipv4-unicast maximum-paths ebgp 3"),
        ("1.4", "protocols bgp address-family ipv4-unicast maximum-paths ebgp 3"),
        ("1.5", "protocols bgp address-family ipv4-unicast maximum-paths ebgp 3"),
    ],
)
def test_the_mend_is_in_the_words_of_the_vyos_version(version: str, statement: str) -> None:
    runs_as = f"VyOS {version} configuration, run by FRR 8.4.4"
    made = router([300, 300], fib=2, kind="vyos", runs_as=runs_as, bgp=bgp(3, 2, maximum_paths=2))
    assert findings(made)["max-paths-below-announced"].mend == f"`set {statement}`"


def test_ibgp_paths_have_a_limit_of_their_own() -> None:
    inside = bgp(3, 2, local_asn=64522, maximum_paths=1, maximum_paths_ibgp=2)
    found = findings(router([300, 300], fib=2, bgp=inside))["max-paths-below-announced"]
    assert found.message.startswith("`maximum-paths ibgp 2` lets BGP choose 2 of 3")
    assert found.mend.startswith("`maximum-paths ibgp 3` under `router bgp 64522`")


@pytest.mark.parametrize(
    "changes",
    [
        {"maximum_paths": 3},
        {"maximum_paths": None},
        {"maximum_paths": 2, "paths": (path(0, best=True), path(1), path(2, med=50))},
        {"maximum_paths": 2, "paths": (path(0, best=True), path(1), path(2, as_path=(64522, 64522)))},
        {
            "maximum_paths": 2,
            "paths": (path(0, best=True), path(1), path(2, as_path=(64523,))),
            "sessions": (*bgp(2, 2).sessions, BgpSession(address(2), 64523, "Established")),
        },
        {"maximum_paths": 2, "paths": (path(0, best=True), path(1), path(2, valid=False))},
    ],
)
def test_paths_that_are_not_equal_do_not_count_against_the_limit(changes: dict[str, Any]) -> None:
    assert "max-paths-below-announced" not in rules(router([300, 300], fib=2, bgp=bgp(3, 2, **changes)))


def test_with_multipath_relax_as_paths_of_equal_length_are_equal() -> None:
    paths = (path(0, best=True), path(1), path(2, as_path=(64523,)))
    relaxed = bgp(3, 2, maximum_paths=2, multipath_relax=True, paths=paths)
    assert "max-paths-below-announced" in rules(router([300, 300], fib=2, bgp=relaxed))


# where the daemon, or the kind, is of a package that is not installed here

GONE = {"kind": "gone-router", "runs_as": "Gone 1.0"}


def of_gone(made: BgpEvidence) -> BgpEvidence:
    return replace(made, daemon="gone")


def test_a_limit_of_an_unknown_daemon() -> None:
    made = router([300, 300], fib=2, bgp=of_gone(bgp(3, 2, maximum_paths=2)), **GONE)
    limit = findings(made)["max-paths-below-announced"]
    assert limit.message == "`maximum-paths 2` lets BGP choose 2 of 3 equal paths to 172.16.7.192/32."
    assert limit.mend == "let the router's BGP (AS 64512) install 3 equal ebgp paths"


def test_an_unknown_daemon_is_not_said_to_merge_paths() -> None:
    assert not {"merge-paths-off", "max-paths-below-announced"} & set(
        rules(router([600], fib=1, bgp=of_gone(bird(1)), **GONE))
    )


def test_as_paths_of_an_unknown_kind() -> None:
    made = three_asns(**GONE)
    assert made.bgp is not None
    mend = "let the router's BGP relax the comparison of AS paths, or give all speakers one AS number"
    assert findings(made)["as-paths-differ"].mend == mend
    assert findings(replace(made, bgp=of_gone(made.bgp)))["as-paths-differ"].mend == mend


def test_the_rib_of_an_unknown_daemon() -> None:
    rib = tuple(RibNextHop(address(hop), "eth1", active=hop < 2, fib=hop < 2) for hop in range(3))
    found = findings(router([300, 300], fib=2, bgp=of_gone(bgp(3, 3)), rib=rib, **GONE))["zebra-multipath-limit"]
    assert found.message.startswith("BGP chose 3 paths, but the RIB makes only 2 of the route's next hops active")
    assert found.mend == "let the daemon's RIB use 3 next hops"


def test_the_filters_of_an_unknown_daemon() -> None:
    lan = FibRoute("172.16.7.0/24", "kernel", (FibNextHop("", "eth1"),))
    made = router([], fib=0, bgp=of_gone(bgp(3, 3)), fib_before=lan, fib_after=lan, **GONE)
    mend = "look for a filter between its BGP and the kernel, and for another route to the same prefix"
    assert findings(made)["filtered-from-fib"].mend == mend


def test_the_hash_and_the_old_kernel_of_an_unknown_kind() -> None:
    found = findings(router([600], hash=LAYER_3, **GONE))["one-hash-key"]
    assert found.mend.startswith("set net.ipv4.fib_multipath_hash_* on rt-frr: policy: 3, fields: 0x37")
    found = findings(router(EVEN, old_kernel="It spread packets", **GONE))["forwarding-plane-differs"]
    assert found.mend.startswith("for the real router: a version whose kernel is Linux 4.4 or later; `forwarding:")


# attribute-differs


def losing(hop: int, **changes: Any) -> Any:
    """A valid path that BGP did not choose."""
    return path(hop, multipath=False, **changes)


@pytest.mark.parametrize(
    ("changes", "attribute", "values"),
    [
        ({"weight": None}, "weight", "172.16.7.13 (0) against 10"),
        ({"local_pref": None}, "local preference", "172.16.7.13 (100) against 200"),
        ({"as_path": (64522, 64522)}, "AS path length", "172.16.7.13 (2) against 1"),
        ({"origin": "incomplete"}, "origin", "172.16.7.13 (incomplete) against IGP"),
        ({"med": 50}, "MED", "172.16.7.13 (50) against 0"),
        ({"igp_metric": 20}, "IGP metric to the next hop", "172.16.7.13 (20) against 10"),
    ],
)
def test_a_path_that_loses_by_an_attribute_names_the_first_that_differs(
    changes: dict[str, Any], attribute: str, values: str
) -> None:
    better = {"weight": {"weight": 10}, "local_pref": {"local_pref": 200}, "igp_metric": {"igp_metric": 10}}
    best = next((value for key, value in better.items() if key in changes), {})
    paths = (path(0, best=True, **best), path(1, **best), losing(2, **changes))
    found = findings(router([300, 300], fib=2, bgp=bgp(3, 2, paths=paths)))["attribute-differs"]
    assert f"1 path to 172.16.7.192/32 lost by {attribute}: {values} of the best path" in found.message
    assert attribute in found.mend


def test_the_med_counts_between_paths_from_one_as_only() -> None:
    paths = (path(0, best=True), path(1), losing(2, as_path=(64999,), med=50))
    sessions = (*bgp(2, 2).sessions, BgpSession(address(2), 64999, "Established"))
    found = findings(router([300, 300], fib=2, bgp=bgp(3, 2, paths=paths, sessions=sessions)))
    assert list(found) == ["as-paths-differ", "only-pods-balanced"]


def test_ebgp_wins_over_ibgp() -> None:
    sessions = (*bgp(2, 2).sessions, BgpSession(address(2), 64512, "Established"))
    paths = (path(0, best=True), path(1), losing(2, as_path=(64522,)))
    found = findings(router([300, 300], fib=2, bgp=bgp(3, 2, sessions=sessions, paths=paths)))
    assert "(iBGP) against eBGP" in found["attribute-differs"].message


def test_equal_paths_that_the_limit_keeps_out_differ_in_nothing() -> None:
    made = router([600], fib=1, bgp=bgp(3, 1, maximum_paths=1))
    assert "attribute-differs" not in findings(made)
    assert "as-paths-differ" not in findings(made)


# as-paths-differ


def three_asns(**changes: Any) -> RouterEvidence:
    paths = (path(0, best=True), losing(1, as_path=(64523,)), losing(2, as_path=(64524,)))
    sessions = tuple(BgpSession(address(hop), 64522 + hop, "Established") for hop in range(3))
    return router([600], fib=1, bgp=bgp(3, 1, paths=paths, sessions=sessions), **changes)


def test_different_as_paths_of_one_length_are_not_used_together() -> None:
    found = findings(three_asns())["as-paths-differ"]
    assert "2 paths to 172.16.7.192/32 tie with the best one" in found.message
    assert "172.16.7.11 by AS 64522; 172.16.7.12 by AS 64523; 172.16.7.13 by AS 64524" in found.evidence
    assert "`bgp bestpath as-path multipath-relax` under `router bgp 64512`" in found.mend


def test_vyos_1_1_has_no_multipath_relax_to_offer() -> None:
    made = three_asns(kind="vyos", runs_as="VyOS 1.1 configuration, Quagga's defaults, run by FRR 8.4.4")
    assert findings(made)["as-paths-differ"].mend == "give all speakers one AS number: VyOS 1.1 has no multipath-relax"


# zebra-multipath-limit


def test_zebra_makes_fewer_next_hops_active_than_bgp_chose() -> None:
    rib = tuple(RibNextHop(address(hop), "eth1", active=hop < 2, fib=hop < 2) for hop in range(3))
    found = findings(router([300, 300], fib=2, bgp=bgp(3, 3), rib=rib))["zebra-multipath-limit"]
    assert "BGP chose 3 paths, but zebra makes only 2" in found.message
    assert "without 172.16.7.13" in found.evidence
    assert "-e 3" in found.mend


def test_a_next_hop_on_a_dead_link_is_not_zebras_limit() -> None:
    rib = tuple(RibNextHop(address(hop), f"eth{hop}", active=hop < 2, fib=hop < 2) for hop in range(3))
    assert "zebra-multipath-limit" not in findings(router([300, 300], fib=2, bgp=bgp(3, 3), rib=rib))


# filtered-from-fib


def test_a_best_path_that_never_became_a_route() -> None:
    lan = FibRoute("172.16.7.0/24", "kernel", (FibNextHop("", "eth1"),))
    unanswered = tuple(flow(number, answered=False) for number in range(600))
    made = router([0, 0, 0], bgp=bgp(3, 3), rib=(), fib_before=lan, fib_after=lan, flows=unanswered)
    found = findings(made)["filtered-from-fib"]
    assert found.severity is Severity.ERROR
    assert "BGP chose 3 paths to 172.16.7.192/32" in found.message
    assert "the kernel has only 172.16.7.0/24" in found.message
    assert "table-map" in found.mend


def test_without_a_path_there_is_nothing_to_filter() -> None:
    made = router([0, 0, 0], bgp=bgp(0, 0), rib=(), fib_before=None, fib_after=None)
    assert "filtered-from-fib" not in findings(made)


# one-hash-key


def test_a_vyos_has_a_statement_for_layer_4_hashing_from_1_2_on() -> None:
    for version, mend in (("1.1", "`hash: {policy: 3"), ("1.2", "`set system ip multipath layer4-hashing`")):
        made = router([600], hash=LAYER_3, kind="vyos", runs_as=f"VyOS {version} configuration, run by FRR 8.4.4")
        assert findings(made)["one-hash-key"].mend.startswith(mend)


def test_one_client_has_one_key_under_the_layer_3_hash() -> None:
    found = findings(router([600], hash=LAYER_3))["one-hash-key"]
    assert found.message.startswith("All 600 flows share one hash key: hash policy 0 does not look at ports")
    assert found.mend.startswith("`hash: {policy: 3, fields: 0x37}` at rt-frr")


@pytest.mark.parametrize(
    "made",
    [
        router([600], fib=1, hash=LAYER_3),
        router([1], hash=LAYER_3),
        router([600]),
        router([], hash=LAYER_3, flows=(flow(1, 0), flow(2, 0, source="172.16.9.12"))),
    ],
)
def test_one_hash_key_needs_a_choice_that_ports_would_have_made(made: RouterEvidence) -> None:
    assert "one-hash-key" not in rules(made)


# socket-hash


def test_policy_1_within_one_kernel_is_the_socket_hash() -> None:
    found = findings(router(EVEN, hash=LAYER_4))
    assert list(found) == ["socket-hash"]
    assert found["socket-hash"].severity is Severity.ERROR


@pytest.mark.parametrize(
    "made", [router(EVEN, hash=LAYER_4, one_kernel=False), router([600], fib=1, hash=LAYER_4), router(EVEN)]
)
def test_no_socket_hash_on_separate_kernels_or_without_a_choice(made: RouterEvidence) -> None:
    assert "socket-hash" not in rules(made)


@pytest.mark.parametrize(
    ("seed", "other_seed", "found"), [(5, 5, True), (None, None, True), (0, None, True), (5, 6, False)]
)
def test_equal_seeds_of_two_routers(seed: int | None, other_seed: int | None, found: bool) -> None:
    first = router(EVEN, hash=HashSettings(3, 0x37, seed))
    second = router(EVEN, router="rt-2", hash=HashSettings(3, 0x37, other_seed))
    assert ("socket-hash" in rules(first, second)) is found
    assert "socket-hash" not in rules(first, replace(second, fib_before=route(1)))


# per-packet


def test_per_packet_forwarding_is_named() -> None:
    made = router([], flows=tuple(flow(number, number % 3, (number + 1) % 3) for number in range(60)))
    found = findings(made)["per-packet"]
    assert found.severity is Severity.ERROR
    assert found.message.startswith(
        "60 flows of 60 left by two or more next hops (60 of them answered, 0 retransmitted)"
    )
    assert "spreads packets, not flows" in found.message


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, "when a route flaps"),
        ({"fib_after": route(2)}, "the FIB changed while they ran"),
        ({"hash": LAYER_4}, "moves a flow when its sender retransmits"),
    ],
)
def test_a_few_flows_that_moved_have_other_causes(changes: dict[str, Any], cause: str) -> None:
    made = router([], flows=(*flows([200, 200, 199]), flow(9000, 2, 0, retransmissions=1)), **changes)
    assert cause in findings(made)["per-packet"].message


# only-pods-balanced


@pytest.mark.parametrize(
    ("made", "counts"),
    [
        (article(), "(600)"),
        (router([600], hash=LAYER_3), "(600/0/0)"),
        (router([300, 300], fib=2), "(300/300)"),
        (router([300, 150, 150]), "(300/150/150)"),
    ],
)
def test_even_pods_hide_uneven_next_hops(made: RouterEvidence, counts: str) -> None:
    message = findings(made)["only-pods-balanced"].message
    assert message.startswith("The 3 pods answered evenly (200/200/200)")
    assert counts in message


def test_uneven_pods_hide_nothing() -> None:
    one_pod = tuple(replace(seen, pod="nginx-1") for seen in flows([600]))
    assert "only-pods-balanced" not in rules(article(flows=one_pod))
    assert "only-pods-balanced" not in rules(article(flows=flows([3])))
    assert "only-pods-balanced" not in rules(router([600], announced=1))


# node-not-announcing


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sessions": ()}, "it is no BGP neighbor (configured: none)"),
        ({"sessions": (BgpSession(address(2), 64522, "Active"),)}, "the session is Active"),
        (
            {"sessions": (BgpSession(address(2), 64522, "Established"),)},
            "the session is Established, but brings no path",
        ),
        ({"paths": (path(0, best=True), path(1), path(2, valid=False))}, "the path is there, but not valid"),
    ],
)
def test_a_node_without_a_valid_path(changes: dict[str, Any], said: str) -> None:
    two = bgp(3, 2, **{"paths": (path(0, best=True), path(1)), **changes})
    found = findings(router([300, 300], fib=2, bgp=two))["node-not-announcing"]
    assert found.message.startswith("k8s-worker3 (172.16.7.13) should announce 172.16.7.192, but rt-frr has no valid")
    assert said in found.message
    assert found.severity is Severity.WARNING


def test_a_session_that_is_expected_to_be_down_is_only_mentioned() -> None:
    down = bgp(3, 2, paths=(path(0, best=True), path(1)), sessions=(BgpSession(address(2), 64522, "Active", True),))
    found = findings(router([300, 300], fib=2, bgp=down))["node-not-announcing"]
    assert found.severity is Severity.INFO
    assert "the session is Active, as the topology expects" in found.message


def test_no_path_at_all_is_an_error() -> None:
    found = findings(router([], fib=0, bgp=bgp(3, 0, paths=())))["node-not-announcing"]
    assert found.severity is Severity.ERROR


def test_a_node_that_is_not_expected_to_announce_is_not_missed() -> None:
    made = router([300, 300], announced=2)
    silent = replace(made.announcers[0], node="k8s-control-plane", address="172.16.7.10", expected=False)
    assert rules(replace(made, announcers=(*made.announcers, silent))) == []


# neighbour-failed and unanswered


def test_a_failed_neighbour_and_the_flows_that_it_costs() -> None:
    stuck = tuple(flow(9000 + number, answered=False, predicted=address(2)) for number in range(200))
    made = router([], flows=(*flows([200, 200]), *stuck), neighbours_after=neighbours(3, hop2="FAILED"))
    found = findings(made)
    assert list(found)[:2] == ["neighbour-failed", "only-pods-balanced"]
    assert found["neighbour-failed"].message == (
        "The FIB has 172.16.7.13 (k8s-worker3) as 1 of 3 next hops, but it is FAILED in the neighbour table of eth1: "
        "200 flows would take it and cannot leave."
    )
    assert found["unanswered"].message == "200 flows of 600 got no answer: 200 that were not seen leaving the router."


def test_a_neighbour_that_is_missing_counts_only_where_no_flow_went() -> None:
    assert "neighbour-failed" in rules(router([300, 300], neighbours_after=neighbours(2)))
    assert "neighbour-failed" not in rules(router(EVEN, neighbours_after=neighbours(2)))
    assert "neighbour-failed" not in rules(router([300, 300], neighbours_after=()))


def test_a_neighbour_that_recovered_is_no_finding() -> None:
    assert rules(router(EVEN, neighbours_before=neighbours(3, hop1="INCOMPLETE"))) == []


def test_a_worker_without_a_route_back() -> None:
    dead = tuple(flow(9000 + number, 2, answered=False) for number in range(200))
    found = findings(router([], flows=(*flows([200, 200]), *dead)))["unanswered"]
    assert found.severity is Severity.ERROR
    assert found.message == "200 flows of 600 got no answer: 200 of the 200 by 172.16.7.13 (k8s-worker3)."
    assert found.evidence == "the client's errors: timed out (200)"
    assert found.mend.startswith("look at k8s-worker3: a route back to the client 172.16.9.11")


def test_flows_that_fail_behind_every_next_hop() -> None:
    made = tuple(flow(number, number % 3, answered=number % 2 == 0) for number in range(60))
    assert findings(router([], flows=made))["unanswered"].mend.startswith("look at the service behind 172.16.7.192")


# forwarding-plane-differs


def test_the_fixed_article_would_have_broken_on_its_own_kernel() -> None:
    fixed = article(
        bgp=bgp(3, 3, maximum_paths=3, maximum_paths_ibgp=1), fib_before=route(3), fib_after=route(3), flows=flows(EVEN)
    )
    found = findings(fixed)
    assert list(found) == ["forwarding-plane-differs"]
    assert "Linux 3.13 spread packets, not flows" in found["forwarding-plane-differs"].message
    assert "0-9% of requests survived" in found["forwarding-plane-differs"].message
    assert "`forwarding: per-packet` at rt-vyos" in found["forwarding-plane-differs"].mend


def test_one_next_hop_is_forwarded_alike_by_every_kernel() -> None:
    assert "forwarding-plane-differs" not in rules(article())
    assert "forwarding-plane-differs" not in rules(router(EVEN, hash=FIVE_TUPLE))
