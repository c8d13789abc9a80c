"""What a cluster leaves on the host and in the engine: nothing. And what is somebody else's stays as it is."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from article import VIP, small
from hoststate import HostState

SMALL = small("small")
SMALL_KIND = "netlab-small-k8s"


def holdings(engine, netlab):
    """What the engine and netlab's folders hold, as lines."""
    return {
        *(f"container {name}" for name in engine.names()),
        *(f"network {name}" for name in engine("network", "ls", "--format={{.Name}}").split()),
        *(f"volume {name}" for name in engine("volume", "ls", "--quiet").split()),
        *(f"image {name}" for name in engine("images", "--quiet", "--no-trunc").split()),
        *(f"file {name}" for name in netlab.files()),
    }


def is_left(engine, netlab, before, seconds=30):
    """What is there that was not, once no more of it goes."""
    deadline = time.monotonic() + seconds
    while (left := holdings(engine, netlab) ^ before) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def test_destroy_leaves_nothing_of_a_cluster(engine, netlab, topology):
    before, host = holdings(engine, netlab), HostState.now()
    done = netlab("deploy", topology(SMALL), timeout=600)
    assert done.returncode == 0, done
    assert host.changes() != []  # what is compared does see a cluster

    assert netlab("destroy", timeout=120).returncode == 0

    assert holdings(engine, netlab) == before
    assert host.changes() == []


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
@pytest.mark.parametrize("phase", ["making nodes", "starting Kubernetes"])
def test_a_deploy_that_is_ended_leaves_nothing(engine, netlab, topology, blow, phase):
    before, host = holdings(engine, netlab), HostState.now()
    deploying = netlab.start("deploy", topology(SMALL))
    wanted = 2 if phase == "starting Kubernetes" else 0
    deadline = time.monotonic() + 120
    while len(engine.names("name=" + SMALL_KIND, "status=running")) < wanted or not netlab.state("small").exists():
        assert time.monotonic() < deadline and deploying.poll() is None, deploying.communicate()
        time.sleep(0.05)
    time.sleep(1.0)  # kind is at its work

    os.killpg(deploying.pid, blow)

    _, stderr = deploying.communicate(timeout=120)
    assert "Traceback" not in stderr
    if blow is signal.SIGINT:
        assert deploying.returncode == 130, stderr
        assert stderr.splitlines()[-1] == "netlab: interrupted"
    assert is_left(engine, netlab, before) == set()
    assert host.changes() == []


def test_a_kind_cluster_of_that_name_is_not_touched(engine, netlab, topology):
    label = f"io.x-k8s.kind.cluster={SMALL_KIND}"
    engine("create", f"--name={SMALL_KIND}-control-plane", f"--label={label}", "--network=none", "netlab/base:13")
    try:
        before = holdings(engine, netlab)
        done = netlab("deploy", topology(SMALL), timeout=120)
        assert done.returncode == 3
        assert f"there is a kind cluster {SMALL_KIND} already, which is not this lab's" in done.stderr
        assert holdings(engine, netlab) == before
    finally:
        engine("rm", "--force", f"{SMALL_KIND}-control-plane")


def test_a_node_image_that_kind_cannot_start_is_said_and_nothing_is_left(engine, netlab, topology):
    before = holdings(engine, netlab)
    file = topology(SMALL.replace("kind: k8s\n", "kind: k8s\n          image: netlab/base:13\n"))
    done = netlab("deploy", file, timeout=300)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("netlab: k8s: kind ")
    assert "Traceback" not in done.stderr
    assert is_left(engine, netlab, before) == set()


def test_without_kind_the_message_says_how_to_get_it(netlab, topology, tmp_path):
    path = tmp_path / "bin"
    path.mkdir()
    (path / "docker").symlink_to(shutil.which("docker"))
    environment = {"PATH": str(path), "XDG_CACHE_HOME": str(tmp_path)}
    done = netlab("deploy", topology(SMALL), env=environment)
    assert done.returncode == 3
    assert "there is no kind command" in done.stderr
    assert "scripts/build-images --kind" in done.stderr
    assert netlab.files() == []


@pytest.fixture
def metallb(netlab):
    """MetalLB's own manifest, as scripts/build-images --kind keeps it."""
    (found,) = Path(netlab.environment()["XDG_CACHE_HOME"]).glob("netlab/kind/manifests/metallb-native-*.yaml")
    return found


EXISTING = """
    name: attached
    topology:
      nodes:
        rt-9: {kind: frr, bgp: {asn: 64519, networks: [10.9.0.0/24], neighbors: [{cluster: dev}]}}
        host-9: {kind: linux}
        lan: {kind: bridge}
        dev:
          kind: k8s
          existing: %s
          workers: 1
          addresses: {workers: [10.7.0.11/24]}
          metallb: {asn: 64522, pool: 10.7.0.192/28, install: false}
          services: [{name: other, replicas: 1}]
      links:
        - {endpoints: ["rt-9:eth1", "lan"], ipv4: [10.7.0.1/24]}
        - {endpoints: ["dev:eth9", "lan"]}
        - {endpoints: ["rt-9:eth2", "host-9:eth1"], ipv4: [10.9.0.1/24, 10.9.0.11/24]}
"""


