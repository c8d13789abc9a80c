"""The article's question as experiments, for an emulated cluster and a real one: the same assertions.

tests/lab runs them on the emulated cluster, tests/kind on kind's with MetalLB. A module that does so has the fixture
`cluster`, and imports the tests.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netlab_program import TOPOLOGIES, Netlab

SHIPPED = TOPOLOGIES / "ecmp-vs-vyos.yaml"
VIP = "172.16.7.192"
LAB = "ecmp-vs-vyos"
WORKERS = {"k8s-worker": "172.16.7.11", "k8s-worker2": "172.16.7.12", "k8s-worker3": "172.16.7.13"}
FLOWS = 600
_SMALL = """
    name: {name}
    topology:
      nodes:
        rt-1: {{kind: frr, bgp: {{asn: {router}, neighbors: [{{cluster: k8s}}]}}}}
        host-1: {{kind: linux}}
        k8s-net: {{kind: bridge}}
        k8s:
          kind: k8s
          workers: 1
          metallb: {{asn: {cluster}, pool: 172.16.7.192/26}}
          services: [{{name: web, replicas: 1}}]
      links:
        - {{endpoints: ["rt-1:eth1", "k8s-net"], ipv4: [172.16.7.1/24]}}
        - {{endpoints: ["k8s", "k8s-net"]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}}
