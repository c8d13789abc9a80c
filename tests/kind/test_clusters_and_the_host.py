"""What a cluster leaves on the host and in the engine: nothing. And what is somebody else's stays as it is."""

import json
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from article import VIP, small
from engine import Engine
from hoststate import HostState, descendants
from netlab_program import Netlab, Topology

from netlab.statefolder.lock import is_held

SMALL = small("small")
SMALL_KIND = "netlab-small-k8s"


def holdings(engine: Engine, netlab: Netlab) -> set[str]:
    """What the engine and netlab's folders hold, as lines."""
    return {
        *(f"container {name}" for name in engine.names()),
        *(f"network {name}" for name in engine("network", "ls", "--format={{.Name}}").split()),
        *(f"volume {name}" for name in engine("volume", "ls", "--quiet").split()),
        *(f"image {name}" for name in engine("images", "--quiet", "--no-trunc").split()),
        *(f"file {name}" for name in netlab.files()),
    }


def is_left(engine: Engine, netlab: Netlab, before: set[str], seconds: float = 30) -> set[str]:
    """What is there that was not, once no more of it goes."""
    deadline = time.monotonic() + seconds
    while (left := holdings(engine, netlab) ^ before) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


WAITING = SMALL.replace("neighbors: [", "neighbors: [{address: 172.16.9.11, asn: 64999}, ")
"""The same lab, which never converges: nobody answers its router there."""
REFUSED = "{apiVersion: v1, kind: Service, metadata: {name: refused}, spec: {ports: [{port: 0}]}}"
KILL, STOP, TERM = ("kill -9", signal.SIGKILL), ("Ctrl-C", signal.SIGINT), ("kill", signal.SIGTERM)
BLOWS = (
    ("replacing small", *KILL),
    ("building", *KILL),
    ("attaching to Kubernetes", *TERM),
    ("wiring", *KILL),
    ("starting daemons", "kill -9, the guard too", signal.SIGKILL),
    ("waiting for the services", *STOP),
    ("waiting for BGP", *STOP),
    ("waiting for BGP", *KILL),
)
"""When, after which step, and how netlab is ended."""


@pytest.mark.alone
def test_a_clusters_objects_outlive_every_deploy_that_reuses_it_and_destroy_leaves_nothing(
    engine: Engine, netlab: Netlab, topology: Topology
) -> None:
    before, host = holdings(engine, netlab), HostState.now()
    file = topology(SMALL)
    done = netlab("deploy", file, timeout=600)
    assert done.returncode == 0, done
    assert host.changes() != []  # what is compared does see a cluster
    assert kubectl(netlab, "create", "configmap", "precious") == "configmap/precious created"
    nodes = {name: engine.pid(name) for name in engine.names(f"label=io.x-k8s.kind.cluster={SMALL_KIND}")}

    def is_whole(when: str) -> None:
        assert kubectl(netlab, "get", "configmap", "precious", "-o", "name") == "configmap/precious", when
        assert {name: engine.pid(name) for name in nodes} == nodes, when

    # What is refused before leaves the lab as it is.
    for text, why in ((SMALL.replace("workers: 1", "workers: 2"), "cannot be reused"), (LONELY, "no longer make")):
        done = netlab("deploy", "--reuse-cluster", topology(text, name="other.yaml"))
        assert (done.returncode, why in done.stderr) == (3, True), done
        assert (state(netlab), engine.pid("netlab-small-rt-1") != 0) == ("running", True)

    # What fails later says how to go on, by commands that do as they say.
    bad = SMALL.replace("kind: k8s\n", "kind: k8s\n          manifests: [refused.yaml]\n")
    done = netlab("deploy", "--reuse-cluster", topology(bad, {"refused.yaml": REFUSED}), timeout=300)
    assert done.returncode == 3, done
    is_whole(done.stderr)
    again, destroy = commands(done.stderr)
    assert (again[0], destroy) == ("deploy", ["destroy", "--lab", "small"])
    assert (state(netlab), engine.names("label=netlab.lab=small")) == ("unfinished", [])
    topology(SMALL)  # mended
    done = netlab("deploy", file)
    assert (done.returncode, commands(done.stderr)) == (3, [again, destroy])
    done = netlab(*again, timeout=300)
    assert done.returncode == 0, done
    assert (state(netlab), netlab.state("small").joinpath("kept.json").exists()) == ("running", False)

    for step, how, number in BLOWS:
        when = f"{how} after '{step}'"
        code, stderr = ended(netlab, topology(WAITING, name="waiting.yaml"), step, how, number)
        is_whole(f"{when}: {stderr}")
        if number != signal.SIGKILL:
            assert (code, stderr.splitlines()[-1]) == (128 + number, "netlab: interrupted"), when
            assert commands(stderr)[1] == destroy, when
            assert engine.names("label=netlab.lab=small") == [], when

    done = netlab(*again, timeout=300)  # and no moment was one too many
    assert done.returncode == 0, done
    is_whole("in the end")
    _, stderr = ended(netlab, topology(WAITING, name="waiting.yaml"), "wiring", *STOP)
    assert netlab(*commands(stderr)[1], timeout=120).returncode == 0

    assert holdings(engine, netlab) == before
    assert host.changes() == []