def test_a_lab_is_attached_to_a_running_cluster_and_goes_without_it(engine, netlab, topology, metallb):
    """The running one is another lab's, which goes on meanwhile, and has its MetalLB as its user has installed it."""
    text = SMALL.replace("pool: 172.16.7.192/26", "pool: 172.16.7.192/26, install: false")
    text = text.replace("kind: k8s\n", "kind: k8s\n          manifests: [metallb.yaml]\n")
    done = netlab("deploy", topology(text, {"metallb.yaml": metallb.read_text()}), timeout=600)
    assert done.returncode == 0, done
    assert "installing MetalLB" not in done.stderr

    def objects():
        kinds = "deployments,services,ipaddresspools.metallb.io,bgppeers.metallb.io,bgpadvertisements.metallb.io"
        done = netlab("kubectl", "--lab", "small", "--", "get", kinds, "-A", "-o", "name")
        assert done.returncode == 0, done
        return sorted(done.stdout.split())

    before = objects()
    nodes = {name: engine.pid(name) for name in engine.names(f"label=io.x-k8s.kind.cluster={SMALL_KIND}")}

    attached = netlab("deploy", topology(EXISTING % SMALL_KIND, name="attached.yaml"), timeout=300)

    assert attached.returncode == 0, attached
    for lab, vip in (("attached", "10.7.0.192"), ("small", VIP)):
        done = netlab("ecmp-check", "--lab", lab, "--flows", 100, "--expect", "any", "--format", "json")
        (router,) = json.loads(done.stdout)["routers"]
        assert (done.returncode, router["vip"], router["flows"]["answered"]) == (0, vip, 100)

    assert netlab("destroy", "--lab", "attached").returncode == 0
    assert objects() == before
    assert {name: engine.pid(name) for name in nodes} == nodes
    links = engine("exec", f"{SMALL_KIND}-worker", "ip", "-br", "link").splitlines()
    assert "eth9" not in {line.partition("@")[0] for line in links}
    done = netlab("ecmp-check", "--lab", "small", "--flows", 100, "--expect", "any", "--format", "json")
    assert json.loads(done.stdout)["routers"][0]["flows"]["answered"] == 100


def test_a_cluster_that_is_not_there_is_said(netlab, topology):
    done = netlab("deploy", topology(EXISTING % "nobodys"), timeout=120)
    assert done.returncode == 3
    assert "there is no kind cluster nobodys" in done.stderr
    assert netlab.files() == []


@pytest.mark.parametrize("mode", ["frr", "frr-k8s"])
def test_fast_failure_detection_by_bfd(netlab, topology, mode):
    """MetalLB speaks by FRR, beside its speakers or in pods of its own. A dead link is noticed in less than the hold
    time."""
    text = SMALL.replace("workers: 1", "workers: 2").replace("replicas: 1", "replicas: 2")
    text = text.replace("pool: 172.16.7.192/26", f"pool: 172.16.7.192/26, mode: {mode}, bfd: true, hold-time: 90")
    done = netlab("deploy", topology(text.replace("asn: 64512,", "asn: 64512, bfd: true,")), timeout=600)
    assert done.returncode == 0, done

    done = netlab("ecmp-check", "--format", "json")
    (router,) = json.loads(done.stdout)["routers"]
    assert (done.returncode, router["verdict"], router["paths"]["used"]) == (0, "ecmp", 2)
    assert router["flows"]["answered"] == 600
    deadline = time.monotonic() + 30  # a session of BGP does not wait for that of BFD
    while bfd_states(netlab) != ["up", "up"]:
        assert time.monotonic() < deadline, bfd_states(netlab)
        time.sleep(0.2)

    assert netlab("exec", "k8s-worker", "--", "ip", "link", "set", "eth1", "down").returncode == 0
    started = time.monotonic()
    while next_hops(netlab) > 1:
        assert time.monotonic() - started < 30  # without BFD: 90 s
        time.sleep(0.2)


def bfd_states(netlab):
    return sorted(peer["status"] for peer in json.loads(netlab("vtysh", "rt-1", "-c", "show bfd peers json").stdout))


def next_hops(netlab):
    """How many next hops the router's RIB has to the VIP."""
    (route,) = json.loads(netlab("vtysh", "rt-1", "-c", f"show ip route {VIP}/32 json").stdout)[f"{VIP}/32"]
    return sum("fib" in hop for hop in route["nexthops"])
