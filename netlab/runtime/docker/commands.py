"""Commands in containers: with this process's standard streams, or captured."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import docker
from docker.errors import APIError
from docker.utils.socket import STDERR, STDOUT

from netlab.kernel.pump import Pump
from netlab.model.errors import HostError, NetlabError
from netlab.model.lab import LabMachine
from netlab.runtime.base import Finished, Invocation
from netlab.runtime.docker import engine
from netlab.runtime.inside.starter import base_environment

_START_TIMEOUT = 30.0
_HEADER = 8  # of a frame: stream, three zeros, size (Docker's API, "attach": stream format)


def attach(url: str, node: LabMachine, argv: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run a command with this process's standard streams; its exit code. SIGINT and SIGTERM are passed on to it.

    At a terminal this process becomes `docker exec`, which knows about terminals; and where the command reads from one
    alone, Ctrl-C would end the docker command and not the command in the container.
    """
    if os.isatty(0) and os.isatty(1):
        _become_docker(url, node, argv, environment)
    with engine.connected(url) as client, engine.refusals(node.name):
        made = client.exec_create(
            node.container, found_by_env(argv), stdin=True, environment=base_environment(node.name, environment)
        )["Id"]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: _send_signal(url, node, made, number))
        with _connected_to(client, made) as connection:
            streams = {STDOUT: 1, STDERR: 2}
            _pump(connection, _Frames(lambda stream, data: _write(streams[stream], data)), source=0).run(None)
        return _exit_code(client, made)


def _become_docker(url: str, node: LabMachine, argv: tuple[str, ...], environment: dict[str, str]) -> NoReturn:
    program = shutil.which("docker")
    if program is None:
        mend = "sudo apt-get install docker-cli"
        raise HostError("there is no docker command, which opens terminals in containers", mend)
    variables = base_environment(node.name, environment)
    settings = [part for key, value in variables.items() for part in ("-e", f"{key}={value}")]
    os.execv(program, [program, "-H", url, "exec", "-it", *settings, node.container, *found_by_env(argv)])


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@contextmanager
def _connected_to(client: docker.APIClient, command: str) -> Iterator[socket.socket]:
    """Start a command that was created, and give the connection that its streams come and go by."""
    stream = client.exec_start(command, socket=True)
    connection: socket.socket = getattr(stream, "_sock")  # noqa: B009  the library's half of it cannot be shut down
    try:
        yield connection
    finally:
        getattr(stream, "_response").close()  # noqa: B009  it keeps the connection open; no other way leads to it
        stream.close()
        connection.close()


def run(client: docker.APIClient, node: LabMachine, invocation: Invocation) -> Finished:
    """Run a command in a container and keep its output. Killed once its time has run out."""
    environment = base_environment(node.name, invocation.environment)
    with engine.refusals(node.name):
        made = client.exec_create(
            node.container, found_by_env(invocation.argv), stdin=bool(invocation.data), environment=environment
        )["Id"]
        with _connected_to(client, made) as connection:
            streams = {STDOUT: bytearray(), STDERR: bytearray()}
            frames = _Frames(lambda stream, data: streams[stream].extend(data))
            ended = _pump(connection, frames, data=invocation.data).run(invocation.timeout)
        output, errors = bytes(streams[STDOUT]), bytes(streams[STDERR])
        if not ended:
            _kill(client, node, made)
            return Finished(None, output, errors)
        return Finished(_exit_code(client, made), output, errors)


def found_by_env(argv: tuple[str, ...]) -> list[str]:
    """The command as env(1) starts it: 127 and a line on standard error where there is no such program, 126 where it
    cannot be executed. The engine itself says both on standard output, and Docker 20.10 ends with 126 for both."""
    return list(argv) if "=" in argv[0] else ["env", *argv]


def _pump(connection: socket.socket, frames: _Frames, *, data: bytes = b"", source: int | None = None) -> Pump:
    """Between this process and a command, whose streams come and go by one connection."""

    def end_of_input() -> None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)

    descriptor = connection.fileno()
    return Pump({descriptor: frames.add}, descriptor, end_of_input, data=data, source=source)


class _Frames:
    """The two streams of a command, which the engine sends in frames of one connection."""

    def __init__(self, take: Callable[[int, bytes], None]) -> None:
        """`take` gets what came: STDOUT or STDERR, and the bytes."""
        self._raw = bytearray()
        self._take = take

    def add(self, piece: bytes) -> None:
        """What came next."""
        self._raw += piece
        while len(self._raw) >= _HEADER:
            size = int.from_bytes(self._raw[4:_HEADER], "big")
            if len(self._raw) < _HEADER + size:
                return
            self._take(self._raw[0], bytes(self._raw[_HEADER : _HEADER + size]))
            del self._raw[: _HEADER + size]


def _exit_code(client: docker.APIClient, command: str) -> int:
    """The exit code, which the engine may know a moment after the end of the output."""
    deadline = time.monotonic() + 5
    while True:
        found = client.exec_inspect(command)
        if not found["Running"] or time.monotonic() > deadline:
            return 0 if found["ExitCode"] is None else int(found["ExitCode"])
        time.sleep(0.005)


def _kill(client: docker.APIClient, node: LabMachine, command: str) -> None:
    """End a command and all that it has started."""
    pid = _pid_inside(client, command)
    if pid:
        _run_kill(client, node, pid, signal.SIGKILL)


def _send_signal(url: str, node: LabMachine, command: str, number: int) -> None:
    """Pass a signal on to a command, as a terminal does: to its whole process group."""
    with suppress(NetlabError), engine.connected(url) as client:  # a client of its own: this interrupts another's call
        pid = _pid_inside(client, command)
        if pid:
            _run_kill(client, node, pid, number)


def _pid_inside(client: docker.APIClient, command: str) -> str | None:
    """A command's pid in its container; the engine makes each the leader of a session. None where it has ended."""
    deadline = time.monotonic() + _START_TIMEOUT
    found = client.exec_inspect(command)
    while not found["Pid"] and found["ExitCode"] is None and time.monotonic() < deadline:
        time.sleep(0.005)  # a busy engine has not even started it
        found = client.exec_inspect(command)
    try:
        status = Path(f"/proc/{found['Pid']}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:"))


def _run_kill(client: docker.APIClient, node: LabMachine, pid: str, number: int) -> None:
    """By a command in the container, where whoever may talk to the engine may send signals."""
    with suppress(APIError):
        killer = client.exec_create(node.container, ["kill", f"-{int(number)}", "--", f"-{pid}"])["Id"]
        client.exec_start(killer)
