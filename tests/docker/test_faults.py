"""What a lab of containers loses, and how netlab says so and puts it back."""

import json
import os
import re
import signal
import time
from subprocess import CompletedProcess
from typing import Any

import pytest
from engine import Engine, OwnEngine
from holdings import Holdings
from hoststate import SUPERVISOR, descendants
from labs import NAME, NODES, ROUTED, Machine, container, dead, inspected, machines, works
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = pytest.mark.shares_nothing


@pytest.fixture
def lab(netlab: Netlab, topology: Topology) -> Netlab:
    """netlab with the lab deployed."""
    done = netlab("deploy", topology(ROUTED))
    assert done.returncode == 0, done
    return netlab


def lines(done: CompletedProcess[str]) -> list[str]:
    """What netlab says on standard error, without its progress."""
    assert "Traceback" not in done.stderr, done
    return [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]


def same_but(before: dict[str, Machine], after: dict[str, Machine], *changed: str) -> None:
    """Every machine but these is what it was: container, pid, interface indexes, addresses, routes, processes."""
    others = set(before) - set(changed)
    assert {node: before[node] for node in others} == {node: after[node] for node in others}


def without_index(text: str) -> list[str]:
    """Interfaces by name: a link that was made again has another index, and its peer's another MAC address."""
    return sorted(re.findall(r"^\d+: (\S+?)[@:]", text, re.MULTILINE))


# A container dies


@pytest.mark.parametrize(
    "node", ["rt-1", *(pytest.param(name, marks=pytest.mark.same_for_every_user) for name in ("host-1", "lan"))]
)
def test_a_killed_container_is_named_and_repair_puts_back_all_it_had(lab: Netlab, engine: Engine, node: str) -> None:
    before = machines(engine)

    engine("kill", container(node))

    assert dead(lab) == {node}
    assert inspected(lab)["state"] == "running"
    refused = lab("exec", node, "--", "true")
    assert refused.returncode == 125
    assert lines(refused) == [f"netlab: {node} is dead: its container does not run; 'netlab restart {node}' starts it"]
    done = lab("repair")
    assert done.returncode == 0, done
    assert f"lab {NAME} is repaired: {node} started again, " in done.stdout
    works(lab)
    after = machines(engine)
    assert after[node].pid != before[node].pid
    assert after[node].container == before[node].container
    for name in NODES:
        assert without_index(after[name].links) == without_index(before[name].links)
        assert [line.split()[1:4] for line in after[name].addresses.splitlines()] == [
            line.split()[1:4] for line in before[name].addresses.splitlines()
        ]
        assert sorted(after[name].routes.splitlines()) == sorted(before[name].routes.splitlines())
        if name != node:
            assert (after[name].pid, after[name].processes) == (before[name].pid, before[name].processes)


@pytest.mark.same_for_every_user
def test_links_that_nobody_lost_are_left_alone(lab: Netlab, engine: Engine) -> None:
    before = machines(engine)
    engine("kill", container("host-2"))
    assert lab("repair").returncode == 0
    same_but(before, machines(engine), "host-2", "rt-2")


@pytest.mark.same_for_every_user
def test_repair_of_a_whole_lab_changes_nothing(lab: Netlab, engine: Engine) -> None:
    before = machines(engine)
    for _ in range(2):
        done = lab("repair")
        assert (done.returncode, done.stdout) == (0, f"lab {NAME} is whole: nothing to repair\n")
    assert machines(engine) == before


def test_restart_gives_a_node_back_its_links_and_daemons(lab: Netlab, engine: Engine) -> None:
    before = machines(engine)
    done = lab("restart", "rt-1")
    assert done.returncode == 0, done
    works(lab)
    after = machines(engine)
    assert after["rt-1"].pid != before["rt-1"].pid
    same_but(before, after, "rt-1", "rt-2", "lan")
    unknown = lab("restart", "rt-3")
    assert (unknown.returncode, lines(unknown)) == (
        2,
        [f'netlab: lab {NAME} has no node rt-3 (did you mean "rt-2"?)'],
    )


@pytest.mark.same_for_every_user
def test_what_somebody_else_restarted_is_told_and_repaired(lab: Netlab, engine: Engine) -> None:
    engine("restart", "--time=1", container("rt-1"))
    refused = lab("vtysh", "rt-1", "-c", "show version")
    assert refused.returncode != 0
    told = lab("inspect").stdout
    assert f"rt-1 was restarted outside netlab and has lost its links: 'netlab repair --lab {NAME}'" in told
    assert lab("repair").returncode == 0
    works(lab)


@pytest.mark.same_for_every_user
def test_a_container_that_was_removed_is_made_again(lab: Netlab, engine: Engine) -> None:
    removed = engine.inspect(container("rt-2"))["Id"]
    engine("rm", "--force", container("rt-2"))
    assert dead(lab) == {"rt-2"}
    assert lab("repair").returncode == 0
    works(lab)
    assert engine.inspect(container("rt-2"))["Id"] != removed


@pytest.mark.same_for_every_user
def test_a_configuration_written_by_the_router_itself_survives_its_restart(lab: Netlab) -> None:
    configure = ("-c", "configure", "-c", "ip route 192.0.2.0/24 blackhole", "-c", "end", "-c", "write memory")
    assert lab("vtysh", "rt-1", *configure).returncode == 0
    assert lab("restart", "rt-1").returncode == 0
    assert "192.0.2.0/24" in lab("exec", "rt-1", "--", "ip", "route").stdout


def test_destroy_takes_a_lab_of_which_some_are_dead(
    netlab: Netlab, topology: Topology, engine: Engine, holdings: Holdings
) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    engine("kill", container("rt-1"))
    engine("rm", "--force", container("host-1"))
    engine("pause", container("rt-2"))
    assert netlab("destroy").returncode == 0
    assert holdings.changes() == []


