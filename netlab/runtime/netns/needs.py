"""What this runtime needs of a host: what `netlab doctor` looks at, and what a refused deploy says.

A deploy does not look at all of this beforehand: it tries, and asks `explained` or `missing_program` for the reason.
So both say the same sentence.
"""

from __future__ import annotations

import os
import platform
import pwd
import re
import resource
import shutil
import subprocess
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.daemons import DAEMONS
from netlab.daemons.base import Daemon
from netlab.kernel.syscalls import ARCHITECTURES
from netlab.model.errors import HostError, NetlabError
from netlab.model.host import HostFinding
from netlab.runtime.netns import identity

if TYPE_CHECKING:
    from netlab.model.plan import LabPlan

_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  # an ordinary user's PATH often lacks them
_FRR = "/usr/lib/frr"
_HASH_FIELDS = "fib_multipath_hash_fields"
_NAMESPACES = "namespaces: user, mount (with proc and sysfs), PID, network"
# By a part of a program's path: what it belongs to and the package that brings it.
_PACKAGES = (
    ("/frr/", "FRR", "frr"),
    ("vtysh", "FRR's command line, vtysh", "frr"),
    ("nft", "nftables (emulated clusters)", "nftables"),
    ("bird", "BIRD (kind bird)", "bird2"),
    ("python3", "Python, which answers for pods and on VIPs", "python3"),
)


def examine(refused: NetlabError | None) -> tuple[HostFinding, ...]:
    """Every need, met or not, after a `trial` that ended so. Changes nothing."""
    checks: tuple[Callable[[], HostFinding], ...] = (
        id_ranges,
        frr,
        vtysh,
        frr_reload,
        nftables,
        iproute,
        ping,
        curl,
        libpcap,
        bird,
        hash_fields,
        hash_seed,
        files,
        processes,
    )
    others = (_daemon(daemon) for daemon in _others_daemons())
    return (kernel(), architecture(), *namespaces(refused), *(check() for check in checks), *others)


def explained(error: HostError) -> HostError:
    """A refused namespace or mount with its reason, where the host's settings tell it; otherwise as it is."""
    reasons = _reasons(str(error))
    if not reasons:
        return error
    told = HostError(reasons[0].sentence, reasons[0].mend)
    told.__cause__ = error
    return told


def refuse_old_kernel(plan: LabPlan) -> None:
    """HostError where this kernel cannot run the plan."""
    findings = [kernel()]
    if any(sysctl.key.endswith(_HASH_FIELDS) and sysctl.required for node in plan.nodes for sysctl in node.sysctls):
        findings.append(hash_fields())
    for finding in findings:
        if not finding.ok:
            raise HostError(finding.sentence, finding.mend)


def missing_program(node: str, program: str) -> HostError:
    """What to say where the host does not have a program that a machine runs."""
    for part, need, package in _PACKAGES:
        if part in program:
            return HostError(f"{node} needs {need}: {_no(program)}", f"sudo apt-get install {package}")
    for daemon in _others_daemons():
        if program.startswith(daemon.programs):
            mend = f"sudo apt-get install {daemon.package}"
            return HostError(f"{node} needs {daemon.title}: {_no(program)}", mend)
    return HostError(f"{node} needs {program}, which this host does not have")


def _no(program: str) -> str:
    return f"there is no {program}"


def kernel() -> HostFinding:
    """mount_setattr(2) came with 5.12, fib_multipath_hash_fields with 5.14."""
    release = platform.release()
    ok = tuple(int(part) for part in re.findall(r"\d+", release)[:2]) >= (5, 14)
    return HostFinding("Linux 5.14 or later", ok, True, release, "" if ok else "install a newer kernel")


def architecture() -> HostFinding:
    """Its numbers of system calls, which Python does not know, stand in tables."""
    machine = platform.machine()
    ok = machine in ARCHITECTURES
    mend = "" if ok else f"use a host with one of {', '.join(ARCHITECTURES)}"
    return HostFinding("a processor architecture whose system calls are known", ok, True, machine, mend)


def namespaces(refused: NetlabError | None) -> tuple[HostFinding, ...]:
    """How the `trial` ended, since no setting tells for sure; where it failed, every setting that forbids it."""
    if refused is None:
        how = "as root" if os.geteuid() == 0 else "without root"
        return (HostFinding(_NAMESPACES, True, True, f"work {how}"),)
    reasons = _reasons(str(refused))
    remedy = (refused.remedy if isinstance(refused, HostError) else None) or _sudo()
    return reasons or (HostFinding(_NAMESPACES, False, True, str(refused), remedy),)


