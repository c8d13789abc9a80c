"""Moving the agent between the network namespaces of its machines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netlab.kernel import syscalls as sc
from netlab.model.errors import LabError


class Namespaces:
    """The machines that the agent can enter, by name."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._own = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._handles: dict[str, int] = {}

    def handle(self, node: str) -> int:
        """A descriptor of the machine's network namespace, open as long as the agent lives."""
        if node not in self._handles:
            try:
                self._handles[node] = os.open(f"/proc/{self.pid(node)}/ns/net", os.O_RDONLY)
            except OSError as error:
                raise LabError(f"{node}: cannot open its network namespace: {error.strerror}") from None
        return self._handles[node]

    def pid(self, node: str) -> int:
        """The machine's init, in the agent's PID namespace."""
        try:
            return self._pids[node]
        except KeyError:
            raise LabError(f"the lab has no running node {node}") from None

    def file(self, node: str, path: str) -> str:
        """The path by which the agent reaches a machine's file."""
        return f"/proc/{self.pid(node)}/root{path}"

    @contextmanager
    def inside(self, node: str) -> Iterator[None]:
        """Work in the machine's network namespace: sockets opened here stay there, /proc/sys/net is its own."""
        sc.setns(self.handle(node), sc.CLONE_NEWNET)
        try:
            yield
        finally:
            sc.setns(self._own, sc.CLONE_NEWNET)


def see_hosts_file_of(pid: int) -> None:
    """Let this process resolve names as machine `pid` does: its /etc/hosts over ours, in a mount namespace of ours.

    A copy: nothing can be bound across mount namespaces.
    """
    content = Path(f"/proc/{pid}/root/etc/hosts").read_bytes()
    sc.unshare(sc.CLONE_NEWNS)
    sc.make_private("/")
    sc.mount("tmpfs", "/tmp", "tmpfs", 0)
    Path("/tmp/hosts").write_bytes(content)
    sc.bind("/tmp/hosts", "/etc/hosts")
    sc.unmount("/tmp")  # the file lives on where it is bound
