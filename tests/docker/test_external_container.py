"""MetalLB's end-to-end tests with a lab's routers as their external containers, as far as they need no cluster.

tests/kind has the sessions with a cluster's speakers."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Engine
from external_container import ASN, EBGP, IBGP, LAB, Suite, config, connected, copy_lab, wait
from netlab_program import Netlab

pytestmark = pytest.mark.alone

NETWORK = "netlab-test-e2e"
"""Stands for a kind cluster's. Beside another engine's packet filter rules nothing may pass over it."""
SUBNETS = ("10.213.7.0/24", "fd00:213:7::/64")
NEIGHBOR = "10.213.7.99"


@pytest.fixture
def network(engine: Engine) -> Iterator[str]:
    engine("network", "create", "--ipv6", *(f"--subnet={subnet}" for subnet in SUBNETS), NETWORK)
    yield NETWORK
    engine("network", "rm", NETWORK)


@pytest.fixture
def routers(network: str, engine: Engine, netlab: Netlab, tmp_path: Path) -> dict[str, Suite]:
    return connected(netlab, engine, copy_lab(tmp_path), network)


def test_the_suite_finds_the_routers_on_the_network_and_may_write_their_files(routers: dict[str, Suite]) -> None:
    for suite in routers.values():
        ipv4, ipv6 = suite.take()
        assert ipv4.startswith("10.213.7."), ipv4
        assert ipv6.startswith("fd00:213:7::"), ipv6
        files = list((suite.folder / suite.container).iterdir())
        assert {file.name for file in files} == {"daemons", "frr.conf", "vtysh.conf"}
        assert {(file.stat().st_uid, file.stat().st_gid) for file in files} == {(os.getuid(), os.getgid())}


def test_the_routers_take_the_suites_configuration(routers: dict[str, Suite], netlab: Netlab) -> None:
    for router, suite in routers.items():
        own, _ = suite.take()
        suite.configure(config(ASN[router], own, [NEIGHBOR], 64512, "10.64.1.0/24"))

        neighbor = suite.vtysh("show bgp neighbor json")[NEIGHBOR]
        assert (neighbor["localAs"], neighbor["remoteAs"], neighbor["localRouterId"]) == (ASN[router], 64512, own)
        assert [peer["peer"] for peer in suite.vtysh("show bfd peers json")] in ([], [NEIGHBOR])  # bfdd answers
        assert list(suite.vtysh("show bgp ipv4 json")["routes"]) == ["10.64.1.0/24"]
        assert f"neighbor {NEIGHBOR} password" in suite.sh("vtysh -c 'show running-config'")
        # The suite's dump of a failed test.
        suite.engine("exec", router, "bash", "-c", "cat /tmp/frr.log | tail -n 500")
    # The other router's peer comes with its session.
    wait(lambda: [peer["peer"] for peer in routers[EBGP].vtysh("show bfd peers json")] == [NEIGHBOR])
    (lab,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
    assert {session["neighbor"] for node in lab["nodes"] for session in node["sessions"]} == {NEIGHBOR}


@pytest.mark.same_for_every_user
def test_the_routers_fetch_pages(routers: dict[str, Suite]) -> None:
    routers[IBGP].engine("exec", "--detach", IBGP, "python3", "-m", "http.server", "80")
    wait(lambda: "Directory listing" in routers[IBGP].fetch("http://127.0.0.1"))


@pytest.mark.needs_root  # vtysh gives the frr.conf that it writes to user frr, here as in FRR's own image
def test_each_test_of_the_suite_replaces_the_configuration(routers: dict[str, Suite]) -> None:
    suite = routers[IBGP]
    own, _ = suite.take()
    suite.configure(config(ASN[IBGP], own, [NEIGHBOR], 64512, "10.64.1.0/24"))
    suite.configure(config(ASN[IBGP], own, ["10.213.7.98"], 4200000000, "10.64.2.0/24"))
    assert list(suite.neighbors()) == ["10.213.7.98"]
    assert list(suite.vtysh("show bgp ipv4 json")["routes"]) == ["10.64.2.0/24"]

    suite.configure("log file /tmp/frr.log debugging\n")
    assert "neighbor" not in suite.sh("vtysh -c 'show running-config'")


def test_after_the_suites_teardown_destroy_removes_the_rest_and_the_lab_is_as_new(
    routers: dict[str, Suite], netlab: Netlab, engine: Engine, tmp_path: Path
) -> None:
    for router, suite in routers.items():
        own, _ = suite.take()
        suite.configure(config(ASN[router], own, [NEIGHBOR], 64512, "10.64.1.0/24"))
        suite.end()

    assert netlab("destroy").returncode == 0

    assert not {*ASN} & {*engine.names()}
    assert netlab.files() == []
    for router in ASN:
        assert NEIGHBOR in (tmp_path / LAB / router / "frr.conf.sav").read_text()
    done = netlab("deploy", tmp_path / f"{LAB}.yaml")
    assert done.returncode == 0, done
    assert json.loads(netlab("vtysh", EBGP, "-c", "show bgp neighbor json").stdout) == {}


@pytest.mark.same_for_every_user
def test_destroy_removes_routers_that_are_connected_to_a_network(
    routers: dict[str, Suite], netlab: Netlab, engine: Engine, network: str
) -> None:
    assert len(engine.inspect(network)["Containers"]) == len(routers)
    assert netlab("destroy").returncode == 0
    assert not {*ASN} & {*engine.names()}
    assert engine.inspect(network)["Containers"] == {}
