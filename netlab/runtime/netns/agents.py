"""Starting an agent inside a lab."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import netlab
from netlab.agent.client import AgentClient
from netlab.agent.pcap.session import CaptureSession
from netlab.model.errors import LabError
from netlab.runtime.netns import enter

_AGENT = Path(netlab.__file__).parent / "agent" / "__main__.py"
_END_TIMEOUT = 1.0


def start(init_pid: int, *, wiring: bool = False) -> AgentClient:
    """An agent in the lab whose init is `init_pid`; it has still to be told where the machines are.

    `wiring`: it will wire, so it may load what that takes while the machines are made.
    """
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    try:
        process = _start(init_pid, ("--wiring",) if wiring else (), stdin=in_read, stdout=out_write)
    except LabError:
        os.close(in_write)
        os.close(out_read)
        raise
    finally:
        os.close(in_read)
        os.close(out_write)
    return AgentClient(in_write, out_read, lambda: _end_of(process))


def start_capturer(init_pid: int, output: int) -> CaptureSession:
    """A capturer in the lab whose init is `init_pid`, writing to the descriptor `output`, which stays the caller's."""
    ours, its = socket.socketpair()
    with its:
        try:
            process = _start(init_pid, ("--capture",), stdin=its, stdout=output)
        except LabError:
            ours.close()
            raise
    return CaptureSession(ours, lambda: _end_of(process))


def _start(init_pid: int, options: tuple[str, ...], **streams: Any) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {key: os.environ[key] for key in ("TZ",) if key in os.environ}
    argv = (sys.executable, "-s", "-P", str(_AGENT), *options)
    command = enter.Command(argv, environment, own_session=True, all_capabilities=True)
    try:
        return enter.start(init_pid, command, **streams)
    except OSError as error:
        raise LabError(f"the lab cannot be entered: {error.strerror}") from None


def _end_of(process: subprocess.Popen[bytes]) -> int | None:
    """How the agent ended: its exit code as a shell has it; None where it has not within a second and was killed."""
    try:
        return process.wait(_END_TIMEOUT)
    except subprocess.TimeoutExpired:
        enter.kill(process)  # still sending flows that nobody waits for
        return None
