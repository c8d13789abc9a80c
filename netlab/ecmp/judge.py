"""Evidence -> Verdict. Pure: the same evidence file gives the same verdict on any machine."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

from netlab.ecmp import statistics
from netlab.ecmp.decide import ALPHA, decide
from netlab.ecmp.keys import hashes_flow_label
from netlab.ecmp.reading import Reading, announcing, read
from netlab.ecmp.rules import apply_rules
from netlab.ecmp.rules.case import Case
from netlab.model.evidence import Evidence, RouterEvidence
from netlab.model.topology import Expect
from netlab.model.verdict import (
    FlowCounts,
    NextHopShare,
    Outcome,
    PodShare,
    Prediction,
    RouterVerdict,
    ServiceNode,
    ServiceState,
    Verdict,
    failing,
    meets,
)


def judge(evidence: Evidence, alpha: float = ALPHA, expect: Expect | None = None) -> Verdict:
    """The verdict on every router of the evidence. `expect` overrides what the topology expects of all of them."""
    return Verdict(
        lab=evidence.lab,
        runtime=evidence.runtime,
        emulated=evidence.emulated,
        versions=evidence.versions,
        seed=evidence.seed,
        alpha=alpha,
        routers=tuple(_judge_router(router, evidence, alpha, expect or router.expected) for router in evidence.routers),
    )


def _judge_router(router: RouterEvidence, evidence: Evidence, alpha: float, expected: Expect) -> RouterVerdict:
    reading = read(router)
    outcome, reason = decide(reading, alpha)
    # Where packets are spread, each of them is a draw of its own, and no look-up can tell what it will be.
    by_packet = outcome is Outcome.PER_PACKET
    units = reading.segment_counts if by_packet else reading.key_counts
    others = tuple(other for other in evidence.routers if other is not router)
    findings = apply_rules(Case(reading, outcome, others))
    return RouterVerdict(
        router=router.router,
        kind=router.kind,
        runs_as=router.runs_as,
        client=router.client,
        vip=router.vip,
        port=router.port,
        verdict=outcome,
        reason=reason,
        expected=expected,
        matches=meets(outcome, expected) and not failing(findings, expected),
        paths=reading.paths,
        flows=_flow_counts(reading),
        next_hops=_next_hop_shares(reading, by_packet),
        pods=_pod_shares(reading.router),
        statistics=statistics.balance(units[: reading.fib_size], reading.weights),
        prediction=Prediction(0, 0) if by_packet else _prediction(reading),
        hash=router.hash,
        forwarding="per-packet" if by_packet else router.forwarding,
        findings=findings,
        service=_service_state(router),
    )


def _flow_counts(reading: Reading) -> FlowCounts:
    flows = (*reading.router.flows, *reading.elsewhere)
    return FlowCounts(
        sent=len(flows),
        answered=(answered := sum(flow.answered for flow in flows)),
        keys=reading.keys,
        retransmitted=sum(flow.retransmissions > 0 for flow in flows),
        capture_drops=reading.router.capture_drops,
        answered_share=answered / len(flows) if flows else None,
        elsewhere=len(reading.elsewhere),
    )


def _next_hop_shares(reading: Reading, by_packet: bool) -> tuple[NextHopShare, ...]:
    """In the order of addresses: the kernel's own order differs from deploy to deploy."""
    total_weight = sum(reading.weights)
    counts = reading.segment_counts if by_packet else reading.key_counts
    total = sum(counts)
    shares = (
        NextHopShare(
            address=hop.address,
            node=hop.node,
            weight=hop.weight,
            flows=flows,
            expected_flows=reading.attributed * hop.weight / total_weight if total_weight else 0.0,
            share=count / total if total else 0.0,
            ci95=statistics.confidence_interval(count, total),
            segments=segments,
        )
        for hop, flows, count, segments in zip(
            reading.hops, reading.flow_counts, counts, reading.segment_counts, strict=True
        )
    )
    return tuple(sorted(shares, key=lambda share: _by_address(share.address)))


def _by_address(text: str) -> tuple[int, int, str]:
    """Addresses by version and value; a MAC address, where no neighbour entry names the next hop, comes last."""
    try:
        address = ip_address(text)
    except ValueError:
        return 9, 0, text
    return address.version, int(address), text


def _pod_shares(router: RouterEvidence) -> tuple[PodShare, ...]:
    answers = Counter(flow.pod for flow in router.flows if flow.answered and flow.pod)
    nodes: dict[str, str | None] = {pod.name: pod.node for pod in router.pods}
    for name in sorted(answers.keys() - nodes.keys()):
        nodes[name] = None
    return tuple(
        PodShare(
            name=name,
            node=node,
            flows=answers[name],
            client_addresses_seen=tuple(
                sorted({flow.client_seen for flow in router.flows if flow.pod == name and flow.client_seen})
            ),
        )
        for name, node in nodes.items()
    )


def _service_state(router: RouterEvidence) -> ServiceState | None:
    cluster = router.cluster
    if cluster is None:
        return None
    heard = announcing(router)
    reasons = {announcer.node: announcer.reason for announcer in router.announcers}
    return ServiceState(
        cluster=cluster.cluster,
        service=cluster.service,
        external_traffic_policy=cluster.policy,
        nodes=tuple(
            ServiceNode(
                node=node.node,
                ready_endpoints=node.ready_endpoints,
                speaker=node.speaker,
                announces=heard.get(node.node),
                reason=reasons.get(node.node, ""),
            )
            for node in cluster.nodes
        ),
        configuration=cluster.configuration,
        emulated=cluster.emulated,
        unknown=cluster.unknown,
    )


def _prediction(reading: Reading) -> Prediction:
    """A split flow agrees with no prediction; where its label is hashed, the one that was asked for is gone."""
    split = set(reading.split)
    left_out = split if hashes_flow_label(reading.router) else set()
    compared = [
        index not in split and flow.predicted == reading.hops[hop].address
        for index, (flow, hop) in enumerate(zip(reading.router.flows, reading.flow_hop, strict=True))
        if hop is not None and flow.predicted is not None and index not in left_out
    ]
    return Prediction(agree=sum(compared), of=len(compared))
