"""Asking routers about BGP and the RIB, whatever daemons they run."""

from __future__ import annotations

from collections.abc import Iterable

from netlab import daemons
from netlab.agent.client import AgentClient
from netlab.model.plan import NodePlan
from netlab.model.routing import Conversation, DaemonQuestion, RoutingView, unanswered


def ask(agent: AgentClient, about: Iterable[tuple[NodePlan, str]]) -> tuple[RoutingView, ...]:
    """One view per (router, destination). Each round of questions goes to all routers in one message."""
    pairs = tuple(about)
    views = [unanswered("", f"{node.name} runs no routing daemon") for node, _ in pairs]
    talks: dict[int, Conversation] = {}
    for number, (node, destination) in enumerate(pairs):
        if node.routing is None:
            continue
        daemon = daemons.of(node.routing)
        if daemon.dialogue is None:
            views[number] = unanswered(daemon.title, daemon.is_not_asked(node.name))
        else:
            talks[number] = daemon.dialogue.read(node, destination)
    asked: dict[int, tuple[DaemonQuestion, ...]] = {number: next(talk) for number, talk in talks.items()}
    while asked:
        answers = iter(agent.ask(tuple(question for questions in asked.values() for question in questions)))
        for number, questions in list(asked.items()):
            try:
                asked[number] = talks[number].send(tuple(next(answers) for _ in questions))
            except StopIteration as end:
                views[number] = end.value
                del asked[number]
    return tuple(views)
