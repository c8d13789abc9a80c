"""What this host has and lacks for netlab, and the command that mends each lack."""

from __future__ import annotations

import errno
import os
import platform
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netlab.runtime.netns import identity

_OLDEST_KERNEL = (5, 12)  # mount_setattr(2)


@dataclass(frozen=True)
class HostFinding:
    """One need: whether it is met, what was found, and what mends it. `needed`: without it no lab runs."""

    need: str
    ok: bool
    needed: bool
    found: str
    mend: str = ""


def examine() -> tuple[HostFinding, ...]:
    """Look at everything; changes nothing."""
    checks: tuple[Callable[[], HostFinding], ...] = (
        _kernel,
        _user_namespaces,
        _id_ranges,
        _frr,
        _nftables,
        _iproute,
        _hash_fields,
        _hash_seed,
        _memory,
    )
    return tuple(check() for check in checks)


def _kernel() -> HostFinding:
    release = platform.release()
    numbers = tuple(int(part) for part in re.findall(r"\d+", release)[:2])
    ok = numbers >= _OLDEST_KERNEL
    return HostFinding("Linux 5.12 or later", ok, True, release, "" if ok else "install a newer kernel")


def _user_namespaces() -> HostFinding:
    """Try it: no setting tells for sure."""
    need = "namespaces: user, mount (with proc and sysfs), PID, network"
    message = _try_namespaces()
    if not message:
        how = "as root" if os.geteuid() == 0 else "without root"
        return HostFinding(need, True, True, f"work {how}")
    return HostFinding(need, False, True, message, _namespace_mend(message))


def _try_namespaces() -> str:
    """Make a lab of one empty node and throw it away; what went wrong, or nothing."""
    import tempfile

    from netlab.model.errors import NetlabError
    from netlab.model.plan import LabPlan, NodePlan, Role
    from netlab.runtime.netns.build import Build

    with tempfile.TemporaryDirectory(prefix="netlab-doctor-") as folder:
        node = NodePlan("doctor", "linux", Role.HOST, "doctor", "Linux")
        plan = LabPlan("doctor", f"{folder}/none", "netns", (node,), ())
        try:
            with Build(plan, Path(folder, "labs", "doctor")) as build:
                build.launch()
                build.make_nodes()
        except NetlabError as error:
            return str(error)
    return ""


def _namespace_mend(message: str) -> str:
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1" and os.geteuid() != 0:
        return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run netlab with sudo"
    if _sysctl("kernel/unprivileged_userns_clone") == "0" and os.geteuid() != 0:
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run netlab with sudo"
    if _sysctl("user/max_user_namespaces") == "0":
        return "sudo sysctl -w user.max_user_namespaces=10000"
    if "proc" in message and os.strerror(errno.EPERM) in message:
        return (
            "/proc is masked here, as in a container: run netlab on the host, or in a container with an unmasked /proc"
        )
    return "run netlab with sudo"


def _sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _id_ranges() -> HostFinding:
    need = "subordinate ids (su, tcpdump and chown in nodes)"
    maps = identity.id_maps()
    if maps.uid is None:
        return HostFinding(need, True, False, "root needs none")
    if not maps.single:
        return HostFinding(need, True, False, f"{maps.uid[1][2]} from {maps.uid[1][1]}")
    if not shutil.which("newuidmap"):
        return HostFinding(need, False, False, "no newuidmap", "sudo apt-get install uidmap")
    first, last = identity.next_free_range()
    user = f"--add-subuids {first}-{last} --add-subgids {first}-{last} {_user()}"
    return HostFinding(need, False, False, "none in /etc/subuid", f"sudo usermod {user}")


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _frr() -> HostFinding:
    version = _output("/usr/lib/frr/zebra", "--version")
    found = re.search(r"version (\S+)", version)
    if found:
        return HostFinding("FRR", True, True, found[1])
    return HostFinding("FRR", False, True, "not installed", "sudo apt-get install frr")


def _nftables() -> HostFinding:
    version = _output("nft", "--version")
    mend = "" if version else "sudo apt-get install nftables"
    return HostFinding("nftables (emulated clusters)", bool(version), True, version or "not installed", mend)


def _iproute() -> HostFinding:
    version = _output("ip", "-V")
    mend = "" if version else "sudo apt-get install iproute2"
    return HostFinding("iproute2 (for `netlab exec NODE -- ip ...`)", bool(version), False, version or "none", mend)


def _output(program: str, argument: str) -> str:
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if path is None:
        return ""
    try:
        done = subprocess.run([path, argument], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def _hash_fields() -> HostFinding:
    need = "multipath hash policy 3 (Linux 5.14)"
    ok = _sysctl("net/ipv4/fib_multipath_hash_fields") is not None
    mend = "" if ok else "install a newer kernel"
    return HostFinding(need, ok, True, "there" if ok else "missing: policy 1 hashes sockets, not flows", mend)


def _hash_seed() -> HostFinding:
    need = "a hash seed per router (Linux 6.11)"
    ok = _sysctl("net/ipv4/fib_multipath_hash_seed") is not None
    mend = "" if ok else "install a newer kernel"
    return HostFinding(need, ok, False, "there" if ok else "missing: routers behind one another polarise", mend)


def _memory() -> HostFinding:
    memory = Path("/proc/meminfo").read_text(encoding="ascii")
    found = re.search(r"MemAvailable:\s+(\d+)", memory)
    available = int(found[1]) // 1024 if found else 0
    ok = available > 300
    # Measured: zebra, bgpd and staticd take 22 MB together.
    room = f"{available} MiB free: room for {available // 22} routers"
    return HostFinding("memory", ok, False, room, "" if ok else "stop other programs, or take a larger machine")
