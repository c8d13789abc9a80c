from dataclasses import replace
from typing import Any

import pytest
from evidence_builder import (
    LAYER_3,
    LAYER_4,
    VIP,
    address,
    article,
    bgp,
    evidence,
    flow,
    flows,
    neighbours,
    perfect_counts,
    route,
    router,
    segments,
)

from netlab.ecmp.judge import judge
from netlab.ecmp.reading import read
from netlab.model.evidence import FibNextHop, FibRoute, FlowEvidence, RouterEvidence, SegmentCount
from netlab.model.topology import Expect
from netlab.model.verdict import Outcome, RouterVerdict, Severity


def judged(made: RouterEvidence, **options: Any) -> RouterVerdict:
    return judge(evidence(made), **options).routers[0]


@pytest.mark.parametrize("seed", range(25))
def test_600_perfect_flows_over_3_next_hops_are_ecmp(seed: int) -> None:
    verdict = judged(router(perfect_counts(seed)))
    assert verdict.verdict is Outcome.ECMP
    assert verdict.matches
    assert verdict.findings == ()


def test_the_numbers_of_an_ecmp_verdict() -> None:
    verdict = judged(router([210, 200, 190]))
    assert (verdict.paths.announced, verdict.paths.multipath, verdict.paths.rib, verdict.paths.fib) == (3, 3, 3, 3)
    assert verdict.paths.used == 3
    assert (verdict.flows.sent, verdict.flows.answered, verdict.flows.keys) == (600, 600, 600)
    assert [(hop.address, hop.node, hop.flows, hop.expected_flows) for hop in verdict.next_hops] == [
        ("172.16.7.11", "k8s-worker", 210, 200),
        ("172.16.7.12", "k8s-worker2", 200, 200),
        ("172.16.7.13", "k8s-worker3", 190, 200),
    ]
    assert [(pod.name, pod.node, pod.flows) for pod in verdict.pods] == [
        ("nginx-1", "k8s-worker", 200),
        ("nginx-2", "k8s-worker2", 200),
        ("nginx-3", "k8s-worker3", 200),
    ]
    assert verdict.pods[0].client_addresses_seen == ("172.16.7.11",)
    assert (verdict.prediction.agree, verdict.prediction.of) == (600, 600)
    assert verdict.statistics.chi2 == pytest.approx(1.0)
    assert verdict.forwarding == "per-flow"
    assert "p = 0.61" in verdict.reason


def test_the_article_is_single_path_because_of_the_fib() -> None:
    verdict = judged(article())
    assert verdict.verdict is Outcome.SINGLE_PATH
    assert verdict.matches
    assert verdict.reason == (
        "The FIB has 1 next hop of 3 announced, 172.16.7.11 (k8s-worker), and all 600 flows seen left by it."
    )


def test_one_next_hop_in_the_fib_needs_only_one_flow() -> None:
    assert judged(router([1], fib=1)).verdict is Outcome.SINGLE_PATH


@pytest.mark.parametrize(
    ("keys", "k", "outcome"),
    [
        (7, 3, Outcome.INCONCLUSIVE),
        (8, 3, Outcome.SINGLE_PATH),
        (10, 2, Outcome.INCONCLUSIVE),
        (11, 2, Outcome.SINGLE_PATH),
        (7, 10, Outcome.INCONCLUSIVE),
        (8, 10, Outcome.SINGLE_PATH),
    ],
)
def test_all_on_one_of_several_needs_keys(keys: int, k: int, outcome: Outcome) -> None:
    assert judged(router([keys], announced=k)).verdict is outcome


def test_one_client_under_the_layer_3_hash_proves_nothing() -> None:
    verdict = judged(router([600], hash=LAYER_3))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert verdict.flows.keys == 1
    assert "600 flows with 1 hash key" in verdict.reason
    low, high = verdict.next_hops[0].ci95
    assert (low, high) == pytest.approx((0.025, 1.0))


def test_31_clients_under_the_layer_3_hash_are_31_keys() -> None:
    clients = [0] * 16 + [1] * 6 + [2] * 9
    made = tuple(
        flow(10 * client + turn, hop, source=f"172.16.9.{11 + client}")
        for client, hop in enumerate(clients)
        for turn in range(10)
    )
    verdict = judged(router([], hash=LAYER_3, flows=made))
    assert verdict.flows.keys == 31
    assert verdict.statistics.p_value == pytest.approx(0.078, abs=0.001)
    assert verdict.verdict is Outcome.ECMP
    assert [hop.flows for hop in verdict.next_hops] == [160, 60, 90]


