"""A routing daemon of another package that netlab does not ask: what says so, and what goes by the daemon anyway."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from netlab import daemons
from netlab.agent.client import AgentClient
from netlab.daemons.base import CommandLine, Daemon
from netlab.lab import commands, routing, state
from netlab.lab.emulated import service_facts
from netlab.model.errors import InputError
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan, NodePlan, ProcessPlan, Role, RoutingPlan
from netlab.model.routing import DaemonAnswer, DaemonQuestion
from netlab.runtime.docker.images import image_of

MUTE = Daemon(
    name="mute",
    title="Mute",
    package="muted",
    image="mute",
    programs=("/usr/sbin/muted",),
    configuration="/run/muted.conf",
    comment="#",
    command_line=CommandLine("mutectl", ("mutectl show",)),
)
SPEAKER = NodePlan("s-1", "mute", Role.HOST, "s-1", "Mute", processes=(ProcessPlan("muted", ("/usr/sbin/muted",)),))
WHY = "runs Mute, which netlab does not ask"
CLUSTER = """
    name: mute
    topology:
      nodes:
        rt: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k8s}]}}
        lan: {kind: bridge}
        k8s: {kind: k8s, workers: 2, metallb: {asn: 64522, pool: 172.16.7.192/26}, services: [{name: web, replicas: 2}]}
      links:
        - {endpoints: ["rt:eth1", "lan"], ipv4: [172.16.7.1/24]}
        - {endpoints: ["k8s", "lan"]}
"""


class Asked(AgentClient):
    """An agent that keeps what it was asked."""

    def __init__(self) -> None:
        self.nodes: list[str] = []

    def ask(self, questions: tuple[DaemonQuestion, ...]) -> tuple[DaemonAnswer, ...]:
        self.nodes += [question.node for question in questions]
        return tuple(DaemonAnswer("") for _ in questions)


@pytest.fixture(autouse=True)
def _brought(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {"mute": [EntryPoint("mute", f"{__name__}:MUTE", "netlab.daemons")]}
    monkeypatch.setattr(daemons.DAEMONS, "_others", found)
    monkeypatch.setattr(daemons.DAEMONS, "_loaded", {})


def test_a_router_that_runs_it_has_a_view_that_says_so() -> None:
    agent = Asked()
    node = replace(SPEAKER, routing=RoutingPlan("mute", ("muted",)))
    (view,) = routing.ask(agent, [(node, "192.0.2.1")])
    assert (view.daemon, view.error, view.bgp, view.rib) == ("Mute", f"s-1 {WHY}", None, ())
    assert agent.nodes == []


def test_of_an_emulated_clusters_speaker_nothing_is_known(plan_text: Callable[..., LabPlan]) -> None:
    plan = plan_text(CLUSTER)
    nodes = tuple(replace(n, processes=SPEAKER.processes) if n.name == "k8s-worker2" else n for n in plan.nodes)
    agent = Asked()
    (web,) = service_facts(replace(plan, nodes=nodes), agent, plan.services)
    assert (web.cluster.unknown, web.cluster.nodes) == (f"k8s-worker2 {WHY}", ())
    assert len(web.pods) == 2
    assert agent.nodes == ["k8s-worker"]


def test_a_machine_runs_the_image_of_the_daemon_that_runs_in_it() -> None:
    assert image_of(SPEAKER) == "netlab/mute:13"
    assert image_of(replace(SPEAKER, image="mine:1")) == "mine:1"
    assert image_of(replace(SPEAKER, processes=())) == "netlab/client:13"


def test_another_daemons_command_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = LabPlan("lab", "/t/lab.yaml", "netns", (SPEAKER,), ())
    monkeypatch.setattr(state, "load_plan", lambda lab: plan)
    lab: LabRecord = Any  # type: ignore[assignment]  # which lab it is makes no difference here
    with pytest.raises(InputError, match="s-1 runs Mute, which has no vtysh") as refused:
        commands._check_command_line(lab, "s-1", "vtysh")
    assert refused.value.problems[0].hint == "netlab exec s-1 -- mutectl"
    commands._check_command_line(lab, "s-1", "mutectl")
