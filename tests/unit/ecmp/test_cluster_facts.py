"""What a cluster says of its service: who should announce, why a node does not, and what Local does to uneven pods."""

import json
from dataclasses import replace
from typing import Any

import pytest
from evidence_builder import address, article, bgp, cluster, evidence, flow, node, path, route, router

from netlab.ecmp.judge import judge
from netlab.ecmp.silence import known
from netlab.model import codec
from netlab.model.evidence import (
    Announcer,
    BgpEvidence,
    BgpSession,
    ClusterEvidence,
    Evidence,
    PodInfo,
    RouterEvidence,
)
from netlab.model.verdict import Finding, Severity

THREE = tuple(Announcer(node(hop), address(hop), expected=True) for hop in range(3))


def findings(made: RouterEvidence) -> dict[str, Finding]:
    return {finding.rule: finding for finding in judge(evidence(made)).routers[0].findings}


def third(made: ClusterEvidence, **changes: Any) -> ClusterEvidence:
    """The same with something else about the third worker."""
    return replace(made, nodes=(*made.nodes[:2], replace(made.nodes[2], **changes)))


def silent_third(made: ClusterEvidence, **changes: Any) -> RouterEvidence:
    """A router that hears two of three workers; the third one's session is Established, but brings no path."""
    two = bgp(3, 2, paths=(path(0, best=True), path(1)), **changes)
    return router([300, 300], fib=2, bgp=two, cluster=made, announcers=known(THREE, made))


# who should announce


def test_under_local_expectations_follow_the_pods() -> None:
    planned = (*THREE[:2], replace(THREE[2], expected=False, reason="no pod was planned here"))
    moved = known(planned, cluster(1, 0, 1))
    assert [a.expected for a in moved] == [True, False, True]
    assert [a.reason for a in moved] == ["", f"externalTrafficPolicy Local, and no pod of nginx runs on {node(1)}", ""]
    quiet = silent_third(cluster(1, 1, 0))
    assert "node-not-announcing" not in findings(quiet)


def test_a_pod_that_is_not_ready_leaves_its_node_expected() -> None:
    made = third(cluster(1, 1, 0), unready_endpoints=1)
    last = known(THREE, made)[2]
    assert (last.expected, last.reason) == (
        True,
        f"externalTrafficPolicy Local, and no ready pod of nginx runs on {node(2)}",
    )


def test_under_cluster_every_node_announces_while_any_pod_is_ready() -> None:
    assert [(a.expected, a.reason) for a in known(THREE, cluster(1, 0, 0, policy="Cluster"))] == [(True, "")] * 3
    none = known(THREE, cluster(0, 0, 0, policy="Cluster"))
    assert {(a.expected, a.reason) for a in none} == {
        (True, "service nginx has no ready endpoint: it has no pod"),
    }


def test_a_cluster_that_could_not_be_asked_changes_no_expectation() -> None:
    assert known(THREE, cluster(unknown="the API does not answer")) == THREE


def test_a_node_that_the_cluster_does_not_know_is_as_planned() -> None:
    assert known(THREE, cluster(1, 1))[2] == THREE[2]


# node-not-announcing


@pytest.mark.parametrize(
    ("changes", "reason", "mend"),
    [
        (
            {"speaker": "not ready"},
            "MetalLB's speaker pod on k8s-worker3 is not ready",
            "-n metallb-system get pods -l component=speaker -o wide --field-selector spec.nodeName=k8s-worker3`",
        ),
        (
            {"speaker": "absent"},
            "MetalLB has no speaker pod on k8s-worker3",
            "`netlab kubectl -- -n metallb-system describe daemonset speaker`",
        ),
        (
            {"excluded": True},
            "k8s-worker3 has the label node.kubernetes.io/exclude-from-external-load-balancers",
            "`netlab kubectl -- label node k8s-worker3 node.kubernetes.io/exclude-from-external-load-balancers-`",
        ),
        (
            {"excluded": True, "kubernetes_name": "lab-worker3"},
            "k8s-worker3 has the label",
            "`netlab kubectl -- label node lab-worker3 ",
        ),
        (
            {"selected": False},
            "no nodeSelector of MetalLB's BGPPeers and BGPAdvertisements chooses k8s-worker3",
            "`netlab kubectl -- get node k8s-worker3 --show-labels`",
        ),
        (
            {"ready_endpoints": 0, "unready_endpoints": 2},
            "externalTrafficPolicy Local, and no ready pod of nginx runs on k8s-worker3",
            "give service nginx a ready pod on k8s-worker3, or set externalTrafficPolicy Cluster",
        ),
        (
            {"peers": ("rt-frr", "rt-vyos")},
            "MetalLB says that it announces the service there to rt-frr, rt-vyos (ServiceBGPStatus) and the session is "
            "Established, but no path has come of it",
            "see which filters the router has for 172.16.7.13",
        ),
        (
            {"peers": ()},
            "MetalLB says that it announces the service there to no peer (ServiceBGPStatus)",
            "get bgpadvertisements -o yaml`",
        ),
        ({}, "the session is Established, but brings no path", "see what the speaker on k8s-worker3 announces"),
    ],
)
def test_kubernetes_says_why_a_node_does_not_announce(changes: dict[str, Any], reason: str, mend: str) -> None:
    found = findings(silent_third(third(cluster(1, 1, 1), **changes)))["node-not-announcing"]
    assert found.message.startswith("k8s-worker3 (172.16.7.13) should announce 172.16.7.192, but rt-frr has no valid")
    assert reason in found.message
    assert mend in found.mend
    assert found.severity is Severity.WARNING


