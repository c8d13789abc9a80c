"""The builder's side of a container's init: the socket by which it is told what to do (init.py has the other end).

The socket lies in a folder of the lab's state that the container sees read-only. The first message carries the
descriptors of the logs, so that a container sees no other file of the state folder.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netlab.model.errors import LabError
from netlab.model.plan import NodePlan
from netlab.runtime import starting

if TYPE_CHECKING:
    from netlab.runtime.docker.messages import AccountsRequest, Commit, File, MachineRequest
    from netlab.runtime.inside.messages import Answer, StartRequest

_POLL = 0.05
_NAME = "control"


def listen(folder: Path, name: str) -> socket.socket:
    """A unix socket that takes one connection in a folder, however deep that lies: a path of its own has room for 107
    bytes (unix(7))."""
    listener = socket.socket(socket.AF_UNIX)
    short = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{short}/{name}")
        listener.listen(1)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(short)
    return listener


class Door:
    """Where an init of a machine knocks. Made before its container starts."""

    def __init__(self, directory: Path, node: NodePlan) -> None:
        self._node = node
        self._directory = directory
        folder = directory / "nodes" / node.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _NAME).unlink(missing_ok=True)
        self._listener = listen(folder, _NAME)
        self._path = folder / _NAME

    def close(self) -> None:
        """Nobody can knock any more."""
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def answer(self, deadline: float, must_go_on: Callable[[], None], *, keep_files: bool) -> Init:
        """Wait for the init until `deadline` (time.monotonic); `must_go_on` is called meanwhile and may raise.

        `keep_files`: files that the machine has already stay as they are.
        """
        while not select.select([self._listener], [], [], _POLL)[0]:
            must_go_on()
            if time.monotonic() > deadline:
                raise LabError(f"{self._node.name}: netlab's init in its container did not answer in time")
        connection, _ = self._listener.accept()
        return Init(connection, self._node, self._directory, keep_files=keep_files)


def _accounts(node: NodePlan) -> AccountsRequest | None:
    names = starting.accounts_of(node)
    if names is None:
        return None
    return {
        "files": starting.account_files(node),
        "user": names.user,
        "groups": names.groups,
        "folders": names.folders,
    }


class Init:
    """A connected init."""

    def __init__(self, connection: socket.socket, node: NodePlan, directory: Path, *, keep_files: bool) -> None:
        self.node = node
        self.connection = connection
        self._lines = connection.makefile("rb")
        names = [*(process.name for process in node.processes), "exec"]
        with ExitStack() as stack:
            logs = [stack.enter_context(open_log(directory, node.name, name)) for name in names]
            socket.send_fds(connection, [b"L"], [log.fileno() for log in logs])
        files: list[File] = [{"path": file.path, "content": file.content, "mode": file.mode} for file in node.files]
        self.send(
            {
                "logs": names,
                "files": files,
                "keep_files": keep_files,
                "accounts": _accounts(node),
                "capabilities": sorted(starting.capabilities(node)),
            }
        )
        self._expect("ready")

    def send(self, message: MachineRequest | StartRequest | Commit) -> None:
        """Tell it something."""
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise self._gone() from None

    def receive(self) -> Answer:
        """Its next answer."""
        line = self._lines.readline()
        if not line:
            raise self._gone()
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise LabError(answer["error"])
        return answer

    def _expect(self, word: str) -> None:
        answer = self.receive()
        if word not in answer:
            raise LabError(f"{self.node.name}: its init answered {answer}")

    def _gone(self) -> LabError:
        return LabError(f"{self.node.name}: its container died while the lab was being built")

    def release(self) -> None:
        """The machine lives on without its builder."""
        self.send({"op": "commit"})
        self.close()

    def close(self) -> None:
        """End the conversation. An init that was not released ends."""
        self._lines.close()
        self.connection.close()


def open_log(directory: Path, node: str, process: str) -> BinaryIO:
    """The log of a machine's process in the state folder, to read and to append to."""
    folder = directory / "logs" / node
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(folder / f"{process}.log", flags, 0o600), "r+b", buffering=0)
