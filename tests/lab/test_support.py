"""The archive for a bug report holds what its reader will ask for, in whatever state the lab is."""

import json
import os
import signal
import tarfile

import pytest
from hoststate import descendants
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = pytest.mark.shares_nothing

SECRET = "S3cr3t-v4lue"
ROUTER = f"""
    name: secretive
    topology:
      nodes:
        rt-1: {{kind: frr, startup-config: rt-1.conf, env: {{DB_PASSWORD: {SECRET}}}}}
        host-1: {{kind: linux}}
      links: [{{endpoints: ["rt-1:eth1", "host-1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}}]
"""
CONFIGURATION = f"""\
router bgp 64512
 no bgp ebgp-requires-policy
 neighbor 10.0.0.2 remote-as 64513
 neighbor 10.0.0.2 password {SECRET}
"""


def collected(netlab: Netlab, *arguments: object) -> dict[str, str]:
    """The texts of an archive by their paths, with what the command said."""
    file = netlab.folder / "home" / "report.tar.gz"
    file.unlink(missing_ok=True)
    done = netlab("support", "-o", file, *arguments)
    assert done.returncode == 0, done
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        files = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive.getmembers()}
        assert None not in files.values()
        return {path: content.read().decode() for path, content in files.items() if content}


@pytest.mark.cluster
def test_a_running_lab(netlab: Netlab) -> None:
    assert netlab("deploy", TOPOLOGIES / "ecmp.yaml").returncode == 0
    found = collected(netlab)
    kernel = found["labs/ecmp/nodes/rt-1/kernel.txt"]
    assert "$ ip -d -s link show" in kernel
    assert "inet 172.16.7.1/24" in kernel
    assert "172.16.7.192" in kernel
    assert "proto bgp" in kernel
    assert "/proc/sys/net/ipv4/fib_multipath_hash_policy:" in kernel
    assert "numgen" in found["labs/ecmp/nodes/k8s-worker/kernel.txt"]
    assert "172.16.7.11" in found["labs/ecmp/nodes/rt-1/frr.txt"]
    assert "router bgp 64512" in found["labs/ecmp/nodes/rt-1/files/etc/frr/frr.conf"]
    assert json.loads(found["labs/ecmp/plan.json"])["name"] == "ecmp"
    assert "kind: k8s" in found["labs/ecmp/topology/ecmp.yaml"]
    assert "labs/ecmp/nodes/nginx-1/kernel.txt" in found
    assert "Linux 5.14 or later" in found["host/doctor.txt"]
    assert "netlab 0." in found["host/versions.txt"]


@pytest.mark.same_for_every_user
def test_secrets_are_nowhere_in_it(netlab: Netlab, topology: Topology) -> None:
    file = topology(ROUTER, {"rt-1.conf": CONFIGURATION})
    assert netlab("deploy", file, "--no-wait").returncode == 0
    assert SECRET in netlab("vtysh", "rt-1", "-c", "show running-config").stdout
    found = collected(netlab)
    assert [path for path, text in found.items() if SECRET in text] == []
    assert "password <redacted>" in found["labs/secretive/nodes/rt-1/frr.txt"]
    assert "password <redacted>" in found["labs/secretive/topology/startup-config/rt-1"]
    assert "DB_PASSWORD: <redacted>" in found["labs/secretive/topology/lab.yaml"]


@pytest.mark.same_for_every_user
@pytest.mark.netns
def test_a_half_dead_lab_a_dead_one_and_none(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(ROUTER, {"rt-1.conf": CONFIGURATION}), "--no-wait").returncode == 0
    record = json.loads((netlab.state("secretive") / "lab.json").read_text())
    (router,) = (node for node in record["nodes"] if node["name"] == "rt-1")
    os.kill(router["pid"], signal.SIGKILL)

    half = collected(netlab)
    assert "labs/secretive/nodes/rt-1/kernel.txt: LabError: rt-1 is dead" in half["MANIFEST.txt"]
    assert "inet 127.0.0.1/8" in half["labs/secretive/nodes/host-1/kernel.txt"]  # its link went with rt-1

    os.kill(record["init"]["pid"], signal.SIGKILL)
    while any(process.pid == record["init"]["pid"] for process in descendants().values()):
        pass
    dead = collected(netlab, "--lab", "secretive")
    assert "labs/secretive/nodes: what their kernels and daemons say: the lab is dead" in dead["MANIFEST.txt"]
    assert "labs/secretive/nodes/rt-1/files/etc/frr/frr.conf" in dead

    assert netlab("destroy").returncode == 0
    none = collected(netlab)
    assert not [path for path in none if path.startswith("labs/")]
    assert "host/doctor.txt" in none
    assert netlab("support", "--lab", "ghost").returncode == 3


@pytest.mark.same_for_every_user
@pytest.mark.netns
def test_a_frozen_node_holds_nobody_up(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(ROUTER, {"rt-1.conf": CONFIGURATION}), "--no-wait").returncode == 0
    frozen = [p for p in descendants().values() if "/bgpd" in p.command]
    for process in frozen:
        os.kill(process.pid, signal.SIGSTOP)
    assert frozen
    found = collected(netlab)
    assert "inet 10.0.0.1/24" in found["labs/secretive/nodes/rt-1/kernel.txt"]
    assert "$ vtysh -c 'show ip route'" in found["labs/secretive/nodes/rt-1/frr.txt"]
    for process in frozen:
        os.kill(process.pid, signal.SIGCONT)
