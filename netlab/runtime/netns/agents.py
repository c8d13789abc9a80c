"""Starting an agent inside a lab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import netlab
from netlab.agent.client import AgentClient
from netlab.model.errors import LabError
from netlab.runtime.netns import enter

_AGENT = Path(netlab.__file__).parent / "agent" / "__main__.py"
_END_TIMEOUT = 1.0


def start(init_pid: int, *, wiring: bool = False) -> AgentClient:
    """An agent in the lab whose init is `init_pid`; it has still to be told where the machines are.

    `wiring`: it will wire, so it may load what that takes while the machines are made.
    """
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    command = enter.Command(
        argv=(sys.executable, "-s", "-P", str(_AGENT), *(("--wiring",) if wiring else ())),
        environment=environment,
        own_session=True,
        all_capabilities=True,
    )
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    try:
        process = enter.start(init_pid, command, stdin=in_read, stdout=out_write)
    except OSError as error:
        os.close(in_write)
        os.close(out_read)
        raise LabError(f"the lab cannot be entered: {error.strerror}") from None
    finally:
        os.close(in_read)
        os.close(out_write)
    return AgentClient(in_write, out_read, lambda: _end_of(process))


def _end_of(process: subprocess.Popen[bytes]) -> int | None:
    """How the agent ended: its exit code as a shell has it; None where it has not within a second."""
    try:
        return process.wait(_END_TIMEOUT)
    except subprocess.TimeoutExpired:
        return None
