"""A command's streams, pumped both ways: it may print before it reads, so neither direction waits for the other."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping

PIECE = 1 << 16

Take = Callable[[bytes], None]
"""What is told each piece that came."""


class Pump:
    """What goes from and to the descriptors of one command. They no longer block from here on.

    Output comes from `outputs`, each with who takes it. Input is `data`, and then what can be read from `source`, where
    there is one; it goes `into` a descriptor, which may be one of the outputs too (a connection), and `close` is
    called once, when there is no more of it or the command does not want it.
    """

    def __init__(
        self,
        outputs: Mapping[int, Take],
        into: int,
        close: Callable[[], None],
        *,
        data: bytes = b"",
        source: int | None = None,
    ) -> None:
        self._outputs = dict(outputs)
        self._open = set(outputs)
        self._into: int | None = into
        self._close = close
        self._pending = memoryview(data)
        self._source = source
        for descriptor in {into, *outputs}:
            os.set_blocking(descriptor, False)
        self._end_input_if_done()

    def run(self, timeout: float | None, ended: int | None = None) -> bool:
        """Pump until the command has ended: True. False: `timeout` seconds have passed.

        It has ended when the descriptor `ended` can be read (a pidfd); without one, when every output has.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while ended is not None or self._open:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            ready = self._wait(left, ended)
            if self._source in ready:
                self._take_input()
            if self._into is not None and ready.get(self._into, 0) & (select.POLLOUT | select.POLLERR):
                self._give_input()
            for descriptor in self._open & ready.keys():
                if ready[descriptor] & ~select.POLLOUT:
                    self._read(descriptor)
            if ended in ready:
                return True
        return True

    def drain(self) -> None:
        """Take what is still in the pipes of a command that has ended; others may hold them open."""
        for descriptor in tuple(self._open):
            while self._read(descriptor):
                pass

    def _wait(self, left: float | None, ended: int | None) -> dict[int, int]:
        events = dict.fromkeys(self._open, select.POLLIN)
        if self._pending and self._into is not None:
            events[self._into] = events.get(self._into, 0) | select.POLLOUT
        elif self._source is not None:
            events[self._source] = select.POLLIN
        if ended is not None:
            events[ended] = select.POLLIN
        poll = select.poll()
        for descriptor, event in events.items():
            poll.register(descriptor, event)
        return dict(poll.poll(None if left is None else left * 1000))

    def _take_input(self) -> None:
        assert self._source is not None
        self._pending = memoryview(os.read(self._source, PIECE))
        if not self._pending:
            self._source = None
        self._end_input_if_done()

    def _give_input(self) -> None:
        assert self._into is not None
        try:
            self._pending = self._pending[os.write(self._into, self._pending[:PIECE]) :]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._pending = self._pending[:0]  # it does not want more
        self._end_input_if_done()

    def _end_input_if_done(self) -> None:
        if self._into is not None and not self._pending and self._source is None:
            self._into = None
            self._close()

    def _read(self, descriptor: int) -> bool:
        """Whether anything came."""
        try:
            piece = os.read(descriptor, PIECE)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            piece = b""
        if not piece:
            self._open.discard(descriptor)
            return False
        self._outputs[descriptor](piece)
        return True
