"""What a node can do to the host, to other nodes and to other labs: nothing, as root's and as an ordinary user's."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer
from hoststate import HostState
from netlab_program import Netlab, Topology, pair

import netlab as package

pytestmark = pytest.mark.netns

ATTEMPTS = Path(__file__).with_name("attempts.py").read_text(encoding="utf-8")


# Attempts


@pytest.fixture
def sockets() -> Iterator[list[str]]:
    """Services of the host that listen on unix sockets: an abstract one, and one in every folder that they use."""
    with ExitStack() as stack:
        folders = ["/tmp", "/var/tmp", *(["/run", "/var/lib", "/root"] if os.geteuid() == 0 else [])]
        paths = [f"@netlab-test-{os.getpid()}"]
        paths += [f"{stack.enter_context(tempfile.TemporaryDirectory(dir=folder))}/socket" for folder in folders]
        for path in paths:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(path.replace("@", "\0"))
            listener.listen()
        yield paths


@pytest.mark.parametrize("node", ["host-1", "rt-1", "k8s-worker"])
def test_every_attempt_of_a_node_on_the_host_fails(
    ecmp: Netlab, host: HostState, sockets: list[str], node: str
) -> None:
    done = ecmp("exec", node, "--", "env", f"SOCKETS={json.dumps(sockets)}", "python3", "-c", ATTEMPTS)

    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    assert answer["tried"] > 100
    assert answer["succeeded"] == []
    assert answer["may administer"] == (node != "host-1")
    assert host.changes() == []


def test_every_attempt_of_a_routing_daemon_on_the_host_fails(
    netlab: Netlab, topology: Topology, host: HostState
) -> None:
    """FRR's daemons hold CAP_SYS_ADMIN. One that was taken over can do nothing with it all the same."""
    script = f"#!{os.path.realpath(sys.executable)} -IS\nimport sys\nsys.stdout = open('/srv/answer', 'w')\n{ATTEMPTS}"
    file = topology(
        """
        name: taken-over
        topology:
          nodes:
            rt-1: {kind: frr, bgp: {asn: 64512}, binds: ["answers:/srv", "bgpd:/usr/lib/frr/bgpd:ro"]}
        """,
        {"bgpd": "", "answers/answer": ""},
    )
    (file.parent / "bgpd").write_text(script)
    (file.parent / "bgpd").chmod(0o755)

    done = netlab("deploy", file)

    assert "rt-1: bgpd ended with exit code 0" in done.stderr
    answer = json.loads((file.parent / "answers" / "answer").read_text())
    assert answer["tried"] > 100
    assert set(answer["succeeded"]) == {"a file in /srv"}
    assert host.changes() == []


WRITE_EVERY_SYSCTL = """
import json, os, re
written = []
for folder, _, names in os.walk("/proc/sys"):
    for path in (f"{folder}/{name}" for name in names):
        try:
            with open(path) as file:
                value = file.read().strip()
            new = re.sub(r"[0-9]$", lambda digit: "0" if digit[0] == "1" else "1", value)
            with open(path, "w") as file:
                file.write(new)
            with open(path) as file:
                if file.read().strip() != value:
                    written.append(path.removeprefix("/proc/sys/"))
        except (OSError, UnicodeDecodeError):
            pass
print(json.dumps(written))
"""


def test_a_node_changes_its_own_sysctls_and_none_of_the_host(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(pair())).returncode == 0
    host = HostState.now()

    written = json.loads(netlab("exec", "host-1", "--", "python3", "-c", WRITE_EVERY_SYSCTL).stdout)

    try:
        assert len(written) > 100
        assert [name for name in written if not name.startswith("net/")] == []
        assert host.changes() == []
    finally:
        host.restore_sysctls()


HOLD_A_KEY = """
import ctypes, os, sys
call = ctypes.CDLL(None, use_errno=True).syscall
add_key, keyctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
assert call(keyctl, 1, None) > 0, "join a new session keyring"
assert call(add_key, b"user", b"netlab-secret", b"secret", 6, -3) > 0
assert call(keyctl, 10, -3, b"user", b"netlab-secret", 0) > 0, "its holder finds it"
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_no_node_has_the_keys_of_the_callers_session(netlab: Netlab, topology: Topology) -> None:
    """A login's session keyring holds Kerberos tickets and the keys of encrypted folders; children inherit it."""
    file = topology(pair())
    holder = (sys.executable, "-c", HOLD_A_KEY)

    assert netlab("deploy", file, prefix=holder).returncode == 0

    for prefix in ((), holder):
        done = netlab("exec", "host-1", "--", "python3", "-c", ATTEMPTS, prefix=prefix)
        assert "a key of the caller" not in json.loads(done.stdout)["succeeded"]


def test_a_node_that_kills_all_it_can_kills_itself_alone(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(pair("cmd: sleep 1000"))).returncode == 0
    assert netlab("exec", "host-1", "--", "sh", "-c", "kill -KILL -1; kill -TERM -1; kill -KILL 1").returncode == 0
    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0
    assert netlab("exec", "host-1", "--", "pgrep", "sleep").returncode == 1


