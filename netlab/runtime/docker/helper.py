"""Becomes the agent in a helper container: takes its standard streams from the socket of whoever started it.

Run as `python3 -I -S -B helper.py FOLDER ARGV...`, where FOLDER holds the socket.
"""

from __future__ import annotations

import os
import socket
import sys

SOCKET = "agent"


def main() -> None:
    """Become the program."""
    with socket.socket(socket.AF_UNIX) as control:
        folder = os.open(sys.argv[1], os.O_PATH)  # its path may be longer than a socket's may be (unix(7))
        control.connect(f"/proc/self/fd/{folder}/{SOCKET}")
        _, streams, _, _ = socket.recv_fds(control, 1, 3)
    for target, descriptor in enumerate(streams):
        os.dup2(descriptor, target)
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    os.execve(sys.argv[2], sys.argv[2:], environment)


if __name__ == "__main__":
    main()