def test_partial_is_a_fact_where_the_fib_has_fewer_than_announced() -> None:
    verdict = judged(router([3, 2], fib=2))
    assert verdict.verdict is Outcome.PARTIAL
    assert verdict.reason == "The FIB has 2 of 3 announced next hops, and 5 hash keys used all of them."


def test_partial_within_the_fib_is_proven_by_the_union_bound() -> None:
    few, enough = judged(router([18, 18])), judged(router([19, 18]))
    assert few.verdict is Outcome.INCONCLUSIVE
    assert "37 keys are needed" in few.reason
    assert enough.verdict is Outcome.PARTIAL
    assert "union bound" in enough.reason


def test_alpha_moves_the_number_of_keys_that_prove_it() -> None:
    assert judged(router([9, 9]), alpha=0.01).verdict is Outcome.PARTIAL
    assert judge(evidence(router([9, 9])), alpha=0.01).alpha == 0.01


def test_unbalanced_needs_significance_and_effect() -> None:
    assert judged(router([300, 150, 150])).verdict is Outcome.UNBALANCED
    assert judged(router([12, 6, 6])).verdict is Outcome.ECMP
    assert judged(router([11_000, 10_000, 9_000])).verdict is Outcome.ECMP


def test_weights_are_the_expectation() -> None:
    weighted = {"fib_before": route(3, [2, 1, 1]), "fib_after": route(3, [2, 1, 1])}
    verdict = judged(router([300, 150, 150], **weighted))
    assert verdict.verdict is Outcome.ECMP
    assert [hop.expected_flows for hop in verdict.next_hops] == [300, 150, 150]
    assert judged(router([200, 200, 200], **weighted)).verdict is Outcome.UNBALANCED


def test_too_few_keys_for_the_chi_square_test() -> None:
    verdict = judged(router([1, 1, 1]))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert verdict.reason == "Too few hash keys: 3 over 3 next hops, and chi-square needs 5 expected on each."


def test_a_flow_on_two_next_hops_is_per_packet() -> None:
    made = (*flows([200, 200, 199]), flow(9000, 0, 2))
    verdict = judged(router([], flows=made))
    assert verdict.verdict is Outcome.PER_PACKET
    assert verdict.forwarding == "per-packet"
    assert verdict.reason.startswith("1 of the 600 flows with several segments seen left by two or more next hops")


def test_two_mac_addresses_that_nobody_knows_are_two_next_hops() -> None:
    unknown = tuple(SegmentCount("eth1", f"02:00:00:00:01:{mac:02x}", None, 3) for mac in (1, 2))
    assert judged(router([], flows=(flow(1, segments=unknown),))).verdict is Outcome.PER_PACKET


def test_one_mac_address_on_two_interfaces_is_two_next_hops() -> None:
    first = segments(0)
    moved = flow(1, segments=(first, replace(first, interface="eth2")))
    assert judged(router([], flows=(moved,))).verdict is Outcome.PER_PACKET


def test_flows_that_move_while_the_fib_changes_are_inconclusive() -> None:
    made = (*flows([200, 200]), *(flow(5000 + number, 2, 0) for number in range(200)))
    verdict = judged(router([], flows=made, fib_after=route(2)))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert verdict.reason == (
        "The FIB changed while the flows ran: 3 next hops before, afterwards 2 next hops, without 172.16.7.13."
    )


def test_a_changed_weight_is_a_changed_fib() -> None:
    verdict = judged(router([200, 200, 200], fib_after=route(3, [2, 1, 1])))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert "other weights" in verdict.reason


def test_a_new_group_id_with_the_same_next_hops_is_no_change() -> None:
    assert judged(router([200, 200, 200], fib_after=replace(route(3), group=99))).verdict is Outcome.ECMP


def test_flows_that_move_under_the_socket_hash_say_nothing() -> None:
    made = (*flows([200, 200, 199]), flow(9000, 0, 2, retransmissions=3))
    assert judged(router([], flows=made, hash=LAYER_4)).verdict is Outcome.INCONCLUSIVE
    assert judged(router([], flows=made, hash=LAYER_4, one_kernel=False)).verdict is Outcome.PER_PACKET


