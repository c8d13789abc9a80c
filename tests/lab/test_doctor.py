"""On a host that lacks something, doctor names it with what mends it, and deploy says the same and exits with 3.

The lack is real: netlab runs in a user and mount namespace in which a program is hidden, /proc is masked, or
namespaces are used up.
"""

import json
import re
from pathlib import Path

import pytest
from netlab_program import Netlab, Topology

pytestmark = pytest.mark.netns

ROUTER = """
    name: router
    topology:
      nodes:
        rt-1: {kind: frr, bgp: {asn: 64512, neighbors: [{address: 10.0.0.2, asn: 64513, expect: down}]}}
        host-1: {kind: linux}
      links: [{endpoints: ["rt-1:eth1", "host-1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}]
"""


def on_a_host_where(script: str) -> tuple[str, ...]:
    """The prefix of a command that shall run where `script` was run, by a root who is one in a namespace only."""
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", f'{script}\nexec "$@"', "sh")


def hidden(*paths: str) -> str:
    return "\n".join(f"mount --bind /dev/null {path}" for path in paths)


@pytest.mark.parametrize(
    ("lack", "said"),
    [
        (
            hidden("/usr/lib/frr/bgpd"),
            (
                "FRR",
                "there is no /usr/lib/frr/bgpd",
                "sudo apt-get install frr",
            ),
        ),
        (
            hidden("/usr/bin/vtysh"),
            (
                "FRR's command line, vtysh",
                "there is no /usr/bin/vtysh",
                "sudo apt-get install frr",
            ),
        ),
        (
            "echo 0 >/proc/sys/user/max_user_namespaces",
            (
                "namespaces: user, mount (with proc and sysfs), PID, network",
                "user.max_user_namespaces is 0",
                "sudo sysctl -w user.max_user_namespaces=10000",
            ),
        ),
        (
            "echo 0 >/proc/sys/user/max_net_namespaces",
            (
                "namespaces: user, mount (with proc and sysfs), PID, network",
                "user.max_net_namespaces is 0",
                "sudo sysctl -w user.max_net_namespaces=10000",
            ),
        ),
        (
            hidden("/proc/kallsyms"),
            (
                "namespaces: user, mount (with proc and sysfs), PID, network",
                "parts of /proc are hidden: /proc/kallsyms",
                "run netlab on the host, or in a container with an unmasked /proc (a privileged one)",
            ),
        ),
    ],
)
def test_what_a_lab_needs(netlab: Netlab, topology: Topology, lack: str, said: tuple[str, str, str]) -> None:
    need, found, mend = said
    prefix = on_a_host_where(lack)

    done = netlab("doctor", "--format", "json", prefix=prefix)
    assert done.returncode == 3, done
    missing = [n for n in json.loads(done.stdout)["needs"] if n["needed"] and not n["ok"]]
    assert missing == [{"need": need, "ok": False, "needed": True, "found": found, "mend": mend}]

    deploy = netlab("deploy", topology(ROUTER), prefix=prefix)
    assert deploy.returncode == 3, deploy
    *_, last = deploy.stderr.splitlines()
    assert re.sub(r"^netlab: (rt-1 needs )?", "", last) == f"{need}: {found} (to mend it: {mend})"
    assert netlab.files() == []


def test_what_only_some_labs_need_is_said_and_fails_nothing(netlab: Netlab) -> None:
    paths = [
        f"{folder}/{name}"
        for folder in ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
        for name in ("bird", "ip", "ping", "curl")
    ]
    script = "\n".join(f'test ! -e {path} || mount --bind /dev/null "$(readlink -f {path})"' for path in paths)
    done = netlab("doctor", prefix=on_a_host_where(script))
    assert done.returncode == 0, done
    assert "missing  iproute2 (`netlab exec NODE -- ip ...`): not installed" in done.stdout
    assert "           to mend it: sudo apt-get install iproute2\n" in done.stdout
    assert "missing  ping (`netlab exec NODE -- ping ...`): not installed" in done.stdout
    assert "           to mend it: sudo apt-get install iputils-ping\n" in done.stdout
    assert "missing  curl (`netlab exec NODE -- curl ...`): not installed" in done.stdout
    assert "missing  BIRD (kind bird): not installed" in done.stdout


def test_a_state_folder_that_cannot_be_used(netlab: Netlab, topology: Topology, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = netlab("doctor", env={"XDG_STATE_HOME": str(tmp_path / "file")})
    assert done.returncode == 3, done
    assert f"MISSING  a private folder for the labs' state: cannot make {tmp_path}/file: Not a directory" in done.stdout

    deploy = netlab("deploy", topology(ROUTER), env={"XDG_STATE_HOME": str(tmp_path / "file")})
    assert deploy.returncode == 3
    assert f"cannot make {tmp_path}/file: Not a directory" in deploy.stderr
