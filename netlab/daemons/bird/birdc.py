"""Questions to BIRD over its control socket, in the text protocol that birdc speaks (doc/reply_codes in its source)."""

from __future__ import annotations

import re
import socket

SOCKET = "/run/bird/bird.ctl"
"""Where birdc looks for it."""
# "1007-text" goes on, "0000 text" ends the answer, and so does the greeting "0001 BIRD 2.0.12 ready.".
_LAST_LINE = re.compile(rb"(?:^|\n)\d{4} [^\n]*\n\Z")
_PARSE_ERROR = "9"
_MOST = 1 << 26


def path(program: str) -> str:  # noqa: ARG001
    """Its one socket."""
    return SOCKET


def greet(connection: socket.socket) -> None:
    """Read the greeting, and ask for nothing but looking: the agent never changes a router."""
    _receive(connection)
    ask(connection, "restrict")


def ask(connection: socket.socket, command: str) -> str:
    """Send `command`; the whole answer with its codes. OSError where BIRD does not understand it."""
    connection.sendall(command.encode() + b"\n")
    answer = _receive(connection)
    if answer.startswith(_PARSE_ERROR):
        raise OSError(f"`{command}`: {answer.strip()}")
    return answer


def _receive(connection: socket.socket) -> str:
    data = bytearray()
    while not _LAST_LINE.search(data, max(0, data.rfind(b"\n", 0, -1))):
        piece = connection.recv(1 << 16)
        if not piece:
            raise OSError("it closed the connection")
        data += piece
        if len(data) > _MOST:
            raise OSError("its answer has no end")
    return data.decode("utf-8", "replace")
