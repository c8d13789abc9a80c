"""How FRR's programs are asked: over their vty sockets, one for each."""

from __future__ import annotations

import socket


def path(program: str) -> str:
    """The socket of one of the programs (bgpd, zebra, ...)."""
    return f"/run/frr/{program}.vty"


def greet(connection: socket.socket) -> None:
    """Become who may see everything."""
    ask(connection, "enable")


def ask(connection: socket.socket, command: str) -> str:
    """Send `command` and a NUL; the answer ends with three NULs and a status byte (FRR lib/vty.c)."""
    connection.sendall(command.encode() + b"\0")
    data = b""
    while len(data) < 4 or data[-4:-1] != b"\0\0\0":
        piece = connection.recv(1 << 16)
        if not piece:
            raise OSError("it closed the connection")
        data += piece
    return data[:-4].decode("utf-8", "replace")
