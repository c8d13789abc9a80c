"""IPv6: the shipped dual-stack lab, clusters with IPv6 alone, and what a fault looks like there."""

import json
import time
from typing import Any

import pytest
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.outcome_is_frrs]

SIX = """
    name: six
    topology:
      defaults: {{ipv6: auto}}
      nodes:
        rt-1:
          kind: frr
          bgp: {{asn: 64512, neighbors: [{{cluster: k8s}}]}}
        host-1: {{kind: linux}}
        k8s-net: {{kind: bridge}}
        k8s:
          kind: k8s
          workers: 3
          metallb: {{asn: 64522, pool: "fd00:c0::1-fd00:c0::ff", mode: frr}}
          services: [{{name: nginx, {service}}}]
      links:
        - {{endpoints: ["rt-1:eth1", "k8s-net"]}}
        - {{endpoints: ["k8s", "k8s-net"]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"]}}
"""

SPEAKERS = """
    name: speakers-of-six
    topology:
      groups:
        speakers:
          kind: frr
          bgp: {{asn: 64522, neighbors: [{{address: "fd00:7::1", asn: 64512}}]}}
          serve: [{{vip: "fd00:c0::1", name: web}}]
      nodes:
        rt-1:
          kind: frr
          bgp:
            asn: 64512
            networks: ["fd00:9::/64"]
            neighbors:
              - {{address: "fd00:7::11", asn: 64522}}
              - {{address: "fd00:7::12", asn: 64522}}
              - {{address: "fd00:7::13", asn: 64522}}
          {router}
        host-1: {{kind: linux}}
        lan: {{kind: bridge}}
        s1: {{group: speakers}}
        s2: {{group: speakers}}
        s3: {{group: speakers}}
      links:
        - {{endpoints: ["rt-1:eth1", "lan"], ipv6: ["fd00:7::1/64"]}}
        - {{endpoints: ["s1:eth1", "lan"], ipv6: ["fd00:7::11/64"]}}
        - {{endpoints: ["s2:eth1", "lan"], ipv6: ["fd00:7::12/64"]}}
        - {{endpoints: ["s3:eth1", "lan"], ipv6: ["fd00:7::13/64"]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"], ipv6: ["fd00:9::1/64", "fd00:9::11/64"]}}
"""


def six(service: str = "replicas: 3") -> str:
    """A lab without any IPv4 address, with a cluster."""
    return SIX.format(service=service)


def speakers(router: str) -> str:
    """A lab without any IPv4 address, with servers that announce the VIP themselves."""
    return SPEAKERS.format(router=router)


