"""Moving the agent between the network namespaces of its machines."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from netlab.model.errors import LabError

_CLONE_NEWNET = 0x40000000
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
    if _libc.setns(ctypes.c_int(descriptor), ctypes.c_int(_CLONE_NEWNET)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
