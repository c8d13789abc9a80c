"""What a lab must leave as it was: the host's network, mounts, sysctls, users, cgroups and files, and this test's
processes.

Others use the machine too, so only that is compared which nobody else changes, or which can be told apart: processes
by descent (the test process adopts its orphans), files by the folder that they are in or by their names.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_SETTLES_WITHIN = 3.0
"""Seconds. The kernel takes namespaces and their links apart after the last process is gone."""
_VOLATILE_SYSCTLS = re.compile(
    r"kernel/(random/|ns_last_pid|pty/nr|perf_|sched|hung_task_detect|keys/)|vm/stat_refresh|conntrack_count|tcp_mem"
    r"|fs/(dentry-state|file-nr|inode-nr|inode-state|aio-nr|quota/)"
)
_VOLATILE_KEYS = ("valid_life_time", "preferred_life_time", "expires", "cache", "stats", "stats64")
# Where FRR writes on a host without private folders.
_FRR_FOLDERS = ("/run/frr", "/var/tmp/frr", "/var/lib/frr", "/var/log/frr", "/etc/frr")
_SHARED_FOLDERS = ("/run", "/tmp", "/var/tmp", "/var/log", "/run/netns")
# Below the first of these the machine's other users mount what they like; Docker engines mount the others, their own
# folder and those of their containers, whoever has these.
_MOUNTS_OF_OTHERS = re.compile(
    r"/(run/user|mnt|media|var/tmp)/|.*/docker$|.*/overlay2/|.*/(netns|containers)/[0-9a-f]{12}"
)
_NAMES = re.compile(r"frr|zebra|bgpd|staticd|vtysh")


def adopt_orphans() -> None:
    """Become the parent of every orphan among this process's descendants: none of them can escape notice."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


@dataclass(frozen=True)
class Process:
    """A live process. `inner_pids` are its pids in the PID namespaces below this one's, outermost first."""

    pid: int
    parent: int
    command: str
    inner_pids: tuple[int, ...]


SUPERVISOR = "netlab-test-engine"
"""What the command line of a process has whose descendants are not a test's: an engine that outlives it."""


def descendants() -> dict[int, Process]:
    """The live processes that descend from this one. Orphans that have ended are reaped on the way."""
    depth = len(_status("self")["NSpid"].split())
    children: dict[int, list[Process]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = _status(entry.name)
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        parent, inner = int(fields["PPid"]), tuple(int(pid) for pid in fields["NSpid"].split()[depth:])
        if fields["State"][0] not in "ZX":
            children.setdefault(parent, []).append(Process(int(entry.name), parent, command, inner))
        elif parent == os.getpid() and inner:
            os.waitpid(int(entry.name), os.WNOHANG)
    found: dict[int, Process] = {}
    waiting = [os.getpid()]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if SUPERVISOR in child.command:
                continue
            found[child.pid] = child
            waiting.append(child.pid)
    return found


def _status(pid: str) -> dict[str, str]:
    text = Path("/proc", pid, "status").read_text(encoding="utf-8", errors="replace")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@dataclass(frozen=True)
class HostState:
    """The host at one moment, as sets of lines."""

    lines: dict[str, frozenset[str]] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)

    @classmethod
    def now(cls) -> HostState:
        """Look at everything."""
        return cls(
            lines={
                "process": frozenset(f"{process.pid} {process.command}" for process in descendants().values()),
                "link": _ip("link"),
                "address": _ip("address"),
                "route": _ip("-4", "route", "show", "table", "all") | _ip("-6", "route", "show", "table", "all"),
                "rule": _ip("-4", "rule") | _ip("-6", "rule"),
                "nftables": _nftables(),
                "mount": _mounts(),
                "file": _files(),
                "account": _accounts(),
                "ipc object": _ipc_objects(),
                "cgroup": _cgroups(),
            },
            sysctls=_sysctls(),
        )

    def changes(self) -> list[str]:
        """What differs from now, one line each, once it no longer gets less."""
        deadline = time.monotonic() + _SETTLES_WITHIN
        while (found := self._differences(HostState.now())) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def restore_sysctls(self) -> None:
        """Write back what an experiment should not have been able to change."""
        now = _sysctls()
        for name, value in self.sysctls.items():
            if now.get(name) != value:
                with contextlib.suppress(OSError):  # one that only goes up, for example
                    Path("/proc/sys", name).write_text(value, encoding="utf-8")

    def _differences(self, now: HostState) -> list[str]:
        found = []
        for kind, before in self.lines.items():
            found += [f"new {kind}: {line}" for line in sorted(now.lines[kind] - before)]
            found += [f"{kind} gone: {line}" for line in sorted(before - now.lines[kind])]
        # A module that a lab made the kernel load brings sysctls with it, so new ones are no change.
        for name, value in self.sysctls.items():
            if now.sysctls.get(name) != value:
                found.append(f"sysctl {name}: {value} -> {now.sysctls.get(name)}")
        return found


