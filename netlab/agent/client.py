"""The caller's side of an agent."""

from __future__ import annotations

from types import TracebackType
from typing import BinaryIO, TypeVar

from netlab.agent import framing
from netlab.agent.messages import (
    Done,
    FlowsAnswer,
    FlowsRequest,
    GroupOutcome,
    Hello,
    KernelAnswer,
    KernelRequest,
    KernelView,
    VtyAnswer,
    VtyAnswers,
    VtyQuestion,
    VtyRequest,
    WireAnswer,
    WireRequest,
)
from netlab.model import codec
from netlab.model.errors import HostError, LabError

A = TypeVar("A")


class AgentClient:
    """An agent that a runtime has started. Use as a context manager: it ends with the block."""

    def __init__(self, to_agent: BinaryIO, from_agent: BinaryIO) -> None:
        self._to = to_agent
        self._from = from_agent

    def __enter__(self) -> AgentClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the agent: it leaves at the end of its input."""
        for stream in (self._to, self._from):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    def hello(self, nodes: dict[str, int]) -> None:
        """Tell the agent where its machines are."""
        self._call("hello", Hello(tuple(nodes.items())), Done)

    def wire(self, request: WireRequest) -> WireAnswer:
        """Make links, addresses, routes and sysctls. LabError names the machine and what the kernel refused."""
        return self._call("wire", request, WireAnswer)

    def vty(self, questions: tuple[VtyQuestion, ...]) -> tuple[VtyAnswer, ...]:
        """Ask routing daemons."""
        return self._call("vty", VtyRequest(questions), VtyAnswers).answers

    def kernel(self, questions: tuple[tuple[str, str], ...]) -> tuple[KernelView, ...]:
        """Ask the kernel of each (machine, destination address) how it forwards."""
        return self._call("kernel", KernelRequest(questions), KernelAnswer).views

    def start_flows(self, request: FlowsRequest) -> None:
        """Send flows; `finish_flows` waits for them, so that the caller can work meanwhile."""
        framing.write(self._to, "flows", codec.encode(request))

    def finish_flows(self) -> tuple[GroupOutcome, ...]:
        """Wait for the flows that were started."""
        return self._answer(FlowsAnswer).groups

    def _call(self, word: str, request: object, answer: type[A]) -> A:
        try:
            framing.write(self._to, word, codec.encode(request))
        except framing.EndOfStream:
            raise LabError("the lab's agent is gone: the lab has died") from None
        return self._answer(answer)

    def _answer(self, kind: type[A]) -> A:
        try:
            word, payload = framing.read(self._from)
        except framing.EndOfStream:
            raise LabError("the lab's agent is gone: the lab has died") from None
        if word == "host-error":
            raise HostError(payload.decode())
        if word == "error":
            raise LabError(payload.decode())
        return codec.decode(kind, payload, "agent")
