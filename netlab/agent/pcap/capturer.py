"""The capturer: a process inside the lab that captures until its caller, a limit or the reader ends it.

Standard input is the control socket, standard output the file, pipe or terminal that the caller opened. The caller
sends one line, a CaptureRequest; the end of its side of the socket ends the capture. The capturer answers with lines:
{"capturing": [interfaces]}, then {"done": CaptureReport}; or {"error": kind, "message", "mend"}.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import netlab
from netlab.agent.namespaces import Namespaces, see_hosts_file_of
from netlab.agent.pcap import libpcap, summary
from netlab.agent.pcap.pcapng import Writer
from netlab.agent.pcap.request import CaptureReport, CaptureRequest
from netlab.agent.pcap.ring import RETIRE_MS, Packet, Ring
from netlab.model.errors import HostError, InputError, NetlabError, Problem

_PIECE = 4096  # PIPE_BUF: what a pipe that poll(2) calls writable takes without blocking
_LAST_WRITE_SECONDS = 2.0  # for a reader that has stopped reading, once the capture is over


class _ReaderGone(Exception):
    """Whoever read the output has closed it."""


class _MachineGone(Exception):
    """The machine has died. Under the netns runtime the capturer dies with it; elsewhere it must see for itself, and
    let go of the machine's network namespace."""


