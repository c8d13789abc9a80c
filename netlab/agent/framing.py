"""Frames on a byte stream: a 4-byte big-endian length, then a word, a space and JSON."""

from __future__ import annotations

import os
import select
import struct
import time

_HEADER = struct.Struct("!I")


class EndOfStream(Exception):
    """The other side is gone."""


class Late(Exception):
    """The other side sent nothing, or not all of a frame, in time."""


def write(descriptor: int, word: str, payload: bytes) -> None:
    """Send one frame."""
    data = word.encode() + b" " + payload
    left = memoryview(_HEADER.pack(len(data)) + data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except BrokenPipeError:
        raise EndOfStream from None


def read(descriptor: int, timeout: float | None = None) -> tuple[str, bytes]:
    """Receive one frame within `timeout` seconds: its word and its payload."""
    deadline = None if timeout is None else time.monotonic() + timeout
    data = _exactly(descriptor, _HEADER.unpack(_exactly(descriptor, _HEADER.size, deadline))[0], deadline)
    word, _, payload = data.partition(b" ")
    return word.decode(), payload


def _exactly(descriptor: int, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while len(data) < size:
        if deadline is not None and not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise Late
        piece = os.read(descriptor, min(size - len(data), 1 << 20))
        if not piece:
            raise EndOfStream
        data += piece
    return bytes(data)
