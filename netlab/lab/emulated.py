"""What an emulated cluster would say of its services: known from the plan, but whether its speakers run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from netlab import daemons
from netlab.agent.client import AgentClient
from netlab.daemons.base import Daemon
from netlab.model.evidence import ClusterEvidence, ClusterNodeEvidence, PodInfo, ServiceFacts
from netlab.model.plan import LabPlan, ServicePlan
from netlab.model.routing import DaemonQuestion

_State = Literal["ready", "not ready", "absent"]


def service_facts(plan: LabPlan, agent: AgentClient, services: Iterable[ServicePlan]) -> tuple[ServiceFacts, ...]:
    """The facts of each service of an emulated cluster. Every speaker that can be is asked for a sign of life."""
    wanted = tuple(services)
    nodes = tuple(dict.fromkeys(a.node for service in wanted for a in service.announcers))
    running = {node: daemons.running_in(plan.node(node)) for node in nodes}  # in MetalLB's place on a worker
    speakers = _speakers(agent, running)
    unasked = {node: daemon.is_not_asked(node) for node, daemon in running.items() if daemon and not daemon.dialogue}
    return tuple(_facts(plan, service, speakers, unasked) for service in wanted)


def _speakers(agent: AgentClient, running: Mapping[str, Daemon | None]) -> dict[str, _State]:
    states: dict[str, _State] = dict.fromkeys(running, "absent")
    questions = []
    for node, daemon in running.items():
        if daemon is not None and daemon.dialogue is not None:
            questions.append(DaemonQuestion(node, daemon.name, *daemon.dialogue.sign_of_life))
    for question, answer in zip(questions, agent.ask(tuple(questions)), strict=True):
        states[question.node] = "not ready" if answer.error else "ready"
    return states


def _facts(
    plan: LabPlan, service: ServicePlan, speakers: Mapping[str, _State], unasked: Mapping[str, str]
) -> ServiceFacts:
    """`unasked`: why a worker's speaker is not asked. Of a service with such an announcer too little is known."""
    pods = tuple(PodInfo(pod, plan.node(pod).node or pod) for pod in service.pods)
    here = Counter(pod.node for pod in pods)
    nodes = tuple(
        ClusterNodeEvidence(announcer.node, here[announcer.node], speakers[announcer.node])
        for announcer in service.announcers
    )
    unknown = next((unasked[a.node] for a in service.announcers if a.node in unasked), None)
    cluster = ClusterEvidence(
        service.cluster or "",
        service.name,
        service.policy or "Cluster",
        () if unknown else nodes,
        emulated=True,
        unknown=unknown,
    )
    return ServiceFacts(cluster, pods)
