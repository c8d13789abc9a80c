"""Where a check's facts of clusters come from: the plan of an emulated one, the API of a real one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from netlab.agent.client import AgentClient
from netlab.ecmp import observe
from netlab.lab.emulated import service_facts
from netlab.model.cluster import ClusterNodePlan, ClusterPlan
from netlab.model.errors import HostError, LabError, NetlabError
from netlab.model.evidence import ClusterEvidence, ClusterNodeEvidence, PodInfo, ServiceFacts
from netlab.model.plan import LabPlan, ServicePlan
from netlab.model.routing import DaemonAnswer, DaemonQuestion

LAB = """
    name: facts
    topology:
      nodes:
        rt: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k8s}]}}
        lan: {kind: bridge}
        k8s:
          kind: k8s
          workers: 3
          metallb: {asn: 64522, pool: 172.16.7.192/26}
          services:
            - {name: web, replicas: 3, nodes: [k8s-worker, k8s-worker2], external-traffic-policy: Local}
            - {name: api, replicas: 1}
      links:
        - {endpoints: ["rt:eth1", "lan"], ipv4: [172.16.7.1/24]}
        - {endpoints: ["k8s", "lan"]}
"""


class Speakers(AgentClient):
    """An agent in whose lab these speakers have died. It keeps what it was asked."""

    def __init__(self, *dead: str) -> None:
        self.dead = dead
        self.asked: list[str] = []

    def ask(self, questions: tuple[DaemonQuestion, ...]) -> tuple[DaemonAnswer, ...]:
        self.asked += [f"{question.node} {question.program}" for question in questions]
        return tuple(DaemonAnswer("", "does not answer" if q.node in self.dead else None) for q in questions)


def said(facts: ServiceFacts) -> list[tuple[str, int, str]]:
    return [(node.node, node.ready_endpoints, node.speaker) for node in facts.cluster.nodes]


def test_an_emulated_cluster_knows_its_pods_from_the_plan_and_asks_each_speaker_once(
    plan_text: Callable[..., LabPlan],
) -> None:
    plan = plan_text(LAB)
    agent = Speakers("k8s-worker2")
    web, api = service_facts(plan, agent, plan.services)
    assert agent.asked == ["k8s-worker bgpd", "k8s-worker2 bgpd", "k8s-worker3 bgpd"]
    assert said(web) == [("k8s-worker", 2, "ready"), ("k8s-worker2", 1, "not ready"), ("k8s-worker3", 0, "ready")]
    assert [pod.node for pod in web.pods] == ["k8s-worker", "k8s-worker2", "k8s-worker"]
    assert (web.cluster.cluster, web.cluster.service, web.cluster.policy) == ("k8s", "web", "Local")
    assert (api.cluster.policy, [node[1] for node in said(api)]) == ("Cluster", [1, 0, 0])
    assert web.cluster.emulated
    assert web.cluster.unknown is None


def test_a_worker_that_runs_no_speaker_has_none(plan_text: Callable[..., LabPlan]) -> None:
    plan = plan_text(LAB.replace("bgp: {asn: 64512, neighbors: [{cluster: k8s}]}", ""))
    agent = Speakers()
    assert {speaker for _, _, speaker in said(service_facts(plan, agent, plan.services)[0])} == {"absent"}
    assert agent.asked == []


def with_real_cluster(plan: LabPlan) -> tuple[LabPlan, tuple[ServicePlan, ...]]:
    """The same lab, as if kind had made its cluster."""
    nodes = (ClusterNodePlan("k8s-control-plane", "netlab-facts-k8s-control-plane", control_plane=True),)
    return replace(plan, clusters=(ClusterPlan("k8s", "facts", nodes, ()),)), plan.services


def test_a_real_cluster_is_asked_once_for_all_services_that_are_checked(plan_text: Callable[..., LabPlan]) -> None:
    plan, (web, api) = with_real_cluster(plan_text(LAB))
    asked: list[tuple[ServicePlan, ...]] = []

    def read(cluster: ClusterPlan, services: tuple[ServicePlan, ...]) -> tuple[ServiceFacts, ...]:
        asked.append(services)
        return tuple(
            ServiceFacts(
                ClusterEvidence(cluster.name, service.name, "Local", (ClusterNodeEvidence("k8s-worker", 1, "ready"),)),
                (PodInfo(f"{service.name}-7c9d", "k8s-worker"),),
            )
            for service in services
        )

    facts: dict[ServicePlan, ServiceFacts] = {}
    observe._read_facts(plan, (web, api, web), read, facts)
    assert asked == [(web, api)]
    assert facts[api].pods == (PodInfo("api-7c9d", "k8s-worker"),)
    assert observe._emulated_facts(plan, Speakers(), (web, api)) == {}


@pytest.mark.parametrize("error", [HostError("no kubeconfig"), LabError("the API of k8s does not answer")])
def test_a_real_cluster_that_does_not_answer_is_said_so(plan_text: Callable[..., LabPlan], error: NetlabError) -> None:
    plan, (web, _) = with_real_cluster(plan_text(LAB))

    def read(cluster: ClusterPlan, services: tuple[ServicePlan, ...]) -> tuple[ServiceFacts, ...]:
        raise error

    facts: dict[ServicePlan, ServiceFacts] = {}
    observe._read_facts(plan, (web,), read, facts)
    assert facts[web].cluster == ClusterEvidence("k8s", "web", "Local", (), unknown=str(error))
    assert facts[web].pods == ()
