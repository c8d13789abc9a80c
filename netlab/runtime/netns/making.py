"""Making the nodes of a lab: their namespaces, their roots and their inits. By the lab's init, and helpers of it."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from netlab.kernel import syscalls as sc
from netlab.runtime.netns import nodeinit, rootfs

if TYPE_CHECKING:
    from netlab.runtime.netns.messages import LabAnswer, Node

_KINDS = {
    "pid": sc.CLONE_NEWPID,
    "net": sc.CLONE_NEWNET,
    "uts": sc.CLONE_NEWUTS,
    "ipc": sc.CLONE_NEWIPC,
    "mnt": sc.CLONE_NEWNS,
}
_OF_A_NODE = sc.CLONE_NEWNET | sc.CLONE_NEWUTS | sc.CLONE_NEWIPC | sc.CLONE_NEWNS
_PROCESSORS = os.cpu_count() or 1
_AT_A_TIME = 16
_MOST_HELPERS = 3
_WORTH_A_HELPER = 50  # nodes


class BuilderGone(Exception):
    """The builder closed the socket before it committed."""


class NotMade(Exception):
    """Why a node could not be made, for a user; `remedy` says what to do about it, where that is known."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class Maker:
    """Makes nodes in this process's namespaces. `bases` are by root, as a node's `rootfs` has it; `control` is the
    socket whose end means that nobody wants them any more."""

    def __init__(self, bases: Mapping[str, rootfs.Base], directory_fd: int, control: socket.socket) -> None:
        self.nodes: dict[str, socket.socket] = {}
        """To the inits of those that will start something."""
        self.pids: dict[str, int] = {}
        self._bases = bases
        self._directory_fd = directory_fd
        self._control = control

    def make_with_helpers(self, nodes: list[Node]) -> None:
        """Make nodes on several processors. A helper takes none to whose init this process will have to talk, and
        leaves the inits of its own to the lab's when it ends. NotMade, BuilderGone or OSError."""
        plain = [node for node in nodes if not node["starts"]]
        count = min(_MOST_HELPERS, _PROCESSORS - 1, len(plain) // _WORTH_A_HELPER)
        helped = {node["name"] for number in range(count) for node in plain[number :: count + 1]}
        helpers = [self._helper(plain[number :: count + 1]) for number in range(count)]
        self.make([node for node in nodes if node["name"] not in helped])
        for pid, answer in answers(self._control, {str(pid): stream for pid, stream in helpers}):
            if answer is None:
                raise NotMade("a process that makes nodes died")
            if "error" in answer:
                raise NotMade(answer["error"], answer["remedy"])
            os.waitpid(int(pid), 0)  # from now on its nodes are the children of the lab's init
            self.pids |= answer["nodes"]
        self.pids = {node["name"]: self.pids[node["name"]] for node in nodes}
        for _, stream in helpers:
            stream.close()

    def _helper(self, nodes: list[Node]) -> tuple[int, socket.socket]:
        ours, its = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                _close_all_but(its.fileno())
                its.sendall(json.dumps(self._help(nodes, its)).encode() + b"\n")
            finally:
                os._exit(0)
        its.close()
        return pid, ours

    def _help(self, nodes: list[Node], control: socket.socket) -> LabAnswer:
        maker = Maker(self._bases, -1, control)
        try:
            maker.make(nodes)
        except NotMade as failure:
            return {"error": str(failure), "remedy": failure.remedy}
        except OSError as error:
            return {"error": sc.describe(error), "remedy": remedy(error)}
        return {"nodes": maker.pids}

    def make(self, nodes: list[Node]) -> None:
        """Make nodes, some at a time: with hundreds under way each of them would wait for all the others.

        Roots are built in namespaces that this process enters and leaves, since a fork would do it at twice the cost:
        each page that it writes to is copied. So is each that this process writes to after a fork, until the next: so
        it builds some roots, and then forks their inits in a row.
        """
        home = _Namespaces()
        for start in range(0, len(nodes), _AT_A_TIME):
            built = [(node, self._build(node, home)) for node in nodes[start : start + _AT_A_TIME]]
            if start:
                self._wait_for(nodes[start - _AT_A_TIME : start])
            for node, namespaces in built:
                self._fork(node, namespaces, home)
        self._wait_for(nodes[-(len(nodes) % _AT_A_TIME or _AT_A_TIME) :])
        home.close()

    def _build(self, node: Node, home: _Namespaces) -> _Namespaces:
        """Make a node's namespaces and its root, all but what takes a process of the node."""
        try:
            sc.unshare(_OF_A_NODE)
            try:
                sc.sethostname(node["name"])
                rootfs.build_root(node, self._bases[node["rootfs"] or ""])
            except OSError as error:
                raise NotMade(f"{node['name']}: {sc.describe(error)}") from None
            return _Namespaces()
        finally:
            home.enter()

    def _fork(self, node: Node, namespaces: _Namespaces, home: _Namespaces) -> None:
        """Start a node's init in its namespaces."""
        logs = self._log_folder(node["name"]) if node["starts"] else -1
        mine, its = socket.socketpair()
        try:
            namespaces.enter()
            sc.unshare(sc.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                try:
                    _close_all_but(its.fileno(), logs)
                    nodeinit.run(node, self._bases[node["rootfs"] or ""], its.fileno(), logs)
                finally:
                    os._exit(1)  # whatever happens in a node, it never goes on as the lab's init
        finally:
            home.enter()
        namespaces.close()
        its.close()
        if logs >= 0:
            os.close(logs)
        self.nodes[node["name"]] = mine
        self.pids[node["name"]] = pid

    def _wait_for(self, nodes: list[Node]) -> None:
        """Until these are made. What nobody will talk to again is closed: it would be copied into all later nodes."""
        starts = {node["name"]: node["starts"] for node in nodes}
        for name, answer in answers(self._control, {name: self.nodes[name] for name in starts}):
            if answer is None or "error" in answer:
                raise NotMade(answer["error"] if answer else f"{name}: its init died")
            if not starts[name]:
                self.nodes.pop(name).close()

    def _log_folder(self, name: str) -> int:
        os.mkdir(f"logs/{name}", 0o700, dir_fd=self._directory_fd)
        return os.open(f"logs/{name}", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._directory_fd)


class _Namespaces:
    """Those that this process is in, to come back to. Of PID namespaces, that of its children to come."""

    def __init__(self) -> None:
        self._handles = {flag: os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name, flag in _KINDS.items()}

    def enter(self) -> None:
        """Come back."""
        for flag, handle in self._handles.items():
            sc.setns(handle, flag)

    def close(self) -> None:
        """Close the descriptors."""
        for handle in self._handles.values():
            os.close(handle)


def answers(control: socket.socket, streams: Mapping[str, socket.socket]) -> Iterator[tuple[str, LabAnswer | None]]:
    """One answer of each stream and its name, in the order they come, None of a process that has died. BuilderGone once
    `control` ends."""
    waiting = {stream.fileno(): name for name, stream in streams.items()}
    poll = select.poll()
    poll.register(control, select.POLLRDHUP)
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    while waiting:
        for descriptor, _ in poll.poll():
            if descriptor == control.fileno():
                raise BuilderGone
            poll.unregister(descriptor)
            name = waiting.pop(descriptor)
            line = _line(streams[name])
            yield name, json.loads(line) if line else None


def _line(stream: socket.socket) -> bytes:
    """All that is said at once; empty where whoever speaks has died before it had said it."""
    line = b""
    while not line.endswith(b"\n"):
        piece = stream.recv(1 << 16)
        if not piece:
            return b""
        line += piece
    return line


def _close_all_but(*kept: int) -> None:
    """Close what a fork has beyond its standard streams, other nodes' sockets above all."""
    first = 3
    for descriptor in sorted(descriptor for descriptor in kept if descriptor >= first):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


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