def check(netlab: Netlab, *options: object) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and verdicts of `ecmp-check`."""
    done = netlab("ecmp-check", "--format", "json", *options)
    assert done.stdout, done
    return done.returncode, json.loads(done.stdout)["routers"]


def finding(router: dict[str, Any], rule: str) -> dict[str, Any]:
    """The finding of a rule; it must be there."""
    found = {finding["rule"]: finding for finding in router["findings"]}
    assert rule in found
    return dict(found[rule])


@pytest.fixture(scope="module")
def dual(shared_netlab: Netlab) -> Netlab:
    """netlab with the shipped lab deployed."""
    done = shared_netlab("deploy", TOPOLOGIES / "dual-stack.yaml")
    assert done.returncode == 0, done
    assert "has converged: 10 nodes, VIPs 172.16.7.192:80, [2001:db8:8::c0]:80" in done.stdout
    return shared_netlab


@pytest.mark.cluster
def test_one_service_is_ecmp_by_ipv4_and_single_path_by_ipv6(dual: Netlab) -> None:
    code, (v4, v6) = check(dual)
    assert code == 0
    assert (v4["vip"], v4["verdict"], v4["expected"]) == ("172.16.7.192", "ecmp", "ecmp")
    assert (v6["vip"], v6["verdict"], v6["expected"]) == ("2001:db8:8::c0", "single-path", "single-path")
    assert v4["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    assert v6["paths"] == {"announced": 3, "multipath": 1, "rib": 1, "fib": 1, "used": 1}
    for router in (v4, v6):
        assert router["router"] == "rt-1"
        counts = {"sent": 600, "answered": 600, "keys": 600, "retransmitted": 0, "capture_drops": 0}
        assert router["flows"].items() >= counts.items()
        assert router["prediction"] == {"agree": 600, "of": 600}
        assert (router["hash"]["policy"], router["hash"]["fields"]) == (3, 0x37)
    assert v4["findings"] == []
    below = finding(v6, "max-paths-below-announced")
    assert "`maximum-paths 1` of the IPv6 address family" in below["message"]
    assert "address-family ipv6 unicast" in below["mend"]


@pytest.mark.cluster
def test_an_ipv6_next_hop_is_link_local_and_its_node_is_known(dual: Netlab) -> None:
    _, (router,) = check(dual, "--vip", "[2001:db8:8::c0]:80", "--flows", "50")
    (hop,) = router["next_hops"]
    assert hop["address"].startswith("fe80::")
    assert hop["node"] in ("k8s-worker", "k8s-worker2", "k8s-worker3")
    # Cluster policy: the pod saw a node, by an address of the connection's own IP version.
    assert all(":" in seen for pod in router["pods"] for seen in pod["client_addresses_seen"])


@pytest.mark.cluster
def test_one_router_with_two_vips_is_two_columns(dual: Netlab) -> None:
    done = dual("ecmp-check", env={"COLUMNS": "120"})
    assert done.returncode == 0, done
    for words in (
        "host-1 to [2001:db8:8::c0]:80",
        "rt-1 to 172.16.7.192:80: ecmp",
        "rt-1 to [2001:db8:8::c0]:80: single-path",
    ):
        assert words in done.stdout
    assert "On rt-1 to 172.16.7.192:80 yes, over all 3 nodes; on rt-1 to [2001:db8:8::c0]:80 no" in " ".join(
        done.stdout.split()
    )


@pytest.mark.cluster
def test_pods_have_an_address_of_each_version(dual: Netlab) -> None:
    done = dual("exec", "nginx-1", "--", "ip", "-brief", "address", "show", "eth0")
    assert "10.244.1.2/32" in done.stdout
    assert "fd00:10:244:1::2/128" in done.stdout
    # From a pod through the service to another pod and back.
    for vip in ("172.16.7.192", "[2001:db8:8::c0]"):
        asked = dual("exec", "nginx-1", "--", "curl", "-s", "-m", "5", f"http://{vip}/")
        assert asked.stdout.startswith("pod: nginx-"), asked


@pytest.mark.cluster
def test_a_lab_of_ipv6_alone(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(six())).returncode == 0
    code, (router,) = check(netlab, "--expect", "ecmp")
    assert (code, router["verdict"], router["vip"]) == (0, "ecmp", "fd00:c0::1")
    assert router["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    assert router["prediction"] == {"agree": 600, "of": 600}
    assert {hop["node"] for hop in router["next_hops"]} == {"k8s-worker", "k8s-worker2", "k8s-worker3"}
    assert router["findings"] == []
    done = netlab("exec", "host-1", "--", "ip", "-6", "route", "show", "default")
    assert done.stdout == ""


def test_the_seed_is_ipv6s_too(netlab: Netlab, topology: Topology) -> None:
    """Two routers of one seed send the same flows to the same positions; another seed, other flows."""
    spread = []
    for seed in (7, 7, 8):
        assert netlab("deploy", "--reconfigure", topology(speakers(f"hash: {{seed: {seed}}}"))).returncode == 0
        code, (router,) = check(netlab, "--seed", "1")
        assert (code, router["hash"]["seed"], router["verdict"]) == (0, seed, "ecmp")
        # Addresses, and with them the order of the next hops in the kernel, differ from deploy to deploy.
        spread.append(sorted(hop["flows"] for hop in router["next_hops"]))
    assert spread[0] == spread[1] != spread[2]


def test_hash_policy_1_measures_the_senders_socket_in_ipv6_too(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(speakers("hash: {policy: 1}"))).returncode == 0
    _, (router,) = check(netlab)
    assert finding(router, "socket-hash")["severity"] == "error"
    assert 120 < router["prediction"]["agree"] < 280


def test_hash_policy_0_spreads_ipv6_by_the_flow_label(netlab: Netlab, topology: Topology) -> None:
    """Under IPv4 all flows of one client are one key; IPv6 has a label per connection (net.ipv6.auto_flowlabels)."""
    assert netlab("deploy", topology(speakers("hash: {policy: 0}"))).returncode == 0
    code, (router,) = check(netlab, "--expect", "ecmp")
    assert (code, router["verdict"], router["flows"]["keys"]) == (0, "ecmp", 600)
    # A kernel before Linux 6.14 cannot be asked with a label, and then nothing is predicted.
    assert router["prediction"]["agree"] == router["prediction"]["of"]


@pytest.mark.cluster
def test_local_policy_shows_the_clients_own_address(netlab: Netlab, topology: Topology) -> None:
    file = topology(six(service="replicas: 2, external-traffic-policy: Local"))
    assert netlab("deploy", file).returncode == 0
    code, (router,) = check(netlab, "--expect", "ecmp")
    assert (code, router["verdict"]) == (0, "ecmp")
    assert router["paths"]["announced"] == 2
    flows = {hop["node"]: hop["flows"] for hop in router["next_hops"]}
    assert set(flows) == {"k8s-worker", "k8s-worker2"}
    for pod in router["pods"]:
        assert pod["client_addresses_seen"] == ["2001:db8:0:1::2"]
        assert pod["flows"] == flows[pod["node"]]


UNNUMBERED = """
    name: unnumbered
    topology:
      nodes:
        edge:
          kind: frr
          bgp:
            asn: 65000
            networks: [172.16.9.0/24, "2001:db8:9::/64"]
            neighbors: [{interface: eth1, asn: external}, {interface: eth2, asn: external}]
        leaf-1: {kind: frr, bgp: {asn: 65001, neighbors: [{interface: eth1, asn: external}, {cluster: k8s}]}}
        leaf-2: {kind: frr, bgp: {asn: 65001, neighbors: [{interface: eth1, asn: external}, {cluster: k8s}]}}
        host-1: {kind: linux}
        k8s-net: {kind: bridge}
        k8s:
          kind: k8s
          workers: 2
          metallb: {asn: 64522, pool: [172.16.8.0/24, "2001:db8:8::1-2001:db8:8::ff"], mode: frr}
          services: [{name: nginx, replicas: 2, ip-family-policy: RequireDualStack}]
      links:
        - {endpoints: ["edge:eth1", "leaf-1:eth1"]}
        - {endpoints: ["edge:eth2", "leaf-2:eth1"]}
        - {endpoints: ["leaf-1:eth2", "k8s-net"], ipv4: [172.16.7.1/24], ipv6: ["2001:db8:7::1/64"]}
        - {endpoints: ["leaf-2:eth2", "k8s-net"], ipv4: [172.16.7.2/24], ipv6: ["2001:db8:7::2/64"]}
        - {endpoints: ["k8s", "k8s-net"]}
        - endpoints: ["edge:eth3", "host-1"]
          ipv4: [172.16.9.1/24, 172.16.9.11/24]
          ipv6: ["2001:db8:9::1/64", "2001:db8:9::11/64"]
