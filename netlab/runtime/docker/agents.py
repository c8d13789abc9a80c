"""Starting an agent for a docker lab: by root on this host, for a user of the group docker in a helper container.

Entering another process's network namespace takes CAP_SYS_ADMIN, which a user who may only talk to the engine has
through it alone. The helper runs this very interpreter and package: the host's root is bound in it, and it changes
its root there, so that no image needs netlab's libraries. Standard streams are passed to it as descriptors.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol

import docker
import requests
from docker.errors import APIError
from docker.types import Mount

import netlab
from netlab.agent.client import AgentClient
from netlab.agent.pcap.session import CaptureSession
from netlab.model.errors import HostError, LabError
from netlab.runtime.docker import containers, engine, helper, images
from netlab.runtime.docker.control import listen

_AGENT = Path(netlab.__file__).parent / "agent" / "__main__.py"
_HOST = "/host"
_START_TIMEOUT = 60.0
_LOOK = 0.5  # seconds between looks whether the helper lives
_END_TIMEOUT = 1  # second
_CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "NET_RAW", "SYS_CHROOT", "DAC_OVERRIDE")
"""setns(2); /proc/PID/ns and /proc/PID/root of others; links; captures; the host's root; files of the user's."""


class _Process(Protocol):
    def end(self) -> int | None:
        """How it ended: its exit code; None where it has not within a second, and was killed."""


class Agents:
    """Starts agents for one lab."""

    def __init__(self, url: str, name: str, directory: Path, build: str = "") -> None:
        """`url`: where the engine listens, which is asked where this process may not enter the machines itself.
        `build`: of a lab under construction, whose guard then knows the helper by it."""
        self._url = url
        self._name = name
        self._build = build
        self._directory = directory

    def start(self, *, wiring: bool = False) -> AgentClient:
        """An agent that has still to be told where the machines are. `wiring`: it may load what that takes at once."""
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        try:
            process = self._start(("--wiring",) if wiring else (), in_read, out_write)
        except BaseException:
            os.close(in_write)
            os.close(out_read)
            raise
        finally:
            os.close(in_read)
            os.close(out_write)
        return AgentClient(in_write, out_read, process.end)

    def start_capturer(self, output: int) -> CaptureSession:
        """A capturer that writes to the descriptor `output`, which stays the caller's."""
        ours, its = socket.socketpair()
        with its:
            try:
                process = self._start(("--capture",), its.fileno(), output)
            except BaseException:
                ours.close()
                raise
        return CaptureSession(ours, process.end)

    def _start(self, options: tuple[str, ...], stdin: int, stdout: int) -> _Process:
        argv = (sys.executable, "-s", "-P", str(_AGENT), *options)
        if may_enter():
            return _Child(argv, stdin, stdout)
        client = engine.connect(self._url)
        try:
            labels = containers.labels(self._name, "", str(self._directory), self._build)
            return _start_helper(client, labels, argv, (stdin, stdout), self._directory)
        except BaseException:
            client.close()
            raise


def may_enter() -> bool:
    """Whether this process itself may enter a container's namespaces; else an agent needs a helper container."""
    return os.geteuid() == 0


class _Child:
    """An agent that is a child of this process."""

    def __init__(self, argv: tuple[str, ...], stdin: int, stdout: int) -> None:
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {key: os.environ[key] for key in ("TZ",) if key in os.environ}
        try:
            self._process = subprocess.Popen(argv, stdin=stdin, stdout=stdout, env=environment, start_new_session=True)
        except OSError as error:
            raise HostError(f"cannot start {argv[0]}: {error.strerror}") from None

    def end(self) -> int | None:
        try:
            return self._process.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()  # still sending flows that nobody waits for
            self._process.wait()
            return None


class _Helper:
    """An agent in a helper container, which the engine removes when it ends."""

    def __init__(self, client: docker.APIClient, container: str) -> None:
        self._client = client
        self._container = container

    def end(self) -> int | None:
        with closing(self._client):
            return self._end()

    def _end(self) -> int | None:
        try:
            return int(self._client.wait(self._container, timeout=_END_TIMEOUT)["StatusCode"])
        except APIError:
            return 0  # it has ended and is gone
        except requests.exceptions.RequestException:
            containers.remove(self._client, (containers.Container(self._container, "netlab's helper", "", True),))
            return None


def _start_helper(
    client: docker.APIClient, labels: dict[str, str], argv: tuple[str, ...], streams: tuple[int, int], directory: Path
) -> _Helper:
    if not images.is_there(client, images.BASE):
        mend = "scripts/build-images base; or run netlab as root"
        raise HostError(f"netlab's agent needs root, or the image {images.BASE} for a helper container", mend)
    # In the lab's own folder, which goes with the lab also where this process is killed.
    with (
        tempfile.TemporaryDirectory(prefix="agent-", dir=directory) as name,
        listen(Path(name), helper.SOCKET) as listener,
    ):
        folder = str(Path(name).resolve())
        with engine.refusals("netlab's helper container, which its agent needs"):
            made = client.create_container(
                images.BASE,
                entrypoint=["chroot", _HOST, sys.executable, "-I", "-S", "-B", helper.__file__, folder, *argv],
                command=[],
                labels=labels,
                host_config=client.create_host_config(
                    auto_remove=True,
                    network_mode="none",
                    pid_mode="host",
                    cap_drop=["ALL"],
                    cap_add=list(_CAPABILITIES),
                    security_opt=["apparmor=unconfined"],
                    # The root itself read-only; /proc apart, because sysctls of network namespaces are written there.
                    mounts=[
                        Mount(_HOST, "/", type="bind", read_only=True),
                        Mount(f"{_HOST}/proc", "/proc", type="bind"),
                    ],
                ),
            )
            client.start(made["Id"])
        with _accepted(listener, client, made["Id"]) as connection:
            socket.send_fds(connection, [b"D"], [*streams, 2])
    return _Helper(client, made["Id"])


def _accepted(listener: socket.socket, client: docker.APIClient, container: str) -> socket.socket:
    """The helper's connection. LabError where it does not come in time, or its container has ended."""
    deadline = time.monotonic() + _START_TIMEOUT
    listener.settimeout(_LOOK)
    while True:
        try:
            return listener.accept()[0]
        except TimeoutError:
            if not containers.pid_of(client, container):
                message = "netlab's agent ended at once in its helper container"
                raise LabError(f"{message}: the engine must have this host's files, or run netlab as root") from None
            if time.monotonic() > deadline:
                raise LabError("netlab's agent did not start in its helper container") from None
