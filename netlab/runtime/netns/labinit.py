"""The lab's init, pid 1 of its PID namespace. When it dies the kernel ends every process of the lab.

It talks to its builder over a socket, one JSON document a line. Until "commit", the end of that socket means that
the builder is gone: the init removes the lab's state folder and exits, and nothing is left.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netlab.kernel import syscalls as sc
from netlab.runtime.inside import rights
from netlab.runtime.netns import making, nodeinit, rootfs
from netlab.runtime.netns.making import BuilderGone, Maker, NotMade, answers
from netlab.statefolder import lab_folder

if TYPE_CHECKING:
    from netlab.runtime.inside.messages import Answer, StartRequest
    from netlab.runtime.netns.messages import LabAnswer, Node, NodesRequest, Request


class LabInit:
    """The requests of the builder, served one after the other."""

    def __init__(self, control: socket.socket, directory: str, directory_fd: int) -> None:
        self._control = control
        self._staging = f"{directory}/mount"
        self._directory_fd = directory_fd
        self._nodes: dict[str, socket.socket] = {}
        self._lines = self._read_lines()

    def run(self) -> None:
        """Serve until "commit"; then only reap. After "hold" the lab is complete, and still ends with its builder.
        Raises BuilderGone."""
        committed = False
        while not committed:
            request: Request = json.loads(next(self._lines))
            if request["op"] == "nodes":
                self._make_nodes(request)
            elif request["op"] == "start":
                self._start(request["nodes"])
            elif request["op"] == "hold":
                self._let_nodes_run()
                signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps while this waits for the builder
                self._send({"held": True})
            else:
                committed = True
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._let_nodes_run()
        self._send({"committed": True})
        self._control.close()
        os.close(self._directory_fd)

    def _let_nodes_run(self) -> None:
        for node in self._nodes.values():
            node.close()
        self._nodes.clear()

    def _read_lines(self) -> Iterator[bytes]:
        pending: list[bytes] = []  # joined once: a line may be of megabytes
        while True:
            try:
                data = self._control.recv(1 << 18)
            except ConnectionResetError:  # gone before it read our last answer (unix(7))
                raise BuilderGone from None
            if not data:
                raise BuilderGone
            *lines, rest = data.split(b"\n")
            for line in lines:
                yield b"".join((*pending, line))
                pending.clear()
            pending.append(rest)

    def _send(self, message: LabAnswer | Answer) -> None:
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise BuilderGone from None

    def _make_nodes(self, request: NodesRequest) -> None:
        os.umask(0o022)  # what a machine's own programs expect; the state folder's modes are given explicitly
        rootfs.prepare_lab(self._staging, request["writable"])
        os.mkdir("logs", 0o700, dir_fd=self._directory_fd)
        nodes = _completed(request)
        paths = {file["path"] for node in nodes for file in node["files"]}
        roots = {node["rootfs"] or "" for node in nodes}
        bases = {root: rootfs.Base(self._staging, root, paths, request["keep"], request["folders"]) for root in roots}
        rights.prepare()
        maker = Maker(bases, self._directory_fd, self._control)
        gc.disable()  # a collection in a fork would touch, and so copy, all that the forks share
        try:
            maker.make_with_helpers(nodes)
        except NotMade as failure:
            self._send({"error": str(failure), "remedy": failure.remedy})
            return
        gc.enable()
        self._nodes = maker.nodes
        self._send({"nodes": maker.pids})

    def _start(self, nodes: dict[str, StartRequest]) -> None:
        for name, request in nodes.items():
            try:
                self._nodes[name].sendall(json.dumps(request).encode() + b"\n")
            except BrokenPipeError:
                pass  # its init died, which reading its answer tells
        for name, answer in answers(self._control, {name: self._nodes[name] for name in nodes}):
            self._send(answer or {"error": f"{name}: its init died"})


def _completed(request: NodesRequest) -> list[Node]:
    """The nodes of a request, with what is sent once for all (requests.nodes)."""
    texts = [text.encode() for text in request["texts"]]
    rights = [frozenset(names) for names in request["rights"]]
    return [
        {
            **node,
            "files": [{**file, "content": texts[file["content"]]} for file in node["files"]],
            "capabilities": rights[node["rights"]],
        }
        for node in request["nodes"]
    ]


def run(control: socket.socket, directory: str, directory_fd: int) -> None:
    """Be the lab's init. Never returns."""
    try:
        LabInit(control, directory, directory_fd).run()
    except BuilderGone:
        lab_folder.remove_state(directory, directory_fd)
        os._exit(1)
    except OSError as error:
        if error.filename and not os.path.isabs(error.filename):
            error.filename = f"{directory}/{error.filename}"
        try:
            control.sendall(json.dumps({"error": sc.describe(error), "remedy": making.remedy(error)}).encode() + b"\n")
            control.recv(1)  # the builder reads the message, then closes its end
        except OSError:
            pass  # it is gone already
        lab_folder.remove_state(directory, directory_fd)
        os._exit(1)
    nodeinit.reap_for_ever()
