"""Labs with a known fault: the measurement must show it where it is, and nothing else."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from netlab_program import Topology

from netlab.api import Lab
from netlab.model.verdict import PathCounts

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.outcome_is_frrs, pytest.mark.shares_nothing]

LAB = """
    name: fault
    topology:
      groups:
        speakers:
          kind: frr
          bgp: {{asn: 64522, neighbors: [{{address: 172.16.7.1, asn: 64512}}]}}
          serve: [{{vip: 172.16.7.192, name: web}}]
      nodes:
        rt-1:
          kind: frr
          bgp:
            asn: 64512
            networks: [172.16.9.0/24]
            neighbors:
              - {{address: 172.16.7.11, asn: 64522}}
              - {{address: 172.16.7.12, asn: 64522}}
              - {{address: 172.16.7.13, asn: 64522}}
            {bgp}
          {router}
        host-1: {{kind: linux}}
        lan: {{kind: bridge}}
        s1: {{group: speakers}}
        s2: {{group: speakers}}
        s3: {{group: speakers}}
      links:
        - {{endpoints: ["rt-1:eth1", "lan"], ipv4: [172.16.7.1/24]}}
        - {{endpoints: ["s1:eth1", "lan"], ipv4: [172.16.7.11/24]}}
        - {{endpoints: ["s2:eth1", "lan"], ipv4: [172.16.7.12/24]}}
        - {{endpoints: ["s3:eth1", "lan"], ipv4: [172.16.7.13/24]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}}
"""

CLUSTER = """
    name: fault
    topology:
      nodes:
        rt-1: {{kind: frr, bgp: {{asn: 64512, networks: [172.16.9.0/24], neighbors: [{{cluster: k8s}}]}}}}
        host-1: {{kind: linux}}
        k8s-net: {{kind: bridge}}
        k8s:
          kind: k8s
          workers: 3
          addresses:
            control-plane: 172.16.7.10/24
            workers: [172.16.7.11/24, 172.16.7.12/24, 172.16.7.13/24]
          metallb: {{asn: 64522, pool: 172.16.7.192/26, avoid-buggy-ips: true}}
          {cluster}
          services:
            - {{name: nginx, {service}, port: 80}}
      links:
        - {{endpoints: ["rt-1:eth1", "k8s-net"], ipv4: [172.16.7.1/24]}}
        - {{endpoints: ["k8s", "k8s-net"]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}}