@pytest.mark.same_for_every_user
def test_a_lab_of_which_all_are_dead_is_dead_and_can_be_replaced(
    lab: Netlab, engine: Engine, topology: Topology
) -> None:
    engine("kill", *(container(node) for node in NODES))
    assert inspected(lab)["state"] == "dead"
    done = lab("exec", "host-1", "--", "true")
    assert done.returncode == 125
    assert len(lines(done)) == 1
    assert lab("ecmp-check").returncode == 3
    assert lab("deploy", topology(ROUTED)).returncode == 3
    assert lab("deploy", "--reconfigure", topology(ROUTED)).returncode == 0
    works(lab)


@pytest.mark.same_for_every_user
def test_ecmp_check_says_what_a_dead_container_means_for_the_traffic(netlab: Netlab, engine: Engine) -> None:
    assert netlab("deploy", TOPOLOGIES / "speakers.yaml").returncode == 0

    def rt_frr() -> dict[str, Any]:
        done = netlab("ecmp-check", "--router", "rt-frr", "--format", "json")
        assert done.returncode == 0, done
        return dict(json.loads(done.stdout)["routers"][0])

    engine("kill", container("speaker-2", "speakers"))
    router = rt_frr()
    assert (router["verdict"], router["paths"]["announced"], router["paths"]["used"]) == ("ecmp", 2, 2)
    (finding,) = router["findings"]
    assert finding["rule"] == "node-not-announcing"
    assert "speaker-2 (172.16.7.12) should announce 172.16.7.192" in finding["message"]

    engine("kill", container("rt-frr", "speakers"))
    done = netlab("ecmp-check", "--router", "rt-frr")
    assert done.returncode == 3, done
    assert "rt-frr is dead" in lines(done)[0]
    assert "netlab repair --lab speakers" in lines(done)[0]

    assert netlab("repair").returncode == 0
    router = rt_frr()
    assert (router["paths"]["used"], router["findings"]) == (3, [])


# The engine


ASK = (("exec", "rt-1", "--", "true"), ("vtysh", "rt-1", "-c", "show version"), ("restart", "rt-1"))
ASK_ALL = (*ASK, ("inspect",), ("ecmp-check",), ("capture", "rt-1"), ("repair",), ("destroy",))


@pytest.mark.needs_root
@pytest.mark.parametrize(("number", "commands"), [(signal.SIGTERM, ASK_ALL), (signal.SIGKILL, ASK)])
def test_an_engine_that_is_gone_is_told_plainly(
    lab: Netlab, own_engine: OwnEngine, number: signal.Signals, commands: tuple[tuple[str, ...], ...]
) -> None:
    own_engine.end(number)  # killed, it leaves the containers running
    socket = own_engine.host.removeprefix("unix://")
    for command in commands:
        done = lab(*command)
        assert done.returncode == (125 if command[0] in ("exec", "vtysh") else 3), done
        (said,) = lines(done)
        assert socket in said
        assert "(to mend it: start it ('sudo systemctl start docker')" in said


@pytest.mark.needs_root
def test_a_restarted_engine_has_ended_all_containers_and_repair_brings_the_lab_back(
    lab: Netlab, own_engine: OwnEngine
) -> None:
    own_engine.restart()
    assert inspected(lab)["state"] == "dead"
    assert dead(lab) == set(NODES)
    refused = lab("exec", "rt-1", "--", "true")
    assert refused.returncode == 125
    assert len(lines(refused)) == 1
    done = lab("repair")
    assert done.returncode == 0, done
    works(lab)


@pytest.mark.needs_root
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_destroy_after_the_engines_restart_leaves_nothing(
    netlab: Netlab, topology: Topology, own_engine: OwnEngine, holdings: Holdings, number: signal.Signals
) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    own_engine.end(number)
    own_engine.start()
    assert netlab("destroy").returncode == 0
    assert holdings.changes() == []


@pytest.mark.needs_root
def test_an_engine_that_dies_during_a_deploy_fails_it_and_nothing_is_left(
    netlab: Netlab, topology: Topology, own_engine: OwnEngine, holdings: Holdings
) -> None:
    deploying = netlab.start("deploy", topology(ROUTED))
    for line in deploying.stderr:
        if "building" in line:
            break
    time.sleep(0.5)
    own_engine.end(signal.SIGKILL)
    _, stderr = deploying.communicate(timeout=60)
    assert deploying.returncode == 3, stderr
    assert "Traceback" not in stderr
    own_engine.start()
    netlab("destroy", "--all")
    assert holdings.changes() == []


# The state folder


def test_a_lab_whose_state_was_removed_is_found_by_its_labels(
    lab: Netlab, engine: Engine, topology: Topology, holdings: Holdings
) -> None:
    for path in sorted(lab.state(NAME).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    lab.state(NAME).rmdir()
    refused = lab("deploy", topology(ROUTED))
    assert refused.returncode == 3
    (said,) = lines(refused)
    assert f"containers of a lab {NAME} are left whose state is gone: " in said
    assert f"'netlab destroy --lab {NAME}' removes them" in said
    assert lab("destroy", "--lab", NAME).returncode == 0
    assert engine.names(f"label=netlab.directory={lab.state(NAME)}") == []
    assert lab.files() == []


# netlab itself


def test_no_process_of_netlab_stays_behind_a_running_lab(lab: Netlab) -> None:
    left = [process.command for process in descendants().values() if SUPERVISOR not in process.command]
    assert [command for command in left if "netlab" in command] == []
    assert os.getpid() not in descendants()
