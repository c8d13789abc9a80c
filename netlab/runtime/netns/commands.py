"""Run a command in a machine and keep what it prints, from any thread of any process."""

from __future__ import annotations

import contextlib
import os
import subprocess

from netlab.kernel.pump import Pump
from netlab.runtime.base import Finished
from netlab.runtime.netns import enter


def run(pid: int, command: enter.Command, data: bytes, timeout: float | None) -> Finished:
    """Run `command` in the namespaces of process `pid` with `data` as its standard input.

    What it leaves in the background lives on and is not waited for, though it may hold the streams: the command's own
    end counts. An exception here (KeyboardInterrupt) kills it.
    """
    process = enter.start(pid, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stdin and process.stdout and process.stderr
        output, errors = bytearray(), bytearray()
        handle = os.pidfd_open(process.pid)
        try:
            takers = {process.stdout.fileno(): output.extend, process.stderr.fileno(): errors.extend}
            pump = Pump(takers, process.stdin.fileno(), process.stdin.close, data=data)
            ended = pump.run(timeout, ended=handle)
            code = process.wait() if ended else None
            pump.drain()
            return Finished(code, bytes(output), bytes(errors))
        finally:
            os.close(handle)
            if process.poll() is None:
                enter.kill(process)
            with contextlib.suppress(BrokenPipeError):  # input that it never read
                process.stdin.close()