def test_flows_of_one_key_on_several_next_hops_are_inconclusive() -> None:
    verdict = judged(router([200, 200, 200], hash=LAYER_3))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert "1 of 1 hash key went to two or more next hops" in verdict.reason


def test_capture_drops_matter_only_where_flows_were_lost() -> None:
    unseen = flow(9000)
    assert judged(router([200, 200, 200], capture_drops=7)).verdict is Outcome.ECMP
    verdict = judged(router([], flows=(*flows([200, 200, 199]), unseen), capture_drops=7))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert verdict.reason.startswith("The capture lost 7 packets, and 1 of 600 flows")


def test_answered_flows_that_were_not_seen_are_lost_captures() -> None:
    few = (*flows([200, 200, 194]), *(flow(9000 + number) for number in range(6)))
    many = (*flows([200, 200, 190]), *(flow(9000 + number) for number in range(10)))
    assert judged(router([], flows=few)).verdict is Outcome.ECMP
    assert judged(router([], flows=many)).verdict is Outcome.INCONCLUSIVE


def test_flows_that_never_left_belong_to_the_next_hop_that_took_none() -> None:
    stuck = tuple(flow(9000 + number, answered=False, predicted=address(2)) for number in range(200))
    failed = neighbours(3, hop2="FAILED")
    verdict = judged(router([], flows=(*flows([200, 200]), *stuck), neighbours_after=failed))
    assert verdict.verdict is Outcome.PARTIAL
    assert judged(router([], flows=(*flows([140, 130, 130]), *stuck))).verdict is Outcome.INCONCLUSIVE


def test_flows_that_a_router_with_one_next_hop_dropped_do_not_hide_that_it_has_one() -> None:
    stuck = tuple(flow(9000 + number, answered=False) for number in range(200))
    assert judged(router([], fib=1, flows=(*flows([400]), *stuck))).verdict is Outcome.SINGLE_PATH


def test_a_split_flow_counts_once_for_the_next_hop_with_most_of_its_segments() -> None:
    most, equal = flow(1, segments=(segments(0, 1), segments(2, 4))), flow(2, 2, 1)
    assert read(router([], flows=(most, equal))).flow_counts == (0, 1, 1)


def test_where_packets_are_spread_packets_are_counted() -> None:
    flows = [flow(port, segments=(segments(0, 3), segments(1, 3)), answered=port % 20 == 0) for port in range(1, 101)]
    flows += [flow(port, segments=(segments(2, 3),)) for port in range(101, 201)]
    verdict = judged(router([], flows=tuple(flows), forwarding="per-packet", expected=Expect.PER_PACKET))
    assert (verdict.verdict, verdict.matches, verdict.forwarding) == (Outcome.PER_PACKET, True, "per-packet")
    assert verdict.reason.endswith("while the FIB was the same before and after; 105 of 200 requests survived.")
    assert [hop.segments for hop in verdict.next_hops] == [300, 300, 300]
    assert [hop.flows for hop in verdict.next_hops] == [100, 0, 100]  # the first of equals has the flow
    assert [hop.share for hop in verdict.next_hops] == pytest.approx([1 / 3] * 3)
    assert verdict.statistics.chi2 == 0
    assert verdict.flows.answered_share == 0.525
    assert (verdict.prediction.agree, verdict.prediction.of) == (0, 0)
    assert "as `forwarding: per-packet` asks of it" in verdict.findings[0].message


def test_a_router_that_is_to_spread_packets_says_so_with_one_next_hop_too() -> None:
    verdict = judged(router([600], fib=1, forwarding="per-packet"))
    assert (verdict.verdict, verdict.forwarding) == (Outcome.SINGLE_PATH, "per-packet")
    assert verdict.prediction.of == 600


def test_no_flow_seen_and_no_flow_sent_are_inconclusive() -> None:
    assert judged(router([], flows=(flow(1), flow(2, answered=False)))).reason == (
        "None of the 2 flows was seen leaving the router; 1 of them were answered."
    )
    assert judged(router([])).reason == "No flow was sent."


