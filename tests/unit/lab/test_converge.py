from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from netlab.agent.messages import FlowOutcome, FlowsRequest, GroupOutcome, KernelView
from netlab.api.progress import LogProgress
from netlab.lab import converge
from netlab.model.evidence import BgpEvidence, BgpPath, BgpSession, FibNextHop, FibRoute, HashSettings
from netlab.model.plan import (
    AnnouncerPlan,
    CheckPlan,
    LabPlan,
    NeighborPlan,
    NodePlan,
    Role,
    RoutingPlan,
    ServicePlan,
)
from netlab.model.results import Convergence
from netlab.model.routing import DaemonAnswer, DaemonQuestion, RoutingView
from netlab.model.topology import Expect

_LONG_SILENCE = 0.5  # seconds; tells the long wait from none on a busy machine too
ANSWERS = Path(__file__).parents[1] / "daemons" / "frr-8.4.4" / "rt-frr"
WORKERS = tuple(f"172.16.7.{number}" for number in (11, 12, 13))
VIP = ip_address("172.16.7.192")
ROUTER = NodePlan(
    "rt-frr",
    "frr",
    Role.ROUTER,
    "rt-frr",
    "FRR",
    routing=RoutingPlan("frr", ("zebra", "bgpd"), 64512, tuple(NeighborPlan(ip_address(w), 64522) for w in WORKERS)),
)
SERVICE = ServicePlan(
    "k8s", "nginx", VIP, 80, "Cluster", (), tuple(AnnouncerPlan(w, ip_address(w), True) for w in WORKERS)
)
CHECK = CheckPlan("rt-frr", "h1", ip_address("172.16.9.11"), "eth1", "eth2", VIP, 80, "nginx", Expect.ANY)
NODES = tuple(NodePlan(w, "k8s", Role.WORKER, "k8s", "bgpd") for w in (*WORKERS, "w4"))
PLAN = LabPlan("lab", "/lab.yaml", "netns", (ROUTER, *NODES), (), (SERVICE,), (CHECK,))