# Files of the host


def test_a_bind_is_the_way_to_its_own_folder_and_to_nothing_else(netlab: Netlab, topology: Topology) -> None:
    binds = "binds: [data:/srv/data, kept:/srv/kept:ro]"
    file = topology(pair(binds), {"data/one": "one\n", "kept/two": "two\n", "aside": "three\n"})
    folder = file.parent
    (folder / "data" / "up").symlink_to(folder)
    (folder / "data" / "etc").symlink_to("/etc")
    (folder / "data" / "relative").symlink_to("../aside")
    assert netlab("deploy", file).returncode == 0

    def in_node(script: str) -> int:
        return netlab("exec", "host-1", "--", "sh", "-c", script).returncode

    assert in_node("echo more >> /srv/data/one") == 0
    assert in_node("echo more >> /srv/data/up/aside") != 0
    assert in_node("echo more >> /srv/data/etc/netlab-was-here") != 0
    assert in_node("echo more >> /srv/data/relative; ls -l /srv") == 0  # a file of the node's own /srv at most
    assert in_node("echo more >> /srv/kept/two") != 0
    assert in_node("chmod 777 /srv/kept/two || touch /srv/kept/two || rm /srv/kept/two") != 0
    assert netlab("exec", "host-2", "--", "sh", "-c", f"ls {netlab.state('pair')}/mount/*").returncode != 0

    assert (folder / "data" / "one").read_text() == "one\nmore\n"
    assert ((folder / "aside").read_text(), (folder / "kept" / "two").read_text()) == ("three\n", "two\n")
    assert not Path("/etc/netlab-was-here").exists()


def test_files_that_netlab_writes_do_not_follow_links_of_a_bind(netlab: Netlab, topology: Topology) -> None:
    """A bind over /etc/frr brings a link where netlab writes the daemons' configuration."""
    file = topology(
        """
        name: linked
        topology:
          nodes:
            rt-1: {kind: frr, bgp: {asn: 64512}, binds: ["frr:/etc/frr"]}
        """,
        {"frr/one": "", "aside": "as it was\n"},
    )
    (file.parent / "frr" / "frr.conf").symlink_to("../aside")
    (file.parent / "frr" / "vtysh.conf").symlink_to(file.parent / "aside")
    netlab("deploy", "--no-wait", file)
    assert (file.parent / "aside").read_text() == "as it was\n"


BELOW_A_BIND = """
import subprocess, sys
from pathlib import Path

def netlab(*arguments):
    return subprocess.run([sys.executable, "-m", "netlab", *arguments], timeout=60).returncode

folder = Path(sys.argv[1]).parent / "data"
for name, options in (("writable", "rw"), ("readonly", "ro")):
    (folder / name).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder / name], check=True)
assert netlab("deploy", sys.argv[1]) == 0
assert netlab("exec", "host-1", "--", "touch", "/srv/data/writable/new") == 0
assert (folder / "writable" / "new").exists()
assert netlab("exec", "host-1", "--", "touch", "/srv/data/readonly/new") == 1
assert netlab("destroy") == 0
"""


def test_what_is_mounted_below_a_writable_bind_is_as_writable_as_on_the_host(
    netlab: Netlab, topology: Topology
) -> None:
    file = topology(pair("binds: [data:/srv/data]"), {"data/one": ""})
    done = netlab.with_own_mounts(BELOW_A_BIND, file)
    assert done.returncode == 0, done
    assert netlab.files() == []


REPLACE_A_FILE_OF_ETC = """
import shutil, subprocess, sys
from pathlib import Path

def netlab(*arguments):
    return subprocess.run([sys.executable, "-m", "netlab", *arguments], timeout=60, capture_output=True, text=True)

copy = Path(sys.argv[1]).parent / "etc"
subprocess.run(["cp", "-a", "/etc", copy], stderr=subprocess.DEVNULL)
subprocess.run(["mount", "--bind", copy, "/etc"], check=True)
assert netlab("deploy", "--no-wait", sys.argv[1]).returncode == 0
names = ("group", "hosts", "hostname", "passwd")
before = [netlab("exec", "rt-1", "--", "cat", f"/etc/{name}").stdout for name in names]
for name in names:
    Path("/etc", f"{name}.new").write_text("replaced")
    Path("/etc", f"{name}.new").rename(f"/etc/{name}")
after = [netlab("exec", "rt-1", "--", "cat", f"/etc/{name}").stdout for name in names]
assert netlab("destroy").returncode == 0
assert before == after, (before, after)
assert "frrvty:x:0:" in after[0] and after[2] == "rt-1\\n" and "frr:x:0:0:" in after[3]
"""