def test_flows_outside_the_fib_are_inconclusive() -> None:
    verdict = judged(router([100, 100, 100, 20]))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert "20 flows left by a next hop that the FIB does not have (172.16.7.14)" in verdict.reason
    assert [hop.weight for hop in verdict.next_hops] == [1, 1, 1, 0]


def test_next_hops_behind_one_mac_address_are_inconclusive() -> None:
    same = tuple(replace(near, mac="02:00:00:00:00:0b") for near in neighbours(3))
    verdict = judged(router([600], neighbours_before=same, neighbours_after=same))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert "have one MAC address" in verdict.reason


def test_no_route() -> None:
    verdict = judged(router([], fib=0, bgp=bgp(0, 0)))
    assert verdict.verdict is Outcome.NO_ROUTE
    assert verdict.reason == f"The FIB has no route to {VIP}, and BGP has no valid path to it."
    assert "although BGP has 3 valid paths" in judged(router([], fib=0)).reason


def test_a_connected_route_that_covers_the_vip_is_no_route() -> None:
    connected = FibRoute("172.16.7.0/24", "kernel", (FibNextHop(VIP, "eth1"),))
    verdict = judged(router([], fib_before=connected, fib_after=connected))
    assert verdict.verdict is Outcome.NO_ROUTE
    assert "only 172.16.7.0/24" in verdict.reason


def test_a_router_without_bgp_is_judged_by_its_fib() -> None:
    verdict = judged(router([200, 200, 200], bgp=None))
    assert verdict.verdict is Outcome.ECMP
    assert verdict.paths.announced == 0
    assert "all 3 next hops of the FIB" in verdict.reason


def test_an_ipv6_next_hop_is_named_by_the_mac_address_that_it_shares() -> None:
    local = FibRoute("fd00::192/128", "bgp", (FibNextHop("fe80::1", "eth1"),))
    near = neighbours(1)
    known = (*near, replace(near[0], address="fe80::1"))
    seen = tuple(flow(number, segments=(replace(segments(0), next_hop="fe80::1"),)) for number in range(10))
    verdict = judged(
        router([], announced=1, fib_before=local, fib_after=local, neighbours_before=known, flows=seen, vip="fd00::192")
    )
    assert [(hop.address, hop.node, hop.flows) for hop in verdict.next_hops] == [("fe80::1", "k8s-worker", 10)]


@pytest.mark.parametrize(
    ("expect", "matches"),
    [(Expect.ECMP, True), (Expect.SINGLE_PATH, False), (Expect.ANY, True)],
)
def test_expect_overrides_the_topology(expect: Expect, matches: bool) -> None:
    verdict = judged(router([200, 200, 200], expected=Expect.SINGLE_PATH), expect=expect)
    assert (verdict.expected, verdict.matches) == (expect, matches)


@pytest.mark.parametrize(
    ("made", "matches"),
    [
        (router([300, 150, 150]), True),
        (router([600], fib=1), True),
        (router([1, 1, 1]), False),
        (router([], fib=0), False),
    ],
)
def test_any_accepts_every_verdict_that_decides(made: RouterEvidence, matches: bool) -> None:
    assert judged(made, expect=Expect.ANY).matches is matches


HERE = tuple(replace(seen, arrived=True) for seen in flows([150, 150]))
ELSEWHERE = tuple(flow(9000 + number, arrived=False) for number in range(300))


def test_flows_that_another_router_carried_say_nothing_of_this_one() -> None:
    verdict = judged(router([], fib=2, announced=2, flows=(*HERE, *ELSEWHERE)))
    assert (verdict.verdict, verdict.matches, verdict.rules) == (Outcome.ECMP, True, ())
    assert (verdict.flows.sent, verdict.flows.answered, verdict.flows.elsewhere, verdict.flows.keys) == (
        600,
        600,
        300,
        300,
    )
    assert sum(pod.flows for pod in verdict.pods) == 300


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        ((*HERE, *(replace(seen, arrived=True) for seen in ELSEWHERE)), {}),
        ((*HERE, *(replace(seen, arrived=None) for seen in ELSEWHERE)), {}),
        ((*HERE, *ELSEWHERE), {"capture_drops": 1}),
        ((replace(HERE[0], arrived=False), *HERE[1:], *ELSEWHERE), {}),
    ],
    ids=["came", "older evidence", "the capture lost packets", "what came was not always seen"],
)
def test_a_flow_is_elsewhere_only_where_its_coming_would_have_been_seen(
    made: tuple[FlowEvidence, ...], changes: dict[str, Any]
) -> None:
    assert judged(router([], fib=2, announced=2, flows=made, **changes)).verdict is Outcome.INCONCLUSIVE


