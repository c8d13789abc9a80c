"""The streams of a command, as it is the command that decides when it reads, prints and ends."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from netlab.kernel.pump import Pump

MUCH = bytes(range(256)) * 4096


class Run:
    """A command and what came from it."""

    def __init__(self, *argv: str, data: bytes = b"", source: int | None = None) -> None:
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.output, self.errors = bytearray(), bytearray()
        takers = {self.process.stdout.fileno(): self.output.extend, self.process.stderr.fileno(): self.errors.extend}
        stdin = self.process.stdin
        self.pump = Pump(takers, stdin.fileno(), stdin.close, data=data, source=source)


@contextmanager
def running(*argv: str, data: bytes = b"", source: int | None = None) -> Iterator[tuple[Run, int]]:
    run = Run(*argv, data=data, source=source)
    handle = os.pidfd_open(run.process.pid)
    try:
        yield run, handle
    finally:
        os.close(handle)
        run.process.kill()
        for stream in (run.process.stdout, run.process.stderr):
            assert stream
            stream.close()
        run.process.wait()


def test_what_it_echoes_meanwhile_does_not_stop_what_it_is_given() -> None:
    with running("cat", data=MUCH) as (run, handle):
        assert run.pump.run(30, ended=handle)
        run.pump.drain()
        assert run.output == MUCH


def test_one_that_never_reads_ends_all_the_same() -> None:
    with running("sh", "-c", "exec 0<&-; echo done; echo wrong >&2", data=MUCH) as (run, handle):
        assert run.pump.run(30, ended=handle)
        run.pump.drain()
        assert (run.output, run.errors) == (b"done\n", b"wrong\n")


def test_its_own_end_counts_though_another_holds_its_output() -> None:
    with running("sh", "-c", "sleep 60 & echo $!") as (run, handle):
        assert run.pump.run(30, ended=handle)
        run.pump.drain()
        os.kill(int(run.output), 9)


def test_without_a_handle_it_ends_with_its_output() -> None:
    with running("sh", "-c", "echo one; echo two >&2") as (run, _):
        assert run.pump.run(30)
        assert (run.output, run.errors) == (b"one\n", b"two\n")


def test_time_runs_out() -> None:
    with running("sh", "-c", "echo before; sleep 60") as (run, handle):
        assert not run.pump.run(0.3, ended=handle)
        assert run.output == b"before\n"


def test_input_comes_from_a_source_until_that_ends() -> None:
    reader, writer = os.pipe()
    with running("cat", source=reader) as (run, handle):
        os.write(writer, b"typed")
        os.close(writer)
        assert run.pump.run(30, ended=handle)
        run.pump.drain()
        assert run.output == b"typed"
    os.close(reader)


@pytest.mark.parametrize("data", [b"", MUCH], ids=["nothing to say", "much to say"])
def test_one_connection_both_ways(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen(["cat"], stdin=theirs, stdout=theirs):
        theirs.close()
        came = bytearray()
        pump = Pump({ours.fileno(): came.extend}, ours.fileno(), lambda: ours.shutdown(socket.SHUT_WR), data=data)
        assert pump.run(30)
        assert came == data
