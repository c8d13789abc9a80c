"""The traffic engine against servers on this machine's loopback: no namespaces, real sockets."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from netlab.agent import traffic
from netlab.agent.messages import FlowGroup, FlowOutcome, FlowsRequest
from netlab.model.errors import HostError


class HereAndNow:
    """Every machine is this one."""

    def inside(self, node: str) -> AbstractContextManager[None]:
        return nullcontext()


def free_ports(count: int, address: str = "127.0.0.1") -> tuple[int, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    probes = [socket.socket(family) for _ in range(count)]
    for probe in probes:
        probe.bind((address, 0))
    ports = tuple(probe.getsockname()[1] for probe in probes)
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture
def server() -> Iterator[Callable[..., int]]:
    """A server that treats each connection with `serve`; its port."""
    listeners = []

    def start(serve: Callable[[socket.socket], None], address: str = "127.0.0.1") -> int:
        listener = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        listeners.append(listener)

        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        threading.Thread(target=loop, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def http(status: str, body: str) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(f"HTTP/1.0 {status}\r\n\r\n{body}".encode())

    return serve


def run(port: int, count: int = 1, timeout: float = 2.0, address: str = "127.0.0.1") -> tuple[FlowOutcome, ...]:
    group = FlowGroup("h1", address, address, port, free_ports(count, address))
    (answer,) = traffic.run(FlowsRequest((group,), timeout), HereAndNow()).groups  # type: ignore[arg-type]
    assert [flow.source_port for flow in answer.flows] == list(group.source_ports)
    return answer.flows


def test_every_flow_is_a_request_from_its_own_port(server: Callable[..., int]) -> None:
    flows = run(server(http("200 OK", "pod: nginx-1\nclient: 127.0.0.1\n")), 40)
    assert all(flow.answered and flow.error is None for flow in flows)
    assert {flow.body for flow in flows} == {"pod: nginx-1\nclient: 127.0.0.1\n"}


def test_ipv6(server: Callable[..., int]) -> None:
    try:
        port = server(http("200 OK", "six"), "::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    (flow,) = run(port, address="::1")
    assert (flow.answered, flow.body) == (True, "six")


def test_another_answer_than_200_is_no_answer(server: Callable[..., int]) -> None:
    (flow,) = run(server(http("503 Unavailable", "")))
    assert (flow.answered, flow.error) == (False, "no HTTP 200 in the answer")


def test_nobody_listens() -> None:
    (flow,) = run(free_ports(1)[0])
    assert not flow.answered
    assert flow.error == "Connection refused"


def test_a_server_that_says_nothing(server: Callable[..., int]) -> None:
    gate = threading.Event()
    (flow,) = run(server(lambda connection: gate.wait(2) and None), timeout=0.05)
    gate.set()
    assert (flow.answered, flow.error) == (False, "no answer in time")


def test_a_server_that_never_stops_talking(server: Callable[..., int]) -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(1024)
        try:
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (1 << 22))
        except OSError:
            pass

    (flow,) = run(server(flood))
    assert flow.answered
    assert len(flow.body) < 1 << 18


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that another program on the client listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_source_port_that_is_taken_is_that_flows_error_alone(server: Callable[..., int], listening: int) -> None:
    group = FlowGroup("h1", "127.0.0.1", "127.0.0.1", server(http("200 OK", "x")), (listening, *free_ports(1)))
    (answer,) = traffic.run(FlowsRequest((group,), 2), HereAndNow()).groups  # type: ignore[arg-type]
    assert [(flow.error, flow.refused) for flow in answer.flows] == [("Address already in use", True), (None, False)]


def test_a_source_port_that_is_taken_is_replaced_by_a_spare_one(server: Callable[..., int], listening: int) -> None:
    port = server(http("200 OK", "x"))
    first, second, third = free_ports(3)
    group = FlowGroup("h1", "127.0.0.1", "127.0.0.1", port, (first, listening), spare_ports=(second, third))
    # Two groups of one client, VIP and port that have a port in common: the second one's connect(2) is refused.
    other = FlowGroup("h1", "127.0.0.1", "127.0.0.1", port, (first,), spare_ports=free_ports(1))
    answer = traffic.run(FlowsRequest((group, other), 2), HereAndNow())  # type: ignore[arg-type]
    assert [flow.source_port for flow in answer.groups[0].flows] == [first, second]
    assert [flow.source_port for flow in answer.groups[1].flows] == list(other.spare_ports)
    assert all(flow.answered and not flow.refused for group in answer.groups for flow in group.flows)


def test_an_address_that_the_client_has_not_is_no_answer_of_the_networks() -> None:
    group = FlowGroup("h1", "192.0.2.1", "127.0.0.1", 80, free_ports(1), spare_ports=free_ports(2))
    (answer,) = traffic.run(FlowsRequest((group,), 2), HereAndNow()).groups  # type: ignore[arg-type]
    assert [(flow.error, flow.refused) for flow in answer.flows] == [("Cannot assign requested address", True)]


def test_an_unanswered_flow_leaves_its_port_free_for_the_next_run(server: Callable[..., int]) -> None:
    gate = threading.Event()
    port = server(lambda connection: gate.wait(5) and None)
    ports = free_ports(1)
    group = FlowGroup("h1", "127.0.0.1", "127.0.0.1", port, ports)
    for _ in range(2):
        (answer,) = traffic.run(FlowsRequest((group,), 0.05), HereAndNow()).groups  # type: ignore[arg-type]
        assert [(flow.error, flow.refused) for flow in answer.flows] == [("no answer in time", False)]
    gate.set()


def test_more_flows_than_descriptors_go_in_turns(server: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_room_for_sockets", lambda: 3)
    assert all(flow.answered for flow in run(server(http("200 OK", "x")), 20))


def test_flows_that_would_wait_for_each_other_go_in_turns(
    server: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = []
    advance = traffic._Engine._advance

    def watched(engine: traffic._Engine, flow: traffic._Flow) -> None:
        most.append(len(engine._open))
        advance(engine, flow)

    monkeypatch.setattr(traffic, "_AT_ONCE", 3)
    monkeypatch.setattr(traffic._Engine, "_advance", watched)
    assert all(flow.answered for flow in run(server(http("200 OK", "x")), 20, timeout=20))
    assert max(most) <= 3


def test_a_loop_that_comes_late_is_no_flow_without_an_answer(
    server: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = traffic._Engine._start

    def slowly(engine: traffic._Engine, batch: list[tuple[int, int, int]]) -> None:
        start(engine, batch)
        if batch:
            time.sleep(1.2)  # longer than a flow may take

    monkeypatch.setattr(traffic._Engine, "_start", slowly)
    assert all(flow.answered for flow in run(server(http("200 OK", "x")), 5, timeout=1))


def test_no_descriptors_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (64, 64))
    with pytest.raises(HostError, match="too few file descriptors"):
        traffic._room_for_sockets()


def test_no_groups_no_flows() -> None:
    assert traffic.run(FlowsRequest((), 1.0), HereAndNow()).groups == ()  # type: ignore[arg-type]
