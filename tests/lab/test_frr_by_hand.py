"""FRR in a node is FRR on a router: its daemons are ended and started by hand, and its own scripts work on it."""

import re
import time
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from netlab_program import Netlab, Topology

pytestmark = pytest.mark.outcome_is_frrs

LAB = """
name: by-hand
topology:
  nodes:
    rt-1: {kind: frr, bgp: {asn: 64512, neighbors: [{address: 10.0.0.2, remote-as: 64513}]}}
    rt-2:
      kind: frr
      bgp: {asn: 64513, neighbors: [{address: 10.0.0.1, remote-as: 64512}]}
      exec: [/usr/lib/frr/frrinit.sh restart]
  links:
    - {endpoints: ["rt-1:eth1", "rt-2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
"""
SCRIPTS = "/usr/lib/frr/frrinit.sh"
START_BGPD = """
pid=$(cat /var/run/frr/bgpd.pid)
kill $pid
while kill -0 $pid; do sleep 0.05; done
/usr/lib/frr/bgpd -d && vtysh -b
"""


Run = Callable[[str, str], CompletedProcess[str]]


@pytest.fixture(scope="module")
def frr(shared_netlab: Netlab) -> Run:
    """Runs a command in a node of the lab: (node, script) to its exit code and output."""
    file = shared_netlab.folder / "home" / "lab.yaml"
    file.write_text(LAB)
    done = shared_netlab("deploy", file)
    assert done.returncode == 0, done

    def run(node: str, script: str) -> CompletedProcess[str]:
        # FRR 10's daemons keep the output of whoever started them open, and so this test would wait for its end.
        kept = f"{{ {script.strip()}\n}} >/run/said 2>&1; code=$?; cat /run/said; exit $code"
        return shared_netlab("exec", node, "--", "sh", "-c", kept)

    return run


def eventually(holds: Callable[[], object], seconds: float = 60) -> bool:
    """Whether it holds before the deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def pid_of(frr: Run, node: str, daemon: str) -> int | None:
    """The daemon's pid, None where it does not run."""
    done = frr(node, f"pid=$(cat /var/run/frr/{daemon}.pid) && kill -0 $pid && echo $pid")
    return int(done.stdout) if done.returncode == 0 else None


def test_a_daemon_that_was_killed_is_started_by_hand(frr: Run) -> None:
    before = pid_of(frr, "rt-1", "bgpd")
    done = frr("rt-1", START_BGPD)
    assert done.returncode == 0, done
    assert pid_of(frr, "rt-1", "bgpd") not in (None, before)
    assert eventually(lambda: "Established" in frr("rt-1", "vtysh -c 'show bgp neighbors'").stdout)


@pytest.mark.parametrize("make", ["mkdir -p /var/log/frr", "touch /var/log/frr.log"])
def test_what_is_given_to_user_frr_is_the_daemons_to_write(frr: Run, make: str) -> None:
    path = make.rsplit(maxsplit=1)[-1]
    log = path if path.endswith(".log") else f"{path}/frr.log"
    done = frr("rt-1", f"{make} && chown frr:frr {path} && vtysh -c 'configure terminal' -c 'log file {log} debugging'")
    assert done.returncode == 0, done
    assert eventually(lambda: frr("rt-1", f"vtysh -c 'clear bgp *'; grep -q BGP {log}").returncode == 0)


def test_frrs_user_and_groups_are_other_names_of_root(frr: Run) -> None:
    assert frr("rt-1", "id -u frr; id -u; id -un").stdout == "0\n0\nroot\n"
    assert frr("rt-1", "install -d -o frr -g frrvty /run/made && stat -c %u:%g:%U /run/made").stdout == "0:0:root\n"


def test_frrs_script_restarts_what_netlab_started_and_what_a_file_of_daemons_names(frr: Run) -> None:
    """rt-2's `exec` in the topology has done it once already, while netlab waited for it."""
    assert "watchfrr" in frr("rt-2", "vtysh -c 'show daemons'").stdout
    before = {name: pid_of(frr, "rt-2", name) for name in ("watchfrr", "zebra", "bgpd", "staticd", "bfdd")}
    assert [name for name, pid in before.items() if pid is None] == ["bfdd"]

    done = frr("rt-2", f"sed -i s/bfdd=no/bfdd=yes/ /etc/frr/daemons && {SCRIPTS} restart && {SCRIPTS} status")

    assert done.returncode == 0, done
    assert set(re.findall(r"Status of (\w+): running", done.stdout)) - {"mgmtd"} == set(before)
    after = {name: pid_of(frr, "rt-2", name) for name in before}
    assert not {None, *before.values()} & set(after.values())
    assert eventually(lambda: "Established" in frr("rt-2", "vtysh -c 'show bgp neighbors'").stdout)


def test_watchfrr_starts_a_daemon_that_was_killed(frr: Run) -> None:
    assert frr("rt-2", f"{SCRIPTS} status || {SCRIPTS} restart").returncode == 0
    before = pid_of(frr, "rt-2", "staticd")
    assert frr("rt-2", f"kill -KILL {before}").returncode == 0
    assert eventually(lambda: pid_of(frr, "rt-2", "staticd") not in (None, before))


def test_frrs_script_reloads_a_changed_configuration(frr: Run) -> None:
    if frr("rt-2", "test -e /usr/lib/frr/frr-reload.py").returncode != 0:
        pytest.skip("this FRR lacks frr-reload.py (Debian: frr-pythontools)")
    change = "sed -i 's/^router bgp.*/&\\n bgp router-id 10.9.9.9/; /router-id 10.0/d' /etc/frr/frr.conf"
    done = frr("rt-2", f"{SCRIPTS} status >/dev/null || {SCRIPTS} restart; {change}; {SCRIPTS} reload")
    assert done.returncode == 0, done
    assert "bgp router-id 10.9.9.9" in frr("rt-2", "vtysh -c 'show running-config'").stdout


def test_frrs_script_stops_all(frr: Run) -> None:
    assert frr("rt-2", f"{SCRIPTS} stop").returncode == 0
    assert [name for name in ("watchfrr", "zebra", "bgpd", "staticd") if pid_of(frr, "rt-2", name)] == []


@pytest.mark.netns  # under docker the image itself would run
def test_a_containerlab_file_that_sets_frrs_image_up_by_exec(netlab: Netlab, topology: Topology) -> None:
    """As files for FRR's image have it: `cmd: bash`, the file of daemons changed, everything started by hand."""
    file = topology(
        """
        name: by-exec
        topology:
          nodes:
            r0:
              kind: linux
              image: frrouting/frr:v8.4.0
              cmd: bash
              exec:
                - touch /etc/frr/vtysh.conf
                - touch /var/log/frr.log
                - chown frr:frr /var/log/frr.log
                - sed -i -e 's/bgpd=no/bgpd=yes/g' /etc/frr/daemons
                - /usr/lib/frr/frrinit.sh start
                - vtysh -c 'conf t' -c 'log file /var/log/frr.log' -c 'router bgp 65000' -c 'bgp router-id 10.0.0.1'
        """
    )
    done = netlab("deploy", file)
    assert done.returncode == 0, done
    shown = netlab("exec", "r0", "--", "vtysh", "-d", "bgpd", "-c", "show running-config").stdout
    assert "router bgp 65000\n bgp router-id 10.0.0.1\n" in shown