"""


@pytest.mark.cluster
def test_unnumbered_links_carry_both_versions(netlab: Netlab, topology: Topology) -> None:
    """RFC 8950: the edge's IPv4 route has link-local IPv6 next hops."""
    done = netlab("deploy", topology(UNNUMBERED))
    assert done.returncode == 0, done
    code, routers = check(netlab, "--router", "edge", "--expect", "ecmp")
    assert (code, [router["vip"] for router in routers]) == (0, ["172.16.8.0", "2001:db8:8::1"])
    for router in routers:
        assert router["paths"] == {"announced": 2, "multipath": 2, "rib": 2, "fib": 2, "used": 2}
        assert router["prediction"] == {"agree": 600, "of": 600}
        assert router["flows"]["answered"] == 600
        assert all(hop["address"].startswith("fe80::") for hop in router["next_hops"])
        assert router["findings"] == []


@pytest.mark.cluster
def test_a_dead_speaker_is_a_node_that_does_not_announce(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(six())).returncode == 0
    assert netlab("exec", "k8s-worker3", "--", "pkill", "-KILL", "-x", "bgpd").returncode == 0
    deadline = time.monotonic() + 20
    while netlab("exec", "rt-1", "--", "ip", "-6", "route", "show", "fd00:c0::1").stdout.count("nexthop") != 2:
        assert time.monotonic() < deadline

    code, (router,) = check(netlab, "--expect", "ecmp")

    message = finding(router, "node-not-announcing")["message"]
    assert "k8s-worker3 (2001:db8::5) should announce fd00:c0::1" in message
    assert router["paths"]["announced"] == router["paths"]["fib"] == router["paths"]["used"] == 2
    assert router["flows"]["answered"] == 600
    assert (code, router["verdict"]) == (0, "ecmp")
