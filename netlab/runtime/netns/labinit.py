"""The lab's init, pid 1 of its PID namespace. When it dies the kernel ends every process of the lab.

It talks to its builder over a socket, one JSON document a line. Until "commit", the end of that socket means that
the builder is gone: the init removes the lab's state folder and exits, and nothing is left.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import select
import signal
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netlab.kernel import syscalls as sc
from netlab.runtime.inside import rights
from netlab.runtime.netns import nodeinit, rootfs
from netlab.statefolder import claim

if TYPE_CHECKING:
    from netlab.runtime.inside.messages import Answer, StartRequest
    from netlab.runtime.netns.messages import LabAnswer, Node, NodesRequest, Request

_KINDS = {
    "pid": sc.CLONE_NEWPID,
    "net": sc.CLONE_NEWNET,
    "uts": sc.CLONE_NEWUTS,
    "ipc": sc.CLONE_NEWIPC,
    "mnt": sc.CLONE_NEWNS,
}
_OF_A_NODE = sc.CLONE_NEWPID | sc.CLONE_NEWNET | sc.CLONE_NEWUTS | sc.CLONE_NEWIPC | sc.CLONE_NEWNS
_AT_A_TIME = 2 * (os.cpu_count() or 1)


class _BuilderGone(Exception):
    """The builder closed the socket before it committed."""


class _Namespaces:
    """This process's own, to come back to."""

    def __init__(self) -> None:
        # The PID namespace is that of children to come.
        self._handles = {flag: os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name, flag in _KINDS.items()}

    def enter(self) -> None:
        """Come back."""
        for flag, handle in self._handles.items():
            sc.setns(handle, flag)

    def close(self) -> None:
        """Close the descriptors."""
        for handle in self._handles.values():
            os.close(handle)


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
        Raises _BuilderGone."""
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
                raise _BuilderGone from None
            if not data:
                raise _BuilderGone
            *lines, rest = data.split(b"\n")
            for line in lines:
                yield b"".join((*pending, line))
                pending.clear()
            pending.append(rest)

    def _send(self, message: LabAnswer | Answer) -> None:
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise _BuilderGone from None

    def _make_nodes(self, request: NodesRequest) -> None:
        """Make all nodes, some at a time: with hundreds under way each of them would wait for all the others."""
        os.umask(0o022)  # what a machine's own programs expect; the state folder's modes are given explicitly
        rootfs.prepare_lab(self._staging, request["writable"])
        os.mkdir("logs", 0o700, dir_fd=self._directory_fd)
        nodes = _completed(request)
        paths = {file["path"] for node in nodes for file in node["files"]}
        roots = {node["rootfs"] or "" for node in nodes}
        bases = {root: rootfs.Base(self._staging, root, paths, request["keep"]) for root in roots}
        rights.prepare()
        pids: dict[str, int] = {}
        home = _Namespaces()
        gc.disable()  # a collection in a fork would touch, and so copy, all that the forks share
        under_way: dict[str, bool] = {}  # and whether its init is needed later
        for node in nodes:
            pids[node["name"]] = self._make_node(node, bases[node["rootfs"] or ""], home)
            under_way[node["name"]] = node["starts"]
            if len(under_way) == _AT_A_TIME and not self._one_is_made(under_way):
                return
        while under_way:
            if not self._one_is_made(under_way):
                return
        gc.enable()
        home.close()
        self._send({"nodes": pids})

    def _make_node(self, node: Node, base: rootfs.Base, home: _Namespaces) -> int:
        """Make a node's namespaces and start its init; the init's pid.

        As much as can be is done here, in namespaces that this process enters and leaves: a fork would do it at twice
        the cost, since every page that it writes to is copied.
        """
        logs = self._log_folder(node["name"]) if node["starts"] else -1
        mine, its = socket.socketpair()
        try:
            sc.unshare(_OF_A_NODE)
            sc.sethostname(node["name"])
            rootfs.build_root(node, base)
            pid = os.fork()
            if pid == 0:
                try:
                    _close_all_but(its.fileno(), logs)
                    nodeinit.run(node, base, its.fileno(), logs)
                finally:
                    os._exit(1)  # whatever happens in a node, it never goes on as the lab's init
        except OSError as error:
            raise OSError(error.errno, f"{node['name']}: {sc.describe(error)}") from None
        finally:
            home.enter()
        its.close()
        if logs >= 0:
            os.close(logs)
        self._nodes[node["name"]] = mine
        return pid

    def _log_folder(self, name: str) -> int:
        os.mkdir(f"logs/{name}", 0o700, dir_fd=self._directory_fd)
        return os.open(f"logs/{name}", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._directory_fd)

    def _one_is_made(self, under_way: dict[str, bool]) -> bool:
        """Wait for one of these nodes; False where it failed, which the builder is told."""
        name, answer = next(self._answers(tuple(under_way)))
        if "error" in answer:
            self._send(answer)
            return False
        if not under_way.pop(name):  # an open socket would be copied into every later node
            self._nodes.pop(name).close()
        return True

    def _start(self, nodes: dict[str, StartRequest]) -> None:
        for name, request in nodes.items():
            try:
                self._nodes[name].sendall(json.dumps(request).encode() + b"\n")
            except BrokenPipeError:
                pass  # its init died, which reading its answer tells
        for _, answer in self._answers(tuple(nodes)):
            self._send(answer)

    def _answers(self, names: tuple[str, ...]) -> Iterator[tuple[str, Answer]]:
        """One answer of each node and its name, in the order they come, while watching for the builder's end."""
        waiting = {self._nodes[name].fileno(): name for name in names}
        poll = select.poll()
        poll.register(self._control, select.POLLRDHUP)
        for descriptor in waiting:
            poll.register(descriptor, select.POLLIN)
        while waiting:
            for descriptor, _ in poll.poll():
                if descriptor == self._control.fileno():
                    raise _BuilderGone
                poll.unregister(descriptor)
                name = waiting.pop(descriptor)
                line = _line(self._nodes[name])
                yield name, json.loads(line) if line else {"error": f"{name}: its init died"}


