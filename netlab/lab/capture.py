"""Packets of a node, into a file, a pipe or lines."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netlab.agent.pcap.request import DEFAULT_SNAPLEN, CaptureRequest
from netlab.agent.pcap.session import CaptureSession
from netlab.lab import state
from netlab.lab.commands import unknown_node
from netlab.model import limits
from netlab.model.errors import HostError, LabError
from netlab.model.lab import LabMachine, LabRecord
from netlab.runtime.choice import by_name

_STDOUT = 1


@dataclass(frozen=True)
class CaptureOptions:
    """What to capture: `count` packets or `duration` seconds at most, `snaplen` bytes of each.

    `file` None: one line per packet on standard output; "-": the packets themselves there.
    """

    filter: str = ""
    file: str | None = None
    count: int | None = None
    duration: float | None = None
    snaplen: int = DEFAULT_SNAPLEN

    def __post_init__(self) -> None:
        """InputError for a number that makes no sense."""
        limits.PACKETS.check("count", self.count)
        limits.TIMEOUT.check("duration", self.duration)
        limits.SNAPLEN.check("snaplen", self.snaplen)


@contextmanager
def capture(target: str, options: CaptureOptions, lab: str | None) -> Iterator[tuple[CaptureSession, tuple[str, ...]]]:
    """Start capturing at `target` (NODE or NODE:INTERFACE): the session that ends it, and the interfaces."""
    running = state.choose(lab)
    name, _, interface = target.partition(":")
    request = CaptureRequest(
        lab=running.name,
        node=name,
        pid=_node(running, name).lab_pid,
        interface=interface or None,
        filter=options.filter,
        count=options.count,
        duration=options.duration,
        snaplen=options.snaplen,
        form="lines" if options.file is None else "pcapng",
        replace=options.file not in (None, "-"),
    )
    with _output(options.file) as output, by_name(running.runtime).capturer(running, output) as session:
        yield session, session.begin(request)


def _node(lab: LabRecord, name: str) -> LabMachine:
    try:
        node = lab.node(name)
    except KeyError:
        raise unknown_node(name, [known.name for known in lab.nodes], lab) from None
    if name not in by_name(lab.runtime).running(lab):
        raise LabError(f"{name} is dead: its init does not run any more")
    return node


@contextmanager
def _output(file: str | None) -> Iterator[int]:
    """The descriptor to write to. A file is its owner's alone; one that was made for nothing is removed again.

    It is not emptied here: a mistake in the filter must not cost an older capture.
    """
    if file is None or file == "-":
        yield _STDOUT
        return
    path = Path(file)
    new = not path.exists()
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(f"cannot write {file}: {error.strerror}") from None
    try:
        yield descriptor
    finally:
        empty = stat.S_ISREG(os.fstat(descriptor).st_mode) and os.fstat(descriptor).st_size == 0
        os.close(descriptor)
        if new and empty:
            path.unlink(missing_ok=True)
