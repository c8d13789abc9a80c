"""Frames on a byte stream: a 4-byte big-endian length, then a word, a space and JSON."""

from __future__ import annotations

import struct
from typing import BinaryIO

_HEADER = struct.Struct("!I")


class EndOfStream(Exception):
    """The other side is gone."""


def write(stream: BinaryIO, word: str, payload: bytes) -> None:
    """Send one frame."""
    data = word.encode() + b" " + payload
    try:
        stream.write(_HEADER.pack(len(data)) + data)
        stream.flush()
    except (BrokenPipeError, ValueError):
        raise EndOfStream from None


def read(stream: BinaryIO) -> tuple[str, bytes]:
    """Receive one frame: its word and its payload."""
    data = _exactly(stream, _HEADER.unpack(_exactly(stream, _HEADER.size))[0])
    word, _, payload = data.partition(b" ")
    return word.decode(), payload


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EndOfStream
    return data