def _line(stream: socket.socket) -> bytes:
    """All that a node's init says at once; empty where it has died before it had said it."""
    line = b""
    while not line.endswith(b"\n"):
        piece = stream.recv(1 << 16)
        if not piece:
            return b""
        line += piece
    return line


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


def _close_all_but(*kept: int) -> None:
    """Close what a fork has beyond its standard streams, other nodes' sockets above all."""
    first = 3
    for descriptor in sorted(descriptor for descriptor in kept if descriptor >= first):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def run(control: socket.socket, directory: str, directory_fd: int) -> None:
    """Be the lab's init. Never returns."""
    try:
        LabInit(control, directory, directory_fd).run()
    except _BuilderGone:
        claim.remove_state(directory, directory_fd)
        os._exit(1)
    except OSError as error:
        if error.filename and not os.path.isabs(error.filename):
            error.filename = f"{directory}/{error.filename}"
        try:
            control.sendall(json.dumps({"error": sc.describe(error), "remedy": remedy(error)}).encode() + b"\n")
            control.recv(1)  # the builder reads the message, then closes its end
        except OSError:
            pass  # it is gone already
        claim.remove_state(directory, directory_fd)
        os._exit(1)
    nodeinit.reap_for_ever()


def remedy(error: OSError) -> str | None:
    """What mends a system call's refusal, as far as its number tells."""
    if error.errno == errno.ENOSYS:
        return "Linux 5.12 or later is needed"
    if error.errno == errno.EMFILE:
        return "raise the hard limit of open files (ulimit -Hn)"
    if error.errno == errno.EAGAIN:
        return "raise the limit of processes (ulimit -u)"
    if error.errno in (errno.ENOSPC, errno.EDQUOT) and error.filename is not None:
        return "make room there, or set XDG_STATE_HOME to another folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "raise user.max_user_namespaces, user.max_pid_namespaces, user.max_net_namespaces or fs.mount-max"
    return "'netlab doctor' looks for the reason" if error.errno in (errno.EPERM, errno.EACCES) else None
