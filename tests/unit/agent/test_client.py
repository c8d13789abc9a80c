import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netlab.agent import client as module
from netlab.agent import framing, server
from netlab.agent.client import AgentClient
from netlab.agent.messages import FlowGroup, FlowsRequest, WireRequest
from netlab.model.errors import HostError, LabError
from netlab.model.routing import DaemonQuestion


@contextmanager
def agent(serve: Callable[[int, int], None], code: int | None = 0) -> Iterator[AgentClient]:
    """A client whose agent is `serve(from_caller, to_caller)` in a thread, and would end with `code`."""
    from_caller, in_write = os.pipe()
    out_read, to_caller = os.pipe()

    def run() -> None:
        serve(from_caller, to_caller)
        os.close(to_caller)
        os.close(from_caller)

    thread = threading.Thread(target=run)
    thread.start()
    with AgentClient(in_write, out_read, lambda: code) as made:
        yield made
    thread.join(5)
    assert not thread.is_alive()


def answering(word: str, payload: bytes) -> Callable[[int, int], None]:
    def serve(from_caller: int, to_caller: int) -> None:
        framing.read(from_caller)
        framing.write(to_caller, word, payload)

    return serve


def test_requests_and_answers_of_the_real_server() -> None:
    with agent(server.serve) as made:
        made.hello({})
        assert made.ask(()) == ()
        assert made.kernel(()) == ()
        with pytest.raises(LabError, match="the lab has no running node rt-1"):
            made.ask((DaemonQuestion("rt-1", "frr", "zebra", "show version"),))
        made.hello({"here": os.getpid()})
        (answer,) = made.ask((DaemonQuestion("here", "frr", "no-such-daemon", "show version"),))
        assert answer.error == "here: no-such-daemon does not answer: No such file or directory"


def test_a_kernel_that_lacks_something_is_the_hosts_error() -> None:
    with (
        agent(answering("host-error", b"this kernel has no sysctl x")) as made,
        pytest.raises(HostError, match="no sysctl x"),
    ):
        made.wire(WireRequest((), ()))


def test_a_refused_request_is_the_labs_error() -> None:
    with (
        agent(answering("error", b"h1: eth1 address: File exists")) as made,
        pytest.raises(LabError, match="File exists"),
    ):
        made.wire(WireRequest((), ()))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (137, "the lab's agent was killed, as happens when the lab dies"),
        (None, "the lab's agent was killed, as happens when the lab dies"),
        (127, "the lab's agent ended with exit code 127; standard error says why"),
    ],
)
def test_an_agent_that_ends_says_how(code: int | None, message: str) -> None:
    with agent(lambda from_caller, to_caller: None, code) as made, pytest.raises(LabError) as gone:
        made.hello({"h1": 1})
    assert str(gone.value) == message


def test_an_agent_that_hangs_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_TIMEOUT", 0.03)

    def hang(from_caller: int, to_caller: int) -> None:
        framing.read(from_caller)
        with pytest.raises(framing.EndOfStream):
            framing.read(from_caller)

    with agent(hang) as made, pytest.raises(LabError, match="gave no answer within 0 s"):
        made.hello({})


def test_flows_are_given_the_time_that_they_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    with agent(server.serve) as made:
        made.start_flows(FlowsRequest((), 5.0))
        assert made.finish_flows() == ()
        group = FlowGroup("h1", "10.0.0.1", "10.0.0.2", 80, tuple(range(1024, 3024)))
        monkeypatch.setattr(module.framing, "write", lambda *_: None)
        made.start_flows(FlowsRequest((group,), 5.0))
        assert made._flows_timeout == module._ANSWER_TIMEOUT + 5 * 5.0


def test_closing_twice_closes_nobody_elses_descriptors() -> None:
    with agent(server.serve) as made:
        made.close()
        read, write = os.pipe()
    os.close(read)
    os.close(write)
