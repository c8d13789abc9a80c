"""topologies/dual-stack.yaml with Kubernetes and MetalLB of two IP versions, in MetalLB's mode frr-k8s; and what a user
adds to a cluster: images of their own, and manifests."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from engine import Engine
from hoststate import HostState
from netlab_program import TOPOLOGIES, Netlab

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.alone]

LAB = "dual-stack"
OWN_IMAGE = "users/own:1"
MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  containers:
    - {name: own, image: "users/own:1", imagePullPolicy: Never, command: [sleep, infinity]}
  terminationGracePeriodSeconds: 0
"""


@pytest.fixture(scope="module")
def host() -> HostState:
    return HostState.now()


@pytest.fixture(scope="module")
def dual(
    host: HostState, shared_netlab: Netlab, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Netlab]:
    """netlab with the shipped lab deployed, in another mode of MetalLB and with something of the user's."""
    folder = tmp_path_factory.mktemp("dual")
    (folder / "own.yaml").write_text(MANIFEST)
    text = (TOPOLOGIES / "dual-stack.yaml").read_text()
    assert text.count("mode: frr\n") == 1
    text = text.replace("mode: frr\n", "mode: frr-k8s\n")
    text = text.replace("kind: k8s\n", f"kind: k8s\n      images: ['{OWN_IMAGE}']\n      manifests: [own.yaml]\n")
    (folder / "dual-stack.yaml").write_text(text)
    engine("tag", "netlab/client:13", OWN_IMAGE)
    try:
        done = shared_netlab("deploy", folder / "dual-stack.yaml", timeout=600)
        assert done.returncode == 0, done
        yield shared_netlab
    finally:
        shared_netlab("destroy", "--lab", LAB, timeout=120)
        engine("rmi", OWN_IMAGE)


def kubectl(netlab: Netlab, *words: str) -> Any:
    done = netlab("kubectl", "--lab", LAB, "--", "get", *words, "-o", "json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_one_service_is_ecmp_by_ipv4_and_single_path_by_ipv6(dual: Netlab) -> None:
    done = dual("ecmp-check", "--format", "json")
    assert done.returncode == 0, done
    v4, v6 = json.loads(done.stdout)["routers"]
    assert (v4["vip"], v4["verdict"]) == ("172.16.7.192", "ecmp")
    assert (v6["vip"], v6["verdict"]) == ("2001:db8:8::c0", "single-path")
    assert v4["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    assert v6["paths"] == {"announced": 3, "multipath": 1, "rib": 1, "fib": 1, "used": 1}
    for router in (v4, v6):
        assert router["flows"]["answered"] == 600
        assert router["prediction"] == {"agree": 600, "of": 600}
    assert v4["findings"] == []
    assert "max-paths-below-announced" in {finding["rule"] for finding in v6["findings"]}
    # Cluster policy: the pod saw a node, by an address of the connection's own IP version.
    assert all(":" in seen for pod in v6["pods"] for seen in pod["client_addresses_seen"])


def test_frr_k8s_speaks_for_metallb(dual: Netlab) -> None:
    """MetalLB asks it, node by node, for a session with each of the router's addresses."""
    pods = kubectl(dual, "pods", "-n", "metallb-system", "-l", "app.kubernetes.io/component=frr-k8s")["items"]
    nodes = {f"netlab-{LAB}-k8s-{name}" for name in ("control-plane", "worker", "worker2", "worker3")}
    assert {pod["spec"]["nodeName"] for pod in pods} == nodes
    asked = kubectl(dual, "frrconfigurations.frrk8s.metallb.io", "-n", "metallb-system")["items"]
    neighbors = {
        each["spec"]["nodeSelector"]["matchLabels"]["kubernetes.io/hostname"]: {
            neighbor["address"] for router in each["spec"]["bgp"]["routers"] for neighbor in router["neighbors"]
        }
        for each in asked
        if "routers" in each["spec"]["bgp"]
    }
    wanted = {"172.16.7.1", "2001:db8:7::1"}
    assert neighbors == {node: wanted for node in nodes if not node.endswith("control-plane")}


def test_pods_and_services_have_an_address_of_each_version(dual: Netlab) -> None:
    for pod in kubectl(dual, "pods", "-l", "app=nginx")["items"]:
        assert [":" in each["ip"] for each in pod["status"]["podIPs"]] == [False, True]
    service = kubectl(dual, "service", "nginx")
    assert [each["ip"] for each in service["status"]["loadBalancer"]["ingress"]] == ["172.16.7.192", "2001:db8:8::c0"]


def test_the_users_manifest_runs_the_users_image(dual: Netlab) -> None:
    done = dual("kubectl", "--lab", LAB, "--", "wait", "--for=condition=Ready", "pod/own", "--timeout=60s", timeout=90)
    assert done.returncode == 0, done


def test_a_restarted_worker_is_repaired_in_both_versions(dual: Netlab, engine: Engine) -> None:
    engine("restart", "--time=5", f"netlab-{LAB}-k8s-worker2")
    done = dual("repair", "--lab", LAB, timeout=180)
    assert done.returncode == 0, done
    done = dual("ecmp-check", "--format", "json")
    assert done.returncode == 0, done
    for router in json.loads(done.stdout)["routers"]:
        assert (router["paths"]["announced"], router["flows"]["answered"]) == (3, 600)


def test_it_leaves_no_trace(dual: Netlab, host: HostState, engine: Engine) -> None:
    """Last: for a network with IPv6 Docker has the host forward IPv6, which goes back too."""
    assert dual("destroy", "--lab", LAB, timeout=120).returncode == 0
    assert host.changes() == []
    assert engine.names("label=io.x-k8s.kind.cluster") == []
