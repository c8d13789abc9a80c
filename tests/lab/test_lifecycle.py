"""Labs come, live beside each other, and go."""

import json
import re
from pathlib import Path

import pytest
from hoststate import HostState
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = pytest.mark.shares_nothing

TWO_HOSTS = """
    name: {name}
    topology:
      nodes:
        host-1: {{kind: linux}}
        host-2: {{kind: linux}}
      links:
        - {{endpoints: ["host-1:eth1", "host-2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}}
"""
LONELY_ROUTER = """
    name: lonely
    topology:
      nodes:
        rt-1:
          kind: frr
          bgp: {asn: 64512, neighbors: [{address: 10.0.0.2, asn: 64513EXPECT}]}
        host-1: {kind: linux}
      links:
        - {endpoints: ["rt-1:eth1", "host-1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
"""


@pytest.mark.cluster
def test_deploy_says_what_it_built_and_what_is_emulated(netlab: Netlab) -> None:
    done = netlab("deploy", TOPOLOGIES / "ecmp.yaml")
    assert done.returncode == 0, done
    assert "lab ecmp has converged: 10 nodes, VIP 172.16.7.192:80" in done.stdout.splitlines()
    assert done.stdout.startswith("emulated: Kubernetes cluster k8s: ")
    assert [line.split("s  ")[1].split()[0] for line in done.stderr.splitlines()] == [
        "building",
        "wiring",
        "starting",
        "waiting",
    ]


@pytest.mark.front_end
def test_deploy_as_json_is_nothing_but_json(netlab: Netlab, ecmp_file: Path) -> None:
    done = netlab("deploy", ecmp_file, "--format", "json")
    assert done.returncode == 0, done
    document = json.loads(done.stdout)
    assert document["converged"] is True
    assert document["missing"] == []
    assert 0 < document["seconds"] < 60
    assert document["vips"] == [{"service": "nginx", "vip": "172.16.7.192", "port": 80}]


def test_a_deployed_lab_holds_nothing_of_its_caller(netlab: Netlab, ecmp_file: Path) -> None:
    deploying = netlab.start("deploy", ecmp_file)
    # Both streams end with the command, although the lab goes on.
    assert "has converged" in deploying.communicate(timeout=30)[0]
    assert deploying.returncode == 0
    assert netlab("exec", "host-1", "--", "true").returncode == 0


@pytest.mark.front_end
def test_a_running_lab_is_not_deployed_over(netlab: Netlab, topology: Topology) -> None:
    file = topology(TWO_HOSTS.format(name="pair"))
    assert netlab("deploy", file).returncode == 0
    assert netlab("exec", "host-1", "--", "touch", "/tmp/here").returncode == 0

    again = netlab("deploy", file)

    assert again.returncode == 3, again
    assert "lab pair exists already" in again.stderr
    assert "--reconfigure" in again.stderr
    assert netlab("exec", "host-1", "--", "ls", "/tmp/here").stdout == "/tmp/here\n"
    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0


def test_reconfigure_replaces_the_lab(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(TWO_HOSTS.format(name="pair"))).returncode == 0
    assert netlab("exec", "host-1", "--", "touch", "/tmp/here").returncode == 0

    changed = topology(TWO_HOSTS.format(name="pair").replace("10.0.0.2/24", "10.0.0.3/24"))
    assert netlab("deploy", "--reconfigure", changed).returncode == 0

    assert netlab("exec", "host-1", "--", "ls", "/tmp/here").returncode == 2
    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.3").returncode == 0


