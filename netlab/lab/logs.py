"""What the processes of a node printed, and what they go on to print."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from netlab.lab import state
from netlab.lab.commands import unknown_node
from netlab.model import limits
from netlab.model.errors import InputError, NetlabError, Problem
from netlab.model.lab import LabRecord
from netlab.registry.runtimes import traits
from netlab.runtime.choice import by_name

_POLL = 0.1
_LIFE_POLLS = 5  # the lab's life is looked at every so many polls
_PIECE = 1 << 16
_OWN = "cmd"
"""A node's own command, and so the first process of its container."""

Line = tuple[str, str]
"""The name of a process and a line that it printed."""


def logs(node: str, process: str | None, lab: LabRecord | str | None, tail: int | None = None) -> Iterator[Line]:
    """Everything that the node's processes printed, one process after the other; of each the last `tail` lines."""
    limits.LINES.check("tail", tail)
    found = _lab_with(node, lab)
    for file in _files(found, node, process):
        for line in _last(_lines(file), tail):
            yield file.stem, line
    for line in _printed(found, node, process, tail):
        yield _OWN, line


def follow(
    node: str, process: str | None, lab: LabRecord | str | None, tail: int | None, is_over: Callable[[], bool]
) -> Iterator[Line]:
    """The same, and then each new line as it comes, of processes that start later too.

    Ends when `is_over` says so, and with the lab, once all that it printed was passed on.
    """
    limits.LINES.check("tail", tail)
    found = _lab_with(node, lab)
    readers: dict[Path, _Reader] = {}
    for file in _files(found, node, process):
        readers[file] = _Reader(file)
        for line in _last(readers[file].new_lines(), tail):
            yield file.stem, line
    printed = 0
    for line in _printed(found, node, process, None):
        printed += 1
        yield _OWN, line
    polls = 0
    while not is_over():
        polls += 1
        alive = polls % _LIFE_POLLS != 1 or _lives(found)
        for file in sorted(Path(found.directory, "logs", node).glob(f"{process or '*'}.log")):
            if file not in readers:
                readers[file] = _Reader(file)
        for file, reader in readers.items():
            for line in reader.new_lines(at_end=not alive):
                yield file.stem, line
        if polls % _LIFE_POLLS == 1 or not alive:
            for line in islice(_printed(found, node, process, None), printed, None):
                printed += 1
                yield _OWN, line
        if not alive:
            return
        time.sleep(_POLL)


def _lab_with(node: str, lab: LabRecord | str | None) -> LabRecord:
    found = state.choose(lab, dead_too=True)
    known = [machine.name for machine in found.nodes]
    if node not in known:
        raise unknown_node(node, known, found)
    return found


def _printed(lab: LabRecord, node: str, process: str | None, tail: int | None) -> Iterator[str]:
    """What a machine's own first process printed, where its runtime keeps that."""
    if process not in (None, _OWN):
        return iter(())
    return by_name(lab.runtime).printed(lab, lab.node(node), tail)


def _files(lab: LabRecord, node: str, process: str | None) -> list[Path]:
    files = sorted(Path(lab.directory, "logs", node).glob("*.log"))
    if process is None:
        return files
    chosen = [file for file in files if file.stem == process]
    if not chosen and not (traits(lab.runtime).images and process == _OWN):
        known = ", ".join(file.stem for file in files) or "none"
        raise InputError(Problem(f"{node} has no process {process}", hint=f"there is {known}"))
    return chosen


def _lives(lab: LabRecord) -> bool:
    """Whether that very lab runs: another of its name may have taken its place."""
    try:
        return state.is_alive(state.current(lab))
    except NetlabError:
        return False


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            yield line.rstrip("\n")


def _last(lines: Iterator[str], count: int | None) -> Iterator[str]:
    return lines if count is None else iter(deque(lines, maxlen=count))


class _Reader:
    """A log that grows. What is not a whole line yet waits for its end."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("rb")
        self._rest = b""

    def new_lines(self, *, at_end: bool = False) -> Iterator[str]:
        """The lines that came since the last look; `at_end`: with the rest, since nothing more will come."""
        if os.fstat(self._stream.fileno()).st_size < self._stream.tell():
            self._stream.seek(0)  # somebody emptied it
            self._rest = b""
        while piece := self._stream.read(_PIECE):
            *whole, self._rest = (self._rest + piece).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
        if at_end and self._rest:
            yield self._rest.decode("utf-8", "replace")
            self._rest = b""
