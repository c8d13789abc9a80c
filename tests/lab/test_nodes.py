"""A node looks like a machine, and cannot change the host."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from hoststate import HostState
from netlab_program import Netlab, Topology, pair

# Commands


def test_exec_passes_the_output_on(ecmp: Netlab) -> None:
    done = ecmp("exec", "host-1", "--", "sh", "-c", "echo to stdout; echo to stderr >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "to stdout\n", "to stderr\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["no-such-command"], 127),
        (["/etc/hosts"], 126),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
    ],
)
def test_exec_ends_with_the_code_of_the_command(ecmp: Netlab, command: str, code: int) -> None:
    assert ecmp("exec", "host-1", "--", *command).returncode == code


@pytest.mark.front_end
def test_exec_takes_the_options_of_the_command_for_its_own(ecmp: Netlab) -> None:
    assert ecmp("exec", "host-1", "--", "echo", "-n", "--lab", "-f").stdout == "--lab -f"
    assert ecmp("exec", "host-1", "echo", "-n", "--lab").stdout == "--lab"


@pytest.mark.parametrize(
    "node",
    [
        *("rt-1", "host-1", "k8s-net", "k8s-worker2"),
        *(pytest.param(name, marks=pytest.mark.cluster) for name in ("k8s-control-plane", "nginx-1")),
    ],
)
def test_exec_works_in_every_kind_of_node(ecmp: Netlab, node: str) -> None:
    assert ecmp("exec", node, "--", "hostname").stdout == f"{node}\n"
    assert ecmp("exec", node, "--", "cat", "/etc/hostname").stdout == f"{node}\n"


@pytest.mark.front_end
def test_exec_in_a_node_that_is_not_there(ecmp: Netlab) -> None:
    done = ecmp("exec", "host-2", "--", "true")
    assert done.returncode == 125, done
    assert done.stderr == 'netlab: lab ecmp has no node host-2 (did you mean "host-1"?)\n'


def test_a_process_left_in_the_background_lives_on_and_holds_nobody(ecmp: Netlab) -> None:
    start = time.monotonic()
    # The sleep has exec's own standard output, which this test reads to its end.
    done = ecmp("exec", "host-1", "--", "sh", "-c", "sleep 4242 >/dev/null 2>&1 & echo started")
    assert (done.returncode, done.stdout) == (0, "started\n")
    assert time.monotonic() - start < 10
    assert ecmp("exec", "host-1", "--", "pgrep", "-fx", "sleep 4242").returncode == 0


def test_a_process_left_in_the_background_with_the_callers_output_does_not_hold_exec(ecmp: Netlab) -> None:
    running = ecmp.start("exec", "host-1", "--", "sh", "-c", "sleep 4243 & echo started")
    assert running.wait(timeout=10) == 0
    assert running.stdout.readline() == "started\n"
    assert ecmp("exec", "host-1", "--", "pgrep", "-fx", "sleep 4243").returncode == 0


def test_ctrl_c_reaches_the_command_which_decides(ecmp: Netlab) -> None:
    script = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done"
    running = ecmp.start("exec", "host-1", "--", "sh", "-c", script)
    assert running.stdout.readline() == "ready\n"

    os.killpg(running.pid, signal.SIGINT)

    assert running.communicate(timeout=10) == ("caught\n", "")
    assert running.returncode == 5


def test_nodes_know_each_other_by_name(ecmp: Netlab) -> None:
    assert ecmp("exec", "host-1", "--", "ping", "-c1", "-W2", "rt-1").returncode == 0
    assert ecmp("exec", "host-1", "--", "ping", "-c1", "-W2", "k8s-worker3").returncode == 0
    hosts = ecmp("exec", "host-1", "--", "cat", "/etc/hosts").stdout.splitlines()
    assert ["172.16.9.11", "host-1"] in [line.split() for line in hosts]


@pytest.mark.cluster
def test_pods_are_known_by_name_too(ecmp: Netlab) -> None:
    hosts = ecmp("exec", "host-1", "--", "cat", "/etc/hosts").stdout.splitlines()
    assert "10.244.1.2 nginx-1" in hosts


@pytest.mark.cluster
def test_the_service_answers_an_ordinary_client(ecmp: Netlab) -> None:
    done = ecmp("exec", "host-1", "--", "python3", "-c", _GET)
    assert done.returncode == 0, done
    assert done.stdout.startswith("pod: nginx-")


_GET = "import urllib.request; print(urllib.request.urlopen('http://172.16.7.192/', timeout=5).read().decode())"


def test_a_machine_has_private_folders_that_it_can_write(ecmp: Netlab) -> None:
    for folder in ("/tmp", "/root", "/run", "/var/tmp", "/var/log", "/etc/frr"):
        assert ecmp("exec", "rt-1", "--", "touch", f"{folder}/mine").returncode == 0
        assert not os.access(f"{folder}/mine", os.F_OK)
        assert ecmp("exec", "host-1", "--", "ls", f"{folder}/mine").returncode == 2


def test_a_machine_sees_its_own_interfaces_alone(ecmp: Netlab) -> None:
    done = ecmp("exec", "host-1", "--", "ls", "/sys/class/net")
    assert done.stdout.split() == ["eth1", "lo"]


# FRR


def test_vtysh_runs_one_command_or_several(ecmp: Netlab) -> None:
    done = ecmp("vtysh", "rt-1", "-c", "show bgp summary json", "-c", "show version")
    assert done.returncode == 0, done
    assert '"172.16.7.11"' in done.stdout
    assert "FRRouting 8" in done.stdout or "FRRouting 10" in done.stdout


@pytest.mark.front_end
def test_vtysh_in_a_host_fails(ecmp: Netlab) -> None:
    assert ecmp("vtysh", "host-1", "-c", "show version").returncode != 0


@pytest.mark.front_end
def test_config_is_what_the_daemons_got(ecmp: Netlab, ecmp_file: Path) -> None:
    written = ecmp("config", "rt-1").stdout
    assert "router bgp 64512" in written
    assert ecmp("exec", "rt-1", "--", "cat", "/etc/frr/frr.conf").stdout == written
    assert ecmp("config", "rt-1", "--file", ecmp_file).stdout == written


def test_logs_name_their_process(ecmp: Netlab) -> None:
    done = ecmp("logs", "rt-1")
    assert done.returncode == 0, done
    assert {line.split(":")[0] for line in done.stdout.splitlines()} <= {
        "mgmtd",
        "bgpd",
        "zebra",
        "staticd",
        "frr-config",
    }
    unknown = ecmp("logs", "rt-1", "--process", "ospfd")
    assert unknown.returncode == 2, unknown
    assert "rt-1 has no process ospfd (there is bgpd, " in unknown.stderr


def test_write_memory_writes_the_nodes_file_and_not_the_hosts(netlab: Netlab, host: HostState, ecmp_file: Path) -> None:
    assert netlab("deploy", ecmp_file, "--name", "mine").returncode == 0
    before = netlab("exec", "rt-1", "--", "cat", "/etc/frr/frr.conf").stdout
    assert netlab("vtysh", "rt-1", "-c", "configure", "-c", "ip route 192.0.2.0/24 blackhole").returncode == 0

    assert netlab("vtysh", "rt-1", "-c", "write memory").returncode == 0

    assert "ip route 192.0.2.0/24 blackhole" not in before
    assert "ip route 192.0.2.0/24 blackhole" in netlab("exec", "rt-1", "--", "cat", "/etc/frr/frr.conf").stdout
    assert netlab("destroy").returncode == 0
    assert host.changes() == []


def test_a_daemon_that_is_killed_stays_dead(netlab: Netlab, ecmp_file: Path) -> None:
    assert netlab("deploy", ecmp_file, "--name", "mine").returncode == 0

    assert netlab("exec", "rt-1", "--", "pkill", "-KILL", "-x", "bgpd").returncode == 0

    time.sleep(1)
    assert netlab("exec", "rt-1", "--", "pgrep", "-x", "bgpd").returncode == 1
    assert netlab("exec", "rt-1", "--", "pgrep", "-x", "zebra").returncode == 0


STARTUP = """
    name: startup
    topology:
      nodes:
        rt-1: {kind: frr, startup-config: rt-1.conf}
        host-1: {kind: linux}
      links:
        - {endpoints: ["rt-1:eth1", "host-1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
"""
RT_1_CONF = """\
    hostname rt-1
    !
    ip route 192.0.2.0/24 10.0.0.2
    !
    router bgp 64512
     no bgp ebgp-requires-policy
     neighbor 10.0.0.2 remote-as 64513
    exit
"""


@pytest.mark.same_for_every_user
def test_a_whole_frr_configuration_runs_as_it_is(netlab: Netlab, topology: Topology) -> None:
    file = topology(STARTUP, {"rt-1.conf": RT_1_CONF})
    assert netlab("deploy", "--no-wait", file).returncode == 0
    running = netlab("vtysh", "rt-1", "-c", "show running-config").stdout
    assert "neighbor 10.0.0.2 remote-as 64513" in running
    assert "via 10.0.0.2 dev eth1" in netlab("exec", "rt-1", "--", "ip", "route", "show", "192.0.2.0/24").stdout


@pytest.mark.same_for_every_user
@pytest.mark.parametrize("command", ["validate", "deploy"])
def test_every_misspelt_line_of_a_configuration_is_named_before_anything_is_made(
    netlab: Netlab, topology: Topology, host: HostState, command: str
) -> None:
    text = RT_1_CONF.replace("remote-as", "remote-az").replace("hostname", "hostnaem")
    file = topology(STARTUP, {"rt-1.conf": text})
    done = netlab(command, file)
    assert done.returncode == 2, done
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert f"{file.parent}/rt-1.conf:1:1: Unknown command: hostnaem rt-1 (" in lines[0]
    assert f"{file.parent}/rt-1.conf:7:2: Unknown command: neighbor 10.0.0.2 remote-az 64513 (" in lines[1]
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.same_for_every_user
def test_a_line_that_a_daemon_refuses_is_named_in_the_users_file(
    netlab: Netlab, topology: Topology, host: HostState
) -> None:
    text = RT_1_CONF + "    router bgp 64999\n    exit\n"  # spelt right, and only bgpd knows that it runs already
    file = topology(STARTUP, {"rt-1.conf": text})
    assert netlab("validate", file).returncode == 0
    done = netlab("deploy", "--no-wait", file)
    assert done.returncode == 2, done
    assert f"netlab: {file.parent}/rt-1.conf:9:1: bgpd refuses: router bgp 64999 (BGP " in done.stderr
    assert "AS is 64512" in done.stderr
    assert netlab.files() == []
    assert host.changes() == []


# The topology's own wishes


def test_binds_files_and_folders_read_only_and_writable(netlab: Netlab, topology: Topology) -> None:
    binds = (
        "binds: [one.txt:/etc/netlab-one.txt:ro, data:/srv/data, data:/newdir/below:ro, one.txt:/opt/deep/er/one.txt]"
    )
    file = topology(pair(binds), {"one.txt": "one\n", "data/two.txt": "two\n"})
    done = netlab("deploy", file)
    assert done.returncode == 0, done

    assert netlab("exec", "host-1", "--", "cat", "/etc/netlab-one.txt", "/opt/deep/er/one.txt").stdout == "one\none\n"
    assert netlab("exec", "host-1", "--", "cat", "/srv/data/two.txt", "/newdir/below/two.txt").stdout == "two\ntwo\n"
    assert netlab("exec", "host-1", "--", "sh", "-c", "echo new > /srv/data/three.txt").returncode == 0
    assert (file.parent / "data/three.txt").read_text() == "new\n"
    assert netlab("exec", "host-1", "--", "sh", "-c", "echo no > /newdir/below/four.txt").returncode != 0
    assert netlab("exec", "host-1", "--", "sh", "-c", "echo no > /etc/netlab-one.txt").returncode != 0
    assert netlab("exec", "host-1", "--", "sh", "-c", "echo more >> /opt/deep/er/one.txt").returncode == 0
    assert (file.parent / "one.txt").read_text() == "one\nmore\n"
    assert netlab("exec", "host-2", "--", "ls", "/srv/data/two.txt").returncode == 2
    assert not Path("/etc/netlab-one.txt").exists()
    assert not Path("/newdir").exists()


def test_a_program_that_is_bound_into_the_node_can_be_its_command(netlab: Netlab, topology: Topology) -> None:
    wishes = "binds: [tool:/opt/tool:ro]\n          cmd: /opt/tool"
    file = topology(pair(wishes), {"tool": "#!/bin/sh\necho here I am\n"})
    (file.parent / "tool").chmod(0o755)
    done = netlab("deploy", file)
    assert done.returncode == 0, done
    assert netlab("logs", "host-1", "--process", "cmd").stdout == "here I am\n"


@pytest.mark.same_for_every_user
def test_the_environment_of_a_node(netlab: Netlab, topology: Topology) -> None:
    wishes = 'env: {COLOUR: "sky blue"}\n          cmd: sh -c "echo the colour is $COLOUR"'
    assert netlab("deploy", topology(pair(wishes)), env={"SECRET": "of the host"}).returncode == 0
    assert netlab("logs", "host-1", "--process", "cmd").stdout == "the colour is sky blue\n"
    seen = netlab("exec", "host-1", "--", "env", env={"SECRET": "of the host"}).stdout
    assert "of the host" not in seen
    assert "HOSTNAME=host-1" in seen.splitlines()


@pytest.mark.netns
def test_a_node_cannot_write_the_topologys_folder(netlab: Netlab, topology: Topology) -> None:
    file = topology(pair())
    assert netlab("deploy", file).returncode == 0
    assert netlab("exec", "host-1", "--", "cat", file).stdout == file.read_text()
    assert netlab("exec", "host-1", "--", "touch", file).returncode == 1
    assert netlab("exec", "host-1", "--", "touch", netlab.state("pair") / "lab.json").returncode == 1


def test_sysctls_of_a_node(netlab: Netlab, topology: Topology) -> None:
    file = topology(pair("sysctls: {net.ipv4.ip_default_ttl: 77}"))
    assert netlab("deploy", file).returncode == 0
    assert netlab("exec", "host-1", "--", "cat", "/proc/sys/net/ipv4/ip_default_ttl").stdout == "77\n"
    assert netlab("exec", "host-2", "--", "cat", "/proc/sys/net/ipv4/ip_default_ttl").stdout == "64\n"


@pytest.mark.same_for_every_user
def test_commands_of_the_topology_run_in_order(netlab: Netlab, topology: Topology) -> None:
    commands = 'exec: [mkdir /tmp/order, touch /tmp/order/made, "ip address add 10.9.9.9/32 dev lo"]'
    done = netlab("deploy", topology(pair(commands)))
    assert done.returncode == 0, done
    assert netlab("exec", "host-1", "--", "ls", "/tmp/order").stdout == "made\n"
    assert "10.9.9.9/32" in netlab("exec", "host-1", "--", "ip", "address", "show", "lo").stdout


@pytest.mark.same_for_every_user
def test_a_command_that_fails_fails_the_deploy_with_its_output(
    netlab: Netlab, topology: Topology, host: HostState
) -> None:
    commands = 'exec: ["true", "ls /no/such/folder", "touch /tmp/never"]'
    done = netlab("deploy", topology(pair(commands)))
    assert done.returncode == 3, done
    assert "host-1: ls /no/such/folder ended with exit code 2" in done.stderr
    assert "No such file or directory" in done.stderr
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.same_for_every_user
def test_keep_keeps_a_lab_whose_building_failed(netlab: Netlab, topology: Topology) -> None:
    commands = 'exec: ["ls /no/such/folder"]'
    assert netlab("deploy", "--keep", topology(pair(commands))).returncode == 3
    assert "No such file or directory" in netlab("logs", "host-1", "--process", "exec").stdout
    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0


# What a node cannot do


@pytest.mark.netns
@pytest.mark.parametrize(
    "attempt",
    [
        "echo no > /etc/netlab-was-here",
        "echo no > /usr/netlab-was-here",
        "echo no >> /etc/debian_version",
        f"touch {__file__}",
        "mount -o remount,rw /etc",
        "mount -o remount,rw /usr",
        "mount -t tmpfs none /mnt",
        "umount /etc",
        "echo 1 > /proc/sys/kernel/panic",
        "echo 1 > /proc/sys/vm/drop_caches",
        "mount -o remount,rw /proc/sys && echo 1 > /proc/sys/kernel/panic",
        "test -e /proc/sysrq-trigger && echo h > /proc/sysrq-trigger",
        "mknod /tmp/disk b 8 0 && dd if=/tmp/disk of=/dev/null count=1",
        "hostname -b other 2>/dev/null || hostname other; test $(hostname) = other",
        "date -s 2001-01-01",
        "echo 1400 > /sys/class/net/eth1/mtu",
        "echo 1 > /proc/sys/net/netfilter/nf_conntrack_max",
        "chroot /proc/1/root sh -c 'echo no > /etc/netlab-was-here'",
        "unshare -m true",
    ],
)
@pytest.mark.parametrize("node", ["host-1", "rt-1"])
def test_a_node_cannot_change_the_host(ecmp: Netlab, host: HostState, node: str, attempt: str) -> None:
    done = ecmp("exec", node, "--", "sh", "-c", attempt)
    assert done.returncode != 0, done
    assert not Path("/etc/netlab-was-here").exists()
    assert not Path("/usr/netlab-was-here").exists()
    assert host.changes() == []


def test_a_node_sees_its_own_processes_alone(ecmp: Netlab) -> None:
    commands = ecmp("exec", "host-1", "--", "ps", "-e", "-o", "comm=").stdout.split()
    assert "bgpd" not in commands
    assert "pytest" not in commands
    assert len(commands) < 10


@pytest.mark.netns
def test_the_lab_of_a_dead_init_says_so_and_still_has_logs(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(pair('cmd: sh -c "echo some words; sleep 1000"'))).returncode == 0
    init = json.loads((netlab.state("pair") / "lab.json").read_text())["init"]
    os.kill(init["pid"], signal.SIGKILL)

    done = netlab("exec", "host-1", "--", "true")

    assert done.returncode == 125, done
    assert done.stderr == "netlab: lab pair is dead: 'netlab destroy --lab pair' removes what is left of it\n"
    assert netlab("logs", "host-1").stdout == "cmd: some words\n"
    assert "lab pair: dead" in netlab("inspect").stdout
    assert netlab("destroy").returncode == 0
    assert netlab.files() == []
