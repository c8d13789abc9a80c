"""Under externalTrafficPolicy Local the nodes share the flows, and their pods share what each node gets.

So a pod on node n gets weight(n) / pods(n): with equal weights 1/nodes/pods-on-the-node, the 50/25/25 that MetalLB's
documentation warns of (Usage, "Local" traffic policy). It follows from the policy alone; what was measured stands
beside it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction

from netlab.ecmp.rules.case import Case
from netlab.ecmp.silence import KUBECTL
from netlab.ecmp.wording import counted
from netlab.model.evidence import ClusterEvidence
from netlab.model.verdict import Finding, Outcome, Severity

NAME = "local-uneven-pods"
_SPREADS = (Outcome.ECMP, Outcome.PARTIAL, Outcome.UNBALANCED, Outcome.INCONCLUSIVE)


def local_uneven_pods(case: Case) -> Iterator[Finding]:
    cluster, reading = case.router.cluster, case.reading
    if cluster is None or cluster.policy != "Local" or reading.paths.used < 2 or case.outcome not in _SPREADS:
        return
    pods = _pods_by_next_hop(case, cluster)
    theory = _shares_of_a_pod(case, pods)
    if len(set(theory.values())) < 2:
        return
    most, fewest = max(theory, key=theory.__getitem__), min(theory, key=theory.__getitem__)
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"externalTrafficPolicy Local: {case.router.router} shares the flows between {len(pods)} nodes, and each "
            f"node its part between its own pods alone. A pod on {most} ({counted(pods[most], 'pod')}) should get "
            f"{_percent(theory[most])} of the flows and one on {fewest} ({counted(pods[fewest], 'pod')}) "
            f"{_percent(theory[fewest])}, its node's share over the pods there; measured: {_measured(case, theory)}."
        ),
        evidence=_evidence(case, pods, theory),
        mend=_mend(cluster),
    )


def _pods_by_next_hop(case: Case, cluster: ClusterEvidence) -> dict[str, int]:
    """Ready pods of each node that is a next hop; empty where that is not known of every next hop."""
    found = [cluster.find(hop.node) if hop.node else None for hop in case.reading.fib_hops]
    pods = {node.node: node.ready_endpoints for node in cluster.nodes if node in found and node.ready_endpoints}
    return pods if all(node and node.node in pods for node in found) else {}


def _shares_of_a_pod(case: Case, pods: Mapping[str, int]) -> dict[str, Fraction]:
    """What part of all flows a pod of each node should get."""
    weights: Counter[str] = Counter()
    for hop in case.reading.fib_hops:
        weights[hop.node or ""] += hop.weight
    return {node: Fraction(weights[node], weights.total() * pods[node]) for node in pods}


def _answers(case: Case) -> Counter[str]:
    return Counter(flow.pod for flow in case.router.flows if flow.answered and flow.pod)


def _measured(case: Case, theory: Mapping[str, Fraction]) -> str:
    """The measured share of each pod, node by node."""
    answers = _answers(case)
    shares: defaultdict[str, list[str]] = defaultdict(list)
    for pod in case.router.pods:
        if pod.node in theory and answers.total():
            shares[pod.node].append(_percent(Fraction(answers[pod.name], answers.total())))
    return ", ".join(f"{'/'.join(seen)} on {node}" for node, seen in shares.items()) or "no answers"


def _evidence(case: Case, pods: Mapping[str, int], theory: Mapping[str, Fraction]) -> str:
    answers = _answers(case)
    nodes = ", ".join(f"{node} {number}" for node, number in pods.items())
    seen = ", ".join(
        f"{pod.name} {answers[pod.name]} (expected {float(theory[pod.node] * answers.total()):.0f})"
        for pod in case.router.pods
        if pod.node in theory
    )
    return f"ready pods by node: {nodes}; answers by pod: {seen}; {counted(answers.total(), 'answer')} in all"


def _mend(cluster: ClusterEvidence) -> str:
    if cluster.emulated:
        return (
            f"the same number of pods on every node: `replicas:` and `nodes:` of service {cluster.service} in the "
            "topology file; or `external-traffic-policy: Cluster`, which hides the client's address from the pods"
        )
    patch = '{"spec":{"externalTrafficPolicy":"Cluster"}}'
    return (
        "the same number of pods on every node: replicas a multiple of the nodes and topologySpreadConstraints over "
        "kubernetes.io/hostname with maxSkew 1, or podAntiAffinity with at most one on each; or Cluster, which hides "
        f"the client's address from the pods: `{KUBECTL} patch service {cluster.service} -p '{patch}'`"
    )


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.1f}%"
