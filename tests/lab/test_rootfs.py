"""Routers that run from a root file system of their own, as FRR's maintainers run a build of theirs."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hoststate import HostState
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = pytest.mark.netns

PROGRAMS = (
    *(f"/usr/lib/frr/{daemon}" for daemon in ("zebra", "staticd", "bgpd")),
    *("/usr/bin/vtysh", "/bin/sh", "/bin/cat", "/bin/ls", "/bin/touch", "/usr/sbin/nft"),
)
MIXED = """
    name: mixed
    topology:
      nodes:
        rt-own:
          kind: frr
          rootfs: {rootfs}
          bgp: {{asn: 64512, networks: [172.16.9.0/24], neighbors: [{{cluster: k8s}}]}}
          expect: ecmp
        rt-host:
          kind: frr
          bgp: {{asn: 64513, networks: [172.16.10.0/24], neighbors: [{{cluster: k8s}}]}}
          expect: ecmp
        host-1: {{kind: linux}}
        host-2: {{kind: linux}}
        k8s-net: {{kind: bridge}}
        k8s:
          kind: k8s
          workers: 3
          {k8s}
          metallb: {{asn: 64522, pool: 172.16.7.192/26, avoid-buggy-ips: true}}
          services: [{{name: nginx, replicas: 3, port: 80}}]
      links:
        - {{endpoints: ["rt-own:eth1", "k8s-net"], ipv4: [172.16.7.1/24]}}
        - {{endpoints: ["rt-host:eth1", "k8s-net"], ipv4: [172.16.7.2/24]}}
        - {{endpoints: ["k8s", "k8s-net"]}}
        - {{endpoints: ["rt-own:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}}
        - {{endpoints: ["rt-host:eth2", "host-2:eth1"], ipv4: [172.16.10.1/24, 172.16.10.11/24]}}
"""


@pytest.fixture
def netlab(netlab: Netlab) -> Netlab:
    """The labs of this file say themselves where a router runs from."""
    return replace(netlab, rootfs=None)


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system with nothing but the host's FRR, nft, a shell and the libraries that these need."""
    root = tmp_path_factory.mktemp("rootfs") / "root"
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for program in PROGRAMS:
        copy(root, program)
        for word in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split():
            if word.startswith("/"):
                copy(root, word)
    shutil.copytree("/usr/share/yang", root / "usr/share/yang")
    (root / "etc").mkdir()
    (root / "etc" / "mark").write_text("the rootfs's own\n")
    return root


def copy(root: Path, path: str) -> None:
    """Copy a file of the host to the same place, which is always below /usr."""
    target = root / ("" if path.startswith("/usr/") else "usr") / path[1:]
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def listing(root: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in root.rglob("*"))


def test_a_router_from_a_rootfs_beside_one_of_the_host(
    netlab: Netlab, topology: Topology, rootfs: Path, host: HostState
) -> None:
    before = listing(rootfs)
    done = netlab("deploy", topology(MIXED.format(rootfs=rootfs, k8s="")))
    assert done.returncode == 0, done

    def in_router(name: str, *command: str) -> CompletedProcess[str]:
        return netlab("exec", name, "--", *command)

    # It sees the rootfs as its root, and its own names and writable folders in it.
    assert in_router("rt-own", "cat", "/etc/mark").stdout == "the rootfs's own\n"
    assert in_router("rt-host", "cat", "/etc/mark").returncode == 1
    assert in_router("rt-own", "python3", "--version").returncode == 127
    assert in_router("rt-own", "cat", "/etc/hostname").stdout == "rt-own\n"
    assert "172.16.9.11 host-1" in in_router("rt-own", "cat", "/etc/hosts").stdout.splitlines()
    assert "root" in in_router("rt-own", "cat", "/etc/passwd").stdout
    assert in_router("rt-own", "ls", "/sys/class/net").stdout.split() == ["eth1", "eth2", "lo"]
    for folder in ("/etc/frr", "/run", "/root", "/tmp", "/var/log", "/var/lib/frr", "/var/tmp"):
        assert in_router("rt-own", "touch", f"{folder}/mine").returncode == 0
    for folder in ("/etc", "/usr", "/usr/lib/frr"):
        assert in_router("rt-own", "touch", f"{folder}/mine").returncode == 1
    # vtysh and shell are its own too.
    assert netlab("vtysh", "rt-own", "-c", "show version").stdout.startswith("FRRouting ")
    assert netlab("shell", "rt-own").returncode == 0

    checked = netlab("ecmp-check", "--format", "json")
    assert checked.returncode == 0, checked
    assert [router["verdict"] for router in json.loads(checked.stdout)["routers"]] == ["ecmp", "ecmp"]
    assert netlab("destroy").returncode == 0
    assert listing(rootfs) == before
    assert host.changes() == []


@pytest.mark.outcome_is_frrs
def test_two_versions_side_by_side(netlab: Netlab, topology: Topology, pytestconfig: pytest.Config) -> None:
    other = pytestconfig.getoption("--frr-rootfs")
    if other is None:
        pytest.skip("needs another version of FRR: --frr-rootfs DIR")
    done = netlab("deploy", topology(MIXED.format(rootfs=other, k8s="")))
    assert done.returncode == 0, done

    document = json.loads(netlab("ecmp-check", "--format", "json").stdout)

    versions = {}
    for router in document["routers"]:
        assert router["verdict"] == "ecmp"
        shown = netlab("vtysh", router["router"], "-c", "show version").stdout
        versions[router["router"]] = shown.split()[1]
        assert router["runs_as"] == f"FRR {versions[router['router']]}"
    assert versions["rt-own"] != versions["rt-host"]
    assert document["versions"]["FRR"] == f"{versions['rt-own']}, {versions['rt-host']}"


def test_the_clusters_nodes_can_run_from_a_rootfs_too(netlab: Netlab, topology: Topology, rootfs: Path) -> None:
    file = topology(MIXED.format(rootfs=rootfs, k8s=f"rootfs: {rootfs}"))
    done = netlab("deploy", file)
    assert done.returncode == 0, done
    for node in ("k8s-worker2", "k8s-control-plane"):
        assert netlab("exec", node, "--", "cat", "/etc/mark").returncode == 0
    assert netlab("exec", "nginx-1", "--", "cat", "/etc/mark").returncode == 1


def test_one_option_moves_every_router(netlab: Netlab, rootfs: Path) -> None:
    done = netlab("deploy", TOPOLOGIES / "ecmp-vs-vyos.yaml", "--rootfs", rootfs)
    assert done.returncode == 0, done
    for node, code in (("rt-frr", 0), ("rt-vyos", 0), ("k8s-worker", 1), ("host-1", 1)):
        assert netlab("exec", node, "--", "cat", "/etc/mark").returncode == code


@pytest.mark.parametrize("program", ["/usr/lib/frr/bgpd", "/usr/bin/vtysh", "/bin/sh"])
def test_what_a_rootfs_lacks_is_said_before_anything_is_made(
    netlab: Netlab, rootfs: Path, tmp_path: Path, program: str
) -> None:
    poor = tmp_path / "poor"
    shutil.copytree(rootfs, poor, symlinks=True)
    (poor / ("" if program.startswith("/usr/") else "usr") / program[1:]).unlink()

    done = netlab("deploy", TOPOLOGIES / "ecmp.yaml", "--rootfs", poor)

    assert done.returncode == 3, done
    assert f"rt-1 needs {program}, which its rootfs {poor} does not have" in done.stderr
    assert netlab.files() == []


def test_a_rootfs_that_is_not_there_is_wrong_input(netlab: Netlab, topology: Topology, tmp_path: Path) -> None:
    done = netlab("deploy", TOPOLOGIES / "ecmp.yaml", "--rootfs", tmp_path / "none")
    assert done.returncode == 2, done
    assert f"--rootfs {tmp_path / 'none'}: No such file or directory" in done.stderr
    written = netlab("deploy", topology(MIXED.format(rootfs=tmp_path / "none", k8s="")))
    assert written.returncode == 2, written
    assert f'lab.yaml:7:15: rootfs "{tmp_path / "none"}": No such file or directory' in written.stderr
