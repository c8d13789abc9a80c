"""A lab of containers is what it says it is: found by its labels, shut off from the host, and gone without a trace."""

import os
from textwrap import dedent

import pytest
from engine import Engine
from holdings import Holdings
from labs import NAME, NODES, ROUTED, container, machines, works
from netlab_program import Netlab, Topology

import netlab as package

EVERY_NODE = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "IPC_LOCK", "KILL", "NET_ADMIN", "NET_BIND_SERVICE"),
    *("NET_BROADCAST", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "SYS_NICE"),
}


@pytest.mark.same_for_every_user
def test_destroy_leaves_nothing_at_all(netlab: Netlab, topology: Topology, holdings: Holdings) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    works(netlab)
    assert netlab("exec", "host-1", "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 &").returncode == 0
    assert len(holdings.differences()) > 5, "the lab is seen while it runs"

    assert netlab("destroy").returncode == 0

    assert holdings.changes() == []


def test_every_container_can_be_found_from_docker_alone(netlab: Netlab, topology: Topology, engine: Engine) -> None:
    file = topology(ROUTED)
    assert netlab("deploy", file).returncode == 0
    assert engine.names(f"label=netlab.lab={NAME}") == sorted(container(node) for node in NODES)
    for node in NODES:
        labels = engine.inspect(container(node))["Config"]["Labels"]
        wanted = {
            "netlab.lab": NAME,
            "netlab.node": node,
            "netlab.owner": str(os.geteuid()),
            "netlab.version": package.__version__,
            "netlab.directory": str(netlab.state(NAME)),
        }
        assert {key: labels.get(key) for key in wanted} == wanted


def test_no_machine_has_more_rights_than_it_is_said_to_have(netlab: Netlab, topology: Topology, engine: Engine) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    for node in NODES:
        config = engine.inspect(container(node))["HostConfig"]
        assert not config["Privileged"]
        assert config["CapDrop"] == ["ALL"]
        granted = {name.removeprefix("CAP_") for name in config["CapAdd"]}
        assert granted == EVERY_NODE | ({"SYS_ADMIN"} if node.startswith("rt-") else {"MKNOD"})
        assert config["PidMode"] in ("", "private")
        assert config["IpcMode"] == "private"
        assert config["NetworkMode"] == "none"
        assert not config["PortBindings"]
        writable = [mount for mount in engine.inspect(container(node))["Mounts"] if mount["RW"]]
        assert writable == []
        # And so it is in the kernel: not what was asked for, but what the process has.
        status = netlab("exec", node, "--", "cat", "/proc/1/status").stdout
        bounding = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), 16)
        assert bounding.bit_count() == len(granted)


@pytest.mark.same_for_every_user
def test_a_machine_reaches_nothing_outside_its_lab(netlab: Netlab, topology: Topology, engine: Engine) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    for node, machine in machines(engine).items():
        assert "eth0" not in machine.links
        assert "default" not in machine.routes
        assert engine.inspect(container(node))["NetworkSettings"]["Ports"] in ({}, None)


# The kernel refuses them, whoever owns the lab. Files may be the user's own.
OF_THE_KERNEL = (
    "echo 1 > /proc/sys/kernel/panic",
    "echo 1 > /proc/sys/net/netfilter/nf_conntrack_max",
    "test -e /proc/sysrq-trigger && echo h > /proc/sysrq-trigger",
    "mknod /tmp/disk b 8 0 && dd if=/tmp/disk of=/dev/null count=1",
    "date -s 2001-01-01",
)


@pytest.mark.parametrize(
    "attempt",
    [
        *(pytest.param(attempt, marks=pytest.mark.same_for_every_user) for attempt in OF_THE_KERNEL),
        f"touch {package.__file__}",
        "touch /run/netlab/package/netlab/__init__.py || touch /run/netlab/node/control /run/netlab/node/mine",
    ],
)
@pytest.mark.parametrize("node", ["host-1", "rt-1"])
def test_a_machine_cannot_change_the_host(running: Netlab, node: str, attempt: str) -> None:
    assert running("exec", "--lab", "running", node, "--", "sh", "-c", attempt).returncode not in (0, 125)


@pytest.fixture(scope="module")
def running(shared_netlab: Netlab, tmp_path_factory: pytest.TempPathFactory) -> Netlab:
    """The lab, which no test changes."""
    file = tmp_path_factory.mktemp("running") / "lab.yaml"
    file.write_text(dedent(ROUTED).replace(NAME, "running"))
    done = shared_netlab("deploy", file)
    assert done.returncode == 0, done
    return shared_netlab


@pytest.mark.same_for_every_user
def test_a_second_deploy_is_refused_and_harms_nothing(netlab: Netlab, topology: Topology, engine: Engine) -> None:
    file = topology(ROUTED)
    assert netlab("deploy", file).returncode == 0
    before = machines(engine)

    again = netlab("deploy", file)

    assert again.returncode == 3
    assert f"netlab: lab {NAME} exists already: 'netlab destroy --lab {NAME}' removes it" in again.stderr
    assert machines(engine) == before
