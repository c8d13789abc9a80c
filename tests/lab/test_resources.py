"""When the host runs out of something, netlab says so in a line, and nothing half-built stays."""

import json
import os
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hoststate import HostState
from netlab_program import OWN_MOUNTS, TOPOLOGIES, Netlab, Topology

pytestmark = pytest.mark.netns

FILE = TOPOLOGIES / "ecmp.yaml"
ON_A_SMALL_DISK = """
mount -t tmpfs -o "$1" none "$XDG_STATE_HOME" || exit 99
shift
"$@"
code=$?
ls -A "$XDG_STATE_HOME"
exit $code
"""


def refused_in_a_line(done: CompletedProcess[str]) -> str:
    """Exit code 3, and one line that is no traceback."""
    assert done.returncode == 3, done
    said = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
    assert len(said) == 1, done
    assert "Traceback" not in done.stderr, done
    return said[0]


# The sizes hit one after the other: the folder itself, its lock and log, the logs' folders, a daemon's log, the plan.
@pytest.mark.parametrize(
    "room", [*(f"nr_inodes={n}" for n in (2, 3, 5, 6, 10, 17, 24)), "size=4k", "size=32k", "size=64k"]
)
def test_a_full_disk_fails_the_deploy_and_leaves_nothing(netlab: Netlab, host: HostState, room: str) -> None:
    done = netlab("deploy", "--no-wait", FILE, prefix=(*OWN_MOUNTS, "sh", "-c", ON_A_SMALL_DISK, "sh", room))

    assert "No space left on device" in refused_in_a_line(done)
    assert done.stdout == "", "the disk is as empty as before"
    assert host.changes() == []


@pytest.mark.parametrize("descriptors", [5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26])
def test_without_file_descriptors_the_deploy_fails_and_leaves_nothing(
    netlab: Netlab, host: HostState, descriptors: int
) -> None:
    done = netlab("deploy", "--no-wait", FILE, prefix=("prlimit", f"--nofile={descriptors}:{descriptors}"))

    refused_in_a_line(done)
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.alone
@pytest.mark.skipif(os.geteuid() == 0, reason="the limit does not hold for root; the tier lab-user runs this")
@pytest.mark.parametrize("processes", [1, 2, 3, 4, 5, 7, 9, 12, 15, 20])
def test_without_processes_the_deploy_fails_and_leaves_nothing(netlab: Netlab, host: HostState, processes: int) -> None:
    limit = _tasks() + processes
    done = netlab("deploy", "--no-wait", "--timeout", 5, FILE, prefix=("prlimit", f"--nproc={limit}:{limit}"))

    refused_in_a_line(done)
    assert netlab.files() == []
    assert host.changes() == []


def _tasks() -> int:
    """How many threads this user has, which is what RLIMIT_NPROC counts."""
    own = [path for path in Path("/proc").glob("[0-9]*") if _owner(path) == os.geteuid()]
    return sum(len(list(path.glob("task/*"))) for path in own)


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def test_a_running_lab_outlives_a_full_disk(netlab: Netlab) -> None:
    """Daemons that cannot log go on, and the lab can be removed."""
    script = ON_A_SMALL_DISK.replace(
        '"$@"\n', '"$@" && dd if=/dev/zero of="$XDG_STATE_HOME/full" bs=4k 2>/dev/null\n', 1
    )
    more = "{0} exec host-1 -- ping -c1 -W2 rt-1 && {0} ecmp-check --flows 60 >/dev/null; {0} destroy\n"
    script = script.replace(
        "code=$?\n", "code=$?\n" + more.format(f'"{sys.executable}" -m netlab') + 'rm "$XDG_STATE_HOME/full"\n'
    )
    done = netlab("deploy", FILE, prefix=(*OWN_MOUNTS, "sh", "-c", script, "sh", "size=1m"))
    assert "1 received" in done.stdout
    assert "destroyed ecmp" in done.stderr
    assert done.stdout.splitlines()[-1] != "netlab", "nothing is left on the disk"


# Clocks


def test_a_lab_whose_files_are_of_the_future_or_of_long_ago_works(netlab: Netlab, topology: Topology) -> None:
    file = topology("name: aged\ntopology:\n  nodes:\n    host-1: {kind: linux}\n")
    assert netlab("deploy", file).returncode == 0
    for moment in (time.time() + 10**9, 0):
        for folder, _, files in os.walk(netlab.state("aged")):
            for name in (".", *files):
                os.utime(f"{folder}/{name}", (moment, moment))
        assert netlab("exec", "host-1", "--", "true").returncode == 0
    record = netlab.state("aged") / "lab.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"created": "2999-12-31T23:59:59+00:00"}))
    assert "2999" in netlab("inspect", "--format", "json").stdout
    assert netlab("deploy", "--reconfigure", file).returncode == 0
    assert netlab("destroy").returncode == 0
    assert netlab.files() == []


JUMPING = """\
import pathlib, time
real, looks = time.time, 0
def jumping():
    global looks
    looks += 1
    return real() + (-1) ** looks * 10**8
time.time, time.time_ns = jumping, lambda: int(jumping() * 10**9)
pathlib.Path(__file__).with_name("loaded").touch()
"""


def test_a_clock_that_jumps_by_years_at_every_look_disturbs_nothing(netlab: Netlab, tmp_path: Path) -> None:
    """Every wait is by CLOCK_MONOTONIC: netlab's own, and those of the libraries that it waits by."""
    (tmp_path / "sitecustomize.py").write_text(JUMPING)  # Python loads it at its start
    path = os.pathsep.join((str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])))
    for command in (("deploy", FILE), ("ecmp-check", "--expect", "ecmp"), ("deploy", "--reconfigure", FILE)):
        done = netlab(*command, env={"PYTHONPATH": path})
        assert done.returncode == 0, done
        (tmp_path / "loaded").unlink()
    assert netlab("destroy", env={"PYTHONPATH": path}).returncode == 0
    assert netlab.files() == []


def test_a_lab_of_an_earlier_boot_is_dead(netlab: Netlab, topology: Topology) -> None:
    file = topology("name: old\ntopology:\n  nodes:\n    host-1: {kind: linux}\n")
    assert netlab("deploy", file).returncode == 0
    record = netlab.state("old") / "lab.json"
    lab = json.loads(record.read_text())
    os.kill(lab["init"]["pid"], 9)
    record.write_text(json.dumps(lab | {"boot_id": "another", "init": lab["init"] | {"pid": os.getpid()}}))
    assert "is dead" in netlab("exec", "host-1", "--", "true").stderr
    assert netlab("destroy").returncode == 0, "and this process, which has the pid now, lives"
    assert netlab.files() == []


# Users without what most have


def test_a_newuidmap_without_privileges_is_done_without(netlab: Netlab, topology: Topology) -> None:
    """As in a container that allows no new privileges: the lab has a single id then."""
    if os.geteuid() == 0:
        pytest.skip("root maps ids itself; the tier lab-user runs this")
    file = topology("name: single\ntopology:\n  nodes:\n    host-1: {kind: linux}\n")
    done = netlab("deploy", file, prefix=("setpriv", "--no-new-privs"))
    assert done.returncode == 0, done
    assert netlab("exec", "host-1", "--", "cat", "/proc/self/uid_map").stdout.split()[2] == "1"