"""


def fault(router: str = "", bgp: str = "") -> str:
    """A router before three servers that announce one VIP, with something wrong."""
    return LAB.format(router=router, bgp=bgp)


def clustered(cluster: str = "", service: str = "replicas: 3") -> str:
    """The lab of topologies/ecmp.yaml with something wrong in its cluster."""
    return CLUSTER.format(cluster=cluster, service=service)


def finding(router: Any, rule: str) -> Any:
    """The finding of a rule; it must be there."""
    found = {finding.rule: finding for finding in router.findings}
    assert rule in found
    return found[rule]


def test_hash_policy_0_and_one_client_prove_nothing(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    lab = deploy_lab(topology(fault(router="hash: {policy: 0}")))
    router = lab.ecmp_check(expect="ecmp").router("rt-1")
    assert (router.matches, router.verdict) == (False, "inconclusive")
    assert router.flows.keys == 1
    assert router.flows.answered == 600
    assert router.paths.fib == 3
    assert router.paths.used == 1
    assert "All 600 flows share one hash key" in finding(router, "one-hash-key").message


def test_hash_policy_1_measures_the_senders_socket(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    lab = deploy_lab(topology(fault(router="hash: {policy: 1}")))
    router = lab.ecmp_check().router("rt-1")
    assert finding(router, "socket-hash").severity == "error"
    # The kernel's prediction from the packet's fields is right by chance only: 1 in 3.
    assert 120 < router.prediction.agree < 280


@pytest.mark.cluster
def test_a_worker_without_a_route_back_loses_its_third(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    file = topology(clustered(cluster="worker-routes: {k8s-worker2: none}"))
    lab = deploy_lab(file, timeout=20, must_converge=False)  # whether the first probe finds that worker is chance

    router = lab.ecmp_check(timeout=1).router("rt-1")

    lost = {hop.node: hop.flows for hop in router.next_hops}["k8s-worker2"]
    assert 150 < lost < 250
    assert router.flows.answered == 600 - lost
    assert (router.matches, router.verdict) == (False, "ecmp")  # it spreads, and a third of it is lost
    unanswered = finding(router, "unanswered")
    assert unanswered.severity == "error"
    assert f"{lost} of the {lost} by " in unanswered.message
    assert "k8s-worker2" in unanswered.mend


def test_a_server_without_a_route_back_loses_its_third(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    lab = deploy_lab(topology(fault()))
    # Better than the route that bgpd has learned, which has a metric.
    lab.exec("s2", "ip", "route", "add", "unreachable", "172.16.9.0/24", check=True)

    router = lab.ecmp_check(timeout=1).router("rt-1")

    lost = {hop.node: hop.flows for hop in router.next_hops}["s2"]
    assert 150 < lost < 250
    assert router.flows.answered == 600 - lost
    unanswered = finding(router, "unanswered")
    assert f"{lost} of the {lost} by 172.16.7.12 (s2)" in unanswered.message
    assert unanswered.mend.startswith("look at s2: a route back to the client 172.16.9.11")


@pytest.mark.parametrize(
    ("file", "node"), [(fault(), "s3"), pytest.param(clustered(), "k8s-worker3", marks=pytest.mark.cluster)]
)
def test_a_dead_speaker_is_a_node_that_does_not_announce(
    deploy_lab: Callable[..., Lab], topology: Topology, file: Path, node: str
) -> None:
    lab = deploy_lab(topology(file))
    lab.exec(node, "pkill", "-KILL", "-x", "bgpd", check=True)
    _wait_for_next_hops(lab, 2)

    router = lab.ecmp_check(expect="ecmp").router("rt-1")

    message = finding(router, "node-not-announcing").message
    assert f"{node} (172.16.7.13) should announce 172.16.7.192" in message
    assert router.paths.announced == router.paths.fib == router.paths.used == 2
    assert router.flows.answered == 600
    assert "172.16.7.13" not in [hop.address for hop in router.next_hops]
    assert (router.matches, router.verdict) == (True, "ecmp")


def test_a_next_hop_that_does_not_answer_on_the_link(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    lab = deploy_lab(topology(fault()))
    # The session outlives the link for its hold time of 180 s, and so do route and next hop.
    lab.exec("s2", "ip", "link", "set", "eth1", "down", check=True)
    lab.exec("rt-1", "ip", "neighbour", "flush", "dev", "eth1", check=True)

    router = lab.ecmp_check(timeout=4).router("rt-1")

    assert "172.16.7.12" in finding(router, "neighbour-failed").message
    assert router.paths.fib == 3
    # What was hashed to it before ARP gave up is lost; from then on the kernel takes the others of the group.
    assert router.flows.sent - router.flows.answered < 250
    assert router.flows.answered == sum(hop.flows for hop in router.next_hops if hop.node != "s2")


@pytest.mark.cluster
def test_local_policy_keeps_the_clients_address_and_announces_where_pods_are(
    deploy_lab: Callable[..., Lab], topology: Topology
) -> None:
    lab = deploy_lab(topology(clustered(service="replicas: 2, external-traffic-policy: Local")))
    router = lab.ecmp_check(expect="ecmp").assert_expected().router("rt-1")
    assert router.verdict == "ecmp"
    assert {hop.node for hop in router.next_hops} == {"k8s-worker", "k8s-worker2"}
    assert router.paths.announced == 2
    assert "node-not-announcing" not in router.rules
    flows = {hop.node: hop.flows for hop in router.next_hops}
    for pod in router.pods:
        assert pod.client_addresses_seen == ("172.16.9.11",)
        assert pod.flows == flows[pod.node]


@pytest.mark.cluster
def test_cluster_policy_hides_the_client_behind_the_nodes(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    router = deploy_lab(topology(clustered())).ecmp_check().router("rt-1")
    seen = {address for pod in router.pods for address in pod.client_addresses_seen}
    assert "172.16.9.11" not in seen
    assert len(seen) >= 3


def test_max_paths_below_what_is_announced_is_partial(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    lab = deploy_lab(topology(fault(bgp="maximum-paths: 2")))
    router = lab.ecmp_check(expect="ecmp").router("rt-1")
    assert (router.matches, router.verdict) == (False, "partial")
    assert router.paths == PathCounts(announced=3, multipath=2, rib=2, fib=2, used=2)
    assert "`maximum-paths 2` lets BGP choose 2 of 3" in finding(router, "max-paths-below-announced").message


@pytest.mark.cluster
def test_a_service_without_pods_is_announced_by_nobody(deploy_lab: Callable[..., Lab], topology: Topology) -> None:
    lab = deploy_lab(topology(clustered(service="replicas: 0, external-traffic-policy: Local")))
    router = lab.ecmp_check(flows=10, timeout=1, expect="ecmp").router("rt-1")
    assert (router.matches, router.verdict) == (False, "no-route")
    assert router.flows.answered == 0


def _wait_for_next_hops(lab: Lab, count: int) -> None:
    """Wait until the router's kernel has so many next hops to the VIP."""
    deadline = time.monotonic() + 30
    while lab.exec("rt-1", "ip", "route", "show", "172.16.7.192", check=True).stdout.count("via") != count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
