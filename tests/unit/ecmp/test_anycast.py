"""Nodes that hold the VIP themselves: what is found of them is said without a word of clusters and pods."""

from dataclasses import replace
from io import StringIO

import pytest
from evidence_builder import CLIENT, article, bgp, evidence, flow, flows, neighbours, route, router
from rich.console import Console

from netlab.ecmp.judge import judge
from netlab.model.evidence import FibNextHop, FibRoute, FlowEvidence, PodInfo, RouterEvidence
from netlab.model.verdict import Finding
from netlab.report.terminal import print_verdict

OF_A_CLUSTER = ("kube", "pod", "cluster", "worker", "DNAT", "MetalLB")
SPREAD = tuple(flow(number, number % 3, (number + 1) % 3) for number in range(60))
UNANSWERED = tuple(flow(9000 + number, 2, answered=False) for number in range(200))


def named(node: str) -> str:
    """k8s-worker2 is called speaker-2."""
    return f"speaker-{node.removeprefix('k8s-worker') or 1}"


def answered_by(seen: FlowEvidence) -> FlowEvidence:
    """Answered by the node that it was sent to, which saw the client's own address."""
    if not seen.answered or not seen.segments:
        return replace(seen, pod=None, client_seen=None)
    host = int(str(seen.segments[0].next_hop).rpartition(".")[2])
    return replace(seen, pod=f"speaker-{host - 10}", client_seen=CLIENT)


def anycast(made: RouterEvidence) -> RouterEvidence:
    """The same lab with servers that announce the VIP in the place of a cluster."""
    announcers = tuple(replace(a, node=named(a.node)) for a in made.announcers)
    return replace(
        made,
        announcers=announcers,
        pods=tuple(PodInfo(a.node, a.node) for a in announcers),
        flows=tuple(answered_by(seen) for seen in made.flows),
    )


def findings(made: RouterEvidence) -> dict[str, Finding]:
    return {finding.rule: finding for finding in judge(evidence(made)).routers[0].findings}


def test_only_nodes_that_answer_themselves_are_anycast() -> None:
    assert anycast(router([200, 200, 200])).anycast
    assert not router([200, 200, 200]).anycast
    assert not router([200, 200, 200], pods=()).anycast


@pytest.mark.parametrize(
    ("made", "rule", "said"),
    [
        (
            router([], flows=(*flows([200, 200]), *UNANSWERED)),
            "unanswered",
            "look at speaker-3: a route back to the client 172.16.9.11, what answers on the VIP",
        ),
        (
            router([], flows=tuple(flow(number, number % 3, answered=number % 2 == 0) for number in range(60))),
            "unanswered",
            "look at the service behind 172.16.7.192: what answers on each node, and",
        ),
        (router([], flows=SPREAD), "per-packet", "breaks TCP to nodes that do not know each other's connections"),
        (
            article(bgp=bgp(3, 3, maximum_paths=3), fib_before=route(3), fib_after=route(3), flows=flows([200] * 3)),
            "forwarding-plane-differs",
            "each node knows its own connections alone",
        ),
        (
            router([200, 200, 200], announced=4, bgp=bgp(3, 3)),
            "node-not-announcing",
            "speaker-4 (172.16.7.14) should announce 172.16.7.192",
        ),
        (
            router([300, 300, 0], neighbours_after=neighbours(3, hop2="FAILED")),
            "neighbour-failed",
            "bring up speaker-3 and its link",
        ),
    ],
)
def test_what_is_found_is_said_of_nodes(made: RouterEvidence, rule: str, said: str) -> None:
    finding = findings(anycast(made))[rule]
    whole = f"{finding.message} {finding.evidence} {finding.mend}"
    assert said in whole
    for word in OF_A_CLUSTER:
        assert word not in whole


def test_endpoints_that_a_second_router_evens_out() -> None:
    """rt-frr has two next hops of equal cost and uses one; the router there spreads over all three servers."""
    flows_of_all = tuple(replace(seen, pod=f"s{n % 3}") for n, seen in enumerate(flows([600])))
    servers = tuple(PodInfo(f"s{n}", f"s{n}") for n in range(3))
    made = router([600], announced=2, fib=2, pods=servers, flows=flows_of_all)
    finding = findings(made)["only-pods-balanced"]
    assert finding.message.startswith("The 3 endpoints answered evenly (200/200/200) although")
    assert "a router behind it spreads them a second time" in finding.message
    assert "never by endpoint" in finding.mend


def test_what_answers_by_next_hop_hides_nothing() -> None:
    assert "only-pods-balanced" not in findings(anycast(article()))


def test_a_router_without_a_path_may_still_find_a_server_on_its_link() -> None:
    """Its FIB has the subnet in which the VIP lies, and whoever holds the VIP answers for it there."""
    connected = FibRoute("172.16.7.0/24", "kernel", (FibNextHop("", "eth1", 1),))
    made = router([600], bgp=bgp(0, 0), rib=(), fib_before=connected, fib_after=connected)
    for case, said in ((made, False), (anycast(made), True)):
        (verdict,) = judge(evidence(case)).routers
        assert verdict.verdict == "no-route"
        assert "172.16.7.0/24, without a next hop" in verdict.reason
        assert ("a node that holds the VIP may answer" in verdict.reason) is said


def test_the_table_has_a_row_for_each_endpoint_and_none_for_pods() -> None:
    console = Console(file=StringIO(), width=100)
    print_verdict(judge(evidence(anycast(router([203, 212, 185])))), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    (line,) = [line for line in text.splitlines() if line.startswith("endpoint speaker-2")]
    assert line.split()[2:4] == ["212", "answers"]
    assert "pod " not in text
