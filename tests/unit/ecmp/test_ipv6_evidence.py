"""One router, a VIP of each IP version: IPv6's next hops are link-local, and its settings are its own."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from evidence_builder import evidence, router
from rich.console import Console

from netlab.ecmp.judge import judge
from netlab.model.evidence import Announcer, ArpEntry, BgpEvidence, HashSettings, RouterEvidence
from netlab.model.verdict import Outcome, RouterVerdict, Verdict
from netlab.report.answer import answer
from netlab.report.terminal import print_verdict

VIP = "2001:db8:8::c0"
FOUR = router([200, 200, 200])


def local(address: str) -> str:
    """172.16.7.11 as a link-local address."""
    return f"fe80::{address.rpartition('.')[2]}"


def in_6(value: Any) -> Any:
    """The evidence of an IPv4 router with every next hop link-local."""
    return replace(value, address=local(value.address))


def six(counts: list[int], fib: int | None = None, **changes: Any) -> RouterEvidence:
    """A router with IPv6 next hops whose neighbours, the announcers, have global addresses too, and the same MAC."""
    made = router(counts, fib=fib, vip=VIP)
    assert made.bgp is not None and made.fib_before is not None
    table: BgpEvidence = replace(
        made.bgp,
        prefix=f"{VIP}/128",
        sessions=tuple(replace(s, neighbor=f"2001:db8:7::{s.neighbor[-2:]}") for s in made.bgp.sessions),
        paths=tuple(
            replace(
                path,
                next_hop=local(path.next_hop),
                neighbor=f"2001:db8:7::{path.neighbor[-2:]}",
                global_next_hop=f"2001:db8:7::{path.neighbor[-2:]}",
            )
            for path in made.bgp.paths
        ),
    )
    fib_6 = replace(made.fib_before, next_hops=tuple(in_6(hop) for hop in made.fib_before.next_hops))
    near: tuple[ArpEntry, ...] = tuple(
        replace(entry, address=address)
        for entry in made.neighbours_before
        for address in (local(entry.address), f"2001:db8:7::{entry.address[-2:]}")
    )
    flows = tuple(
        replace(
            flow,
            source="2001:db8:9::11",
            predicted=flow.predicted and local(flow.predicted),
            segments=tuple(replace(seen, next_hop=local(seen.next_hop or "")) for seen in flow.segments),
        )
        for flow in made.flows
    )
    announcers = tuple(Announcer(a.node, f"2001:db8:7::{a.address[-2:]}", a.expected) for a in made.announcers)
    return replace(
        made,
        bgp=table,
        rib=tuple(in_6(hop) for hop in made.rib),
        fib_before=fib_6,
        fib_after=fib_6,
        neighbours_before=near,
        neighbours_after=near,
        flows=flows,
        announcers=announcers,
        **changes,
    )


def judged(*routers: RouterEvidence) -> tuple[Verdict, RouterVerdict]:
    verdict = judge(evidence(*routers))
    return verdict, verdict.routers[-1]


def test_link_local_next_hops_are_the_announcers_nodes() -> None:
    _, verdict = judged(six([200, 200, 200]))
    assert verdict.verdict is Outcome.ECMP
    assert [(hop.address, hop.node) for hop in verdict.next_hops] == [
        ("fe80::11", "k8s-worker"),
        ("fe80::12", "k8s-worker2"),
        ("fe80::13", "k8s-worker3"),
    ]
    assert (verdict.prediction.agree, verdict.prediction.of) == (600, 600)
    assert verdict.findings == ()


def test_the_other_vip_of_a_router_is_no_router_of_one_seed() -> None:
    verdict, _ = judged(FOUR, six([200, 200, 200]))
    assert [finding.rule for one in verdict.routers for finding in one.findings] == []


def test_a_limit_of_the_ipv6_address_family_is_named_as_such() -> None:
    made = six([600], fib=1)
    assert made.bgp is not None
    paths = tuple(replace(path, multipath=path.best) for path in made.bgp.paths)
    _, verdict = judged(FOUR, replace(made, bgp=replace(made.bgp, maximum_paths=1, paths=paths)))
    (finding,) = [finding for finding in verdict.findings if finding.rule == "max-paths-below-announced"]
    assert "`maximum-paths 1` of the IPv6 address family, which BGP counts for itself" in finding.message
    assert "`maximum-paths 3` in `address-family ipv6 unicast` of `router bgp 64512`" in finding.mend
    assert "`bgp: {maximum-paths: {ipv6: 3}}`" in finding.mend


def test_a_node_that_announces_is_known_by_its_global_address() -> None:
    made = six([300, 300], fib=2)
    assert made.bgp is not None
    _, verdict = judged(replace(made, bgp=replace(made.bgp, paths=made.bgp.paths[:2])))
    (finding,) = [finding for finding in verdict.findings if finding.rule == "node-not-announcing"]
    assert finding.message.startswith("k8s-worker3 (2001:db8:7::13) should announce 2001:db8:8::c0")


@pytest.mark.parametrize(
    ("policy", "moved", "outcome"),
    [(0, 1, Outcome.ECMP), (0, 300, Outcome.ECMP), (0, 301, Outcome.PER_PACKET), (3, 1, Outcome.PER_PACKET)],
    ids=["another label, another next hop", "half of the flows", "most flows", "the label is not hashed"],
)
def test_a_flow_may_move_with_its_label(policy: int, moved: int, outcome: Outcome) -> None:
    made = six([200, 200, 200], hash=HashSettings(policy, 0x37, 7))
    flows = [
        replace(flow, segments=(*flow.segments, *made.flows[(number + 200) % 600].segments)) if number < moved else flow
        for number, flow in enumerate(made.flows)
    ]
    _, verdict = judged(replace(made, flows=tuple(flows)))
    assert verdict.verdict is outcome
    (finding,) = [finding for finding in verdict.findings if finding.rule == "per-packet"]
    assert ("covers IPv6's flow label" in finding.message) is (outcome is Outcome.ECMP)
    if outcome is Outcome.ECMP:
        assert verdict.prediction.of == 600 - moved, "the label that was asked for is gone"


def test_a_router_with_two_vips_is_told_apart_by_them() -> None:
    verdict, _ = judged(FOUR, six([600], fib=1))
    said = answer(verdict)
    assert said.startswith("Do the flows spread over the nodes? On rt-frr to 172.16.7.192:80 yes, over all 3 nodes; ")
    assert "on rt-frr to [2001:db8:8::c0]:80 no, all go to 1 of 3 nodes" in said
    console = Console(file=StringIO(), width=120)
    print_verdict(verdict, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "rt-frr to 172.16.7.192:80: ecmp" in printed
    assert "host-1 to [2001:db8:8::c0]:80" in printed
    alone, _ = judged(FOUR)
    assert "to 172" not in answer(alone)
