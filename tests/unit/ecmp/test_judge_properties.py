"""Whatever the evidence: some verdict, never an exception, and numbers that add up."""

from dataclasses import replace
from io import StringIO

import pytest
from evidence_builder import evidence
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from netlab.ecmp.judge import judge
from netlab.model import codec
from netlab.model.evidence import (
    ArpEntry,
    BgpEvidence,
    BgpPath,
    BgpSession,
    Evidence,
    FibNextHop,
    FibRoute,
    FlowEvidence,
    HashSettings,
    RouterEvidence,
    SegmentCount,
)
from netlab.model.verdict import RouterVerdict
from netlab.report import json_report
from netlab.report.terminal import print_verdict

addresses = st.sampled_from(["172.16.7.11", "172.16.7.12", "172.16.7.13", "fe80::1", "172.16.7.192", ""])
interfaces = st.sampled_from(["eth1", "eth2"])
macs = st.sampled_from(["02:00:00:00:00:0b", "02:00:00:00:00:0c", "02:00:00:00:00:0d"])
small = st.integers(0, 4)
names = st.sampled_from(["k8s-worker", "k8s-worker2", "nginx [1]"])


def tuples(strategy: st.SearchStrategy[object], most: int = 4) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


hops = st.builds(FibNextHop, addresses, interfaces, st.integers(-1, 4))
routes = st.none() | st.builds(FibRoute, st.just("172.16.7.192/32"), st.just("bgp"), tuples(hops))
sightings = st.builds(SegmentCount, interfaces, macs, st.none() | addresses, small)
some_flows = st.builds(
    FlowEvidence,
    source=st.sampled_from(["172.16.9.11", "172.16.9.12"]),
    source_port=st.integers(1, 30),
    answered=st.booleans(),
    error=st.none() | st.just("timed out"),
    pod=st.none() | names,
    client_seen=st.none() | addresses,
    retransmissions=small,
    predicted=st.none() | addresses,
    segments=tuples(sightings, 3),
    arrived=st.none() | st.booleans(),
)
paths = st.builds(
    BgpPath,
    next_hop=addresses,
    neighbor=addresses,
    as_path=tuples(st.integers(1, 2)),
    origin=st.just("IGP"),
    valid=st.booleans(),
    best=st.booleans(),
    multipath=st.booleans(),
)
sessions = st.builds(BgpSession, addresses, st.integers(1, 2), st.sampled_from(["Established", "Active"]))
limits = st.none() | st.integers(1, 3)
speakers = st.builds(
    BgpEvidence, st.integers(1, 2), limits, limits, st.booleans(), tuples(sessions), st.none(), tuples(paths)
)
tables = tuples(st.builds(ArpEntry, addresses, interfaces, st.none() | macs, st.sampled_from(["FAILED", "STALE"])))
hash_settings = st.builds(HashSettings, st.integers(0, 5), st.none() | st.integers(0, 0xFFF), st.none() | small)
routers = st.builds(
    RouterEvidence,
    router=names,
    bgp=st.none() | speakers,
    fib_before=routes,
    fib_after=routes,
    neighbours_before=tables,
    neighbours_after=tables,
    hash=hash_settings,
    flows=tuples(some_flows, 12),
    capture_drops=small,
    old_kernel=st.none() | st.just("spread per packet"),
)
steady = routers.map(lambda router: replace(router, fib_after=router.fib_before))
runs = st.lists(routers | steady, max_size=2).map(lambda made: evidence(*made))


@settings(max_examples=50, deadline=None)
@given(runs)
def test_every_evidence_gives_a_verdict_and_a_report(run: Evidence) -> None:
    verdict = judge(run)
    assert [router.router for router in verdict.routers] == [router.router for router in run.routers]
    for router in verdict.routers:
        assert router.reason.endswith(".")
        assert_numbers_add_up(router)
    json_report(verdict)
    console = Console(file=StringIO(), width=80)
    print_verdict(verdict, console)
    assert all(router.verdict in console.file.getvalue() for router in verdict.routers)


def assert_numbers_add_up(router: RouterVerdict) -> None:
    if router.flows.keys:
        assert sum(hop.share for hop in router.next_hops) == pytest.approx(1)
    for hop in router.next_hops:
        assert 0 <= hop.ci95[0] <= hop.share <= hop.ci95[1] <= 1
    attributed = sum(hop.flows for hop in router.next_hops)
    assert attributed <= router.flows.sent
    assert router.flows.keys <= attributed
    if router.paths.fib:
        assert sum(hop.expected_flows for hop in router.next_hops) == pytest.approx(attributed)
    assert router.prediction.agree <= router.prediction.of <= attributed


@settings(max_examples=40, deadline=None)
@given(steady, st.randoms(use_true_random=False))
def test_the_order_of_the_flows_does_not_matter(router: RouterEvidence, random: object) -> None:
    shuffled = list(router.flows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge(evidence(replace(router, flows=tuple(shuffled)))) == judge(evidence(router))


@settings(max_examples=20, deadline=None)
@given(runs)
def test_saved_evidence_gives_the_same_verdict(run: Evidence) -> None:
    assert judge(codec.decode(Evidence, codec.encode(run), "evidence.json")) == judge(run)
