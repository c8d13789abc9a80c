import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netlab.agent import asking
from netlab.model.routing import DaemonAnswer, DaemonQuestion

GREETING = b"0001 BIRD 2.0.12 ready.\n"
ASK = DaemonQuestion("rt-1", "bird", "bird", "show status")
Start = Callable[[Callable[[str], list[bytes]]], "FakeNamespaces"]


class FakeNamespaces:
    """Machines whose files lie below a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, node: str, path: str) -> str:
        return str(self.folder / path.rpartition("/")[2])


@pytest.fixture
def bird(tmp_path: Path) -> Iterator[Start]:
    """BIRD's end of its control socket. An answer is a list of pieces, each sent by itself."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "bird.ctl"))
    listener.listen()
    threads = []

    def serve(answer: Callable[[str], list[bytes]]) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(GREETING)
            for line in connection.makefile("r"):
                if line == "restrict\n":
                    connection.sendall(b"0016 Access restricted\n")
                    continue
                pieces = answer(line.rstrip("\n"))
                for piece in pieces:
                    connection.sendall(piece)
                if not pieces:
                    return

    def start(answer: Callable[[str], list[bytes]]) -> FakeNamespaces:
        threads.append(threading.Thread(target=serve, args=(answer,), daemon=True))
        threads[-1].start()
        return FakeNamespaces(tmp_path)

    yield start
    listener.close()
    for thread in threads:
        thread.join(5)


def test_an_answer_goes_on_until_a_code_with_a_space(bird: Start) -> None:
    text = b"1000-BIRD 2.0.12\n1011-Router ID is 172.16.7.1\n Hostname is 0000 x\n0013 Daemon is up and running\n"
    for size in (1, 7, len(text)):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        namespaces = bird(lambda command, pieces=pieces: pieces)
        assert asking.ask((ASK, ASK), namespaces) == (DaemonAnswer(text.decode()), DaemonAnswer(text.decode()))  # type: ignore[arg-type]


def test_no_route_is_an_answer(bird: Start) -> None:
    (answer,) = asking.ask((ASK,), bird(lambda command: [b"8001 Network not found\n"]))  # type: ignore[arg-type]
    assert answer == DaemonAnswer("8001 Network not found\n")


def test_a_command_that_bird_does_not_understand_is_an_error(bird: Start) -> None:
    (answer,) = asking.ask((ASK,), bird(lambda command: [b"9001 syntax error\n"]))  # type: ignore[arg-type]
    assert answer.error == "rt-1: bird does not answer: `show status`: 9001 syntax error"


def test_a_daemon_that_ends_in_the_middle_is_an_error(bird: Start) -> None:
    (answer,) = asking.ask((ASK,), bird(lambda command: []))  # type: ignore[arg-type]
    assert answer.error == "rt-1: bird does not answer: it closed the connection"


def test_a_daemon_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (answer,) = asking.ask((ASK,), FakeNamespaces(tmp_path))  # type: ignore[arg-type]
    assert answer.error == "rt-1: bird does not answer: No such file or directory"