def _ip(*arguments: str) -> frozenset[str]:
    done = subprocess.run(["ip", "-j", *arguments], capture_output=True, text=True, timeout=20, check=False)
    rows = json.loads(done.stdout or "[]")
    return frozenset(json.dumps(_without_volatile(row), sort_keys=True) for row in rows if row)


def _without_volatile(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_volatile(item) for key, item in value.items() if key not in _VOLATILE_KEYS}
    if isinstance(value, list):
        return [_without_volatile(item) for item in value]
    return value


def _nftables() -> frozenset[str]:
    """The host's rules, without counters. Only root can read them."""
    if os.geteuid() != 0:
        return frozenset()
    done = subprocess.run(["nft", "-s", "list", "ruleset"], capture_output=True, text=True, timeout=20, check=True)
    return frozenset(done.stdout.splitlines())


def _mounts() -> frozenset[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not _MOUNTS_OF_OTHERS.match(line.split()[4]))


def _sysctls() -> dict[str, str]:
    found = {}
    for path, _, names in os.walk("/proc/sys"):
        for name in names:
            key = f"{path}/{name}".removeprefix("/proc/sys/")
            if _VOLATILE_SYSCTLS.search(key):
                continue
            try:
                found[key] = Path("/proc/sys", key).read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                continue  # write-only, or root's
    return found


def _accounts() -> frozenset[str]:
    """The lines of the account files that everybody may read, but those of users that other tests make meanwhile."""
    found = set()
    for name in ("passwd", "group", "subuid", "subgid", "hosts", "resolv.conf", "hostname"):
        path = Path("/etc", name)
        if path.exists():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found |= {f"/etc/{name}: {line}" for line in lines if "netlab-" not in line}
    return frozenset(found)


def _ipc_objects() -> frozenset[str]:
    """Keys and ids of System V objects, which no other user of the machine is expected to make."""
    tables = [(kind, Path("/proc/sysvipc", kind)) for kind in ("shm", "sem", "msg")]
    rows = [(kind, line.split()) for kind, path in tables if path.exists() for line in path.read_text().splitlines()]
    return frozenset(f"{kind} {row[0]} {row[1]}" for kind, row in rows)


def _cgroups() -> frozenset[str]:
    """Folders of cgroups, two levels deep: below these the machine's services make their own. A Docker engine makes
    one for all its containers with the first of them, and keeps it."""
    top = "/sys/fs/cgroup"
    found = set()
    for folder, folders, _ in os.walk(top):  # not a glob: what goes meanwhile is no error
        found |= {f"{folder}/{name}" for name in folders if "docker" not in name}
        if folder != top:
            folders.clear()
    return frozenset(found)


def _files() -> frozenset[str]:
    found = set()
    for folder in _SHARED_FOLDERS:
        found |= {f"{folder}/{name}" for name in _names(folder) if _NAMES.search(name)}
    for folder in _FRR_FOLDERS:
        found |= {f"{folder}/{name}" for name in _names(folder)}
    return frozenset(found | {f"/run/netns/{name}" for name in _names("/run/netns")})


def _names(folder: str) -> list[str]:
    try:
        return [path.name for path in Path(folder).iterdir()]
    except (FileNotFoundError, PermissionError):
        return []
