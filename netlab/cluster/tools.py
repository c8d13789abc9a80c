"""The programs that a cluster needs of the host: kind, and for the user's own use kubectl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from netlab.model.errors import HostError
from netlab.model.host import HostFinding

KIND_VERSION = "0.33.0"
"""The one that netlab is tested with."""
_OLDEST = (0, 27, 0)
"""The first whose node images have containerd 2, as the pinned ones have."""
_GET = (
    f"install kind {KIND_VERSION} (https://kind.sigs.k8s.io/docs/user/quick-start/#installation), or build it with "
    "'scripts/build-images --kind'"
)


def cache() -> Path:
    """What `scripts/build-images --kind` leaves for netlab: programs and manifests."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "netlab" / "kind"


def find(program: str) -> str | None:
    """A program of the user's path, else the one that was built; None where there is neither."""
    built = cache() / "bin" / program
    return shutil.which(program) or (str(built) if os.access(built, os.X_OK) else None)


def kind() -> str:
    """The kind command. HostError where there is none, one that is too old, or no docker command, which it runs."""
    program = find("kind")
    if program is None:
        raise HostError("there is no kind command, which makes the Kubernetes cluster", _GET)
    version = kind_version(program)
    if _numbers(version) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise HostError(f"{program} is kind {version or 'of an unknown version'}; netlab needs {oldest} or later", _GET)
    if shutil.which("docker") is None:
        raise HostError("there is no docker command, which kind runs", "sudo apt-get install docker-cli")
    return program


def kind_version(program: str) -> str:
    """What kind says of itself, such as 0.33.0; empty where it says nothing that can be read."""
    try:
        said = subprocess.run([program, "version", "-q"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+\.\d+\.\d+\S*", said.stdout)
    return found[0] if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def examine() -> tuple[HostFinding, ...]:
    """What clusters need of this host, met or not. Labs without one do without it."""
    need = "kind, for Kubernetes clusters"
    try:
        program = kind()
    except HostError as error:
        return (HostFinding(need, False, False, str(error), error.remedy or ""),)
    return (HostFinding(need, True, False, f"{kind_version(program)} at {program}"),)
