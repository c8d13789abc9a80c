"""What netlab did not make it does not touch, whatever its name is."""

import os
import signal
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from engine import Engine
from labs import NAME, ROUTED, container, works
from netlab_program import Netlab, Topology

pytestmark = pytest.mark.shares_nothing


def said(done: CompletedProcess[str]) -> str:
    assert done.returncode == 3, done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
    return line


@pytest.mark.same_for_every_user
def test_a_foreign_container_of_a_machines_name_is_named_and_left_alone(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    foreign(container("host-1"))
    pid = engine.pid(container("host-1"))

    line = said(netlab("deploy", topology(ROUTED)))

    assert f"there is a container {container('host-1')} already, which is not this lab's" in line
    assert "give the lab another name or prefix, or remove that container" in line
    assert engine.pid(container("host-1")) == pid != 0
    assert netlab("destroy", "--lab", NAME).returncode == 3
    assert netlab("destroy", "--all").returncode == 0
    assert engine.pid(container("host-1")) == pid
    assert netlab.files() == []


@pytest.mark.same_for_every_user
def test_another_name_of_the_lab_goes_beside_it(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    foreign(container("host-1"))
    assert netlab("deploy", "--name", "other", topology(ROUTED)).returncode == 0
    works(netlab, "other")
    assert netlab("destroy").returncode == 0
    assert engine.pid(container("host-1")) != 0


LABELS = ("netlab.lab=faulty", "netlab.node=host-1", f"netlab.owner={os.geteuid()}", "netlab.directory=/elsewhere")


def test_one_label_of_netlabs_makes_no_container_netlabs(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    strangers = [foreign(f"stranger-{n}", "--network=none", "--label", label) for n, label in enumerate(LABELS)]
    pids = [engine.pid(stranger) for stranger in strangers]
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    engine("kill", container("lan"))
    assert netlab("repair").returncode == 0
    assert netlab("destroy", "--all").returncode == 0
    assert [engine.pid(stranger) for stranger in strangers] == pids
    assert 0 not in pids


@pytest.mark.same_for_every_user
def test_neither_ctrl_c_nor_an_earlier_death_touches_a_foreign_container(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    foreign("stranger", "--network=none", "--label", f"netlab.lab={NAME}", "--label", f"netlab.owner={os.geteuid()}")
    pid = engine.pid("stranger")
    for number in (signal.SIGINT, signal.SIGKILL):
        deploying = netlab.start("deploy", topology(ROUTED))
        for line in deploying.stderr:
            if "wiring" in line:
                break
        os.kill(deploying.pid, number)
        deploying.communicate(timeout=60)
        netlab("destroy", "--all")
    assert engine.pid("stranger") == pid != 0


@pytest.mark.same_for_every_user
def test_a_network_namespace_shared_with_a_foreign_container_outlives_the_lab(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    foreign("guest", f"--network=container:{container('host-2')}")
    assert "10.0.2.11" in engine("exec", "guest", "ip", "address")
    assert netlab("destroy").returncode == 0
    assert engine.pid("guest") != 0


BOXES = """
    name: faulty
    topology:
      nodes:
        host-1: {kind: linux}
        box-1: {kind: ext-container}
        box-2: {kind: ext-container}
      links:
        - {endpoints: ["host-1:eth1", "box-1:%s"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
        - {endpoints: ["box-1:eth6", "box-2:eth6"], ipv4: [10.0.6.1/24, 10.0.6.2/24]}
"""


def test_an_interface_of_a_foreign_containers_owner_is_never_touched(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    """One that has the name of a link's end is an error before anything is made. netlab's own go with the lab, those
    between two such containers too, and bear its mark meanwhile."""

    def links(box: str) -> str:
        return engine("exec", box, "ip", "-o", "link")

    for box in ("box-1", "box-2"):
        foreign(box, "--network=none", "--cap-add=NET_ADMIN")
    engine("exec", "box-1", "ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth8")
    before = {box: links(box) for box in ("box-1", "box-2")}

    line = said(netlab("deploy", topology(BOXES % "eth1")))

    assert "box-1: it has an interface eth1 already, which this lab did not make" in line
    assert "`endpoints` of the link (NODE:INTERFACE)" in line
    assert netlab.files() == []
    assert {box: links(box) for box in before} == before

    done = netlab("deploy", topology(BOXES % "eth5"))
    assert done.returncode == 0, done
    assert [links("box-1").count(f"alias netlab:{NAME}"), links("box-2").count(f"alias netlab:{NAME}")] == [2, 1]
    assert netlab("destroy").returncode == 0
    assert {box: links(box) for box in before} == before
