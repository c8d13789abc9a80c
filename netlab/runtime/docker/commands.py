"""Commands in containers: with this process's standard streams, or captured."""

from __future__ import annotations

import os
import select
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import docker
from docker.errors import APIError
from docker.utils.socket import STDERR, STDOUT

from netlab.model.errors import HostError
from netlab.model.lab import LabNode
from netlab.runtime.base import Finished, Invocation
from netlab.runtime.docker import engine
from netlab.runtime.inside.starter import base_environment

_PIECE = 1 << 16
_START_TIMEOUT = 30.0
_HEADER = 8  # of a frame: stream, three zeros, size (Docker's API, "attach": stream format)


def replace_this_process(url: str, node: LabNode, argv: tuple[str, ...], environment: dict[str, str]) -> NoReturn:
    """Become `docker exec`, which passes streams, terminal sizes, signals and the exit code. HostError without it."""
    program = shutil.which("docker")
    if program is None:
        raise HostError(
            "there is no docker command, which runs commands in containers", "sudo apt-get install docker-cli"
        )
    terminal = ["-t"] if os.isatty(0) and os.isatty(1) else []
    settings = [
        part for key, value in base_environment(node.name, environment).items() for part in ("-e", f"{key}={value}")
    ]
    os.execv(program, [program, "-H", url, "exec", "-i", *terminal, *settings, node.container, *found_by_env(argv)])


def capture(client: docker.APIClient, node: LabNode, invocation: Invocation) -> Finished:
    """Run a command in a container and keep its output. Killed once its time has run out."""
    environment = base_environment(node.name, invocation.environment)
    with engine.refusals(node.name):
        made = client.exec_create(
            node.container, found_by_env(invocation.argv), stdin=bool(invocation.data), environment=environment
        )["Id"]
        stream = client.exec_start(made, socket=True)
        connection: socket.socket = getattr(stream, "_sock")  # noqa: B009  the library's half of it cannot be shut down
        try:
            output, errors, ended = _exchange(connection, invocation.data, invocation.timeout)
        finally:
            getattr(stream, "_response").close()  # noqa: B009  it keeps the connection open; no other way leads to it
            stream.close()
            connection.close()
        if not ended:
            _kill(client, node, made)
            return Finished(None, output, errors)
        return Finished(_exit_code(client, made), output, errors)


def found_by_env(argv: tuple[str, ...]) -> list[str]:
    """The command as env(1) starts it: 127 and a line on standard error where there is no such program, 126 where it
    cannot be executed. The engine itself says both on standard output, and Docker 20.10 ends with 126 for both."""
    return list(argv) if "=" in argv[0] else ["env", *argv]


def _exchange(connection: socket.socket, data: bytes, timeout: float | None) -> tuple[bytes, bytes, bool]:
    """Send `data`, read everything; output, errors, and whether the command closed its output in time."""
    deadline = None if timeout is None else time.monotonic() + timeout
    pending, frames = memoryview(data), _Frames()
    connection.setblocking(False)
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return frames.output, frames.errors, False
        readable, writable, _ = select.select([connection], [connection] if pending else [], [], left)
        if writable:
            with suppress(BlockingIOError):
                pending = pending[connection.send(pending[:_PIECE]) :]
            if not pending:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
        if readable:
            try:
                piece = connection.recv(_PIECE)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                piece = b""
            if not piece:
                return frames.output, frames.errors, True
            frames.add(piece)


class _Frames:
    """The two streams of a command, which the engine sends in frames of one connection."""

    def __init__(self) -> None:
        self._raw = bytearray()
        self._streams = {STDOUT: bytearray(), STDERR: bytearray()}

    def add(self, piece: bytes) -> None:
        """What came next."""
        self._raw += piece
        while len(self._raw) >= _HEADER:
            size = int.from_bytes(self._raw[4:_HEADER], "big")
            if len(self._raw) < _HEADER + size:
                return
            self._streams.get(self._raw[0], bytearray()).extend(self._raw[_HEADER : _HEADER + size])
            del self._raw[: _HEADER + size]

    @property
    def output(self) -> bytes:
        return bytes(self._streams[STDOUT])

    @property
    def errors(self) -> bytes:
        return bytes(self._streams[STDERR])


def _exit_code(client: docker.APIClient, command: str) -> int:
    """The exit code, which the engine may know a moment after the end of the output."""
    deadline = time.monotonic() + 5
    while True:
        found = client.exec_inspect(command)
        if not found["Running"] or time.monotonic() > deadline:
            return 0 if found["ExitCode"] is None else int(found["ExitCode"])
        time.sleep(0.005)


def _kill(client: docker.APIClient, node: LabNode, command: str) -> None:
    """End a command by its pid in the container, where whoever may talk to the engine may send signals."""
    deadline = time.monotonic() + _START_TIMEOUT
    found = client.exec_inspect(command)
    while not found["Pid"] and found["ExitCode"] is None and time.monotonic() < deadline:
        time.sleep(0.005)  # a busy engine has not even started it
        found = client.exec_inspect(command)
    pid = found["Pid"]
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # it has ended
    inner = next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:"))
    with suppress(APIError):
        # With all that it has started: the engine makes each command the leader of a session.
        killer = client.exec_create(node.container, ["kill", "-9", "--", f"-{inner}"])["Id"]
        client.exec_start(killer)
