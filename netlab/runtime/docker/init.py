"""netlab's init in a container: pid 1. Writes the machine's files, starts its processes, reaps for ever.

Run as `python3 -I -S -B init.py NODE`. It asks its builder what to do, over the socket in /run/netlab/node: at the
container's start, and again after a restart, when it waits for `netlab repair`. Until the builder says "commit", the
end of the conversation means that the builder is gone, and this process ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

from netlab.runtime.inside import accounts, rights
from netlab.runtime.inside.starter import Starter

if TYPE_CHECKING:
    from netlab.runtime.docker.messages import AccountsRequest, File, MachineRequest
    from netlab.runtime.inside.messages import Answer

_CONTROL = "/run/netlab/node/control"
_POLL = 0.02
_MOST_LOGS = 250  # SCM_MAX_FD is 253 (unix(7))
_LAST_WORDS = 3.0  # seconds that processes have after SIGTERM; `docker stop` gives ten
# The engine writes these itself, and anew at each start.
_ENGINES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


def main() -> None:
    """Be the init."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    control = _connect()
    _, logs, _, _ = socket.recv_fds(control, 1, _MOST_LOGS)
    lines = control.makefile("r", encoding="utf-8")
    first = lines.readline()
    if not first:
        sys.exit(1)
    told: MachineRequest = json.loads(first)
    opened = dict(zip(told["logs"], logs))
    try:
        _write_files(told["files"], keep=told["keep_files"])
        if told["accounts"]:
            _take_over(told["accounts"])
        rights.confine(frozenset(told["capabilities"]))
    except OSError as error:
        what = f"cannot write {error.filename}: {error.strerror}" if error.filename else str(error)
        _send(control, {"error": f"{sys.argv[1]}: {what}"})
        sys.exit(1)
    _send(control, {"ready": sys.argv[1]})
    request = lines.readline()
    if not request:
        sys.exit(1)
    try:
        answer = Starter(sys.argv[1], json.loads(request), lambda process: os.dup(opened[process])).run()
    except OSError as error:
        answer = {"error": f"{sys.argv[1]}: {error.strerror}"}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps from here on
    _send(control, answer)
    if not lines.readline():
        sys.exit(1)
    for descriptor in logs:
        os.close(descriptor)
    control.close()
    while True:
        signal.pause()


def _connect() -> socket.socket:
    while True:
        control = socket.socket(socket.AF_UNIX)
        try:
            control.connect(_CONTROL)
            return control
        except OSError:
            control.close()
            time.sleep(_POLL)


def _send(control: socket.socket, message: Answer) -> None:
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        sys.exit(1)  # the builder is gone


def _write_files(files: list[File], *, keep: bool) -> None:
    for file in files:
        path = file["path"]
        if path in _ENGINES or (keep and os.path.exists(path)):
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(file["content"])
        os.chmod(path, file["mode"])


def _take_over(names: AccountsRequest) -> None:
    """Make a daemon's user another name of root, and give root what the image gave that user, in its folders."""
    for path in names["files"]:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        wanted = accounts.with_names(path, text, names["user"], names["groups"])
        if wanted != text:
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(wanted)
    for top in names["folders"]:
        os.makedirs(top, exist_ok=True)
        for folder, _, files in os.walk(top):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                _give_to_root(path)


def _give_to_root(path: str) -> None:
    try:
        os.chown(path, 0, 0, follow_symlinks=False)
    except OSError:
        pass  # bound read-only from the host


def _leave(*_: object) -> None:
    """End the machine's processes, then this one, and with it the container."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    deadline = time.monotonic() + _LAST_WORDS
    try:
        os.kill(-1, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.kill(-1, 0)
            time.sleep(_POLL)
    except ProcessLookupError:
        pass  # none is left
    os._exit(0)


if __name__ == "__main__":
    main()