def test_a_node_keeps_its_own_files_when_the_host_replaces_its(netlab: Netlab, topology: Topology) -> None:
    """useradd writes a new /etc/group and renames it over the old one, which drops what is mounted on that."""
    file = topology("name: kept\ntopology:\n  nodes:\n    rt-1: {kind: frr, bgp: {asn: 64512}}\n")
    done = netlab.with_own_mounts(REPLACE_A_FILE_OF_ETC, file)
    assert done.returncode == 0, done


# Users


OTHER_USERS = (64321, 64322)
"""Ids that no account needs to have."""
_HEAVY = shutil.ignore_patterns("scipy*", "numpy*", "mypy*", "ruff*", "hypothesis*", "pip*", "*.pyc", "__pycache__")


@pytest.fixture
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[User]]:
    """netlab as root and as two ordinary users without subordinate ids, each with a home of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can be several users; the tier lab-root runs this")
    with tempfile.TemporaryDirectory(prefix="netlab-users-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        python = _python_for_all(folder)
        found = []
        for uid in (0, *OTHER_USERS):
            home = folder / str(uid)
            for part in ("home", "state", "tmp"):
                (home / part).mkdir(parents=True, mode=0o700)
                os.chown(home / part, uid, uid)
            os.chown(home, uid, uid)
            found.append(User(home, uid, python))
        yield found
        for user in found:
            user("destroy", "--all")


class User(Netlab):
    """netlab as some user has it, from a copy of the code that everybody may read."""

    _uid: int
    _python: str

    def __init__(self, folder: Path, uid: int, python: str) -> None:
        super().__init__(folder)
        object.__setattr__(self, "_uid", uid)
        object.__setattr__(self, "_python", python)

    def _argv(self, arguments: tuple[object, ...]) -> list[str]:
        identity = ["setpriv", f"--reuid={self._uid}", f"--regid={self._uid}", "--clear-groups"] if self._uid else []
        return [*identity, self._python, "-m", "netlab", *(str(argument) for argument in arguments)]

    def environment(self) -> dict[str, str]:
        return {key: value for key, value in super().environment().items() if key != "PYTHONPATH"}


def _python_for_all(folder: Path) -> str:
    """An interpreter with netlab and what it needs, copied: the clone may be below a private folder."""
    code, site = (Path(str(module.__file__)).parent for module in (package, typer))
    venv.create(folder / "venv", symlinks=True)
    shutil.copytree(code, folder / "code" / "netlab", ignore=_HEAVY)
    shutil.copytree(site.parent, folder / "site", ignore=_HEAVY, symlinks=True)
    (own,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (own / "netlab-test.pth").write_text(f"{folder}/code\n{folder}/site\n")
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    return str(folder / "venv" / "bin" / "python")


def test_labs_of_one_name_of_root_and_of_two_users_do_not_notice_each_other(users: list[User], host: HostState) -> None:
    root, first, second = users
    files = {}
    for number, user in enumerate(users):
        files[user] = user.folder / "home" / "lab.yaml"
        files[user].write_text(pair(f"exec: [touch /tmp/of-{number}]", "same").replace("\n    ", "\n"))
        files[user].chmod(0o644)
    for user, file in files.items():
        done = user("deploy", file)
        assert done.returncode == 0, done

    for number, user in enumerate(users):
        (seen,) = json.loads(user("inspect", "--format", "json").stdout)["labs"]
        assert seen["directory"] == str(user.state("same"))
        assert user("exec", "host-1", "--", "sh", "-c", "ls -d /tmp/of-*").stdout == f"/tmp/of-{number}\n"
        assert len(user("exec", "host-1", "--", "ps", "-e", "-o", "pid=").stdout.split()) < 5
    assert root("destroy", "--all").returncode == 0
    for user in (first, second):
        assert user("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0
    assert first("destroy", "--all").returncode == 0
    assert second("exec", "host-1", "--", "true").returncode == 0
    assert second("destroy").returncode == 0
    assert [user.files() for user in users] == [["home/lab.yaml"]] * 3
    assert host.changes() == []


def test_no_user_reaches_the_lab_of_another(users: list[User]) -> None:
    root, first, second = users
    file = first.folder.parent / "lab.yaml"
    file.write_text(pair(name="mine").replace("\n    ", "\n"))
    file.chmod(0o644)
    assert first("deploy", file).returncode == 0
    theirs = {"XDG_STATE_HOME": str(first.folder / "state")}
    init = json.loads((first.state("mine") / "lab.json").read_text())["init"]["pid"]

    for command in (("destroy", "--all"), ("exec", "host-1", "--", "true"), ("inspect",), ("deploy", file)):
        for user in (second, root):
            done = user(*command, env=theirs)
            assert done.returncode in (3, 125), done
            (said,) = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
            assert "another user" in said or "Permission denied" in said
            assert "Traceback" not in done.stderr
    ended = subprocess.run(
        ["setpriv", f"--reuid={OTHER_USERS[1]}", "--clear-groups", "kill", "-KILL", str(init)], check=False
    )
    assert ended.returncode != 0
    assert first("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0