LONELY = """
    name: small
    topology: {nodes: {host-1: {kind: linux}}}
"""


def kubectl(netlab: Netlab, *words: str) -> str:
    done = netlab("kubectl", "--lab", "small", "--", *words)
    assert done.returncode == 0, done
    return done.stdout.strip()


def state(netlab: Netlab) -> str:
    """Of the lab, as inspect has it."""
    (lab,) = json.loads(netlab("inspect", "--lab", "small", "--format", "json").stdout)["labs"]
    return str(lab["state"])


def commands(stderr: str) -> list[list[str]]:
    """The netlab commands that a message names, without the program's name."""
    return [shlex.split(found)[1:] for found in re.findall(r"'(netlab (?:deploy|destroy) [^']+)'", stderr)]


def ended(netlab: Netlab, file: Path, step: str, how: str, number: signal.Signals) -> tuple[int, str]:
    """Have a deploy that reuses the cluster end by a signal after a step; its exit code and what it said."""
    running = netlab.start("deploy", "--reuse-cluster", file)
    said = ""
    for line in running.stderr:
        said += line
        if f"s  {step}" in line:
            break
    assert running.poll() is None, said
    guards = [process.pid for process in descendants().values() if "docker/guard.py" in process.command]
    for pid in (running.pid, *(guards if "guard" in how else ())):
        os.kill(pid, number)
    _, rest = running.communicate(timeout=120)
    assert "Traceback" not in rest
    deadline = time.monotonic() + 30
    while is_held(netlab.state(file_lab(file))):  # the guard is at its work
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return running.returncode, said + rest


def file_lab(file: Path) -> str:
    return str(re.findall(r"name: (\S+)", file.read_text())[0])


@pytest.mark.alone
@pytest.mark.parametrize(
    ("phase", "blow"),
    [
        pytest.param("making nodes", signal.SIGINT, marks=pytest.mark.same_for_every_user),
        pytest.param("making nodes", signal.SIGKILL, marks=pytest.mark.same_for_every_user),
        pytest.param("starting Kubernetes", signal.SIGINT, marks=pytest.mark.same_for_every_user),
        ("starting Kubernetes", signal.SIGKILL),
    ],
)
def test_a_deploy_that_is_ended_leaves_nothing(
    engine: Engine, netlab: Netlab, topology: Topology, blow: signal.Signals, phase: str
) -> None:
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


@pytest.mark.alone
@pytest.mark.same_for_every_user
def test_a_kind_cluster_of_that_name_is_not_touched(engine: Engine, netlab: Netlab, topology: Topology) -> None:
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


@pytest.mark.alone
@pytest.mark.same_for_every_user
def test_a_node_image_that_kind_cannot_start_is_said_and_nothing_is_left(
    engine: Engine, netlab: Netlab, topology: Topology
) -> None:
    before = holdings(engine, netlab)
    file = topology(SMALL.replace("kind: k8s\n", "kind: k8s\n          image: netlab/base:13\n"))
    done = netlab("deploy", file, timeout=300)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("netlab: k8s: kind ")
    assert "Traceback" not in done.stderr
    assert is_left(engine, netlab, before) == set()


