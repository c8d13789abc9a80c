"""containerlab's files, as they are: FRR as a linux node, every link, a cluster with its nodes as containers."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from netlab_program import TOPOLOGIES, Netlab, Topology

FILES = TOPOLOGIES / "containerlab"
IMAGES = {"FRR_IMAGE": "netlab/frr:13", "HOST_IMAGE": "netlab/client:13", "LINUX_IMAGE": "netlab/client:13"}
"""What the files run where containers run: netlab's own images, in place of what would have to be pulled."""


@dataclass(frozen=True)
class Running:
    """netlab with one of several labs that run."""

    netlab: Netlab
    lab: str
    told: str = ""

    def __call__(self, command: str, *arguments: object) -> CompletedProcess[str]:
        return self.netlab(command, "--lab", self.lab, *arguments)


def deploy(netlab: Netlab, file: Path, **environment: str) -> str:
    done = netlab("deploy", file, env={**IMAGES, **environment})
    assert done.returncode == 0, done
    return done.stderr


def addresses(netlab: Callable[..., CompletedProcess[str]], node: str) -> dict[str, list[str]]:
    """The global addresses of a node's interfaces, as the kernel has them."""
    done = netlab("exec", node, "--", "ip", "-json", "address")
    return {
        link["ifname"]: [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"]
        for link in json.loads(done.stdout)
    }


def link(netlab: Callable[..., CompletedProcess[str]], node: str, interface: str) -> dict[str, Any]:
    done = netlab("exec", node, "--", "ip", "-json", "-details", "link", "show", interface)
    return dict(json.loads(done.stdout)[0])


def within(seconds: float, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


# FRR as a node of kind linux


@pytest.fixture(scope="module")
def frr_linux(shared_netlab: Netlab) -> Running:
    deploy(shared_netlab, FILES / "frr-linux.clab.yml")
    return Running(shared_netlab, "frr-linux")


def test_an_image_of_frr_runs_the_daemons_that_its_bound_file_names(frr_linux: Running) -> None:
    for router in ("rt-1", "rt-2"):
        running = frr_linux("exec", router, "--", "pgrep", "-l", ".").stdout.split()
        assert {"zebra", "staticd", "bgpd"} <= set(running)
        assert "ospfd" not in running


def test_its_bound_configuration_is_loaded_and_counts_as_given(frr_linux: Running) -> None:
    assert addresses(frr_linux, "rt-1")["eth2"] == ["10.0.1.1/24"]
    (lab,) = json.loads(frr_linux("inspect", "--format", "json").stdout)["labs"]
    (rt_1,) = [node for node in lab["nodes"] if node["name"] == "rt-1"]
    assert [session["state"] for session in rt_1["sessions"]] == ["Established"]


def test_it_forwards_between_the_clients(frr_linux: Running) -> None:
    assert frr_linux("exec", "pc-1", "--", "ping", "-c1", "-W2", "10.0.2.2").returncode == 0


def test_a_script_of_another_tool_configures_it_later(frr_linux: Running) -> None:
    done = frr_linux("exec", "rt-1", "--", "sh", "/etc/config/01-initial.sh")
    assert done.returncode == 0, done
    assert addresses(frr_linux, "rt-1")["lo"] == ["10.255.0.1/32"]
    within(5, lambda: "10.255.0.1/32" in frr_linux("vtysh", "rt-2", "-c", "show ip route bgp").stdout)


def test_the_groups_and_the_nodes_commands_ran(frr_linux: Running) -> None:
    assert link(frr_linux, "pc-2", "eth1")["mtu"] == 1400
    assert addresses(frr_linux, "pc-2")["eth1"] == ["10.0.2.2/24"]


def test_nothing_is_written_to_a_bound_folder(frr_linux: Running) -> None:
    assert sorted(path.name for path in (FILES / "frr-linux/rt-2").iterdir()) == ["daemons", "frr.conf", "vtysh.conf"]


# What other tools generate, where the host's FRR runs

GENERATED = """
    name: generated
    mgmt: {network: generated_mgmt, ipv4-subnet: 192.168.121.0/24}
    topology:
      nodes:
        r1:
          mgmt-ipv4: 192.168.121.101
          kind: linux
          image: quay.io/frrouting/frr:10.3.1
          restart-policy: always
          group: frr
          binds:
            - clab_files/daemons:/etc/frr/daemons
            - clab_files/hosts:/etc/hosts:ro
            - clab_files/initial:/etc/config/01-initial.sh
            - clab_files/bgp:/etc/config/02-bgp.sh
        r2:
          kind: linux
          image: registry.example/frrouting/frr-debian@sha256:00
          binds:
            - clab_files/daemons:/etc/frr/daemons
            - clab_files/vtysh.conf:/etc/frr/vtysh.conf
            - clab_files/zebra.conf:/etc/frr/zebra.conf
            - clab_files/bgpd.conf:/etc/frr/bgpd.conf
      links:
        - endpoints: ["r1:eth1", "r2:eth1"]
"""
SCRIPTS = {
    "clab_files/daemons": 'bgpd=yes\nospf6d=yes\nbgpd_options="-A 127.0.0.1 -n"\n',
    "clab_files/hosts": "127.0.0.1 localhost\n10.9.9.9 elsewhere\n",
    "clab_files/initial": """\
        #!/bin/sh
        set -e
        ip address add 10.1.0.1/30 dev eth1
        sysctl -w net.ipv4.conf.eth1.accept_local=1
        """,
    "clab_files/bgp": """\
        #!/bin/sh
        cat >/tmp/config <<CONFIG
        router bgp 65000
         no bgp ebgp-requires-policy
         neighbor 10.1.0.2 remote-as 65001
        CONFIG
        vtysh -f /tmp/config
        """,
    "clab_files/vtysh.conf": "no service integrated-vtysh-config\n",
    "clab_files/zebra.conf": "interface eth1\n ip address 10.1.0.2/30\n",
    "clab_files/bgpd.conf": "router bgp 65001\n neighbor 10.1.0.1 remote-as 65000\n neighbor 10.1.0.1 shutdown\n",
}


@pytest.mark.netns
def test_a_generated_lab_starts_empty_and_is_configured_by_its_scripts(netlab: Netlab, topology: Topology) -> None:
    deploy(netlab, topology(GENERATED, SCRIPTS))
    assert "elsewhere" in netlab("exec", "r1", "--", "cat", "/etc/hosts").stdout
    assert "router bgp" not in netlab("vtysh", "r1", "-c", "show running-config").stdout

    for script in ("01-initial.sh", "02-bgp.sh"):
        done = netlab("exec", "r1", "--", "sh", f"/etc/config/{script}")
        assert done.returncode == 0, done

    assert addresses(netlab, "r1")["eth1"] == ["10.1.0.1/30"]
    assert "neighbor 10.1.0.2 remote-as 65001" in netlab("vtysh", "r1", "-c", "show running-config").stdout


@pytest.mark.netns
def test_each_daemon_reads_its_own_file_where_the_configuration_is_not_integrated(
    netlab: Netlab, topology: Topology
) -> None:
    deploy(netlab, topology(GENERATED, SCRIPTS))  # although r2's neighbor is shut down, and r1 has none

    assert addresses(netlab, "r2")["eth1"] == ["10.1.0.2/30"]
    assert "router bgp 65001" in netlab("vtysh", "r2", "-c", "show running-config").stdout
    lines = netlab("exec", "r2", "--", "pgrep", "-a", "bgpd").stdout
    assert lines.rstrip().endswith(" -n")


@pytest.mark.netns
def test_a_mistake_in_a_bound_configuration_has_its_place(netlab: Netlab, topology: Topology) -> None:
    text = GENERATED.replace("/etc/frr/zebra.conf", "/etc/frr/frr.conf").replace(
        "vtysh.conf:/etc/frr/vtysh", "hosts:/x"
    )
    done = netlab("deploy", topology(text, SCRIPTS | {"clab_files/zebra.conf": "router bgp 1\n neighbour x\n"}))
    assert done.returncode == 2, done
    assert "clab_files/zebra.conf:2:2: " in done.stderr


@pytest.mark.netns
def test_a_program_of_an_image_that_the_host_lacks_is_named(netlab: Netlab, topology: Topology) -> None:
    file = topology("""
        name: lacking
        topology:
          nodes:
            h1: {kind: linux, image: "nginx:1", entrypoint: /no-such-entrypoint.sh, cmd: nginx -g x}
    """)
    done = netlab("deploy", file)
    assert done.returncode == 3, done
    assert "h1" in done.stderr
    assert "/no-such-entrypoint.sh" in done.stderr
    assert "netns runs this host's programs, not those of the image nginx:1" in done.stderr


# Every link


@pytest.fixture(scope="module")
def links(shared_netlab: Netlab) -> Running:
    told = deploy(shared_netlab, FILES / "links.clab.yml", LINK_MTU="1300")
    return Running(shared_netlab, "links", told)


def test_a_brief_link_has_its_mtu_from_the_environment(links: Running) -> None:
    assert link(links, "router", "eth1")["mtu"] == 1300


def test_an_extended_link_has_its_ends_addresses(links: Running) -> None:
    end = link(links, "client", "eth2")
    assert (end["address"], end["ifalias"]) == ("02:00:00:00:02:02", "to-the-server")
    assert link(links, "server", "eth2")["address"] == "02:00:00:00:02:01"
    assert addresses(links, "client")["eth2"] == ["192.168.2.2/24", "2001:db8:2::2/64"]
    assert links("exec", "client", "--", "ping", "-c1", "-W2", "2001:db8:2::1").returncode == 0


def test_a_dummy_interface_is_up_and_holds_an_address(links: Running) -> None:
    dummy = link(links, "router", "loop0")
    assert (dummy["address"], dummy["mtu"]) == ("02:00:00:00:00:0a", 9000)
    assert {"UP", "LOWER_UP"} <= set(dummy["flags"])
    assert dummy["linkinfo"]["info_kind"] in ("dummy", "ifb")
    stand_in = "router:loop0: this kernel has no dummy interfaces, so an ifb interface stands in"
    assert (stand_in in links.told) == (dummy["linkinfo"]["info_kind"] == "ifb")
    assert links("exec", "server", "--", "ping", "-c1", "-W2", "192.168.255.1").returncode == 0


def test_a_hosts_program_has_the_variables_of_files_and_of_its_own(links: Running) -> None:
    within(5, lambda: links("exec", "server", "--", "pgrep", "-f", "sleep 86400").returncode == 0)
    pid = links("exec", "server", "--", "pgrep", "-of", "^sleep 86400").stdout.strip()
    found = links("exec", "server", "--", "cat", f"/proc/{pid}/environ").stdout.split("\0")
    assert {"SITE=north", "LAB=links"} <= set(found)


@pytest.mark.front_end
def test_what_is_not_used_is_said_once_each_with_its_place(links: Running) -> None:
    file = FILES / "links.clab.yml"
    for line, key in ((14, "mgmt"), (27, "mgmt-ipv4"), (60, "restart-policy"), (61, "healthcheck"), (66, "wait-for")):
        (note,) = [note for note in links.told.splitlines() if f" not used: {key} (" in note]
        assert f"{file}:{line}:" in note


# A cluster whose nodes are named as existing containers


@pytest.mark.cluster
def test_an_existing_container_called_as_a_clusters_node_is_that_node(netlab: Netlab) -> None:
    deploy(netlab, FILES / "cluster.clab.yml")
    assert addresses(netlab, "k8s-worker")["eth1"] == ["192.168.10.11/24"]
    assert addresses(netlab, "k8s-control-plane")["eth1"] == ["192.168.10.10/24"]
    assert netlab("exec", "client", "--", "ping", "-c1", "-W2", "192.168.10.11").returncode == 0


@pytest.mark.netns
def test_another_existing_container_needs_docker(netlab: Netlab, topology: Topology) -> None:
    file = topology("""
        name: foreign
        topology:
          nodes:
            h1: {kind: linux}
            their-box: {kind: ext-container}
          links:
            - endpoints: ["h1:eth1", "their-box:eth1"]
    """)
    assert netlab("validate", file).returncode == 0
    done = netlab("deploy", file)
    assert done.returncode == 3, done
    assert "netlab: their-box: an existing container cannot be part of a lab of namespaces" in done.stderr
    assert "--runtime docker" in done.stderr
    assert netlab.files() == []


# Names


def test_a_lab_and_its_nodes_have_the_names_that_containerlab_takes(netlab: Netlab, topology: Topology) -> None:
    file = topology("""
        name: My_Lab.1
        topology:
          nodes:
            PE_1.x: {kind: frr, bgp: {asn: 65001, neighbors: [{address: 10.0.0.2, asn: 65002}]}}
            pe_2: {kind: bird, bgp: {asn: 65002, networks: [10.0.2.0/24], neighbors: [{address: 10.0.0.1, asn: 65001}]}}
            SW: {kind: bridge}
            9PC: {kind: linux}
          links:
            - {endpoints: ["PE_1.x:eth1", "SW"], ipv4: [10.0.0.1/24]}
            - {endpoints: ["pe_2:eth1", "SW"], ipv4: [10.0.0.2/24]}
            - {endpoints: ["pe_2:eth2", "9PC"], ipv4: [10.0.2.1/24, 10.0.2.2/24]}
    """)
    deploy(netlab, file)
    assert netlab("exec", "PE_1.x", "--", "hostname").stdout == "PE_1.x\n"
    assert netlab("exec", "9PC", "--", "ping", "-c1", "-W2", "PE_1.x").returncode == 0
    assert netlab("destroy", "--lab", "My_Lab.1").returncode == 0
