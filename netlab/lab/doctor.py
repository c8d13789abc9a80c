"""What this host has and lacks for netlab, and the command that mends each lack."""

from __future__ import annotations

import os
import re
from pathlib import Path

from netlab.lab import state
from netlab.model.errors import HostError
from netlab.model.host import HostFinding
from netlab.registry.runtimes import USUAL, traits
from netlab.runtime.choice import by_name
from netlab.statefolder import trusted_paths

_ELSEWHERE = "set XDG_STATE_HOME to a folder of yours"


def examine(runtime: str = USUAL) -> tuple[HostFinding, ...]:
    """Look at everything; changes nothing."""
    return (*by_name(runtime).needs(), *_kind(runtime), _state_folder(), _memory())


def _kind(runtime: str) -> tuple[HostFinding, ...]:
    """What Kubernetes clusters need beside the engine."""
    if traits(runtime).clusters == "emulated":
        return ()
    from netlab.cluster import tools

    return tools.examine()


def _state_folder() -> HostFinding:
    """Where labs are kept. What is not there yet must be possible to make."""
    need = "a private folder for the labs' state"
    try:
        root = state.root()
        there = root
        while not os.path.lexists(there):
            there = there.parent
        if there == root:
            os.close(trusted_paths.open_folder(str(root)))
        else:
            trusted_paths.check_path(str(there))
    except HostError as error:
        return HostFinding(need, False, True, str(error), error.remedy or "")
    except trusted_paths.Untrusted as error:
        return HostFinding(need, False, True, str(error), _ELSEWHERE)
    except OSError as error:
        return HostFinding(need, False, True, f"cannot make {error.filename}: {error.strerror}", _ELSEWHERE)
    if not os.access(there, os.W_OK | os.X_OK):
        return HostFinding(need, False, True, f"{there} is not writable", _ELSEWHERE)
    return HostFinding(need, True, True, str(root))


def _memory() -> HostFinding:
    memory = Path("/proc/meminfo").read_text(encoding="ascii")
    found = re.search(r"MemAvailable:\s+(\d+)", memory)
    available = int(found[1]) // 1024 if found else 0
    ok = available > 300
    # Measured: zebra, bgpd and staticd take 22 MB together.
    room = f"{available} MiB free: room for {available // 22} routers"
    return HostFinding("memory", ok, False, room, "" if ok else "stop other programs, or take a larger machine")
