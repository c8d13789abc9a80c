"""Whatever happens to a lab or to netlab, nothing of the lab remains and the host is as it was."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hoststate import HostState, descendants
from netlab_program import TOPOLOGIES, Netlab, Running, Topology, pair

pytestmark = pytest.mark.shares_nothing

ENDS_WITHIN = 5.0
"""Seconds that a half-built lab may take to go once its builder is gone."""
SEED = 20240229
EARLY_KILLS = 12


@pytest.mark.cluster
def test_destroy_leaves_nothing(netlab: Netlab, host: HostState) -> None:
    assert netlab("deploy", TOPOLOGIES / "ecmp-vs-vyos.yaml").returncode == 0
    assert netlab("exec", "host-1", "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 &").returncode == 0
    assert len(descendants()) > 20, "the lab's processes are seen while it runs"

    assert netlab("destroy").returncode == 0

    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("sysctls: {net.ipv4.ip_default_ttl: loud}", "sysctl net.ipv4.ip_default_ttl=loud: Invalid argument"),
        ("cmd: /no/such/program", "/no/such/program"),
        ("exec: ['false']", "false ended with exit code 1"),
        ("exec: ['sleep 60']", "sleep 60 did not end in time"),
    ],
)
def test_a_failed_deploy_names_the_node_and_leaves_nothing(
    netlab: Netlab, topology: Topology, host: HostState, wish: str, said: str
) -> None:
    file = topology(
        f"""
        name: faulty
        topology:
          nodes:
            rt-1: {{kind: frr, bgp: {{asn: 64512}}}}
            host-1:
              kind: linux
              {wish}
          links:
            - {{endpoints: ["rt-1:eth1", "host-1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}}
        """
    )
    done = netlab("deploy", "--timeout", "2", file)
    assert done.returncode == 3, done
    assert "netlab: host-1" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.netns
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.2])
@pytest.mark.parametrize("step", ["building", "wiring", "starting daemons", "waiting for"])
def test_ctrl_c_leaves_nothing(netlab: Netlab, host: HostState, step: str, delay: float) -> None:
    deploying = netlab.start("deploy", TOPOLOGIES / "ecmp-vs-vyos.yaml")
    _read_until(deploying, step)
    time.sleep(delay)

    os.killpg(deploying.pid, signal.SIGINT)

    _, stderr = deploying.communicate(timeout=30)
    assert deploying.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "netlab: interrupted"
    assert "Traceback" not in stderr
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.netns
def test_a_polite_end_leaves_nothing_too(netlab: Netlab, host: HostState) -> None:
    deploying = netlab.start("deploy", TOPOLOGIES / "ecmp-vs-vyos.yaml")
    _read_until(deploying, "waiting for")

    deploying.terminate()

    _, stderr = deploying.communicate(timeout=30)
    assert deploying.returncode == 128 + signal.SIGTERM, stderr
    assert netlab.files() == []
    assert host.changes() == []


def test_a_lab_that_is_being_built_is_nobody_elses(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(pair(name="wide"), name="wide.yaml")).returncode == 0
    file = topology(
        """
        name: slow
        topology:
          nodes:
            host-1:
              kind: linux
              binds: ["gate:/mnt"]
              exec: ["sh -c 'until [ -e /mnt/open ]; do sleep 0.1; done'"]
        """,
        {"gate/closed": ""},
    )
    deploying = netlab.start("deploy", file)
    _read_until(deploying, "starting daemons")

    deploy = netlab("deploy", file)
    refusals = [netlab("destroy", "--lab", "slow"), netlab("destroy", "--all")]

    for destroy in refusals:
        assert destroy.returncode == 3, destroy
        assert destroy.stderr.splitlines()[-1].startswith("netlab: lab slow is being built by another netlab")
    assert not netlab.state("wide").exists(), "the other lab goes all the same"
    assert deploy.returncode == 3, deploy
    (file.parent / "gate" / "open").touch()
    assert deploying.wait(timeout=60) == 0
    assert netlab("exec", "host-1", "--", "true").returncode == 0


@pytest.mark.netns
def test_an_impatient_ctrl_c_leaves_nothing(netlab: Netlab, host: HostState) -> None:
    deploying = netlab.start("deploy", TOPOLOGIES / "ecmp-vs-vyos.yaml")
    _read_until(deploying, "waiting for")

    for _ in range(20):
        if deploying.poll() is None:
            os.killpg(deploying.pid, signal.SIGINT)
        time.sleep(0.003)

    deploying.communicate(timeout=30)
    assert deploying.returncode == 130
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.netns
def test_kill_of_netlab_before_the_commit_leaves_nothing(netlab: Netlab, host: HostState) -> None:
    early = late = 0
    moment = _moments(netlab)
    while early < EARLY_KILLS and late < EARLY_KILLS:
        seconds = next(moment)
        deploying = netlab.start("deploy", TOPOLOGIES / "ecmp-vs-vyos.yaml")
        time.sleep(seconds)

        os.kill(deploying.pid, signal.SIGKILL)

        deploying.wait()
        survived = _survives(netlab)
        print(f"netlab killed after {seconds:.3f} s: {'a whole lab is there' if survived else 'nothing is left'}")
        if survived:
            # It had been committed: the lab is whole, and destroy removes it.
            late += 1
            assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "rt-frr").returncode == 0
            assert netlab("destroy").returncode == 0
        else:
            early += 1
        assert host.changes() == []
        assert netlab.files() == []
    assert early >= EARLY_KILLS


@pytest.mark.netns
def test_kill_of_the_init_during_deploy_leaves_nothing(netlab: Netlab, host: HostState) -> None:
    early = late = 0
    moment = _moments(netlab)
    while early < EARLY_KILLS and late < EARLY_KILLS:
        seconds = next(moment)
        deploying = netlab.start("deploy", TOPOLOGIES / "ecmp-vs-vyos.yaml")
        init = _wait_for_init(netlab, deploying)
        time.sleep(seconds / 3)

        os.kill(init, signal.SIGKILL)

        _, stderr = deploying.communicate(timeout=20)
        committed = netlab.state("ecmp-vs-vyos").exists()
        print(f"init killed after {seconds / 3:.3f} s: exit code {deploying.returncode}, committed: {committed}")
        assert deploying.returncode == 3, stderr
        assert "Traceback" not in stderr
        if committed:
            late += 1
            assert "dead" in netlab("inspect").stdout
            assert netlab("destroy").returncode == 0
        else:
            early += 1
            assert "netlab: " in stderr
        assert host.changes() == []
        assert netlab.files() == []
    assert early >= EARLY_KILLS


@pytest.mark.netns
def test_kill_of_a_running_labs_init_leaves_a_folder_that_destroy_removes(netlab: Netlab, host: HostState) -> None:
    assert netlab("deploy", TOPOLOGIES / "ecmp.yaml").returncode == 0
    init = json.loads((netlab.state("ecmp") / "lab.json").read_text())["init"]["pid"]

    os.kill(init, signal.SIGKILL)

    assert host.changes() == []
    (lab,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
    assert lab["state"] == "dead"
    assert not any(node["alive"] for node in lab["nodes"])
    refused = netlab("exec", "host-1", "--", "true")
    assert refused.returncode == 125, refused
    assert "'netlab destroy --lab ecmp' removes what is left of it" in refused.stderr
    assert netlab("ecmp-check").returncode == 3
    assert netlab("deploy", TOPOLOGIES / "ecmp.yaml").returncode == 3
    assert netlab("destroy").returncode == 0
    assert netlab.files() == []


@pytest.mark.netns
def test_a_dead_lab_is_replaced_by_reconfigure(netlab: Netlab) -> None:
    assert netlab("deploy", TOPOLOGIES / "ecmp.yaml").returncode == 0
    os.kill(json.loads((netlab.state("ecmp") / "lab.json").read_text())["init"]["pid"], signal.SIGKILL)
    assert netlab("deploy", "--reconfigure", TOPOLOGIES / "ecmp.yaml").returncode == 0
    assert netlab("exec", "host-1", "--", "true").returncode == 0


def test_kill_of_netlab_during_exec_leaves_the_lab_alone(netlab: Netlab, ecmp_file: Path) -> None:
    assert netlab("deploy", ecmp_file).returncode == 0
    running = netlab.start("exec", "host-1", "--", "sh", "-c", "echo ready; sleep 1000")
    assert running.stdout.readline() == "ready\n"

    running.kill()

    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "rt-1").returncode == 0
    assert netlab("destroy").returncode == 0
    assert netlab.files() == []


SHARED_ROOT = """
import subprocess, sys
from pathlib import Path

def netlab(*arguments):
    subprocess.run([sys.executable, "-m", "netlab", *arguments], check=True, timeout=60)

subprocess.run(["mount", "--make-rshared", "/"], check=True)
assert " shared:" in Path("/proc/self/mountinfo").read_text().splitlines()[-1]
before = Path("/proc/self/mountinfo").read_text(), Path("/etc/group").read_text()
netlab("deploy", sys.argv[1])
assert (Path("/proc/self/mountinfo").read_text(), Path("/etc/group").read_text()) == before, "while the lab runs"
netlab("exec", "rt-1", "--", "true")
netlab("destroy")
assert (Path("/proc/self/mountinfo").read_text(), Path("/etc/group").read_text()) == before, "after the lab"
"""


@pytest.mark.netns
def test_no_mount_of_a_lab_reaches_a_host_whose_root_is_shared(netlab: Netlab, host: HostState) -> None:
    """Every host with systemd has a shared root, where a mount in a copy of its mount namespace comes back to it."""
    done = netlab.with_own_mounts(SHARED_ROOT, TOPOLOGIES / "ecmp.yaml")
    assert done.returncode == 0, done
    assert netlab.files() == []
    assert host.changes() == []


def _read_until(deploying: Running, step: str) -> None:
    """Read the progress until it names a step."""
    for line in deploying.stderr:
        if f"s  {step}" in line:
            return
    raise AssertionError(f"deploy ended before {step}: {deploying.communicate()}")


def _moments(netlab: Netlab) -> Iterator[float]:
    """Random moments of a deploy, from its start until a little after its commit."""
    deploying = netlab.start("deploy", "--no-wait", TOPOLOGIES / "ecmp-vs-vyos.yaml")
    start = time.monotonic()
    assert deploying.wait(timeout=60) == 0
    whole = time.monotonic() - start
    assert netlab("destroy").returncode == 0
    draw = random.Random(SEED)
    print(f"a deploy takes {whole:.3f} s until its commit; seed {SEED}")
    while True:
        yield draw.uniform(0, whole)


def _survives(netlab: Netlab) -> bool:
    """Whether a lab is there for good, once all that is half-built had time to go."""
    deadline = time.monotonic() + ENDS_WITHIN
    while time.monotonic() < deadline:
        if not netlab.files():
            return False
        if (netlab.state("ecmp-vs-vyos") / "lab.json").exists() and time.monotonic() > deadline - ENDS_WITHIN + 0.5:
            return True
        time.sleep(0.01)
    raise AssertionError(f"neither a lab nor nothing after {ENDS_WITHIN} s: {netlab.files()}")


def _wait_for_init(netlab: Netlab, deploying: Running) -> int:
    """The pid of the lab's init: the first process that is pid 1 of a PID namespace."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for process in descendants().values():
            if str(netlab.folder) in process.command and process.inner_pids == (1,):
                return process.pid
    raise AssertionError(f"no init: {deploying.communicate()}")
