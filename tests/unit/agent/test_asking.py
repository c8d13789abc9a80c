import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netlab.agent import asking
from netlab.model.routing import DaemonQuestion

ASK = DaemonQuestion("rt-1", "frr", "zebra", "show version")


class FakeNamespaces:
    """Machines whose files lie below a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, node: str, path: str) -> str:
        return f"{self.folder}/{node}{path.rpartition('/frr')[2]}"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[[Callable[[str], bytes]], FakeNamespaces]]:
    """FRR's end of a vty: commands end with a NUL, answers with three NULs and a status byte."""
    listener = socket.socket(socket.AF_UNIX)
    (tmp_path / "rt-1").mkdir()
    listener.bind(str(tmp_path / "rt-1" / "zebra.vty"))
    listener.listen()
    threads = []

    def serve(answer: Callable[[str], bytes]) -> None:
        connection, _ = listener.accept()
        with connection:
            pending = b""
            while data := connection.recv(1024):
                *commands, pending = (pending + data).split(b"\0")
                for command in commands:
                    reply = answer(command.decode())
                    if not reply:
                        return
                    connection.sendall(reply)

    def start(answer: Callable[[str], bytes]) -> FakeNamespaces:
        threads.append(threading.Thread(target=serve, args=(answer,), daemon=True))
        threads[-1].start()
        return FakeNamespaces(tmp_path)

    yield start
    listener.close()
    for thread in threads:
        thread.join(5)


def test_a_connection_serves_several_questions_and_is_enabled_once(daemon) -> None:  # type: ignore[no-untyped-def]
    commands: list[str] = []

    def answer(command: str) -> bytes:
        commands.append(command)
        return f"<{command}>".encode() + b"\0\0\0\0"

    answers = asking.ask((ASK, DaemonQuestion("rt-1", "frr", "zebra", "show ip route")), daemon(answer))
    assert [a.text for a in answers] == ["<show version>", "<show ip route>"]
    assert commands == ["enable", "show version", "show ip route"]


def test_an_answer_in_pieces_with_any_status(daemon) -> None:  # type: ignore[no-untyped-def]
    (answer,) = asking.ask((ASK,), daemon(lambda command: b"x" * 200_000 + b"\0\0\0\x02"))
    assert len(answer.text) == 200_000
    assert answer.error is None


def test_a_daemon_that_closes_is_reported(daemon) -> None:  # type: ignore[no-untyped-def]
    (answer,) = asking.ask((ASK,), daemon(lambda command: b"" if command != "enable" else b"\0\0\0\0"))
    assert answer.error == "rt-1: zebra does not answer: it closed the connection"


def test_a_frozen_daemon_is_waited_for_once(daemon, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(asking, "_TIMEOUT", 0.03)
    asked: list[str] = []

    def never(command: str) -> bytes:
        asked.append(command)
        return b"half"

    answers = asking.ask((ASK, ASK, ASK), daemon(never))
    assert {answer.error for answer in answers} == {"rt-1: zebra does not answer: timed out"}
    assert asked == ["enable"]


def test_a_dead_daemon_and_a_living_one(daemon) -> None:  # type: ignore[no-untyped-def]
    namespaces = daemon(lambda command: b"8.4.4\0\0\0\0")
    dead, alive = asking.ask((DaemonQuestion("rt-1", "frr", "bgpd", "show bgp"), ASK), namespaces)
    assert dead.error == "rt-1: bgpd does not answer: No such file or directory"
    assert (alive.text, alive.error) == ("8.4.4", None)