def _sudo() -> str:
    return "run netlab on a host that allows them" if os.geteuid() == 0 else "run netlab with sudo"


_FORBIDDING = (
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1", False),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0", False),
    *(
        (f"user/max_{kind}_namespaces", "0", f"user.max_{kind}_namespaces=10000", True)
        for kind in ("user", "mnt", "pid", "net", "ipc", "uts")
    ),
)
"""A sysctl, the value that forbids namespaces, the setting that allows them, and whether root needs it too."""


_REFUSED = re.compile(r"no user namespace|unshare\(|mount |_map: ")


def _reasons(message: str) -> tuple[HostFinding, ...]:
    """Why the kernel refused namespaces or a mount, of what can be read; nothing for an error of another sort."""
    if not _REFUSED.search(message):
        return ()
    root, or_sudo = os.geteuid() == 0, ", or run netlab with sudo"
    found = [
        HostFinding(
            _NAMESPACES,
            False,
            True,
            f"{name.replace('/', '.')} is {value}",
            f"sudo sysctl -w {mend}{'' if for_root else or_sudo}",
        )
        for name, value, mend, for_root in _FORBIDDING
        if (for_root or not root) and sysctl(name) == value
    ]
    hidden = _hidden_in_proc()
    if "mount proc" in message and hidden:
        mend = "run netlab on the host, or in a container with an unmasked /proc (a privileged one)"
        found.append(HostFinding(_NAMESPACES, False, True, f"parts of /proc are hidden: {', '.join(hidden)}", mend))
    return tuple(found)


def _hidden_in_proc() -> list[str]:
    """What is mounted over parts of /proc: the kernel then refuses a new proc, which would show them."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    points = {line.split()[4] for line in lines}
    return sorted(point for point in points if point.startswith("/proc/") and "binfmt_misc" not in point)


def sysctl(name: str) -> str | None:
    """The value of a sysctl, named as below /proc/sys; None where this kernel has none of that name."""
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return None


def id_ranges() -> HostFinding:
    """Without them a lab has one id alone, which is enough for everything but su, chown and some daemons."""
    need = "subordinate ids (su, chown and daemons with a user of their own)"
    maps = identity.id_maps()
    if maps.uid is None:
        return HostFinding(need, True, False, "root needs none")
    if not maps.single:
        return HostFinding(need, True, False, f"{maps.uid[1][2]} from {maps.uid[1][1]}")
    for helper in ("newuidmap", "newgidmap"):
        lack = identity.lack_of(helper)
        if lack:
            return HostFinding(need, False, False, *lack)
    first, last = identity.next_free_range()
    user = f"--add-subuids {first}-{last} --add-subgids {first}-{last} {_user()}"
    return HostFinding(need, False, False, "none in /etc/subuid and /etc/subgid", f"sudo usermod {user}")


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def frr() -> HostFinding:
    """The daemons that every router runs."""
    for daemon in ("zebra", "bgpd", "staticd"):
        if not os.access(f"{_FRR}/{daemon}", os.X_OK):
            return HostFinding("FRR", False, True, _no(f"{_FRR}/{daemon}"), "sudo apt-get install frr")
    found = re.search(r"version (\S+)", output(f"{_FRR}/zebra", "--version"))
    mend = "" if found else "sudo apt-get install --reinstall frr"
    return HostFinding("FRR", bool(found), True, found[1] if found else "zebra does not start", mend)


def vtysh() -> HostFinding:
    """It loads every router's configuration."""
    ok = os.access("/usr/bin/vtysh", os.X_OK)
    mend = "" if ok else "sudo apt-get install frr"
    return HostFinding("FRR's command line, vtysh", ok, True, "there" if ok else _no("/usr/bin/vtysh"), mend)


def frr_reload() -> HostFinding:
    """A package of its own, which nothing but that script of FRR's asks for."""
    ok = os.access(f"{_FRR}/frr-reload.py", os.X_OK)
    mend = "" if ok else "sudo apt-get install frr-pythontools"
    found = "there" if ok else _no(f"{_FRR}/frr-reload.py")
    return HostFinding("FRR's reload (`frrinit.sh reload` in a node)", ok, False, found, mend)


def nftables() -> HostFinding:
    """For the emulated kube-proxy."""
    return _program("nftables (emulated clusters)", "nft", "--version", "nftables", needed=True)


