"""The host: versions, doctor's findings, settings and limits. Nothing of its own network."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import netlab
from netlab.lab.support.bundle import Bundle

_PACKAGES = ("typer", "pyroute2", "jinja2", "PyYAML", "pydantic", "rich", "scipy", "numpy")
_DEBIAN = ("iproute2", "nftables", "uidmap", "libpcap0.8", "libpcap0.8t64", "libc6", "python3")
_ENVIRONMENT = ("XDG_STATE_HOME", "NETLAB_LAB", "PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ", "TMPDIR")
_FILES = (
    "/etc/os-release",
    "/proc/version",
    "/proc/cmdline",
    "/proc/meminfo",
    "/proc/self/status",
    "/proc/self/limits",
    "/proc/self/cgroup",
    "/proc/self/mountinfo",
    "/proc/self/uid_map",
)
_SYSCTLS = (
    "kernel/unprivileged_userns_clone",
    "kernel/apparmor_restrict_unprivileged_userns",
    "kernel/pid_max",
    "kernel/keys/maxkeys",
    "fs/file-max",
    "fs/mount-max",
    "net/ipv4/neigh/default/gc_thresh3",
    *(f"user/max_{kind}_namespaces" for kind in ("user", "mnt", "pid", "net", "ipc", "uts")),
)


def collect(bundle: Bundle) -> None:
    """Everything of the host."""
    bundle.attempt("host/versions.txt", lambda: bundle.add("host/versions.txt", _versions()))
    bundle.attempt("host/doctor.txt", lambda: bundle.add("host/doctor.txt", _doctor()))
    bundle.later("host/packages.txt", lambda: bundle.add("host/packages.txt", _packages()))
    for file in _FILES:
        bundle.add_file(f"host{file}", Path(file))
    bundle.add("host/sysctls.txt", "".join(f"{name} = {_read(name)}\n" for name in _SYSCTLS))
    environment = "".join(f"{key}={os.environ[key]}\n" for key in _ENVIRONMENT if key in os.environ)
    bundle.add("host/environment.txt", environment)


def _versions() -> str:
    lines = [f"netlab {netlab.__version__} in {Path(netlab.__file__).parent}"]
    lines.append(f"Python {sys.version} in {sys.executable}")
    lines.append(f"{platform.system()} {platform.release()} {platform.machine()}, uid {os.geteuid()}")
    for name in _PACKAGES:
        try:
            lines.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{name} is not installed")
    return "\n".join(lines) + "\n"


def _doctor() -> str:
    from netlab.lab.doctor import examine

    lines = []
    for finding in examine():
        mark = "ok" if finding.ok else "MISSING" if finding.needed else "missing"
        lines.append(f"{mark:8} {finding.sentence}{f' (to mend it: {finding.mend})' if finding.mend else ''}")
    return "\n".join(lines) + "\n"


def _packages() -> str:
    """What Debian's package manager says; an error of it, or its absence, is worth knowing too."""
    argv = ["dpkg-query", "--show", *_DEBIAN]
    done = subprocess.run(argv, capture_output=True, timeout=20, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def _read(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError as error:
        return f"({error.strerror})"
