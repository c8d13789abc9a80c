"""Run a command in a machine and keep what it prints, from any thread of any process."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time

from netlab.runtime.base import Finished
from netlab.runtime.netns import enter

_CHUNK = 1 << 16


def run(pid: int, command: enter.Command, data: bytes, timeout: float | None) -> Finished:
    """Run `command` in the namespaces of process `pid` with `data` as its standard input.

    What it leaves in the background lives on and is not waited for, though it may hold the streams: the command's own
    end counts. An exception here (KeyboardInterrupt) kills it.
    """
    process = enter.start(pid, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        handle = os.pidfd_open(process.pid)
        try:
            exchange = _Exchange(process, handle, data)
            ended = exchange.until(None if timeout is None else time.monotonic() + timeout)
            return Finished(process.wait() if ended else None, *exchange.drained())
        finally:
            os.close(handle)
            if process.poll() is None:
                enter.kill(process)
            with contextlib.suppress(BrokenPipeError):  # input that it never read
                process.stdin.close()  # type: ignore[union-attr]


class _Exchange:
    """What goes through the three pipes until the command ends."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int, data: bytes) -> None:
        assert process.stdin and process.stdout and process.stderr  # pipes, as `run` asked
        self._stdin = process.stdin
        self._data = memoryview(data)
        self._read = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
        self._selector = selectors.DefaultSelector()
        self._handle = handle
        self._selector.register(handle, selectors.EVENT_READ)
        for descriptor in self._read:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)
        os.set_blocking(self._stdin.fileno(), False)
        if data:
            self._selector.register(self._stdin.fileno(), selectors.EVENT_WRITE)
        else:
            self._stdin.close()

    def until(self, deadline: float | None) -> bool:
        """Exchange until the command has ended: True. False: the deadline (time.monotonic()) passed."""
        with self._selector:
            while True:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                ready = [key.fd for key, _ in self._selector.select(left)]
                for descriptor in ready:
                    if descriptor in self._read:
                        self._receive(descriptor)
                    elif descriptor != self._handle:
                        self._write()
                if self._handle in ready:
                    return True

    def _receive(self, descriptor: int) -> None:
        data = os.read(descriptor, _CHUNK)
        if not data:
            self._selector.unregister(descriptor)
        self._read[descriptor] += data

    def _write(self) -> None:
        try:
            self._data = self._data[os.write(self._stdin.fileno(), self._data[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._data = self._data[:0]  # it does not want more
        if not self._data:
            self._selector.unregister(self._stdin.fileno())
            self._stdin.close()

    def drained(self) -> tuple[bytes, bytes]:
        """Standard output and standard error, with what was still in the pipes."""
        for descriptor in self._read:
            while chunk := _available(descriptor):
                self._read[descriptor] += chunk
        output, errors = self._read.values()
        return bytes(output), bytes(errors)


def _available(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return b""
