"""What a user of the engine can do who is not root: all of it, by an agent in a helper container."""

import json
import os
from collections.abc import Callable

import pytest
from engine import Engine
from holdings import Holdings
from hoststate import descendants
from labs import NAME, ROUTED, works
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = pytest.mark.needs_user


def test_a_lab_from_deploy_to_destroy(netlab: Netlab, topology: Topology, holdings: Holdings) -> None:
    done = netlab("deploy", topology(ROUTED))
    assert done.returncode == 0, done
    works(netlab)
    written = netlab.folder / "home" / "ping.pcapng"
    capturing = netlab.start("capture", "host-1:eth1", "-w", written, "--count", 2, "icmp")
    assert capturing.stderr.readline().startswith("netlab: capturing ")
    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W5", "10.0.2.11").returncode == 0
    assert capturing.wait(timeout=20) == 0
    assert written.stat().st_uid == os.geteuid()
    assert netlab("logs", "rt-1").returncode == 0
    assert netlab("restart", "rt-1").returncode == 0
    works(netlab)
    written.unlink()
    assert netlab("destroy").returncode == 0
    assert holdings.changes() == []


def test_the_measurement(netlab: Netlab) -> None:
    assert netlab("deploy", TOPOLOGIES / "speakers.yaml").returncode == 0
    done = netlab("ecmp-check", "--format", "json")
    assert done.returncode == 0, done
    found = {router["router"]: router["verdict"] for router in json.loads(done.stdout)["routers"]}
    assert found == {"rt-frr": "ecmp", "rt-vyos": "single-path"}


def test_no_file_of_roots_is_left_in_the_state_folder(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    top = netlab.state(NAME).parent
    owners = {path.lstat().st_uid for path in (top, *top.rglob("*"))}
    assert owners == {os.geteuid()}


def test_no_helper_container_outlives_its_command(netlab: Netlab, topology: Topology, engine: Engine) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    for command in (("inspect",), ("exec", "rt-1", "--", "true"), ("capture", "rt-1", "--duration", "0.2")):
        assert netlab(*command).returncode == 0
    assert len(engine.names(f"label=netlab.directory={netlab.state(NAME)}")) == 5
    assert [process for process in descendants().values() if "agent" in process.command] == []


def test_the_helper_has_the_rights_it_needs_and_no_others(netlab: Netlab, topology: Topology, engine: Engine) -> None:
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    before = set(engine.names())
    capturing = netlab.start("capture", "rt-1", "--duration", 20)
    assert capturing.stderr.readline().startswith("netlab: capturing ")
    (helper,) = set(engine.names(f"label=netlab.directory={netlab.state(NAME)}")) - before
    config = engine.inspect(helper)["HostConfig"]
    capturing.terminate()
    capturing.wait(timeout=20)
    assert not config["Privileged"]
    assert config["NetworkMode"] == "none"
    assert config["CapDrop"] == ["ALL"]
    assert [mount["Target"] for mount in config["Mounts"] if not mount.get("ReadOnly")] == ["/host/proc"]


def test_the_labs_of_another_user_are_not_this_users(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    foreign("roots", "--network=none", "--label=netlab.owner=0", f"--label=netlab.lab={NAME}")
    assert netlab("deploy", topology(ROUTED)).returncode == 0
    assert netlab("destroy", "--all").returncode == 0
    assert engine.pid("roots") != 0


def test_doctor_says_how_the_agent_works(netlab: Netlab) -> None:
    shown = netlab("doctor", "--runtime", "docker").stdout
    assert "not root: the agent runs in a helper container" in " ".join(shown.split())
