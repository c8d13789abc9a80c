"""Processes by pid and start time, so that a reused pid is never mistaken for the lab's."""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path


def start_time(pid: int) -> int | None:
    """Clock ticks between boot and the start of `pid` (proc(5), stat field 22); None where it is dead or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in b"ZX" else int(fields[19])


def is_running(pid: int, started: int) -> bool:
    """Whether `pid` is still the process that started then."""
    return start_time(pid) == started


def children_by_inner_pid(parent: int) -> dict[int, int]:
    """The children of `parent` that are one PID namespace below it or deeper: {their pid in its namespace: pid here}.

    Read from NSpid in /proc/PID/status, whose second number is the pid in the first namespace below ours.
    """
    found = {}
    own_depth = len(_field(Path("/proc/self/status").read_bytes(), b"NSpid").split())
    of_parent = str(parent).encode()
    for pid in _children(parent):
        try:
            status = Path(f"/proc/{pid}/status").read_bytes()
            pids = _field(status, b"NSpid").split()
            if len(pids) > own_depth and _field(status, b"PPid") == of_parent:
                found[int(pids[own_depth])] = int(pids[own_depth - 1])
        except OSError:
            continue  # it has ended
    return found


def _children(parent: int) -> list[str]:
    """The pids of a process's children, and of others too where the kernel lists none (CONFIG_PROC_CHILDREN)."""
    try:
        return Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    except OSError:
        return [entry.name for entry in os.scandir("/proc") if entry.name.isdigit()]


def _field(status: bytes, name: bytes) -> bytes:
    return status.partition(b"\n%s:\t" % name)[2].partition(b"\n")[0]


def kill_and_wait(pid: int, started: int, timeout: float) -> bool:
    """SIGKILL that very process and wait until it is gone; False where it is not gone after `timeout` seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if not is_running(pid, started):
            return True
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        deadline = time.monotonic() + timeout
        return bool(poll.poll(max(0, deadline - time.monotonic()) * 1000))
    finally:
        os.close(handle)