class FakeAgent:
    """A router whose answers a test changes as time goes by; every poll counts as one."""

    def __init__(self) -> None:
        self.polls = 0
        self.probes: list[FlowsRequest] = []
        self.fib = WORKERS
        self.error: str | None = None
        self.answers = True

    def text(self, command: str) -> str:
        files = {"summary": "summary.json", "unicast": "bgp-route.json", "running": "running-config"}
        files |= {"route": "rib-route.json", "version": "version"}
        return (ANSWERS / next(file for word, file in files.items() if word in command)).read_text()

    def ask(self, questions: tuple[DaemonQuestion, ...]) -> tuple[DaemonAnswer, ...]:
        self.polls += 1
        return tuple(DaemonAnswer("" if self.error else self.text(q.command), self.error) for q in questions)

    def kernel(self, questions: tuple[tuple[str, str], ...]) -> tuple[KernelView, ...]:
        hops = tuple(FibNextHop(address, "eth1") for address in self.fib)
        route = FibRoute(f"{VIP}/32", "zebra", hops) if hops else None
        return tuple(KernelView(route, (), HashSettings(3, 55, 1)) for _ in questions)

    def start_flows(self, request: FlowsRequest) -> None:
        self.probes.append(request)

    def finish_flows(self) -> tuple[GroupOutcome, ...]:
        error = None if self.answers else "no connection in time"
        flow = FlowOutcome(1, self.answers, error, "", 0, None, ())
        return tuple(GroupOutcome((flow,), 0, 0) for _ in self.probes[-1].groups)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of the waits, a hundred times as fast."""
    monkeypatch.setattr(converge, "_POLL", 0.001)
    monkeypatch.setattr(converge, "_STEADY", 0.01)
    monkeypatch.setattr(converge, "_STEADY_INCOMPLETE", _LONG_SILENCE)


def wait(plan: LabPlan, agent: FakeAgent, timeout: float = 5.0) -> Convergence:
    return converge.wait(plan, agent, timeout, LogProgress())


def test_a_lab_has_converged_when_all_agrees_and_the_vip_answers() -> None:
    agent = FakeAgent()
    result = wait(PLAN, agent)
    assert result.converged
    assert result.seconds < _LONG_SILENCE
    assert len(agent.probes) == 1


def test_a_lab_without_routers_has_nothing_to_wait_for() -> None:
    host = NodePlan("h1", "linux", Role.HOST, "h1", "Linux")
    assert wait(LabPlan("lab", "/lab.yaml", "netns", (host,), ()), FakeAgent()).seconds < _LONG_SILENCE


def test_a_router_with_static_routes_alone_has_no_more_to_say() -> None:
    static = replace(ROUTER, routing=RoutingPlan("frr", ("zebra", "staticd")))
    result = wait(replace(PLAN, nodes=(static,)), FakeAgent())
    assert result.converged
    assert result.seconds < _LONG_SILENCE


def test_next_hops_that_the_kernel_lacks_are_missing() -> None:
    agent = FakeAgent()
    agent.fib = WORKERS[:2]
    result = wait(PLAN, agent, 0.05)
    assert result.missing == ("rt-frr: 172.16.7.192 has 3 next hops in the RIB and 2 in the kernel",)
    assert not agent.probes


def test_paths_that_are_in_bgp_but_not_in_the_rib_may_still_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """bgpd has chosen three paths and zebra knows one: it is steady for long before it is believed."""
    agent = FakeAgent()
    agent.fib = WORKERS[:1]
    single = (ANSWERS.parent / "rt-vyos" / "rib-route.json").read_text()
    real = agent.text
    monkeypatch.setattr(agent, "text", lambda command: single if "ip route" in command else real(command))
    result = wait(PLAN, agent)
    assert result.converged
    assert result.seconds >= _LONG_SILENCE


def test_an_announcer_that_is_silent_is_waited_for_longer() -> None:
    fourth = replace(SERVICE, announcers=(*SERVICE.announcers, AnnouncerPlan("w4", ip_address("172.16.7.14"), True)))
    assert wait(replace(PLAN, services=(fourth,)), FakeAgent()).seconds >= _LONG_SILENCE
    unexpected = replace(fourth, announcers=(*SERVICE.announcers, replace(fourth.announcers[-1], expected=False)))
    assert wait(replace(PLAN, services=(unexpected,)), FakeAgent()).seconds < _LONG_SILENCE


def test_without_vips_neighbors_that_have_announced_nothing_are_waited_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = replace(PLAN, services=(), checks=())
    agent = FakeAgent()
    assert wait(plan, agent).seconds < _LONG_SILENCE
    real = agent.text
    monkeypatch.setattr(agent, "text", lambda command: real(command).replace('"pfxRcd":1', '"pfxRcd":0'))
    assert wait(plan, agent).seconds >= _LONG_SILENCE


def test_a_route_that_changes_starts_the_wait_anew() -> None:
    class Flapping(FakeAgent):
        def kernel(self, questions: tuple[tuple[str, str], ...]) -> tuple[KernelView, ...]:
            views = super().kernel(questions)
            seed = self.polls if self.polls < 30 else 0
            return tuple(replace(v, route=replace(v.route, group=seed) if v.route else None) for v in views)

    agent = Flapping()
    assert wait(PLAN, agent).converged
    assert agent.polls > 30


@pytest.mark.parametrize("expect_down", [False, True])
def test_a_session_that_is_down(expect_down: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = FakeAgent()
    real = agent.text
    down = '"state":"Active"'
    monkeypatch.setattr(agent, "text", lambda command: real(command).replace('"state":"Established"', down, 1))
    assert ROUTER.routing
    first, *others = ROUTER.routing.neighbors
    routing = replace(ROUTER.routing, neighbors=(replace(first, expect_down=expect_down), *others))
    result = wait(replace(PLAN, nodes=(replace(ROUTER, routing=routing), *NODES)), agent, 0.05)
    assert result.missing == (() if expect_down else ("rt-frr: neighbor 172.16.7.11 is Active",))


def test_a_daemon_that_died_is_what_is_missing() -> None:
    agent = FakeAgent()
    agent.error = "rt-frr: bgpd does not answer: Connection refused"
    assert wait(PLAN, agent, 0.02).missing == ("rt-frr: bgpd does not answer: Connection refused",)


def test_a_vip_that_does_not_answer_is_what_is_missing() -> None:
    agent = FakeAgent()
    agent.answers = False
    result = wait(PLAN, agent, 0.05)
    assert result.missing == ("VIP 172.16.7.192:80 does not answer h1: no connection in time",)
    assert len({group.source_ports for request in agent.probes for group in request.groups}) >= 1


def test_a_vip_without_a_route_is_not_asked() -> None:
    agent = FakeAgent()
    agent.fib = ()
    assert wait(PLAN, agent, 0.05).missing
    assert not agent.probes


def test_bird_need_not_know_the_kernels_other_routes() -> None:
    """Its kernel protocol exports nothing, and a static route of the kernel leads to the VIP."""
    paths = (BgpPath("172.16.7.11", "172.16.7.11", (64522,), "IGP", valid=True, best=True, multipath=True),)
    bgp = BgpEvidence(64512, None, None, True, (), "172.16.7.192/32", paths, "bird")
    static = FibRoute("0.0.0.0/0", "static", (FibNextHop("172.16.7.254", "eth1"),))
    kernel = KernelView(static, (), HashSettings(3, 0x37, 1))
    view = RoutingView("BIRD", bgp, (), True, "2.0.12", whole_rib=False)
    assert converge._disagreement(ROUTER, str(VIP), view, kernel) == []
    zebra = replace(view, daemon="FRR", whole_rib=True)
    assert converge._disagreement(ROUTER, str(VIP), zebra, kernel) == [
        "rt-frr: 172.16.7.192 has 0 next hops in the RIB and 1 in the kernel"
    ]


def test_a_daemon_that_is_asked_for_its_neighbors_names_whom_to_wait_for() -> None:
    sessions = (
        BgpSession("10.0.0.1", 1, "Established"),
        BgpSession("10.0.0.2", 2, "Active"),
        BgpSession("10.0.0.3", 3, "Idle", expect_down=True),
    )
    bgp = BgpEvidence(64512, None, None, True, sessions, None, (), "bird")
    view = RoutingView("BIRD", bgp, (), True, "2.0.12", whole_rib=False)
    own = replace(ROUTER, routing=RoutingPlan("bird", ("bird",), 64512, neighbors_asked=True))
    assert converge._missing_sessions(own, view) == ["rt-frr: neighbor 10.0.0.2 is Active"]
    assert converge._missing_sessions(own, replace(view, bgp=None)) == []
