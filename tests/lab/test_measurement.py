"""Labs with a known fault: the measurement must show it where it is, and nothing else."""

import time

import pytest

from netlab.model.verdict import PathCounts

pytestmark = pytest.mark.cluster

LAB = """
    name: fault
    topology:
      nodes:
        rt-1:
          kind: frr
          bgp: {{asn: 64512, networks: [172.16.9.0/24], neighbors: [{{cluster: k8s}}]}}
          {router}
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


def fault(router="", cluster="", service="replicas: 3"):
    """The lab of topologies/ecmp.yaml with something wrong."""
    return LAB.format(router=router, cluster=cluster, service=service)


def finding(router, rule):
    """The finding of a rule; it must be there."""
    found = {finding.rule: finding for finding in router.findings}
    assert rule in found
    return found[rule]


def test_hash_policy_0_and_one_client_prove_nothing(deploy_lab, topology):
    lab = deploy_lab(topology(fault(router="hash: {policy: 0}")))
    router = lab.ecmp_check(expect="ecmp").router("rt-1")
    assert (router.matches, router.verdict) == (False, "inconclusive")
    assert router.flows.keys == 1
    assert router.flows.answered == 600
    assert router.paths.fib == 3
    assert router.paths.used == 1
    assert "All 600 flows share one hash key" in finding(router, "one-hash-key").message


def test_hash_policy_1_measures_the_senders_socket(deploy_lab, topology):
    lab = deploy_lab(topology(fault(router="hash: {policy: 1}")))
    router = lab.ecmp_check().router("rt-1")
    assert finding(router, "socket-hash").severity == "error"
    # The kernel's prediction from the packet's fields is right by chance only: 1 in 3.
    assert 120 < router.prediction.agree < 280


def test_a_worker_without_a_route_back_loses_its_third(deploy_lab, topology):
    file = topology(fault(cluster="worker-routes: {k8s-worker2: none}"))
    lab = deploy_lab(file, timeout=20, must_converge=False)  # whether the first probe finds that worker is chance

    router = lab.ecmp_check(timeout=1).router("rt-1")

    lost = {hop.node: hop.flows for hop in router.next_hops}["k8s-worker2"]
    assert 150 < lost < 250
    assert router.flows.answered == 600 - lost
    assert (router.matches, router.verdict) == (True, "ecmp")
    unanswered = finding(router, "unanswered")
    assert unanswered.severity == "error"
    assert f"{lost} of the {lost} by " in unanswered.message
    assert "k8s-worker2" in unanswered.mend


def test_a_dead_speaker_is_a_node_that_does_not_announce(deploy_lab, topology):
    lab = deploy_lab(topology(fault()))
    lab.exec("k8s-worker3", "pkill", "-KILL", "-x", "bgpd", check=True)
    _wait_for_next_hops(lab, 2)

    router = lab.ecmp_check(expect="ecmp").router("rt-1")

    message = finding(router, "node-not-announcing").message
    assert "k8s-worker3 (172.16.7.13) should announce 172.16.7.192" in message
    assert router.paths.announced == router.paths.fib == router.paths.used == 2
    assert router.flows.answered == 600
    assert "172.16.7.13" not in [hop.address for hop in router.next_hops]
    assert (router.matches, router.verdict) == (True, "ecmp")


def test_a_next_hop_that_does_not_answer_on_the_link(deploy_lab, topology):
    lab = deploy_lab(topology(fault()))
    # The session outlives the link for its hold time of 90 s, and so do route and next hop.
    lab.exec("k8s-worker2", "ip", "link", "set", "eth1", "down", check=True)
    lab.exec("rt-1", "ip", "neighbour", "flush", "dev", "eth1", check=True)

    router = lab.ecmp_check(timeout=4).router("rt-1")

    assert "172.16.7.12" in finding(router, "neighbour-failed").message
    assert router.paths.fib == 3
    lost = router.flows.sent - router.flows.answered
    assert 150 < lost < 250


def test_local_policy_keeps_the_clients_address_and_announces_where_pods_are(deploy_lab, topology):
    lab = deploy_lab(topology(fault(service="replicas: 2, external-traffic-policy: Local")))
    router = lab.ecmp_check(expect="ecmp").assert_expected().router("rt-1")
    assert router.verdict == "ecmp"
    assert {hop.node for hop in router.next_hops} == {"k8s-worker", "k8s-worker2"}
    assert router.paths.announced == 2
    assert "node-not-announcing" not in router.rules
    flows = {hop.node: hop.flows for hop in router.next_hops}
    for pod in router.pods:
        assert pod.client_addresses_seen == ("172.16.9.11",)
        assert pod.flows == flows[pod.node]


def test_cluster_policy_hides_the_client_behind_the_nodes(deploy_lab, topology):
    router = deploy_lab(topology(fault())).ecmp_check().router("rt-1")
    seen = {address for pod in router.pods for address in pod.client_addresses_seen}
    assert "172.16.9.11" not in seen
    assert len(seen) >= 3


def test_max_paths_below_what_is_announced_is_partial(deploy_lab, topology):
    lab = deploy_lab(topology(fault().replace("neighbors:", "maximum-paths: 2, neighbors:")))
    router = lab.ecmp_check(expect="ecmp").router("rt-1")
    assert (router.matches, router.verdict) == (False, "partial")
    assert router.paths == PathCounts(announced=3, multipath=2, rib=2, fib=2, used=2)
    assert "`maximum-paths 2` lets BGP choose 2 of 3" in finding(router, "max-paths-below-announced").message


def test_a_service_without_pods_is_announced_by_nobody(deploy_lab, topology):
    lab = deploy_lab(topology(fault(service="replicas: 0, external-traffic-policy: Local")))
    router = lab.ecmp_check(flows=10, timeout=1, expect="ecmp").router("rt-1")
    assert (router.matches, router.verdict) == (False, "no-route")
    assert router.flows.answered == 0


def _wait_for_next_hops(lab, count):
    """Wait until the router's kernel has so many next hops to the VIP."""
    deadline = time.monotonic() + 30
    while lab.exec("rt-1", "ip", "route", "show", "172.16.7.192").stdout.count("via") != count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