"""


def small(name: str, router: int = 64512, cluster: int = 64522) -> str:
    """The smallest lab with a cluster: one router, one worker, one pod; with these AS numbers."""
    return _SMALL.format(name=name, router=router, cluster=cluster)


@dataclass(frozen=True)
class ClusterLab:
    """The article's lab, deployed: two routers, a client behind each, and a cluster."""

    netlab: Netlab
    folder: Path
    redeploy_option: str
    """How the lab is replaced in the least time: `--reconfigure`, or `--reuse-cluster`."""

    def redeploy(self, change: Callable[[str], str]) -> None:
        """Replace the lab by the shipped one with its text changed."""
        for file in SHIPPED.parent.glob("*.commands"):
            (self.folder / file.name).write_text(file.read_text())
        (self.folder / SHIPPED.name).write_text(change(SHIPPED.read_text()))
        self.deploy(self.folder / SHIPPED.name)

    def deploy(self, file: Path = SHIPPED) -> None:
        done = self.netlab("deploy", self.redeploy_option, file, timeout=600)
        assert done.returncode == 0, done

    def check(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """What `ecmp-check` ends with and says; of each router and of the lab."""
        done = self.netlab("ecmp-check", "--format", "json", "--flows", FLOWS, *arguments)
        assert done.stdout, done
        return done.returncode, json.loads(done.stdout)

    def routers(self, *arguments: object) -> dict[str, dict[str, Any]]:
        """The check's routers by name."""
        return {router["router"]: router for router in self.check(*arguments)[1]["routers"]}

    def next_hops(self, router: str) -> set[str]:
        """The next hops that the router's kernel has to the VIP."""
        (lab,) = json.loads(self.netlab("inspect", "--lab", LAB, "--format", "json").stdout)["labs"]
        return {hop for vip in lab["vips"] if (vip["router"], vip["vip"]) == (router, VIP) for hop in vip["next_hops"]}

    def wait_for_next_hops(self, router: str, wanted: set[str], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while (hops := self.next_hops(router)) != wanted:
            assert time.monotonic() < deadline, (router, hops, wanted)
            time.sleep(0.2)

    def bgp_paths(self, router: str) -> set[str]:
        """The next hops of the paths in the router's BGP table."""
        done = self.netlab("vtysh", "--lab", LAB, router, "-c", f"show bgp ipv4 unicast {VIP}/32 json")
        return {path["nexthops"][0]["ip"] for path in json.loads(done.stdout).get("paths", ())}


def local(replicas: int, *nodes: str) -> Callable[[str], str]:
    """The shipped topology with a service of policy Local, its pods on these workers in turn."""
    old = "{name: nginx, replicas: 3, port: 80, external-traffic-policy: Cluster}"
    where = f", nodes: [{', '.join(nodes)}]" if nodes else ""
    new = f"{{name: nginx, replicas: {replicas}, port: 80, external-traffic-policy: Local{where}}}"

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def answers(router: dict[str, Any]) -> Counter[str]:
    """Answers by the worker whose pod gave them."""
    found: Counter[str] = Counter()
    for pod in router["pods"]:
        found[pod["node"]] += pod["flows"]
    return found


def test_three_nodes_announce_the_vip_and_the_routers_differ(cluster: ClusterLab) -> None:
    """What the article saw: both routers learn three paths, and one of them uses them."""
    cluster.deploy()
    for router in ("rt-frr", "rt-vyos"):
        assert cluster.bgp_paths(router) == set(WORKERS.values())
    assert cluster.next_hops("rt-frr") == set(WORKERS.values())
    assert len(cluster.next_hops("rt-vyos")) == 1

    code, verdict = cluster.check()
    assert code == 0
    frr, vyos = verdict["routers"]
    assert (frr["router"], frr["verdict"], frr["vip"]) == ("rt-frr", "ecmp", VIP)
    assert (vyos["router"], vyos["verdict"], vyos["vip"]) == ("rt-vyos", "single-path", VIP)
    assert frr["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    assert vyos["paths"] == {"announced": 3, "multipath": 1, "rib": 1, "fib": 1, "used": 1}
    for router in (frr, vyos):
        assert router["flows"]["answered"] == FLOWS
        assert router["prediction"] == {"agree": FLOWS, "of": FLOWS}
    assert {hop["node"]: hop["address"] for hop in frr["next_hops"]} == WORKERS
    assert [finding["rule"] for finding in frr["findings"]] == []
    assert "ibgp-knob-on-ebgp-peers" in {finding["rule"] for finding in vyos["findings"]}


def test_under_cluster_every_pod_answers_and_sees_a_nodes_address(cluster: ClusterLab) -> None:
    """kube-proxy spreads the connections a second time, and masquerades those that leave the node."""
    for router in cluster.routers().values():
        assert {pod["node"] for pod in router["pods"] if pod["flows"]} == set(WORKERS)
        assert sum(answers(router).values()) == FLOWS
        seen = {address for pod in router["pods"] for address in pod["client_addresses_seen"]}
        assert not seen & {"172.16.9.11", "172.16.10.11"}


def test_each_client_is_answered_by_the_router_that_it_came_by(cluster: ClusterLab) -> None:
    """Two routers, two client networks: without the right way back one client's answers are lost."""
    for client in ("host-1", "host-2"):
        done = cluster.netlab("exec", "--lab", LAB, client, "--", "curl", "-s", "-m", "5", f"http://{VIP}/")
        assert done.returncode == 0, done
        assert done.stdout.startswith("pod: nginx-")


def test_under_local_pods_see_the_client_and_nodes_answer_for_themselves(cluster: ClusterLab) -> None:
    cluster.redeploy(local(3))
    assert cluster.next_hops("rt-frr") == set(WORKERS.values())
    for router in cluster.routers().values():
        assert router["flows"]["answered"] == FLOWS
        by_hop = {hop["node"]: hop["flows"] for hop in router["next_hops"] if hop["flows"]}
        assert {node: flows for node, flows in answers(router).items() if flows} == by_hop
        seen = {address for pod in router["pods"] for address in pod["client_addresses_seen"]}
        assert seen == {{"rt-frr": "172.16.9.11", "rt-vyos": "172.16.10.11"}[router["router"]]}


def test_under_local_a_worker_without_a_pod_does_not_announce(cluster: ClusterLab) -> None:
    cluster.redeploy(local(2, "k8s-worker", "k8s-worker3"))
    there = {WORKERS["k8s-worker"], WORKERS["k8s-worker3"]}
    for router in ("rt-frr", "rt-vyos"):
        assert cluster.bgp_paths(router) == there
    assert cluster.next_hops("rt-frr") == there
    frr = cluster.routers("--router", "rt-frr")["rt-frr"]
    assert (frr["verdict"], frr["paths"]["announced"], frr["paths"]["used"]) == ("ecmp", 2, 2)
    assert frr["flows"]["answered"] == FLOWS


def test_under_local_nodes_share_the_flows_and_pods_do_not(cluster: ClusterLab) -> None:
    """One pod on a worker, two on another: 50, 25 and 25 percent."""
    cluster.redeploy(local(3, "k8s-worker", "k8s-worker2", "k8s-worker2"))
    frr = cluster.routers("--router", "rt-frr")["rt-frr"]
    assert (frr["verdict"], frr["paths"]["used"]) == ("ecmp", 2)
    by_pod = sorted(pod["flows"] / FLOWS for pod in frr["pods"])
    # Binomial with 600 flows: five standard deviations are 8.8 percentage points of a quarter, 10.2 of a half.
    assert abs(by_pod[2] - 0.5) < 0.1 and abs(by_pod[0] - 0.25) < 0.09 and abs(by_pod[1] - 0.25) < 0.09
    assert "local-uneven-pods" in {finding["rule"] for finding in frr["findings"]}
