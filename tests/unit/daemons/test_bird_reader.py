"""Answers of BIRD beside a cluster of three workers, as Debian 12's and 13's gave them: merge paths off, and on."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from netlab.lab import routing
from netlab.model.plan import NeighborPlan, NodePlan, Role, RoutingPlan
from netlab.model.routing import DaemonAnswer, DaemonQuestion, RoutingView

VERSIONS = ("2.0.12", "2.17.5")
WORKERS = ("172.16.7.11", "172.16.7.12", "172.16.7.13")
VIP = "172.16.7.192"
ABSENT = NeighborPlan(ip_address("172.16.7.99"), 64599, expect_down=True)
NEIGHBORS = (*(NeighborPlan(ip_address(worker), 64522) for worker in WORKERS), ABSENT)
ROUTER = NodePlan("rt-1", "bird", Role.ROUTER, "rt-1", "BIRD", routing=RoutingPlan("bird", ("bird",), 64512, NEIGHBORS))


def answers(name: str, version: str = VERSIONS[0]) -> Path:
    return Path(__file__).parent / f"bird-{version}" / name


class FakeAgent:
    """BIRD's recorded answers by command; `changes` replaces some, None for a daemon that is gone."""

    def __init__(self, name: str, version: str = VERSIONS[0], **changes: str | None) -> None:
        self.texts: dict[str, str | None] = {file.name: file.read_text() for file in answers(name, version).iterdir()}
        self.texts |= changes
        self.rounds: list[list[str]] = []

    def ask(self, questions: tuple[DaemonQuestion, ...]) -> tuple[DaemonAnswer, ...]:
        self.rounds.append([question.command for question in questions])
        return tuple(self.answer(question) for question in questions)

    def answer(self, question: DaemonQuestion) -> DaemonAnswer:
        assert (question.node, question.daemon) == ("rt-1", "bird")
        word = next(word for word in ("status", "protocols", "export", "route") if word in question.command)
        text = self.texts[word]
        return DaemonAnswer("", "rt-1: bird does not answer") if text is None else DaemonAnswer(text)


def view(name: str, node: NodePlan = ROUTER, version: str = VERSIONS[0], **changes: str | None) -> RoutingView:
    (seen,) = routing.ask(FakeAgent(name, version, **changes), [(node, VIP)])  # type: ignore[arg-type]
    return seen


def text(name: str, file: str) -> str:
    return (answers(name) / file).read_text()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_single_path_router(version: str) -> None:
    seen = view(version=version, name="single-path")
    assert (seen.error, seen.daemon, seen.version) == (None, "BIRD", version)
    assert seen.bgp is not None
    assert (seen.bgp.daemon, seen.bgp.local_asn, seen.bgp.prefix) == ("bird", 64512, f"{VIP}/32")
    assert [path.next_hop for path in seen.bgp.paths if path.valid] == list(WORKERS)
    assert [path.neighbor for path in seen.bgp.paths] == list(WORKERS)
    assert [path.next_hop for path in seen.bgp.paths if path.best] == ["172.16.7.11"]
    assert [path.next_hop for path in seen.bgp.paths if path.multipath] == ["172.16.7.11"]
    assert {(path.as_path, path.origin, path.med, path.local_pref) for path in seen.bgp.paths} == {
        ((64522,), "Incomplete", 0, 100)
    }
    assert [(hop.address, hop.interface, hop.fib) for hop in seen.rib] == [("172.16.7.11", "eth1", True)]


@pytest.mark.parametrize("version", VERSIONS)
def test_with_merge_paths_what_the_kernel_gets_is_multipath(version: str) -> None:
    seen = view(version=version, name="merge-paths")
    assert seen.bgp is not None
    assert sorted(path.next_hop for path in seen.bgp.paths if path.multipath) == list(WORKERS)
    assert [path.next_hop for path in seen.bgp.paths if path.best] == ["172.16.7.11"]
    assert [hop.address for hop in seen.rib] == list(WORKERS)


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_and_how_much_each_neighbor_announced(version: str) -> None:
    seen = view(version=version, name="single-path")
    assert seen.bgp is not None
    assert [(s.neighbor, s.remote_asn, s.state, s.expect_down) for s in seen.bgp.sessions] == [
        *((worker, 64522, "Established", False) for worker in WORKERS),
        ("172.16.7.99", 64599, "Connect", True),
    ]
    assert dict(seen.received) == {**dict.fromkeys(WORKERS, 1), "172.16.7.99": 0}


