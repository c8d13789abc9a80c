"""The caller's side of an agent."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from netlab.agent import framing
from netlab.agent.messages import (
    AskAnswers,
    AskRequest,
    Done,
    FlowsAnswer,
    FlowsRequest,
    GroupOutcome,
    Hello,
    KernelAnswer,
    KernelRequest,
    KernelView,
    WireAnswer,
    WireRequest,
)
from netlab.model import codec
from netlab.model.errors import HostError, LabError
from netlab.model.routing import DaemonAnswer, DaemonQuestion

A = TypeVar("A")
_ANSWER_TIMEOUT = 120.0  # seconds: a last resort; wiring 554 machines takes 2, a frozen daemon's vty 5
_FLOWS_AT_A_TIME = 500
_NOT_STARTED = 125  # what the process that is to become the agent ends with where it cannot
_KILLED = (128 + signal.SIGKILL, -signal.SIGKILL)


class AgentClient:
    """An agent that a runtime has started. Use as a context manager: it ends with the block."""

    def __init__(self, to_agent: int, from_agent: int, end: Callable[[], int | None]) -> None:
        """`to_agent` and `from_agent` are descriptors, the client's from now on. `end` waits for the agent's end and
        returns its exit code, None where it does not end."""
        self._to = to_agent
        self._from = from_agent
        self._end = end
        self._closed = False
        self._flows_timeout = _ANSWER_TIMEOUT

    def __enter__(self) -> AgentClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the agent: it leaves at the end of its input. No zombie of it is left."""
        if not self._closed:
            self._closed = True
            os.close(self._to)
            os.close(self._from)
            self._end()

    def hello(self, nodes: dict[str, int]) -> None:
        """Tell the agent where its machines are."""
        self._call("hello", Hello(tuple(nodes.items())), Done)

    def wire(self, request: WireRequest) -> WireAnswer:
        """Make links, addresses, routes and sysctls. LabError names the machine and what the kernel refused."""
        return self._call("wire", request, WireAnswer)

    def rewire(self, request: WireRequest) -> WireAnswer:
        """Make the links of a lab that are not whole, with what depends on them. LabError as for `wire`."""
        return self._call("rewire", request, WireAnswer)

    def refuse_taken(self, request: WireRequest) -> None:
        """LabError where a machine that somebody else has made has an interface or a route of theirs in the place of
        one of the lab's; it names both, and the key that chooses another. Changes nothing."""
        self._call("refuse_taken", request, Done)

    def remove_marked(self, request: WireRequest) -> None:
        """Remove the lab's interfaces from machines that somebody else has made, and nothing else."""
        self._call("remove_marked", request, Done)

    def ask(self, questions: tuple[DaemonQuestion, ...]) -> tuple[DaemonAnswer, ...]:
        """Ask routing daemons."""
        return self._call("ask", AskRequest(questions), AskAnswers).answers

    def kernel(self, questions: tuple[tuple[str, str], ...]) -> tuple[KernelView, ...]:
        """Ask the kernel of each (machine, destination address) how it forwards."""
        return self._call("kernel", KernelRequest(questions), KernelAnswer).views

    def start_flows(self, request: FlowsRequest) -> None:
        """Send flows; `finish_flows` waits for them, so that the caller can work meanwhile."""
        # At worst each flow waits for another's end, and descriptors allow some hundred at a time.
        rounds = 1 + sum(len(group.source_ports) for group in request.groups) // _FLOWS_AT_A_TIME
        self._flows_timeout = _ANSWER_TIMEOUT + rounds * request.timeout
        self._send("flows", request)

    def finish_flows(self) -> tuple[GroupOutcome, ...]:
        """Wait for the flows that were started."""
        return self._answer(FlowsAnswer, self._flows_timeout).groups

    def _call(self, word: str, request: object, answer: type[A]) -> A:
        self._send(word, request)
        return self._answer(answer, _ANSWER_TIMEOUT)

    def _send(self, word: str, request: object) -> None:
        try:
            framing.write(self._to, word, codec.encode(request))
        except framing.EndOfStream:
            raise self._gone() from None

    def _gone(self) -> LabError:
        """Why the agent does not answer any more: killed with its lab, or by an error of its own."""
        code = self._end()
        if code is None or code in _KILLED:
            return LabError("the lab's agent was killed, as happens when the lab dies")
        if code == _NOT_STARTED:
            return LabError("the lab cannot be entered: it has died, or no further process can be started")
        return LabError(f"the lab's agent ended with exit code {code}; standard error says why")

    def _answer(self, kind: type[A], timeout: float) -> A:
        try:
            word, payload = framing.read(self._from, timeout)
        except framing.EndOfStream:
            raise self._gone() from None
        except framing.Late:
            raise LabError(f"the lab's agent gave no answer within {timeout:.0f} s") from None
        if word == "host-error":
            raise HostError(payload.decode())
        if word == "error":
            raise LabError(payload.decode())
        return codec.decode(kind, payload, "agent")
