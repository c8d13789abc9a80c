"""The lab's init, pid 1 of its PID namespace. When it dies the kernel ends every process of the lab.

It talks to its builder over a socket, one JSON document a line. Until "commit", the end of that socket means that
the builder is gone: the init removes the lab's state folder and exits, and nothing is left.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
from collections.abc import Iterator
from typing import Any

from netlab.kernel import syscalls as sc
from netlab.runtime.netns import nodeinit, rootfs
from netlab.statefolder import claim


class _BuilderGone(Exception):
    """The builder closed the socket before it committed."""


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
            request = json.loads(next(self._lines))
            if request["op"] == "nodes":
                self._make_nodes(request["nodes"], request["keep"], request["writable"])
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
        pending = b""
        while True:
            try:
                data = self._control.recv(1 << 16)
            except ConnectionResetError:  # gone before it read our last answer (unix(7))
                raise _BuilderGone from None
            if not data:
                raise _BuilderGone
            *lines, pending = (pending + data).split(b"\n")
            yield from lines

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise _BuilderGone from None

    def _make_nodes(self, nodes: list[dict[str, Any]], keep: list[str], writable: list[str]) -> None:
        os.umask(0o022)  # what a machine's own programs expect; the state folder's modes are given explicitly
        rootfs.prepare_lab(self._staging, writable)
        pids = {}
        os.mkdir("logs", 0o700, dir_fd=self._directory_fd)
        own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
        for node in nodes:
            os.mkdir(f"logs/{node['name']}", 0o700, dir_fd=self._directory_fd)
            logs = os.open(f"logs/{node['name']}", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._directory_fd)
            mine, its = socket.socketpair()
            sc.unshare(sc.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                try:
                    self._control.close()
                    mine.close()
                    os.close(self._directory_fd)
                    for other in self._nodes.values():
                        other.close()
                    nodeinit.run(node, self._staging, keep, its, logs)
                finally:
                    os._exit(1)  # whatever happens in a node, it never goes on as the lab's init
            # The next unshare is refused while children would be born in another PID namespace than one's own.
            sc.setns(own_pid_namespace, sc.CLONE_NEWPID)
            its.close()
            os.close(logs)
            self._nodes[node["name"]] = mine
            pids[node["name"]] = pid
        os.close(own_pid_namespace)
        for answer in self._answers(tuple(self._nodes)):
            if "error" in answer:
                self._send(answer)
                return
        self._send({"nodes": pids})

    def _start(self, nodes: dict[str, dict[str, Any]]) -> None:
        for name, request in nodes.items():
            try:
                self._nodes[name].sendall(json.dumps(request).encode() + b"\n")
            except BrokenPipeError:
                pass  # its init died, which reading its answer tells
        for answer in self._answers(tuple(nodes)):
            self._send(answer)

    def _answers(self, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """One answer of each node, in the order they come, while watching for the builder's end."""
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
                line = self._nodes[name].makefile("rb").readline()
                yield json.loads(line) if line else {"error": f"{name}: its init died"}


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
