"""Questions to routing daemons over their sockets: 0.2 ms each, where a vtysh process takes 40 (measured).

FRR's daemons are asked over their vty sockets, BIRD over its control socket.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

from netlab.agent import birdc
from netlab.agent.messages import VtyAnswer, VtyQuestion
from netlab.agent.namespaces import Namespaces

_TIMEOUT = 5.0


def ask(questions: tuple[VtyQuestion, ...], namespaces: Namespaces) -> tuple[VtyAnswer, ...]:
    """Ask each question, with one connection per daemon."""
    with ExitStack() as stack:
        daemons: dict[tuple[str, str], _Daemon] = {}
        for question in questions:
            key = (question.node, question.daemon)
            if key not in daemons:
                daemons[key] = stack.enter_context(closing(_Daemon(question, namespaces)))
        return tuple(daemons[question.node, question.daemon].ask(question.command) for question in questions)


class _Daemon:
    """A daemon and the connection to it. One that failed to answer is not asked again: each try may take 5 s."""

    def __init__(self, question: VtyQuestion, namespaces: Namespaces) -> None:
        self._name = f"{question.node}: {question.daemon}"
        self._is_bird = question.daemon == "bird"
        path = birdc.SOCKET if self._is_bird else f"/run/frr/{question.daemon}.vty"
        self._path = namespaces.file(question.node, path)
        self._connection: socket.socket | None = None
        self._error: str | None = None

    def ask(self, command: str) -> VtyAnswer:
        """What the daemon prints, or why it does not."""
        if self._error:
            return VtyAnswer("", self._error)
        try:
            if self._connection is None:
                self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._connection.settimeout(_TIMEOUT)
                self._connection.connect(self._path)
                if self._is_bird:
                    birdc.greet(self._connection)
                else:
                    _exchange(self._connection, "enable")
            ask = birdc.exchange if self._is_bird else _exchange
            return VtyAnswer(ask(self._connection, command))
        except OSError as error:
            self._error = f"{self._name} does not answer: {error.strerror or error}"
            return VtyAnswer("", self._error)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


def _exchange(connection: socket.socket, command: str) -> str:
    """Send `command` and a NUL; the answer ends with three NULs and a status byte (FRR lib/vty.c)."""
    connection.sendall(command.encode() + b"\0")
    data = b""
    while len(data) < 4 or data[-4:-1] != b"\0\0\0":
        piece = connection.recv(1 << 16)
        if not piece:
            raise OSError("it closed the connection")
        data += piece
    return data[:-4].decode("utf-8", "replace")
