"""Work that goes on until the user ends it: Ctrl-C is then no interruption but the ordinary end."""

from __future__ import annotations

import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupts_call(action: Callable[[], None]) -> Iterator[None]:
    """Within the block Ctrl-C, SIGTERM and the terminal's end call `action` and raise nothing."""
    before = {stop: signal.getsignal(stop) for stop in _STOPS}
    try:
        for stop in _STOPS:
            if before[stop] is not signal.SIG_IGN:  # nohup
                signal.signal(stop, lambda *_: action())
        yield
    finally:
        for stop in _STOPS:
            signal.signal(stop, before[stop])


def reader_is_gone() -> bool:
    """Whether whoever read standard output has closed it."""
    poll = select.poll()
    poll.register(1, 0)
    return bool(poll.poll(0))