def test_the_evidence_of_a_silent_node_has_what_kubernetes_says() -> None:
    made = third(cluster(1, 1, 0), unready_endpoints=2, speaker="not ready")
    assert findings(silent_third(made))["node-not-announcing"].evidence == (
        "BGP table: 2 valid paths to 172.16.7.192/32; session: Established; by Kubernetes: externalTrafficPolicy "
        "Local, 0 of 2 pods ready on it, speaker not ready"
    )


def test_a_refused_configuration_explains_what_nothing_else_does() -> None:
    made = cluster(1, 1, 1, configuration="peer rt-frr: invalid BFD profile")
    found = findings(silent_third(made, sessions=()))["node-not-announcing"]
    assert "refuses its configuration (ConfigurationState): peer rt-frr: invalid BFD profile" in found.message
    assert "get configurationstates -o yaml`" in found.mend
    excluded = findings(silent_third(third(made, excluded=True)))["node-not-announcing"]
    assert "ConfigurationState" not in excluded.message


def test_no_ready_pod_anywhere_is_an_error_of_every_node() -> None:
    made = replace(cluster(0, 0, 0), nodes=tuple(replace(n, unready_endpoints=1) for n in cluster(0, 0, 0).nodes))
    nothing = router([], fib=0, bgp=bgp(3, 0, paths=()), cluster=made, announcers=known(THREE, made))
    found = [f for f in judge(evidence(nothing)).routers[0].findings if f.rule == "node-not-announcing"]
    assert len(found) == 3
    assert all("service nginx has no ready endpoint: none of its 3 pods is ready" in f.message for f in found)
    assert {f.severity for f in found} == {Severity.ERROR}


def test_the_sessions_state_counts_where_kubernetes_has_no_objection() -> None:
    peers = third(cluster(1, 1, 1), peers=("rt-frr",))
    down = findings(silent_third(peers, sessions=(BgpSession(address(2), 64522, "Active"),)))["node-not-announcing"]
    assert "the session is Active" in down.message
    stale: BgpEvidence = bgp(3, 2, paths=(path(0, best=True), path(1), path(2, valid=False)))
    found = findings(replace(silent_third(peers), bgp=stale))["node-not-announcing"]
    assert "the path is there, but not valid" in found.message


def test_an_emulated_cluster_has_no_kubectl() -> None:
    made = third(cluster(1, 1, 1, emulated=True), speaker="not ready")
    found = findings(silent_third(made))["node-not-announcing"]
    assert "the speaker on k8s-worker3, which stands for MetalLB's, does not run" in found.message
    assert "by the plan: " in found.evidence
    assert "kubectl" not in found.mend


# local-uneven-pods

PODS = (PodInfo("a", node(0)), PodInfo("b", node(1)), PodInfo("c", node(1)))


def local(*answers: tuple[int, str], made: ClusterEvidence, **changes: Any) -> RouterEvidence:
    """Flows over two next hops: so many, each given as (hop, pod)."""
    flows = tuple(flow(number, hop, pod=pod) for number, (hop, pod) in enumerate(answers))
    facts: dict[str, Any] = {"announced": 2, "cluster": made, "pods": PODS, "flows": flows, **changes}
    return router([], **facts)


