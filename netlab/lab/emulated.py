"""What an emulated cluster would say of its services: known from the plan, but whether its speakers run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from netlab import daemons
from netlab.agent.client import AgentClient
from netlab.model.evidence import ClusterEvidence, ClusterNodeEvidence, PodInfo, ServiceFacts
from netlab.model.plan import LabPlan, ServicePlan
from netlab.model.routing import DaemonQuestion

_State = Literal["ready", "not ready", "absent"]


def service_facts(plan: LabPlan, agent: AgentClient, services: Iterable[ServicePlan]) -> tuple[ServiceFacts, ...]:
    """The facts of each service of an emulated cluster. Every speaker is asked for a sign of life."""
    wanted = tuple(services)
    speakers = _speakers(plan, agent, dict.fromkeys(a.node for service in wanted for a in service.announcers))
    return tuple(_facts(plan, service, speakers) for service in wanted)


def _speakers(plan: LabPlan, agent: AgentClient, nodes: Iterable[str]) -> dict[str, _State]:
    states: dict[str, _State] = dict.fromkeys(nodes, "absent")
    questions = []
    for node in states:
        daemon = daemons.running_in(plan.node(node))  # what stands in MetalLB's place on a worker
        if daemon is not None:
            questions.append(DaemonQuestion(node, daemon.name, *daemon.sign_of_life))
    for question, answer in zip(questions, agent.ask(tuple(questions)), strict=True):
        states[question.node] = "not ready" if answer.error else "ready"
    return states


def _facts(plan: LabPlan, service: ServicePlan, speakers: dict[str, _State]) -> ServiceFacts:
    pods = tuple(PodInfo(pod, plan.node(pod).node or pod) for pod in service.pods)
    here = Counter(pod.node for pod in pods)
    nodes = tuple(
        ClusterNodeEvidence(announcer.node, here[announcer.node], speakers[announcer.node])
        for announcer in service.announcers
    )
    cluster = ClusterEvidence(service.cluster or "", service.name, service.policy or "Cluster", nodes, emulated=True)
    return ServiceFacts(cluster, pods)
