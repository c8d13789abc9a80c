"""A lab of more nodes than one process makes: each is as whole as in a small lab, and nothing of it is left."""

import json
import time
from pathlib import Path

import pytest
from hoststate import HostState, descendants
from netlab_program import Netlab, Topology

LEAVES, PER_LEAF = 10, 13
FORGETFUL = 40
"""Every host of so many has a command to run; the others start nothing."""
ENDS_WITHIN = 5.0

pytestmark = pytest.mark.netns


def many(wish: str = "") -> str:
    """The topology file: hosts behind leaves. `wish` is the last host's."""
    hosts = range(LEAVES * PER_LEAF)
    wishes = {host: f", exec: ['touch /run/told-{host}']" for host in hosts if host % FORGETFUL == 0}
    wishes |= {hosts[-1]: f", {wish}"} if wish else {}
    nodes = [f"leaf{leaf}: {{kind: linux}}" for leaf in range(LEAVES)]
    nodes += [f"h{host}: {{kind: linux{wishes.get(host, '')}}}" for host in hosts]
    ends = [f'["leaf{host // PER_LEAF}:h{host}", "h{host}:eth1"]' for host in hosts]
    links = [f"- {{endpoints: {ends[host]}, ipv4: [10.0.{host}.1/30, 10.0.{host}.2/30]}}" for host in hosts]
    lines = ["name: many", "topology:", "  nodes:", *(f"    {node}" for node in nodes)]
    return "\n".join([*lines, "  links:", *(f"    {link}" for link in links)]) + "\n"


def status(pid: int, field: str) -> str:
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(row.partition(":")[2].strip() for row in rows if row.startswith(f"{field}:"))


def test_every_node_is_whole_and_its_own_and_none_is_left(netlab: Netlab, topology: Topology, host: HostState) -> None:
    assert netlab("deploy", topology(many()), "--no-wait").returncode == 0
    lab = json.loads((netlab.state("many") / "lab.json").read_text())
    pids = {node["name"]: node["pid"] for node in lab["nodes"]}
    assert len(pids) == LEAVES * (PER_LEAF + 1)
    for name, pid in pids.items():
        assert status(pid, "PPid") == str(lab["init"]["pid"]), (
            f"whoever made {name} is gone, and the lab's init reaps it"
        )
        assert status(pid, "NSpid").split()[-1] == "1"
        assert int(status(pid, "CapBnd"), 16) == int(status(pids["h0"], "CapBnd"), 16) > 0
    for name in ("h0", "h1", "h80", "h129", "leaf9"):
        done = netlab("exec", name, "--", "sh", "-c", "hostname; cat /etc/hostname; ls /run; ls /sys/class/net")
        number = int(name.removeprefix("h")) if name.startswith("h") else 1
        told = [f"told-{number}"] if number % FORGETFUL == 0 else []
        links = ["eth1"] if name.startswith("h") else sorted(f"h{host}" for host in range(9 * PER_LEAF, 10 * PER_LEAF))
        assert done.stdout.split() == [name, name, *told, *links, "lo"], done
    assert netlab("exec", "h129", "--", "ping", "-c1", "-w5", "10.0.129.1").returncode == 0

    assert netlab("destroy").returncode == 0

    assert netlab.files() == []
    assert host.changes() == []


def test_a_node_that_cannot_be_made_is_named_and_nothing_is_left(
    netlab: Netlab, topology: Topology, host: HostState
) -> None:
    file = topology(many("binds: ['data:/proc/none/x']"), {"data": "x"})
    done = netlab("deploy", file, "--no-wait")
    assert done.returncode == 3, done
    assert "h129: " in done.stderr
    assert netlab.files() == []
    assert host.changes() == []


def test_killed_while_many_nodes_are_made_netlab_leaves_nothing(
    netlab: Netlab, topology: Topology, host: HostState
) -> None:
    running = netlab.start("deploy", topology(many()), "--no-wait")
    assert any("building 140 nodes" in line for line in running.stderr)
    deadline = time.monotonic() + ENDS_WITHIN
    while len(descendants()) < 60 and time.monotonic() < deadline:
        pass
    running.kill()
    running.communicate()
    while (netlab.files() or descendants()) and time.monotonic() < deadline + ENDS_WITHIN:
        time.sleep(0.01)
    assert netlab.files() == []
    assert host.changes() == []
