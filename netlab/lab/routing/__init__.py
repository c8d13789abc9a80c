"""What a routing daemon says about BGP and the RIB. A daemon that can be asked is a file with a reader here."""

from __future__ import annotations

from collections.abc import Iterable

from netlab.agent.client import AgentClient
from netlab.agent.messages import VtyQuestion
from netlab.lab.routing import bird, frr
from netlab.lab.routing.view import Reader, RoutingView, unanswered
from netlab.model.plan import NodePlan

__all__ = ["READERS", "RoutingView", "ask"]

READERS: dict[str, Reader] = {"frr": frr.converse, "bird": bird.converse}
"""By RoutingPlan.daemon."""


def ask(agent: AgentClient, about: Iterable[tuple[NodePlan, str]]) -> tuple[RoutingView, ...]:
    """One view per (router, destination). Each round of questions goes to all routers in one message."""
    pairs = tuple(about)
    views = [unanswered("", f"{node.name} runs no routing daemon") for node, _ in pairs]
    talks = {
        number: READERS[node.routing.daemon](node, destination)
        for number, (node, destination) in enumerate(pairs)
        if node.routing
    }
    asked: dict[int, tuple[VtyQuestion, ...]] = {number: next(talk) for number, talk in talks.items()}
    while asked:
        answers = iter(agent.vty(tuple(question for questions in asked.values() for question in questions)))
        for number, questions in list(asked.items()):
            try:
                asked[number] = talks[number].send(tuple(next(answers) for _ in questions))
            except StopIteration as end:
                views[number] = end.value
                del asked[number]
    return tuple(views)