def iproute() -> HostFinding:
    """What users run in nodes."""
    return _program("iproute2 (`netlab exec NODE -- ip ...`)", "ip", "-V", "iproute2")


def ping() -> HostFinding:
    """What users try first in nodes."""
    return _program("ping (`netlab exec NODE -- ping ...`)", "ping", "-V", "iputils-ping")


def curl() -> HostFinding:
    """What asks a VIP from a node."""
    return _program("curl (`netlab exec NODE -- curl ...`)", "curl", "--version", "curl")


def bird() -> HostFinding:
    """For nodes of that kind alone."""
    return _program("BIRD (kind bird)", "bird", "--version", "bird2")


def _others_daemons() -> list[Daemon]:
    """Routing daemons that other packages bring."""
    return [DAEMONS.load(name) for name in DAEMONS.usable() if name not in DAEMONS.own]


def _daemon(daemon: Daemon) -> HostFinding:
    """For nodes of that package's kinds alone."""
    ok = any(glob(f"{beginning}*") for beginning in daemon.programs)
    found, mend = ("there", "") if ok else ("not installed", f"sudo apt-get install {daemon.package}")
    return HostFinding(f"{daemon.title} (kinds of another package)", ok, False, found, mend)


def libpcap() -> HostFinding:
    """Loaded by `netlab capture` where a filter is given."""
    from netlab.agent.pcap import libpcap

    name = libpcap.library_name()
    mend = "" if name else libpcap.MEND
    return HostFinding("libpcap (filters of `netlab capture`)", bool(name), False, name or "not installed", mend)


def _program(need: str, program: str, option: str, package: str, *, needed: bool = False) -> HostFinding:
    version = output(program, option)
    mend = "" if version else f"sudo apt-get install {package}"
    return HostFinding(need, bool(version), needed, version or "not installed", mend)


def output(program: str, argument: str) -> str:
    """The first line that a program prints; nothing where it is not there or does not work."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}")
    if path is None:
        return ""
    try:
        done = subprocess.run([path, argument], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def hash_fields() -> HostFinding:
    """A kernel without CONFIG_IP_ROUTE_MULTIPATH has no ECMP at all."""
    ok = sysctl(f"net/ipv4/{_HASH_FIELDS}") is not None
    found = "there" if ok else "missing: policy 1 hashes sockets, not flows"
    mend = "" if ok else "install a kernel from 5.14 on with CONFIG_IP_ROUTE_MULTIPATH"
    return HostFinding("multipath hash policy 3 (Linux 5.14)", ok, True, found, mend)


def hash_seed() -> HostFinding:
    """By design optional: a deploy on an older kernel says so."""
    ok = sysctl("net/ipv4/fib_multipath_hash_seed") is not None
    found = "there" if ok else "missing: routers behind one another polarise"
    mend = "" if ok else "install a kernel from 6.11 on"
    return HostFinding("a hash seed per router (Linux 6.11)", ok, False, found, mend)


_FILES_FOR_64_NODES = 256


def files() -> HostFinding:
    """The lab's init holds a descriptor per node, and the agent two while it wires."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    ok = unlimited or hard >= _FILES_FOR_64_NODES
    room = "unlimited" if unlimited else f"{hard}: room for {max(0, hard - 32) // 3} nodes"
    mend = "" if ok else "raise the hard limit of open files (ulimit -Hn)"
    return HostFinding("open files", ok, False, room, mend)


_FEWEST_PROCESSES = 100


def processes() -> HostFinding:
    """A router is five processes. The control group's limit is a container's, the other one the user's."""
    limits = [("pids.max of the control group", _room_in_control_group())]
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    limits.append(("ulimit -Hu", None if hard == resource.RLIM_INFINITY else hard))
    known = [(room, name) for name, room in limits if room is not None]
    if not known:
        return HostFinding("processes", True, False, "unlimited")
    room, name = min(known)
    ok = room >= _FEWEST_PROCESSES
    return HostFinding("processes", ok, False, f"{room} ({name})", "" if ok else f"raise {name}")


def _room_in_control_group() -> int | None:
    """How many more processes the nearest control group allows (cgroups(7)); None where it has no limit."""
    try:
        path = Path("/proc/self/cgroup").read_text(encoding="utf-8").rpartition("::")[2].strip().lstrip("/")
        folder = Path("/sys/fs/cgroup", path)
        limit = (folder / "pids.max").read_text(encoding="ascii").strip()
        return None if limit == "max" else int(limit) - int((folder / "pids.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