@pytest.mark.front_end
def test_reconfigure_deploys_a_lab_that_is_not_there(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", "--reconfigure", topology(TWO_HOSTS.format(name="pair"))).returncode == 0


@pytest.mark.front_end
def test_a_broken_file_replaces_nothing(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(TWO_HOSTS.format(name="pair"))).returncode == 0
    broken = topology(TWO_HOSTS.format(name="pair").replace("linux", "linus"))

    refused = netlab("deploy", "--reconfigure", broken)

    assert refused.returncode == 2, refused
    assert f"netlab: {broken}:5:" in refused.stderr
    assert netlab("exec", "host-1", "--", "true").returncode == 0


def test_two_labs_with_the_same_addresses_do_not_notice_each_other(netlab: Netlab, topology: Topology) -> None:
    for name in ("left", "right"):
        assert netlab("deploy", topology(TWO_HOSTS.format(name=name), name=f"{name}.yaml")).returncode == 0
    assert netlab("exec", "-l", "left", "host-2", "--", "ip", "link", "set", "eth1", "down").returncode == 0
    assert netlab("exec", "-l", "left", "host-1", "--", "ping", "-c1", "-W1", "10.0.0.2").returncode == 1
    assert netlab("exec", "-l", "right", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0

    assert netlab("destroy", "--lab", "left").returncode == 0

    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0


@pytest.mark.front_end
def test_several_labs_must_be_told_apart(netlab: Netlab, topology: Topology) -> None:
    for name in ("left", "right"):
        assert netlab("deploy", topology(TWO_HOSTS.format(name=name), name=f"{name}.yaml")).returncode == 0

    unsaid = netlab("exec", "host-1", "--", "true")
    assert unsaid.returncode == 125, unsaid
    assert unsaid.stderr == "netlab: there are several labs: say which with --lab (left, right)\n"
    destroy = netlab("destroy")
    assert destroy.returncode == 3, destroy
    assert "(left, right)" in destroy.stderr

    assert netlab("exec", "host-1", "--", "true", env={"NETLAB_LAB": "left"}).returncode == 0
    assert netlab("destroy", env={"NETLAB_LAB": "left"}).returncode == 0
    inspected = json.loads(netlab("inspect", "--format", "json").stdout)
    assert [lab["name"] for lab in inspected["labs"]] == ["right"]


@pytest.mark.front_end
def test_destroy_by_file_by_name_and_all(netlab: Netlab, topology: Topology) -> None:
    files = {name: topology(TWO_HOSTS.format(name=name), name=f"{name}.yaml") for name in ("a", "b", "c", "d")}
    for file in files.values():
        assert netlab("deploy", file).returncode == 0

    assert netlab("destroy", files["a"]).returncode == 0
    assert netlab("destroy", "--lab", "b").returncode == 0
    assert sorted(path.name for path in netlab.state("a").parent.iterdir()) == ["c", "d"]
    assert netlab("destroy", "--all").returncode == 0

    assert netlab.files() == []
    assert netlab("destroy", "--all").returncode == 0


@pytest.mark.front_end
def test_destroying_what_is_not_there(netlab: Netlab, topology: Topology) -> None:
    nothing = netlab("destroy")
    assert nothing.returncode == 3, nothing
    assert nothing.stderr == "netlab: no lab is deployed\n"
    unknown = netlab("destroy", "--lab", "ghost")
    assert unknown.returncode == 3, unknown
    assert "there is no lab ghost" in unknown.stderr
    by_file = netlab("destroy", topology(TWO_HOSTS.format(name="pair")))
    assert by_file.returncode == 3, by_file
    assert "there is no lab pair" in by_file.stderr


@pytest.mark.front_end
def test_a_command_without_a_lab_says_how_to_get_one(netlab: Netlab) -> None:
    done = netlab("exec", "host-1", "--", "true")
    assert done.returncode == 125, done
    assert done.stderr == "netlab: no lab is deployed: 'netlab deploy FILE' builds one\n"


@pytest.mark.front_end
def test_a_lab_that_does_not_converge_is_kept_and_says_what_is_missing(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", "--timeout", "3", topology(LONELY_ROUTER.replace("EXPECT", "")))
    assert done.returncode == 1, done
    assert "has not converged after 3" in done.stdout
    assert "netlab: rt-1: neighbor 10.0.0.2 is " in done.stderr
    assert "the lab is kept" in done.stderr
    assert netlab("vtysh", "rt-1", "-c", "show version").stdout.startswith("FRRouting ")


@pytest.mark.front_end
def test_a_neighbor_that_is_expected_down_is_not_waited_for(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", "--timeout", "10", topology(LONELY_ROUTER.replace("EXPECT", ", expect: down")))
    assert done.returncode == 0, done
    assert "lab lonely has converged" in done.stdout


@pytest.mark.front_end
def test_no_wait_returns_once_the_lab_is_built(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", "--no-wait", topology(LONELY_ROUTER.replace("EXPECT", "")))
    assert done.returncode == 0, done
    assert "lab lonely is built: 2 nodes" in done.stdout
    assert netlab("exec", "host-1", "--", "ping", "-c1", "-W2", "10.0.0.1").returncode == 0
    assert "neighbor 10.0.0.2 remote-as 64513" in netlab("vtysh", "rt-1", "-c", "show running-config").stdout


@pytest.mark.same_for_every_user
def test_inspect_names_nodes_sessions_and_vips(netlab: Netlab, ecmp_file: Path) -> None:
    assert netlab("deploy", ecmp_file).returncode == 0

    (lab,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]

    assert (lab["name"], lab["state"], lab["runtime"]) == ("ecmp", "running", netlab.runtime or "netns")
    assert all(node["alive"] for node in lab["nodes"])
    router = next(node for node in lab["nodes"] if node["name"] == "rt-1")
    assert router["addresses"] == ["eth1 172.16.7.1/24", "eth2 172.16.9.1/24"]
    assert {(session["neighbor"], session["state"]) for session in router["sessions"]} == {
        (f"172.16.7.{number}", "Established") for number in (11, 12, 13)
    }
    (vip,) = lab["vips"]
    assert (vip["service"], vip["vip"], vip["port"], vip["router"]) == ("nginx", "172.16.7.192", 80, "rt-1")
    assert sorted(vip["next_hops"]) == ["172.16.7.11", "172.16.7.12", "172.16.7.13"]
    table = netlab("inspect").stdout
    assert f"lab ecmp: running ({lab['runtime']}, " in table
    assert "rt-1: VIP 172.16.7.192:80 (nginx) -> 172.16.7.1" in table


@pytest.mark.front_end
@pytest.mark.cluster
def test_validate_touches_nothing(netlab: Netlab, host: HostState) -> None:
    done = netlab("validate", TOPOLOGIES / "ecmp.yaml")
    assert done.returncode == 0, done
    assert done.stdout == f"{TOPOLOGIES / 'ecmp.yaml'}: lab ecmp: 10 nodes, 9 links, no problems\n"
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.netns
def test_doctor_finds_nothing_that_a_lab_needs_missing(netlab: Netlab, host: HostState) -> None:
    done = netlab("doctor")
    assert done.returncode == 0, done
    assert "MISSING" not in done.stdout
    assert netlab.files() == []
    assert host.changes() == []


@pytest.mark.front_end
def test_the_graph_of_a_running_lab_says_which_sessions_are_up(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", topology(LONELY_ROUTER.replace("EXPECT", ", expect: down"))).returncode == 0
    drawn = netlab("graph")
    assert drawn.returncode == 0, drawn
    assert re.search(r'n0 -\.-x\|"eBGP to AS 64513, (Active|Connect|Idle)"\| n1', drawn.stdout)
    assert netlab("graph", topology(TWO_HOSTS.format(name="pair")), "--format", "dot").stdout.startswith('graph "pair"')
    assert netlab("graph", topology(TWO_HOSTS.format(name="pair")), "--lab", "lonely").returncode == 2
