"""Moving the agent between the network namespaces of its machines."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netlab.model.errors import LabError

_CLONE_NEWNET = 0x40000000
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


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
        _setns(self.handle(node))
        try:
            yield
        finally:
            _setns(self._own)


def _setns(descriptor: int) -> None:
    _check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(_CLONE_NEWNET)), "setns")


def see_hosts_file_of(pid: int) -> None:
    """Let this process resolve names as machine `pid` does: its /etc/hosts over ours, in a mount namespace of ours.

    A copy: nothing can be bound across mount namespaces.
    """
    content = Path(f"/proc/{pid}/root/etc/hosts").read_bytes()
    _check(_libc.unshare(ctypes.c_int(_CLONE_NEWNS)), "unshare")
    _mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE)
    _mount(b"tmpfs", b"/tmp", b"tmpfs", 0)
    Path("/tmp/hosts").write_bytes(content)
    _mount(b"/tmp/hosts", b"/etc/hosts", None, _MS_BIND)
    _check(_libc.umount2(b"/tmp", ctypes.c_int(_MNT_DETACH)), "umount /tmp")  # the file lives on where it is bound


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int) -> None:
    _check(_libc.mount(source, target, kind, ctypes.c_ulong(flags), None), f"mount {target.decode()}")


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