@pytest.mark.same_for_every_user
def test_without_kind_the_message_says_how_to_get_it(netlab: Netlab, topology: Topology, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    (path / "docker").symlink_to(shutil.which("docker") or "")
    environment = {"PATH": str(path), "XDG_CACHE_HOME": str(tmp_path)}
    done = netlab("deploy", topology(SMALL), env=environment)
    assert done.returncode == 3
    assert "there is no kind command" in done.stderr
    assert "scripts/build-images --kind" in done.stderr
    assert netlab.files() == []


@pytest.fixture
def metallb(netlab: Netlab) -> Path:
    """MetalLB's own manifest, as scripts/build-images --kind keeps it."""
    (found,) = Path(netlab.environment()["XDG_CACHE_HOME"]).glob("netlab/kind/manifests/metallb-native-*.yaml")
    return found


@pytest.fixture
def users_network(engine: Engine) -> Iterator[str]:
    """A Docker network of the user's, which goes with whoever is on it."""
    engine("network", "create", "netlab-test-users")
    yield "netlab-test-users"
    listing = "--format={{range .Containers}}{{.Name}} {{end}}"
    for name in engine("network", "inspect", "netlab-test-users", listing).split():
        engine("network", "disconnect", "--force", "netlab-test-users", name)
    engine("network", "rm", "netlab-test-users")


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


@pytest.mark.same_for_every_user
def test_a_lab_is_attached_to_a_running_cluster_and_goes_without_it(
    engine: Engine, netlab: Netlab, topology: Topology, metallb: Path, users_network: str
) -> None:
    """The running one is another lab's, which goes on meanwhile, and has its MetalLB as its user has installed it."""
    text = SMALL.replace("pool: 172.16.7.192/26", "pool: 172.16.7.192/26, install: false")
    text = text.replace('["k8s", "k8s-net"]', '["k8s:lan1", "k8s-net"]')  # Docker takes eth1, or refuses
    text = text.replace("kind: k8s\n", "kind: k8s\n          manifests: [metallb.yaml]\n")
    done = netlab("deploy", topology(text, {"metallb.yaml": metallb.read_text()}), timeout=600)
    assert done.returncode == 0, done
    assert "installing MetalLB" not in done.stderr

    def objects() -> list[str]:
        kinds = "deployments,services,ipaddresspools.metallb.io,bgppeers.metallb.io,bgpadvertisements.metallb.io"
        done = netlab("kubectl", "--lab", "small", "--", "get", kinds, "-A", "-o", "name")
        assert done.returncode == 0, done
        return sorted(done.stdout.split())

    before = objects()
    nodes = {name: engine.pid(name) for name in engine.names(f"label=io.x-k8s.kind.cluster={SMALL_KIND}")}

    def links() -> str:
        return engine("exec", f"{SMALL_KIND}-worker", "ip", "-o", "link")

    def await_links(wanted: str) -> None:
        deadline = time.monotonic() + 30
        while links() != wanted:  # the kernel takes its time with what a namespace held
            assert time.monotonic() < deadline, links()
            time.sleep(0.1)

    # An interface of the user's stays, and one of the lab's gets another name.
    engine("network", "connect", users_network, f"{SMALL_KIND}-worker")
    (users,) = set(re.findall(r"(eth\d+)@", links())) - {"eth0"}
    interfaces = links()
    # Another lab's is somebody else's too, and the control plane has one of those as well.
    for node, taken in (("dev-worker", users), ("dev-control-plane", "lan1")):
        done = netlab("deploy", topology(EXISTING.replace("dev:eth9", f"dev:{taken}") % SMALL_KIND, name="taken.yaml"))
        assert done.returncode == 3, done
        assert f"{node}: it has an interface {taken} already, which this lab did not make" in done.stderr
    assert (links(), objects(), netlab.state("attached").exists()) == (interfaces, before, False)

    # What fails takes away what it applied. What is killed leaves that to destroy.
    bad = (EXISTING % SMALL_KIND).replace("workers: 1", "workers: 1\n          manifests: [refused.yaml]")
    done = netlab("deploy", topology(bad, {"refused.yaml": REFUSED}, name="bad.yaml"), timeout=300)
    assert (done.returncode, "Service" in done.stderr) == (3, True), done
    assert (links(), objects(), netlab.state("attached").exists()) == (interfaces, before, False)
    ended(netlab, topology(EXISTING % SMALL_KIND, name="killed.yaml"), "waiting for the services", *KILL)
    assert objects() != before
    assert engine.names("label=netlab.lab=attached") == []
    assert netlab("destroy", "--lab", "attached").returncode == 0
    assert (objects(), netlab.state("attached").exists()) == (before, False)
    await_links(interfaces)

    attached = netlab("deploy", topology(EXISTING % SMALL_KIND, name="attached.yaml"), timeout=300)

    assert attached.returncode == 0, attached
    for lab, vip in (("attached", "10.7.0.192"), ("small", VIP)):
        done = netlab("ecmp-check", "--lab", lab, "--flows", 100, "--expect", "any", "--format", "json")
        (router,) = json.loads(done.stdout)["routers"]
        assert (done.returncode, router["vip"], router["flows"]["answered"]) == (0, vip, 100)

    assert netlab("destroy", "--lab", "attached").returncode == 0
    assert objects() == before
    assert {name: engine.pid(name) for name in nodes} == nodes
    await_links(interfaces)
    done = netlab("ecmp-check", "--lab", "small", "--flows", 100, "--expect", "any", "--format", "json")
    assert json.loads(done.stdout)["routers"][0]["flows"]["answered"] == 100


@pytest.mark.same_for_every_user
def test_a_cluster_that_is_not_there_is_said(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", topology(EXISTING % "nobodys"), timeout=120)
    assert done.returncode == 3
    assert "there is no kind cluster nobodys" in done.stderr
    assert netlab.files() == []


@pytest.mark.same_for_every_user
@pytest.mark.parametrize("mode", ["frr", "frr-k8s"])
def test_fast_failure_detection_by_bfd(netlab: Netlab, topology: Topology, mode: str) -> None:
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


def bfd_states(netlab: Netlab) -> list[str]:
    return sorted(peer["status"] for peer in json.loads(netlab("vtysh", "rt-1", "-c", "show bfd peers json").stdout))


def next_hops(netlab: Netlab) -> int:
    """How many next hops the router's RIB has to the VIP."""
    (route,) = json.loads(netlab("vtysh", "rt-1", "-c", f"show ip route {VIP}/32 json").stdout)[f"{VIP}/32"]
    return sum("fib" in hop for hop in route["nexthops"])
