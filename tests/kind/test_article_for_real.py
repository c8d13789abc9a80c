"""The article's question on a real cluster, kind with MetalLB's native mode: the assertions of the emulated one."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from article import *  # noqa: F403  its tests are this module's
from article import LAB, VIP, WORKERS, ClusterLab
from engine import Engine

pytestmark = pytest.mark.same_for_every_user

KIND = f"netlab-{LAB}-k8s"
"""What kind calls the cluster; its containers' names begin with it."""
_TAINT = "netlab-test"


def containers(engine: Engine) -> set[str]:
    return set(engine.names(f"label=io.x-k8s.kind.cluster={KIND}"))


def test_only_the_vyos_router_is_not_the_real_thing(cluster: ClusterLab) -> None:
    _, verdict = cluster.check("--router", "rt-frr")
    assert [sentence.partition(":")[0] for sentence in verdict["emulated"]] == ["rt-vyos"]
    assert verdict["runtime"] == "docker"


def test_kubernetes_is_asked_by_netlab_kubectl(cluster: ClusterLab) -> None:
    def kubectl(*words: str) -> Any:
        done = cluster.netlab("kubectl", "--lab", LAB, "--", *words, "-o", "json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    service = kubectl("get", "service", "nginx")
    assert [entry["ip"] for entry in service["status"]["loadBalancer"]["ingress"]] == [VIP]
    nodes = {node["metadata"]["name"] for node in kubectl("get", "nodes")["items"]}
    assert nodes == {f"netlab-{LAB}-{name}" for name in ("k8s-control-plane", *WORKERS)}
    assert cluster.netlab("kubectl", "--lab", LAB, "--", "get", "nonsense").returncode == 1


def test_the_credentials_are_the_owners_alone_and_inspect_names_them(cluster: ClusterLab) -> None:
    (lab,) = json.loads(cluster.netlab("inspect", "--format", "json").stdout)["labs"]
    (found,) = lab["clusters"]
    assert (found["name"], found["kind_name"], found["existing"]) == ("k8s", KIND, False)
    assert stat.S_IMODE(Path(found["kubeconfig"]).stat().st_mode) == 0o600
    assert found["kubeconfig"] in cluster.netlab("inspect").stdout
    assert not (cluster.netlab.folder / "home" / ".kube").exists()


def test_the_control_plane_does_not_announce(cluster: ClusterLab) -> None:
    done = cluster.netlab("vtysh", "--lab", LAB, "rt-frr", "-c", "show bgp summary json")
    peers = json.loads(done.stdout)["ipv4Unicast"]["peers"]
    assert set(peers) == set(WORKERS.values())


def test_the_cluster_stays_when_the_lab_around_it_is_replaced(cluster: ClusterLab, engine: Engine) -> None:
    before = {name: engine.pid(name) for name in containers(engine)}
    cluster.deploy()
    assert {name: engine.pid(name) for name in containers(engine)} == before
    assert cluster.next_hops("rt-frr") == set(WORKERS.values())


def test_a_worker_that_stops_loses_its_path_and_repair_brings_it_back(cluster: ClusterLab, engine: Engine) -> None:
    there = set(WORKERS.values())
    engine("stop", "--time=5", f"{KIND}-worker2")
    cluster.wait_for_next_hops("rt-frr", there - {WORKERS["k8s-worker2"]})
    frr = cluster.routers("--router", "rt-frr")["rt-frr"]
    assert (frr["verdict"], frr["paths"]["announced"]) == ("ecmp", 2)
    explained = [finding for finding in frr["findings"] if finding["rule"] == "node-not-announcing"]
    assert [finding["message"].startswith("k8s-worker2 (172.16.7.12)") for finding in explained] == [True]

    engine("start", f"{KIND}-worker2")
    done = cluster.netlab("repair", "--lab", LAB, timeout=180)
    assert done.returncode == 0, done
    cluster.wait_for_next_hops("rt-frr", there)
    frr = cluster.routers("--router", "rt-frr")["rt-frr"]
    assert (frr["verdict"], frr["paths"]["used"]) == ("ecmp", 3)
    assert frr["flows"]["answered"] == FLOWS  # noqa: F405


@pytest.mark.parametrize("reason", ["label", "speaker"])
def test_the_check_says_why_kubernetes_keeps_a_node_from_announcing(cluster: ClusterLab, reason: str) -> None:
    """The label that keeps load balancers off a node; and a node whose speaker pod is kept away."""
    node, label = f"{KIND}-worker3", "node.kubernetes.io/exclude-from-external-load-balancers"
    kubectl = ("kubectl", "--lab", LAB, "--")
    away = {
        "label": ("label", "node", node, f"{label}="),
        "speaker": ("taint", "node", node, f"{_TAINT}=away:NoExecute"),  # which MetalLB's speakers do not tolerate
    }[reason]
    back = {
        "label": ("label", "node", node, f"{label}-"),
        "speaker": ("taint", "node", node, f"{_TAINT}-"),
    }[reason]
    done = cluster.netlab(*kubectl, *away)
    assert done.returncode == 0, done
    try:
        cluster.wait_for_next_hops("rt-frr", {WORKERS["k8s-worker"], WORKERS["k8s-worker2"]})
        frr = cluster.routers("--router", "rt-frr")["rt-frr"]
        (finding,) = [finding for finding in frr["findings"] if finding["rule"] == "node-not-announcing"]
        assert "k8s-worker3" in finding["message"]
        assert {"label": label, "speaker": "speaker"}[reason] in finding["message"] + finding["evidence"]
    finally:
        assert cluster.netlab(*kubectl, *back).returncode == 0
    cluster.wait_for_next_hops("rt-frr", set(WORKERS.values()))
