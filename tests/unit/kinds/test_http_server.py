"""The pods' HTTP server as a lab starts it: a process of its own, on a port of the loopback interface."""

import resource
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "netlab" / "kinds" / "http_server.py"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, int]]:
    """The server's port and process id."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-I", "-S", str(SCRIPT), "nginx-1", str(port)])
    try:
        deadline = time.monotonic() + 5
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "the server does not listen"
                time.sleep(0.01)
        yield port, process.pid
        assert process.poll() is None, "the server died"
    finally:
        process.kill()
        process.wait()


def exchange(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def test_it_answers_its_name_and_the_clients_address_and_closes(server: tuple[int, int]) -> None:
    head, _, body = exchange(server[0], GET).partition(b"\r\n\r\n")
    assert body == b"pod: nginx-1\nclient: 127.0.0.1\n"
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_hundreds_of_connections_at_once_are_all_answered(server: tuple[int, int]) -> None:
    count = 800
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard > 0 else 4096, hard))
    answers: dict[int, bytes] = {}
    with ExitStack() as stack, selectors.DefaultSelector() as waiting:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server[0]), 5))
            connection.setblocking(False)
            waiting.register(connection, selectors.EVENT_READ)
        for key in list(waiting.get_map().values()):
            key.fileobj.send(GET)  # type: ignore[union-attr]
        deadline = time.monotonic() + 5
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _ in waiting.select(1):
                chunk = key.fileobj.recv(65536)  # type: ignore[union-attr]
                answers[key.fd] = answers.get(key.fd, b"") + chunk
                if not chunk:
                    waiting.unregister(key.fileobj)
    assert len(answers) == count
    assert all(answer.endswith(b"pod: nginx-1\nclient: 127.0.0.1\n") for answer in answers.values())


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x00\xff\x00\xff\r\n\r\n", b"HTTP/1.0 400 "),
        (b"POST / HTTP/1.1\r\n\r\n", b"HTTP/1.0 400 "),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000, b"HTTP/1.0 431 "),
        (b"HEAD / HTTP/1.0\n\n", b"HTTP/1.0 200 "),
    ],
)
def test_garbage_gets_an_answer(server: tuple[int, int], request_bytes: bytes, status: bytes) -> None:
    assert exchange(server[0], request_bytes).startswith(status)


def test_a_slow_client_is_served_and_holds_nobody_up(server: tuple[int, int]) -> None:
    with socket.create_connection(("127.0.0.1", server[0]), 5) as slow:
        for part in (b"GE", b"T / HTTP/1.1\r\n", b"Host: x\r\n"):
            slow.sendall(part)
            assert b"pod: nginx-1" in exchange(server[0], GET)
        slow.sendall(b"\r\n")
        assert slow.recv(65536).startswith(b"HTTP/1.0 200 OK")


def test_clients_that_vanish_leave_nothing_behind(server: tuple[int, int]) -> None:
    descriptors = Path(f"/proc/{server[1]}/fd")
    before = len(list(descriptors.iterdir()))
    for request in (b"", b"GET", GET):
        for _ in range(100):
            connection = socket.create_connection(("127.0.0.1", server[0]), 5)
            connection.sendall(request)
            # A reset instead of an orderly end (SO_LINGER with a timeout of 0).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.close()
    assert b"pod: nginx-1" in exchange(server[0], GET)
    deadline = time.monotonic() + 3
    while len(list(descriptors.iterdir())) > before + 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(list(descriptors.iterdir())) <= before + 1
