"""What messages call a caller's parameters: by their names, as Python has them, or as a command line's options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_spelling: Callable[[str], str] = str


def parameter(name: str) -> str:
    """The name of a parameter of netlab.api, as whoever reads the message writes it."""
    return _spelling(name)


@contextmanager
def spelled(how: Callable[[str], str]) -> Iterator[None]:
    """For the block, messages call parameters so, in every thread: a process has one caller."""
    global _spelling
    before, _spelling = _spelling, how
    try:
        yield
    finally:
        _spelling = before
