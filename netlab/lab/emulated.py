"""What an emulated cluster would say of its services: known from the plan, but whether its speakers run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from netlab.agent.client import AgentClient
from netlab.agent.messages import VtyQuestion
from netlab.model.evidence import ClusterEvidence, ClusterNodeEvidence, PodInfo, ServiceFacts
from netlab.model.plan import LabPlan, ServicePlan

_SPEAKER = "bgpd"
"""What stands in MetalLB's place on a worker."""

_State = Literal["ready", "not ready", "absent"]


def service_facts(plan: LabPlan, agent: AgentClient, services: Iterable[ServicePlan]) -> tuple[ServiceFacts, ...]:
    """The facts of each service of an emulated cluster. Every speaker is asked for a sign of life."""
    wanted = tuple(services)
    speakers = _speakers(plan, agent, dict.fromkeys(a.node for service in wanted for a in service.announcers))
    return tuple(_facts(plan, service, speakers) for service in wanted)


def _speakers(plan: LabPlan, agent: AgentClient, nodes: Iterable[str]) -> dict[str, _State]:
    states: dict[str, _State] = dict.fromkeys(nodes, "absent")
    running = [node for node in states if any(process.name == _SPEAKER for process in plan.node(node).processes)]
    answers = agent.vty(tuple(VtyQuestion(node, _SPEAKER, "show version") for node in running))
    for node, answer in zip(running, answers, strict=True):
        states[node] = "not ready" if answer.error else "ready"
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