def main() -> None:
    """Serve the one request on standard input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the caller decides
    control = socket.socket(fileno=os.dup(0))
    try:
        request = CaptureRequest(**json.loads(control.makefile("rb").readline()))
        _serve(request, control)
    except _MachineGone:
        return  # without an answer, as if killed with it
    except NetlabError as error:
        _answer(control, _described(error))
    except OSError as error:
        _answer(control, {"error": "lab", "message": f"capture: {error.strerror or error}"})


def _serve(request: CaptureRequest, control: socket.socket) -> None:
    with Namespaces({request.node: request.pid}).inside(request.node):
        names = dict(socket.if_nameindex())
        index = _index(request, names)
        see_hosts_file_of(request.pid)
        program = libpcap.program(request.filter, index, request.snaplen)
        machine = os.pidfd_open(request.pid)
        try:
            ring = Ring(program)
        except OSError as error:
            raise _not_captured(error) from None
        _answer(control, {"capturing": [request.interface] if request.interface else sorted(names.values())})
        report = Capturer(request, ring, control, names, machine).run()
    _answer(control, {"done": asdict(report)})


def _index(request: CaptureRequest, names: dict[int, str]) -> int | None:
    if request.interface is None:
        return None
    for index, name in names.items():
        if name == request.interface:
            return index
    hint = f"there is {', '.join(sorted(names.values()))}"
    raise InputError(Problem(f"{request.node} has no interface {request.interface}", hint=hint))


def _not_captured(error: OSError) -> NetlabError:
    if error.errno == 22:  # EINVAL: more instructions than the kernel takes
        return InputError(Problem("the filter is too long for the kernel"))
    return HostError(f"cannot capture: {error.strerror}")


def _described(error: NetlabError) -> dict[str, Any]:
    if isinstance(error, InputError):
        problem = error.problems[0]
        return {"error": "input", "message": problem.message, "mend": problem.hint}
    remedy = error.remedy if isinstance(error, HostError) else None
    return {"error": "host" if isinstance(error, HostError) else "lab", "message": str(error), "mend": remedy}


def _answer(control: socket.socket, message: dict[str, Any]) -> None:
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # the caller is gone, and with it the recording's purpose


class Capturer:
    """One recording, from its first packet to its last."""

    def __init__(
        self, request: CaptureRequest, ring: Ring, control: socket.socket, names: dict[int, str], machine: int
    ) -> None:
        """`machine`: a pidfd of the machine's first process, the capturer's from now on."""
        self._machine = machine
        self._request = request
        self._ring = ring
        self._control = control
        self._names = names
        self._packets = 0
        self._output = Output(control, request.replace)
        owner = f"{request.node} of lab {request.lab}"
        self._writer = Writer(f"netlab {netlab.__version__}", owner, request.filter, request.snaplen, self._name)
        end = request.duration
        self._deadline = None if end is None else time.monotonic() + end

    def run(self) -> CaptureReport:
        """Record until the end, whoever sets it. OSError where the output cannot be written."""
        try:
            self._write_head()
            self._record()
            if not self._is_full():
                time.sleep(2 * RETIRE_MS / 1000)  # until the kernel hands over the block that it was filling
                self._drain()
            drops = self._ring.drops
            if self._request.form == "pcapng":
                self._output.write(self._writer.tail(self._packets, drops))
        except _ReaderGone:
            drops = self._ring.drops
        return CaptureReport(self._packets, drops)

    def _write_head(self) -> None:
        if self._request.form == "pcapng":
            self._output.write(self._writer.head())

    def _record(self) -> None:
        poll = select.poll()
        poll.register(self._ring, select.POLLIN)
        poll.register(self._control, select.POLLIN | select.POLLRDHUP)
        poll.register(self._machine, select.POLLIN)
        if self._output.may_lose_its_reader:
            poll.register(1, 0)  # POLLERR alone: nobody reads any more
        while not self._is_full():
            ready = dict(poll.poll(self._wait()))
            if self._ring.fileno() in ready:
                self._drain()
            if self._control.fileno() in ready or self._is_late():
                return
            if 1 in ready:
                raise _ReaderGone
            if self._machine in ready:
                self._drain()
                raise _MachineGone

    def _wait(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic()) * 1000

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _is_full(self) -> bool:
        return self._request.count is not None and self._packets >= self._request.count

    def _drain(self) -> None:
        written = bytearray()
        for packet in self._until_full(self._ring.packets()):
            written += self._record_of(packet)
            if len(written) > 1 << 16:
                self._output.write(written)
                written = bytearray()
        self._output.write(written)

    def _until_full(self, packets: Iterator[Packet]) -> Iterator[Packet]:
        for packet in packets:
            self._packets += 1
            yield packet
            if self._is_full():
                return

    def _record_of(self, packet: Packet) -> bytes:
        if self._request.form == "pcapng":
            return self._writer.packet(packet)
        return f"{summary.line(packet, self._name(packet.interface))}\n".encode("utf-8", "replace")

    def _name(self, index: int) -> str:
        if index not in self._names:
            try:
                self._names[index] = socket.if_indextoname(index)
            except OSError:
                return f"if{index}"  # gone meanwhile
        return self._names[index]


class Output:
    """Standard output: a file, or something that may be slow or lose its reader, and must not hold the capturer."""

    def __init__(self, control: socket.socket, replace: bool) -> None:
        self._control = control
        kind = os.fstat(1).st_mode
        self.may_lose_its_reader = not stat.S_ISREG(kind)
        if replace and stat.S_ISREG(kind):
            os.ftruncate(1, 0)

    def write(self, data: bytes | bytearray) -> None:
        """Write all of it. _ReaderGone where nobody reads, or where nobody did for long after the capture's end."""
        left = memoryview(data)
        try:
            while left:
                if self.may_lose_its_reader:
                    self._wait_for_room()
                    left = left[os.write(1, left[:_PIECE]) :]
                else:
                    left = left[os.write(1, left) :]
        except BrokenPipeError:
            raise _ReaderGone from None

    def _wait_for_room(self) -> None:
        poll = select.poll()
        poll.register(1, select.POLLOUT)
        poll.register(self._control, select.POLLIN | select.POLLRDHUP)
        ready = dict(poll.poll())
        if 1 in ready:
            return
        poll.unregister(self._control)
        if not poll.poll(_LAST_WRITE_SECONDS * 1000):
            raise _ReaderGone