UNEVEN = (*[(0, "a")] * 303, *[(1, "b")] * 150, *[(1, "c")] * 147)


def test_three_pods_on_two_nodes() -> None:
    found = findings(local(*UNEVEN, made=cluster(1, 2, 0)))
    assert list(found) == ["local-uneven-pods"]
    uneven = found["local-uneven-pods"]
    assert uneven.severity is Severity.WARNING
    assert (
        "A pod on k8s-worker (1 pod) should get 50.0% of the flows and one on k8s-worker2 (2 pods) 25.0%, its node's "
        "share over the pods there; measured: 50.5% on k8s-worker, 25.0%/24.5% on k8s-worker2."
    ) in uneven.message
    assert uneven.evidence == (
        "ready pods by node: k8s-worker 1, k8s-worker2 2; answers by pod: a 303 (expected 300), b 150 (expected 150), "
        "c 147 (expected 150); 600 answers in all"
    )
    assert "topologySpreadConstraints" in uneven.mend
    patch = '{"spec":{"externalTrafficPolicy":"Cluster"}}'
    assert f"`netlab kubectl -- patch service nginx -p '{patch}'`" in uneven.mend
    emulated = findings(local(*UNEVEN, made=cluster(1, 2, 0, emulated=True)))["local-uneven-pods"]
    assert "kubectl" not in emulated.mend


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(cluster(1, 1, 0), id="as many on each"),
        pytest.param(cluster(2, 2, 5), id="the other ones are on no next hop"),
        pytest.param(cluster(1, 2, 0, policy="Cluster"), id="Cluster"),
        pytest.param(cluster(1), id="a next hop that the cluster does not know"),
        pytest.param(cluster(2, 0, 0), id="a next hop whose pods have gone"),
        pytest.param(cluster(unknown="the API does not answer"), id="nobody knows"),
        pytest.param(None, id="no cluster"),
    ],
)
def test_what_is_not_uneven(made: ClusterEvidence) -> None:
    assert "local-uneven-pods" not in findings(local(*UNEVEN, made=made))


def test_a_weight_for_each_pod_makes_up_for_uneven_pods() -> None:
    weighted = {"fib_before": route(2, [1, 2]), "fib_after": route(2, [1, 2])}
    flows = (*[(0, "a")] * 200, *[(1, "b")] * 200, *[(1, "c")] * 200)
    assert findings(local(*flows, made=cluster(1, 2), **weighted)) == {}
    found = findings(local(*flows, made=cluster(1, 1), **weighted))["local-uneven-pods"]
    assert "on k8s-worker2 (1 pod) should get 66.7% of the flows and one on k8s-worker (1 pod) 33.3%" in found.message


def test_a_router_with_one_path_shares_nothing() -> None:
    assert "local-uneven-pods" not in findings(article(cluster=cluster(1, 2, 0)))


# the verdict and older evidence


def test_the_verdict_has_each_node_of_the_service() -> None:
    made = silent_third(third(cluster(1, 1, 1), excluded=True))
    service = judge(evidence(made)).routers[0].service
    assert service is not None
    assert (service.cluster, service.service, service.external_traffic_policy) == ("k8s", "nginx", "Local")
    assert [(n.ready_endpoints, n.announces) for n in service.nodes] == [(1, True), (1, True), (1, False)]
    assert service.nodes[2].reason.startswith("k8s-worker3 has the label")
    behind = replace(made, announcers=tuple(replace(a, address=f"10.9.9.{n}") for n, a in enumerate(made.announcers)))
    far = judge(evidence(behind)).routers[0].service
    assert far is not None
    assert [n.announces for n in far.nodes] == [None, None, None]


def test_evidence_from_before_clusters_said_anything_gives_the_same_verdict() -> None:
    run = evidence(router([200, 200, 200]), article())
    document = json.loads(codec.encode(run))
    for old in document["routers"]:
        del old["cluster"]
    assert judge(codec.decode(Evidence, json.dumps(document).encode(), "old.json")) == judge(run)
    assert [made.service for made in judge(run).routers] == [None, None]


def test_evidence_of_a_cluster_is_read_back_as_it_was() -> None:
    run = evidence(local(*UNEVEN, made=third(cluster(1, 2, 0), peers=("rt-frr",), kubernetes_name="lab-worker3")))
    assert codec.decode(Evidence, codec.encode(run), "new.json") == run
