"""A node's init (pid 1 of its PID namespace): builds the node's root, starts its processes, reaps for ever.

It is forked, not executed, from the lab's init, so that it costs no interpreter start. It talks to the lab's init
over a socket pair, one JSON document a line, until the lab is committed."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

from netlab.kernel import syscalls as sc
from netlab.runtime.inside import rights
from netlab.runtime.inside.starter import Starter
from netlab.runtime.netns import rootfs

if TYPE_CHECKING:
    from netlab.runtime.inside.messages import Answer
    from netlab.runtime.netns.messages import Node

READY = b'{"ready": true}\n'


def run(node: Node, base: rootfs.Base, control: int, logs: int) -> None:
    """Be the init of `node`. Never returns. `control` is a descriptor of its end of the socket pair, `logs` one of the
    folder that holds the node's logs; -1 where it starts nothing."""
    try:
        rootfs.enter_root(node, base)
        rights.confine(node["capabilities"])
    except OSError as error:
        _send(control, {"error": f"{node['name']}: {sc.describe(error)}"})
        os._exit(1)
    os.write(control, READY)
    if node["starts"]:
        _start(node["name"], control, logs)
        os.close(logs)
    os.close(control)
    reap_for_ever()


def _start(name: str, control: int, logs: int) -> None:
    """Wait for the request to start the node's processes, do it, and answer."""
    with open(control, encoding="utf-8", closefd=False) as lines:
        request = lines.readline()
    if request:
        starter = Starter(name, json.loads(request), lambda process: _open_log(logs, process))
        try:
            answer = starter.run()
        except OSError as error:  # no room for a log, no further process or descriptor
            answer = {"error": f"{name}: {sc.describe(error)}"}
        _send(control, answer)


def _open_log(folder: int, process: str) -> int:
    flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW
    return os.open(f"{process}.log", flags, 0o600, dir_fd=folder)


def _send(control: int, message: Answer) -> None:
    left = json.dumps(message).encode() + b"\n"
    while left:
        left = left[os.write(control, left) :]


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
