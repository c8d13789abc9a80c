"""New TCP connections from clients to a VIP, all at once, and where each of them went.

A socket belongs to the network namespace in which it was opened, so one event loop drives the clients of several
routers at the same time. Each flow is a real HTTP GET from its own source port.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass

from netlab.agent import kernel
from netlab.agent.messages import FlowGroup, FlowOutcome, FlowsAnswer, FlowsRequest, GroupOutcome, SeenSegments
from netlab.agent.namespaces import Namespaces
from netlab.agent.segments import Segments
from netlab.kernel.netlink import NetlinkSocket
from netlab.model.errors import HostError, LabError

_TCP_INFO = 11
_TOTAL_RETRANS_AT = 100  # struct tcp_info, tcpi_total_retrans (linux/tcp.h)
_SPARE_FILES = 100
_MAX_BODY = 1 << 16
_AT_ONCE = 500
"""Flows that were begun within _PATIENCE and have no answer yet: more would wait for each other, in the servers of the
lab and in this loop, and on a busy machine longer than a flow may take."""
_PATIENCE = 1.0  # seconds; a flow that is silent for longer waits for nothing that this machine is busy with
_PORT_TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
"""bind(2) and connect(2) of a port that another socket of the client has, or an address that the client has not."""
_ABORT = struct.pack("=ii", 1, 0)  # struct linger: close sends a reset and leaves nothing behind


@dataclass
class _Flow:
    """A connection under way."""

    group: int
    position: int
    port: int
    socket: socket.socket
    since: float
    """When it was last seen to: begun, or its request sent. What it waits for counts from then."""
    received: bytearray
    sent: bool = False
    answered: bool = False
    error: str | None = None
    refused: bool = False
    retransmissions: int = 0


def run(request: FlowsRequest, namespaces: Namespaces) -> FlowsAnswer:
    """Run all flows of all groups, watched at their routers, then ask the kernels for their predictions."""
    captures = [_start_capture(group, request.groups, namespaces) for group in request.groups]
    flows = _Engine(request, namespaces, [capture for capture in captures if capture]).run()
    for capture in captures:
        if capture:
            capture.finish()
    return FlowsAnswer(
        tuple(
            _outcome(group, [flow for flow in flows if flow.group == number], captures[number], namespaces)
            for number, group in enumerate(request.groups)
        )
    )


def _start_capture(group: FlowGroup, groups: tuple[FlowGroup, ...], namespaces: Namespaces) -> Segments | None:
    if group.router is None:
        return None
    ports = (*group.source_ports, *group.spare_ports)
    capture = Segments(frozenset((group.client_address, port) for port in ports))
    same = (group.vip, group.port)
    passing = sum(len(other.source_ports) for other in groups if (other.vip, other.port) == same)
    with namespaces.inside(group.router):
        try:
            capture.open(group.vip, group.port, passing)
        except OSError as error:
            raise HostError(f"{group.router}: cannot capture packets: {error.strerror}") from None
    return capture


class _Engine:
    """An event loop over non-blocking sockets."""

    def __init__(self, request: FlowsRequest, namespaces: Namespaces, captures: list[Segments]) -> None:
        self._request = request
        self._namespaces = namespaces
        self._captures = captures
        self._poll = select.epoll()
        self._open: dict[int, _Flow] = {}
        self._done: list[_Flow] = []
        self._spare = [iter(group.spare_ports) for group in request.groups]
        self._waiting = [
            (number, position, port)
            for number, group in enumerate(request.groups)
            for position, port in enumerate(group.source_ports)
        ]
        # Rounds, so that routers that share the machine also share its time.
        self._waiting.sort(key=lambda flow: -flow[1])

    def run(self) -> list[_Flow]:
        waiting, limit = self._waiting, _room_for_sockets()
        while waiting or self._open:
            self._start([waiting.pop() for _ in range(min(len(waiting), self._room(limit)))])
            now = time.monotonic()
            for descriptor, _ in self._poll.poll(0.02, max(1, len(self._open))):
                self._advance(self._open[descriptor])
            self._expire(now)
            for capture in self._captures:
                capture.drain()
        self._poll.close()
        return sorted(self._done, key=lambda flow: (flow.group, flow.position))

    def _room(self, limit: int) -> int:
        """How many flows may be begun now, with sockets for `limit`."""
        recent = time.monotonic() - _PATIENCE
        waiting = sum(flow.since > recent for flow in self._open.values())
        return max(0, min(limit - len(self._open), _AT_ONCE - waiting))

    def _start(self, batch: list[tuple[int, int, int]]) -> None:
        for number, group in enumerate(self._request.groups):
            mine = [(position, port) for owner, position, port in batch if owner == number]
            if mine:
                with self._namespaces.inside(group.client):
                    family = socket.AF_INET6 if ":" in group.client_address else socket.AF_INET
                    sockets = [socket.socket(family, socket.SOCK_STREAM) for _ in mine]
                for (position, port), connection in zip(mine, sockets, strict=True):
                    self._connect(group, _Flow(number, position, port, connection, time.monotonic(), bytearray()))

    def _connect(self, group: FlowGroup, flow: _Flow) -> None:
        connection = flow.socket
        connection.setblocking(False)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind((group.client_address, flow.port))
            connection.connect((group.vip, group.port))
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno in _PORT_TAKEN:
                self._try_another_port(flow, error)
            else:
                self._finish(flow, error.strerror)
            return
        self._open[connection.fileno()] = flow
        self._poll.register(connection.fileno(), select.EPOLLOUT)

    def _try_another_port(self, flow: _Flow, error: OSError) -> None:
        spare = next(self._spare[flow.group], None)
        if spare is None:
            flow.refused = True
            self._finish(flow, error.strerror)
            return
        flow.socket.close()  # it is bound, and a new one belongs to whichever namespace it is made in
        self._waiting.append((flow.group, flow.position, spare))

    def _advance(self, flow: _Flow) -> None:
        try:
            if not flow.sent:
                self._send(flow)
            else:
                self._receive(flow)
        except BlockingIOError:
            pass
        except OSError as error:
            self._finish(flow, error.strerror)

    def _send(self, flow: _Flow) -> None:
        code = flow.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        vip = self._request.groups[flow.group].vip
        host = f"[{vip}]" if ":" in vip else vip
        flow.socket.send(f"GET / HTTP/1.0\r\nHost: {host}\r\nUser-Agent: netlab\r\n\r\n".encode())
        flow.sent, flow.since = True, time.monotonic()
        self._poll.modify(flow.socket.fileno(), select.EPOLLIN)

    def _receive(self, flow: _Flow) -> None:
        data = flow.socket.recv(1 << 16)
        flow.received += data
        if data and len(flow.received) < _MAX_BODY:
            return
        status = bytes(flow.received[:64]).split(b" ", 2)
        flow.answered = len(status) > 1 and status[1] == b"200"
        self._finish(flow, None if flow.answered else "no HTTP 200 in the answer")

    def _finish(self, flow: _Flow, error: str | None) -> None:
        flow.error = error
        descriptor = flow.socket.fileno()
        if self._open.pop(descriptor, None):
            self._poll.unregister(descriptor)
        info = flow.socket.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 192)
        flow.retransmissions = struct.unpack_from("=I", info, _TOTAL_RETRANS_AT)[0]
        if not flow.answered:  # or it would hold its port for a minute, and a run with the same seed would miss it
            flow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        flow.socket.close()
        self._done.append(flow)

    def _expire(self, now: float) -> None:
        """Give up what had waited too long at `now`, and of which nothing was to be had afterwards."""
        last = now - self._request.timeout
        for flow in [flow for flow in self._open.values() if flow.since < last]:
            self._finish(flow, "no answer in time" if flow.sent else "no connection in time")


def _room_for_sockets() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # the agent's main raised it to the hard limit
    room = soft - _SPARE_FILES
    if room < 1:
        raise HostError("too few file descriptors are allowed (ulimit -n)")
    return room


def _outcome(group: FlowGroup, flows: list[_Flow], capture: Segments | None, namespaces: Namespaces) -> GroupOutcome:
    ports = tuple(flow.port for flow in flows)
    predicted: list[str | None] = [None] * len(flows)
    names: dict[int, str] = {}
    if group.router is not None:
        with namespaces.inside(group.router):
            names = dict(socket.if_nameindex())
            netlink = NetlinkSocket()
            settings = kernel.hash_settings(group.vip)
        try:
            if group.router_interface is not None:
                index = next((n for n, name in names.items() if name == group.router_interface), None)
                if index is None:
                    raise LabError(f"{group.router} has no interface {group.router_interface}")
                labels = capture.labels if capture else {}
                keys = kernel.FlowKeys(
                    group.client_address,
                    group.vip,
                    ports,
                    group.port,
                    index,
                    tuple(labels.get((group.client_address, port)) for port in ports),
                )
                predicted = kernel.predict(keys, settings, netlink)
        finally:
            netlink.close()
    outcomes = tuple(
        FlowOutcome(
            source_port=flow.port,
            answered=flow.answered,
            error=flow.error,
            body=bytes(flow.received).partition(b"\r\n\r\n")[2].decode("utf-8", "replace"),
            retransmissions=flow.retransmissions,
            predicted=next_hop,
            segments=_segments(group, flow.port, capture, names),
            connected=flow.sent,
            refused=flow.refused,
            arrived=(group.client_address, flow.port) in capture.arrived if capture else None,
        )
        for flow, next_hop in zip(flows, predicted, strict=True)
    )
    return GroupOutcome(outcomes, capture.packets if capture else 0, capture.drops if capture else 0)


def _segments(
    group: FlowGroup, source_port: int, capture: Segments | None, names: dict[int, str]
) -> tuple[SeenSegments, ...]:
    seen: Counter[tuple[int, str]] = Counter()
    if capture:
        seen = capture.seen.get((group.client_address, source_port), seen)
    return tuple(SeenSegments(names.get(index, str(index)), mac, count) for (index, mac), count in sorted(seen.items()))
