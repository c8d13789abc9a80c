"""A node's init (pid 1 of its PID namespace): builds the node's root, starts its processes, reaps for ever.

It is forked, not executed, from the lab's init, so that it costs no interpreter start. It talks to the lab's init
over a socket pair, one JSON document a line, until the lab is committed."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import Any

from netlab.kernel import syscalls as sc
from netlab.runtime.inside import rights
from netlab.runtime.inside.starter import Starter
from netlab.runtime.netns import rootfs


def run(node: dict[str, Any], staging: str, keep: list[str], control: socket.socket, logs: int) -> None:
    """Be the init of `node`. Never returns. `logs` is a descriptor of the folder that holds the node's logs."""
    try:
        sc.unshare(sc.CLONE_NEWNS | sc.CLONE_NEWNET | sc.CLONE_NEWUTS | sc.CLONE_NEWIPC)
        sc.sethostname(node["name"])
        rootfs.build_root(staging, node, keep)
        rights.confine(frozenset(node["capabilities"]))
    except OSError as error:
        _send(control, {"error": f"{node['name']}: {sc.describe(error)}"})
        os._exit(1)
    _send(control, {"ready": node["name"]})
    request = control.makefile("r", encoding="utf-8").readline()
    if request:
        starter = Starter(node["name"], json.loads(request), lambda process: _open_log(logs, process))
        try:
            answer: dict[str, Any] = starter.run()
        except OSError as error:  # no room for a log, no further process or descriptor
            answer = {"error": f"{node['name']}: {sc.describe(error)}"}
        _send(control, answer)
    control.close()
    os.close(logs)
    reap_for_ever()


def _open_log(folder: int, process: str) -> int:
    flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW
    return os.open(f"{process}.log", flags, 0o600, dir_fd=folder)


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


def reap_for_ever() -> None:
    """What is left to an init once all runs."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        signal.sigwait({signal.SIGCHLD})
