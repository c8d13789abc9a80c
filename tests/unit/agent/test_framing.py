import os
import threading
import time
from collections.abc import Iterator

import pytest

from netlab.agent import framing


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    ends = list(os.pipe())
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            pass


def test_frames_come_out_as_they_went_in(pipe: list[int]) -> None:
    framing.write(pipe[1], "vty", b'{"text": "a b"}')
    framing.write(pipe[1], "ok", b"")
    assert framing.read(pipe[0]) == ("vty", b'{"text": "a b"}')
    assert framing.read(pipe[0], 1) == ("ok", b"")


def test_a_frame_larger_than_the_pipe(pipe: list[int]) -> None:
    payload = os.urandom(3 << 20)
    writer = threading.Thread(target=framing.write, args=(pipe[1], "wire", payload))
    writer.start()
    assert framing.read(pipe[0], 5) == ("wire", payload)
    writer.join()


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\x09ok {"])
def test_the_end_of_the_stream_anywhere_in_a_frame(pipe: list[int], sent: bytes) -> None:
    os.write(pipe[1], sent)
    os.close(pipe[1])
    with pytest.raises(framing.EndOfStream):
        framing.read(pipe[0], 1)


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\x09ok {"])
def test_what_does_not_come_is_not_waited_for_for_ever(pipe: list[int], sent: bytes) -> None:
    os.write(pipe[1], sent)
    start = time.monotonic()
    with pytest.raises(framing.Late):
        framing.read(pipe[0], 0.03)
    assert time.monotonic() - start < 1


def test_writing_to_nobody(pipe: list[int]) -> None:
    os.close(pipe[0])
    with pytest.raises(framing.EndOfStream):
        framing.write(pipe[1], "hello", b"{}")
