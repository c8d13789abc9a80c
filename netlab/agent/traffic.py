"""New TCP connections from clients to a VIP, all at once, and where each of them went.

A socket belongs to the network namespace in which it was opened, so one event loop drives the clients of several
routers at the same time. Each flow is a real HTTP GET from its own source port.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass

from netlab.agent import kernel
from netlab.agent.capture import Capture
from netlab.agent.messages import FlowGroup, FlowOutcome, FlowsAnswer, FlowsRequest, GroupOutcome, SeenSegments
from netlab.agent.namespaces import Namespaces
from netlab.agent.netlink import NetlinkSocket
from netlab.model.errors import HostError, LabError

_TCP_INFO = 11
_TOTAL_RETRANS_AT = 100  # struct tcp_info, tcpi_total_retrans (linux/tcp.h)
_SPARE_FILES = 100
_MAX_BODY = 1 << 16


@dataclass
class _Flow:
    """A connection under way."""

    group: int
    position: int
    socket: socket.socket
    deadline: float
    received: bytearray
    sent: bool = False
    answered: bool = False
    error: str | None = None
    retransmissions: int = 0


def run(request: FlowsRequest, namespaces: Namespaces) -> FlowsAnswer:
    """Run all flows of all groups, watched at their routers, then ask the kernels for their predictions."""
    captures = [_start_capture(group, namespaces) for group in request.groups]
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


def _start_capture(group: FlowGroup, namespaces: Namespaces) -> Capture | None:
    if group.router is None:
        return None
    capture = Capture()
    with namespaces.inside(group.router):
        try:
            capture.open(group.vip, group.port, len(group.source_ports))
        except OSError as error:
            raise HostError(f"{group.router}: cannot capture packets: {error.strerror}") from None
    return capture


class _Engine:
    """An event loop over non-blocking sockets."""

    def __init__(self, request: FlowsRequest, namespaces: Namespaces, captures: list[Capture]) -> None:
        self._request = request
        self._namespaces = namespaces
        self._captures = captures
        self._poll = select.epoll()
        self._open: dict[int, _Flow] = {}
        self._done: list[_Flow] = []

    def run(self) -> list[_Flow]:
        waiting = [
            (number, position)
            for number, group in enumerate(self._request.groups)
            for position in range(len(group.source_ports))
        ]
        # Rounds, so that routers that share the machine also share its time.
        waiting.sort(key=lambda pair: -pair[1])
        limit = _room_for_sockets()
        while waiting or self._open:
            self._start([waiting.pop() for _ in range(min(len(waiting), limit - len(self._open)))])
            for descriptor, _ in self._poll.poll(0.02):
                self._advance(self._open[descriptor])
            self._expire()
            for capture in self._captures:
                capture.drain()
        self._poll.close()
        return sorted(self._done, key=lambda flow: (flow.group, flow.position))

    def _start(self, batch: list[tuple[int, int]]) -> None:
        for number, group in enumerate(self._request.groups):
            mine = [position for owner, position in batch if owner == number]
            if mine:
                with self._namespaces.inside(group.client):
                    family = socket.AF_INET6 if ":" in group.client_address else socket.AF_INET
                    sockets = [socket.socket(family, socket.SOCK_STREAM) for _ in mine]
                for position, connection in zip(mine, sockets, strict=True):
                    self._connect(number, group, position, connection)

    def _connect(self, number: int, group: FlowGroup, position: int, connection: socket.socket) -> None:
        flow = _Flow(number, position, connection, time.monotonic() + self._request.timeout, bytearray())
        connection.setblocking(False)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind((group.client_address, group.source_ports[position]))
            connection.connect((group.vip, group.port))
        except BlockingIOError:
            pass
        except OSError as error:
            self._finish(flow, error.strerror)
            return
        self._open[connection.fileno()] = flow
        self._poll.register(connection.fileno(), select.EPOLLOUT)

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
        flow.sent = True
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
        flow.socket.close()
        self._done.append(flow)

    def _expire(self) -> None:
        now = time.monotonic()
        for flow in [flow for flow in self._open.values() if flow.deadline < now]:
            self._finish(flow, "no answer in time" if flow.sent else "no connection in time")


def _room_for_sockets() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # the agent's main raised it to the hard limit
    room = soft - _SPARE_FILES
    if room < 1:
        raise HostError("too few file descriptors are allowed (ulimit -n)")
    return room


def _outcome(group: FlowGroup, flows: list[_Flow], capture: Capture | None, namespaces: Namespaces) -> GroupOutcome:
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
                    group.source_ports,
                    group.port,
                    index,
                    tuple(labels.get((group.client_address, port)) for port in group.source_ports),
                )
                predicted = kernel.predict(keys, settings, netlink)
        finally:
            netlink.close()
    outcomes = tuple(
        FlowOutcome(
            source_port=group.source_ports[flow.position],
            answered=flow.answered,
            error=flow.error,
            body=bytes(flow.received).partition(b"\r\n\r\n")[2].decode("utf-8", "replace"),
            retransmissions=flow.retransmissions,
            predicted=next_hop,
            segments=_segments(group, group.source_ports[flow.position], capture, names),
            connected=flow.sent,
        )
        for flow, next_hop in zip(flows, predicted, strict=True)
    )
    return GroupOutcome(outcomes, capture.packets if capture else 0, capture.drops if capture else 0)


def _segments(
    group: FlowGroup, source_port: int, capture: Capture | None, names: dict[int, str]
) -> tuple[SeenSegments, ...]:
    seen: Counter[tuple[int, str]] = Counter()
    if capture:
        seen = capture.seen.get((group.client_address, source_port), seen)
    return tuple(SeenSegments(names.get(index, str(index)), mac, count) for (index, mac), count in sorted(seen.items()))