def test_a_flow_that_never_came_and_was_not_answered_is_a_failure_still() -> None:
    lost = tuple(replace(seen, answered=False, error="timed out") for seen in ELSEWHERE)
    verdict = judged(router([], fib=2, announced=2, flows=(*HERE, *lost)))
    assert (verdict.verdict, verdict.matches) == (Outcome.ECMP, False)
    assert verdict.findings[-1].message == "300 flows of 600 got no answer: 300 that never came to the router."


def test_a_router_that_no_flow_came_to_is_not_judged() -> None:
    verdict = judged(router([], fib=2, announced=2, flows=ELSEWHERE))
    assert verdict.verdict is Outcome.INCONCLUSIVE
    assert verdict.reason.startswith("None of the 300 flows was seen coming to the router: they took another way, or")


CLOSED = tuple(flow(number, number % 3, answered=False) for number in range(600))
ONE_LOST = (*flows([200, 200, 199]), flow(9000, 2, answered=False))
ONE_CLOSED = tuple(flow(number, 0, answered=False) for number in range(600))


@pytest.mark.parametrize("expect", [Expect.ECMP, Expect.ANY])
@pytest.mark.parametrize("made", [router([], flows=CLOSED), router([], flows=ONE_LOST)], ids=["all", "one"])
def test_a_flow_without_an_answer_fails_a_router_that_spreads_as_expected(made: RouterEvidence, expect: Expect) -> None:
    verdict = judged(made, expect=expect)
    assert (verdict.verdict, verdict.matches) == (Outcome.ECMP, False)
    assert verdict.failure == f"{verdict.flows.answered} of 600 flows answered"


def test_a_dead_service_behind_one_path_fails_too() -> None:
    verdict = judged(router([], fib=1, flows=ONE_CLOSED), expect=Expect.SINGLE_PATH)
    assert (verdict.verdict, verdict.matches) == (Outcome.SINGLE_PATH, False)


@pytest.mark.parametrize(("expect", "matches"), [(Expect.PER_PACKET, True), (Expect.ANY, False)])
def test_requests_may_fail_where_packets_are_to_be_spread_and_nowhere_else(expect: Expect, matches: bool) -> None:
    split = tuple(flow(number, number % 3, (number + 1) % 3, answered=number % 20 == 0) for number in range(60))
    verdict = judged(router([], flows=split), expect=expect)
    assert (verdict.verdict, verdict.rules) == (Outcome.PER_PACKET, ("per-packet", "unanswered"))
    assert verdict.matches is matches


@pytest.mark.parametrize("expect", [Expect.ANY, Expect.SINGLE_PATH, Expect.PER_PACKET])
def test_an_error_fails_whatever_is_expected_and_a_warning_does_not(expect: Expect) -> None:
    dead = neighbours(3, hop1="FAILED")
    split = tuple(flow(number, number % 3, (number + 1) % 3) for number in range(60))
    made = {
        Expect.ANY: router([200, 200, 200], neighbours_after=dead),
        Expect.SINGLE_PATH: router([600], fib=1, neighbours_after=neighbours(3, hop0="FAILED")),
        Expect.PER_PACKET: router([], flows=split, neighbours_after=dead),
    }[expect]
    verdict = judged(made, expect=expect)
    assert (verdict.failure, verdict.matches) == ("neighbour-failed", False)
    warned = judged(article())
    assert (warned.findings[0].severity, warned.matches) == (Severity.WARNING, True)


def test_predictions_that_miss_are_counted() -> None:
    off = tuple(replace(seen, predicted=address(1)) for seen in flows([5]))
    verdict = judged(router([], flows=(*off, *flows([0, 40, 60]), flow(8000, 2, predicted=None))))
    assert (verdict.prediction.agree, verdict.prediction.of) == (100, 105)


def test_retransmitted_counts_flows() -> None:
    made = (*flows([20, 20]), flow(9000, 2, retransmissions=4))
    assert judged(router([], flows=made)).flows.retransmitted == 1
