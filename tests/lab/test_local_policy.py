"""externalTrafficPolicy Local: nodes share the flows, and pods what their node gets, however many stand there."""

import time
from collections import Counter
from collections.abc import Callable

import pytest
from netlab_program import Topology

from netlab.api import Lab, RouterVerdict

LAB = """
    name: local-policy
    topology:
      nodes:
        rt-1:
          kind: frr
          bgp: {asn: 64512, networks: [172.16.9.0/24], neighbors: [{cluster: k8s}]}
          expect: ecmp
        host-1: {kind: linux}
        lan: {kind: bridge}
        k8s:
          kind: k8s
          workers: 3
          addresses:
            control-plane: 172.16.7.10/24
            workers: [172.16.7.11/24, 172.16.7.12/24, 172.16.7.13/24]
          metallb: {asn: 64522, pool: 172.16.7.192/26}
          services:
            - {name: uneven, replicas: 3, nodes: [k8s-worker, k8s-worker2], external-traffic-policy: Local}
            - {name: even, replicas: 2, nodes: [k8s-worker, k8s-worker2], external-traffic-policy: Local}
            - {name: shared, replicas: 3, nodes: [k8s-worker, k8s-worker2]}
      links:
        - {endpoints: ["rt-1:eth1", "lan"], ipv4: [172.16.7.1/24]}
        - {endpoints: ["k8s", "lan"]}
        - {endpoints: ["rt-1:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}
"""
WORKERS = ["k8s-worker", "k8s-worker2", "k8s-worker3"]

pytestmark = [pytest.mark.cluster, pytest.mark.same_for_every_user]


def states(router: RouterVerdict) -> tuple[list[int], list[bool | None]]:
    """The workers' ready pods, and which of them announce."""
    assert router.service
    nodes = [node for node in router.service.nodes if node.node in WORKERS]
    assert [node.node for node in nodes] == WORKERS
    ready = [node.ready_endpoints for node in nodes if node.ready_endpoints is not None]
    assert len(ready) == len(nodes)
    return ready, [node.announces for node in nodes]


def test_three_pods_on_two_nodes_get_50_25_25(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    verdict = deploy_lab(topology(LAB)).ecmp_check(flows=3000).assert_expected()
    uneven, even, shared = (verdict.router("rt-1", f"172.16.7.{host}") for host in (192, 193, 194))

    # The router is fair to both nodes; the pod that is alone on its own gets half of everything.
    pods_on = Counter(pod.node for pod in uneven.pods)
    assert pods_on.keys() == {"k8s-worker", "k8s-worker2"}
    assert sorted(pods_on.values()) == [1, 2]
    for hop in uneven.next_hops:
        assert hop.share == pytest.approx(0.5, abs=0.05)
    for pod in uneven.pods:
        assert pod.flows / 3000 == pytest.approx(0.5 / pods_on[pod.node], abs=0.05)
        assert pod.client_addresses_seen == ("172.16.9.11",)
    assert uneven.rules == ("local-uneven-pods",)
    (found,) = uneven.findings
    alone = min(pods_on, key=pods_on.__getitem__)
    crowd = max(pods_on, key=pods_on.__getitem__)
    assert f"A pod on {alone} (1 pod) should get 50.0% of the flows" in found.message
    assert f"one on {crowd} (2 pods) 25.0%" in found.message
    for pod in uneven.pods:
        assert f"{pod.name} {pod.flows} (expected {1500 // pods_on[pod.node]})" in found.evidence
    assert (found.severity, states(uneven)[1]) == ("warning", [True, True, False])
    assert sorted(states(uneven)[0]) == [0, 1, 2]

    # As many on each: nothing to say. Nor under Cluster, where every node sends to any pod.
    assert (even.rules, states(even)) == ((), ([1, 1, 0], [True, True, False]))
    assert (shared.rules, states(shared)[1]) == ((), [True, True, True])
    assert [router.service and router.service.external_traffic_policy for router in (uneven, even, shared)] == [
        "Local",
        "Local",
        "Cluster",
    ]
    for pod in shared.pods:
        assert pod.flows / 3000 == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.netns
def test_a_node_whose_speaker_is_dead_is_silent_for_that_reason(
    deploy_lab: Callable[..., Lab], topology: Topology
) -> None:
    lab = deploy_lab(topology(LAB))
    lab.exec("k8s-worker2", "pkill", "-KILL", "-x", "bgpd", check=True)
    deadline = time.monotonic() + 20
    while lab.exec("rt-1", "ip", "route", "show", "172.16.7.194").stdout.count("nexthop") != 2:
        assert time.monotonic() < deadline

    router = lab.ecmp_check().router("rt-1", "172.16.7.194")

    assert router.service
    silent = router.service.nodes[1]
    assert (silent.node, silent.speaker, silent.announces) == ("k8s-worker2", "not ready", False)
    (found,) = router.findings
    assert found.rule == "node-not-announcing"
    assert (
        "no valid path from it: the speaker on k8s-worker2, which stands for MetalLB's, does not run." in found.message
    )