def test_the_tables_are_those_of_the_kernel_protocol_whatever_its_name() -> None:
    agent = FakeAgent("single-path")
    renamed = text("single-path", "protocols").replace("kernel4 ", "to-kern ").replace("master4", "core")
    agent.texts["protocols"] = renamed
    routing.ask(agent, [(ROUTER, VIP)])  # type: ignore[arg-type]
    assert agent.rounds == [
        ["show status", "show protocols all"],
        [f"show route table 'core' for {VIP} all", f"show route table 'core' export 'to-kern' for {VIP} all"],
    ]


def test_without_a_kernel_protocol_nothing_is_in_the_rib() -> None:
    none = text("single-path", "protocols").replace("Kernel ", "Static ")
    seen = view("single-path", protocols=none)
    assert seen.bgp is not None
    assert len(seen.bgp.paths) == 3
    assert seen.rib == ()


def test_no_route_at_all() -> None:
    nothing = "8001 Network not found\n"
    seen = view("single-path", route=nothing, export=nothing)
    assert seen.error is None
    assert seen.bgp is not None
    assert (seen.bgp.prefix, seen.bgp.paths, seen.rib) == (None, (), ())


def test_a_connected_route_is_in_the_kernel_already() -> None:
    connected = (
        "1007-Table master4:\n 172.16.7.0/24        unicast [direct1 04:52:55.559] * (240)\n \tdev eth1\n"
        "1008-\tType: device univ\n0000 \n"
    )
    seen = view("single-path", route=connected, export="0000 \n")
    assert [(hop.address, hop.interface) for hop in seen.rib] == [("", "eth1")]
    assert seen.bgp is not None
    assert seen.bgp.paths == ()


def test_a_path_that_leads_nowhere_is_not_valid() -> None:
    lost = text("single-path", "route").replace("unicast [bgp_k8s_worker2", "unreachable [bgp_k8s_worker2")
    seen = view("single-path", route=lost.replace(" \tvia 172.16.7.12 on eth1\n", ""))
    assert seen.bgp is not None
    assert [(path.next_hop, path.valid) for path in seen.bgp.paths] == [
        ("172.16.7.11", True),
        ("172.16.7.12", False),
        ("172.16.7.13", True),
    ]


@pytest.mark.parametrize(("asked", "down"), [(False, False), (True, True)])
def test_a_neighbor_that_the_users_own_configuration_disables_is_expected_down(asked: bool, down: bool) -> None:
    off = text("single-path", "protocols").replace("start  04:55:31.693  Connect", "down   04:55:31.693         ")
    off = off.replace("BGP state:          Connect", "BGP state:          Down")
    plan = RoutingPlan("bird", ("bird",), 64512, (), neighbors_asked=asked)
    node = NodePlan("rt-1", "bird", Role.ROUTER, "rt-1", "BIRD", routing=plan)
    seen = view("single-path", node, protocols=off)
    assert seen.bgp is not None
    assert [(s.state, s.expect_down) for s in seen.bgp.sessions if s.neighbor == "172.16.7.99"] == [("Idle", down)]


@pytest.mark.parametrize("gone", ["status", "protocols", "route", "export"])
def test_a_daemon_that_does_not_answer(gone: str) -> None:
    assert view("single-path", **{gone: None}).error == "rt-1: bird does not answer"


@pytest.mark.parametrize("garbage", ["", "1002-\n", "1002-a b\n0000 \n", "nonsense\n", "1006-BGP state: x\n", "\x00"])
@pytest.mark.parametrize("which", ["status", "protocols", "route", "export"])
def test_an_answer_that_nobody_understands_is_an_error_or_nothing(which: str, garbage: str) -> None:
    seen = view("single-path", **{which: garbage})
    assert seen.error is None or seen.error.startswith("rt-1: unexpected answer of BIRD: ")


def test_routers_of_both_daemons_are_asked_in_the_same_rounds() -> None:
    agent = FakeAgent("single-path")
    routing.ask(agent, [(ROUTER, VIP), (ROUTER, "192.0.2.1")])  # type: ignore[arg-type]
    assert [len(commands) for commands in agent.rounds] == [4, 4]
