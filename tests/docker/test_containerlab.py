"""What containerlab's files say of containers reaches the engine: names, limits, the image's own start."""

import time
from collections.abc import Callable

import pytest
from engine import Engine
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = pytest.mark.same_for_every_user

FILES = TOPOLOGIES / "containerlab"


def test_with_containerlabs_prefix_the_containers_have_containerlabs_names(netlab: Netlab, engine: Engine) -> None:
    assert netlab("deploy", FILES / "links.clab.yml").returncode == 0
    assert engine.names("label=netlab.lab=links") == ["clab-links-client", "clab-links-router", "clab-links-server"]


def test_the_engine_is_told_what_the_file_says_of_a_container(netlab: Netlab, engine: Engine) -> None:
    assert netlab("deploy", FILES / "links.clab.yml").returncode == 0
    server = engine.inspect("clab-links-server")
    assert server["Config"]["Entrypoint"] == ["sh", "-c"]
    assert server["Config"]["Cmd"] == ["echo $LAB is up; exec sleep 86400"]
    assert {"LAB=links", "SITE=north"} <= set(server["Config"]["Env"])
    assert {"role": "host", "tier": "front"}.items() <= server["Config"]["Labels"].items()
    assert server["HostConfig"]["NanoCpus"] == 500_000_000
    assert server["HostConfig"]["Memory"] == 128 << 20
    assert server["HostConfig"]["Tmpfs"] == {"/scratch": "size=1m"}
    assert not server["HostConfig"]["PortBindings"], "there is no management network to publish them from"
    assert engine("logs", "clab-links-server").strip() == "links is up"


def test_an_existing_container_gets_its_link_and_keeps_the_rest(
    netlab: Netlab, topology: Topology, engine: Engine, foreign: Callable[..., str]
) -> None:
    theirs = foreign("their-box")
    before = engine.inspect(theirs)
    file = topology("""
        name: foreign
        topology:
          nodes:
            h1: {kind: linux}
            their-box: {kind: ext-container}
          links:
            - endpoints:
                - {node: h1, interface: eth1, ipv4: 10.5.0.1/24}
                - {node: their-box, interface: eth7, ipv4: 10.5.0.2/24, mac: "02:00:00:00:05:02"}
    """)
    done = netlab("deploy", file)
    assert done.returncode == 0, done
    assert netlab("exec", "h1", "--", "ping", "-c1", "-W2", "10.5.0.2").returncode == 0
    assert "02:00:00:00:05:02" in engine("exec", theirs, "cat", "/sys/class/net/eth7/address")

    assert netlab("destroy").returncode == 0

    after = engine.inspect(theirs)
    assert (after["State"]["StartedAt"], after["Config"]) == (before["State"]["StartedAt"], before["Config"])
    # The kernel takes the other end's namespace apart, and the link with it, once its last process is gone.
    deadline = time.monotonic() + 3
    while (left := engine("exec", theirs, "ls", "/sys/class/net").split()) != ["lo"]:
        assert time.monotonic() < deadline, left


def test_an_existing_container_that_is_not_there_is_named(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", topology("name: x\ntopology: {nodes: {nobodys-box: {kind: ext-container}}}\n"))
    assert done.returncode == 3, done
    assert "no running container nobodys-box" in done.stderr
