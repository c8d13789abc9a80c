"""BIRD as it is: what it learns, what it gives the kernel, and that all of netlab works with it."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netlab_program import TOPOLOGIES, Netlab, Topology

from netlab.model.errors import InputError
from netlab.plan import plan_file

pytestmark = pytest.mark.same_for_every_user

SERVERS = """
    name: {name}
    topology:
      groups:
        servers:
          kind: bird
          bgp: {{asn: 64522, neighbors: [{{address: 172.16.7.1, asn: 64512}}]}}
          serve: [{{vip: 172.16.7.192, name: web}}]
          routes: [{{to: 172.16.9.0/24, via: 172.16.7.1}}]
      nodes:
        rt-1: {{kind: bird, {router}}}
        host-1: {{kind: linux}}
        lan: {{kind: bridge}}
        s1: {{group: servers}}
        s2: {{group: servers}}
        s3: {{group: servers}}
      links:
        - {{endpoints: ["rt-1:eth1", "lan"], ipv4: [172.16.7.1/24]}}
        - {{endpoints: ["s1:eth1", "lan"], ipv4: [172.16.7.11/24]}}
        - {{endpoints: ["s2:eth1", "lan"], ipv4: [172.16.7.12/24]}}
        - {{endpoints: ["s3:eth1", "lan"], ipv4: [172.16.7.13/24]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}}
    """
NEIGHBORS = ", ".join(f"{{address: 172.16.7.{number}, asn: 64522}}" for number in (11, 12, 13))
BGP = "bgp: {{asn: 64512, networks: [172.16.9.0/24], neighbors: [{neighbors}]{more}}}"
OWN = """\
    log stderr all;
    router id 10.255.0.1;
    protocol device {}
    protocol direct own { ipv4; }
    protocol kernel into_kernel { ipv4 { export where source = RTS_BGP; }; }
    template bgp nodes { local 172.16.7.1 as 64512; ipv4 { import all; export none; }; }
    protocol bgp one from nodes { neighbor 172.16.7.11 as 64522; }
    protocol bgp two from nodes { neighbor 172.16.7.12 as 64522; }
    protocol bgp three from nodes { neighbor 172.16.7.13 as 64522; }
    protocol bgp absent from nodes { disabled; neighbor 172.16.7.14 as 64522; }
    """


T = TypeVar("T")


def servers(topology: Topology, name: str, more: str = "", **files: str) -> Path:
    """A BIRD router before three servers that announce one VIP by BIRD."""
    router = BGP.format(neighbors=NEIGHBORS, more=more) if not files else "startup-config: rt.conf"
    return topology(SERVERS.format(name=name, router=router), {f"{key}.conf": text for key, text in files.items()})


def until(condition: Callable[[], T], seconds: float = 20) -> T:
    """Poll until the condition holds; its last value."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def kernel_next_hops(netlab: Netlab, prefix: str, lab: tuple[str, ...] = ()) -> tuple[str | None, list[str]]:
    route = netlab("exec", *lab, "rt-1", "--", "ip", "-json", "route", "show", prefix).stdout
    (found,) = json.loads(route or "[]") or [{}]
    hops = found.get("nexthops", [found] if "gateway" in found else [])
    return found.get("protocol"), sorted(hop["gateway"] for hop in hops)


def check(netlab: Netlab, *options: object) -> dict[str, Any]:
    done = netlab("ecmp-check", "--format", "json", *options)
    assert done.returncode in (0, 1), done
    (router,) = json.loads(done.stdout)["routers"]
    return dict(router)


@pytest.fixture(scope="module")
def three(shared_netlab: Netlab) -> Netlab:
    done = shared_netlab("deploy", TOPOLOGIES / "three-routers.yaml")
    assert done.returncode == 0, done
    return shared_netlab


@pytest.mark.cluster
def test_three_routers_on_one_cluster(three: Netlab) -> None:
    done = three("ecmp-check", "--format", "json")
    assert done.returncode == 0, done
    document = json.loads(done.stdout)
    assert set(document["versions"]) == {"netlab", "FRR", "BIRD", "Linux"}
    assert not any("rt-bird" in sentence for sentence in document["emulated"])
    frr, vyos, bird = document["routers"]
    assert [router["verdict"] for router in (frr, vyos, bird)] == ["ecmp", "single-path", "single-path"]
    assert [router["paths"]["announced"] for router in (frr, vyos, bird)] == [3, 3, 3]
    assert bird["paths"] == {"announced": 3, "multipath": 1, "rib": 1, "fib": 1, "used": 1}
    assert bird["runs_as"] == f"BIRD {document['versions']['BIRD']}"
    assert bird["client"] == "host-3"
    assert bird["prediction"] == {"agree": 600, "of": 600}
    assert [finding["rule"] for finding in bird["findings"]] == ["merge-paths-off", "only-pods-balanced"]
    (mend,) = [finding["mend"] for finding in bird["findings"] if finding["rule"] == "merge-paths-off"]
    assert "`bgp: {merge-paths: true}`" in mend


@pytest.mark.cluster
def test_one_table_has_all_three(three: Netlab) -> None:
    done = three("ecmp-check", env={"COLUMNS": "140"})
    assert done.returncode == 0, done
    header = done.stdout.splitlines()[0]
    assert header.split() == ["rt-frr", "rt-vyos", "rt-bird"]
    assert "verdict               ecmp, as expected" in done.stdout


@pytest.mark.cluster
def test_inspect_names_the_daemon_and_its_sessions(three: Netlab) -> None:
    (report,) = json.loads(three("inspect", "--format", "json").stdout)["labs"]
    (bird,) = [node for node in report["nodes"] if node["name"] == "rt-bird"]
    assert bird["runs_as"].startswith("BIRD 2.")
    assert [session["state"] for session in bird["sessions"]] == ["Established"] * 3


@pytest.mark.cluster
def test_birdc_in_the_node_just_works_and_vtysh_says_so(three: Netlab) -> None:
    done = three("exec", "rt-bird", "--", "birdc", "show", "route", "172.16.7.192/32")
    assert done.returncode == 0, done
    assert done.stdout.count("unicast [bgp_k8s_worker") == 3
    refused = three("vtysh", "rt-bird", "-c", "show ip bgp")
    assert refused.returncode == 125
    assert refused.stderr == "netlab: rt-bird runs BIRD, which has no vtysh (netlab exec rt-bird -- birdc)\n"
    assert "protocol bgp bgp_k8s_worker {" in three("config", "rt-bird").stdout
    assert "<INFO> Started" in three("logs", "rt-bird").stdout


@pytest.mark.cluster
def test_the_daemon_has_no_more_capabilities_than_any_process_of_a_node(three: Netlab) -> None:
    script = 'for name in bird sleep; do grep CapPrm "/proc/$(pgrep -x "$name")/status"; done'
    done = three("exec", "rt-bird", "--", "bash", "-c", f"sleep 60 & {script}; kill $!")
    daemon, any_process = done.stdout.splitlines()
    assert daemon == any_process
    assert not int(daemon.split()[1], 16) & 1 << 21  # CAP_SYS_ADMIN


def test_by_default_three_routes_are_known_and_one_next_hop_is_in_the_kernel(
    netlab: Netlab, topology: Topology
) -> None:
    assert netlab("deploy", servers(topology, "default")).returncode == 0
    protocol, hops = kernel_next_hops(netlab, "172.16.7.192")
    assert protocol == "bird"
    assert len(hops) == 1


def test_merge_paths_gives_the_kernel_all_three(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", servers(topology, "merge", ", merge-paths: true")).returncode == 0
    assert kernel_next_hops(netlab, "172.16.7.192") == ("bird", ["172.16.7.11", "172.16.7.12", "172.16.7.13"])
    router = check(netlab, "--expect", "ecmp")
    assert (router["verdict"], router["findings"]) == ("ecmp", [])
    assert router["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    # A server's daemon dies: its path goes, and the flows with it.
    assert netlab("exec", "s2", "--", "pkill", "-KILL", "-x", "bird").returncode == 0
    left = ["172.16.7.11", "172.16.7.13"]
    assert until(lambda: kernel_next_hops(netlab, "172.16.7.192")[1] == left)
    router = check(netlab)
    assert router["paths"]["announced"] == router["paths"]["fib"] == router["paths"]["used"] == 2
    assert sorted(hop["address"] for hop in router["next_hops"]) == left
    (gone,) = [finding for finding in router["findings"] if finding["rule"] == "node-not-announcing"]
    assert "s2 (172.16.7.12)" in gone["message"]


@pytest.mark.cluster
def test_a_dual_stack_cluster_in_front_of_bird(netlab: Netlab, tmp_path: Path) -> None:
    text = (TOPOLOGIES / "dual-stack.yaml").read_text()
    for old, new in (
        ("kind: frr", "kind: bird"),
        ("maximum-paths: {ipv4: 3, ipv6: 1}", "merge-paths: true"),
        ("expect: {ipv4: ecmp, ipv6: single-path}", "expect: ecmp"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "both.yaml").write_text(text)
    assert netlab("deploy", tmp_path / "both.yaml").returncode == 0
    done = netlab("ecmp-check", "--format", "json")
    assert done.returncode == 0, done
    routers = json.loads(done.stdout)["routers"]
    assert [router["vip"] for router in routers] == ["172.16.7.192", "2001:db8:8::c0"]
    for router in routers:
        assert router["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    # MetalLB's FRR mode promises a graceful restart, so BIRD keeps the path of a speaker that is gone.
    assert netlab("exec", "k8s-worker2", "--", "pkill", "-KILL", "bgpd").returncode == 0

    def session() -> str:
        (report,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
        (state,) = [s["state"] for s in report["nodes"][0]["sessions"] if s["neighbor"] == "172.16.7.12"]
        return str(state)

    assert until(lambda: session() != "Established")
    assert len(kernel_next_hops(netlab, "172.16.7.192")[1]) == 3


def test_a_limit_below_the_equal_paths_is_named(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", servers(topology, "limit", ", merge-paths: 2")).returncode == 0
    router = check(netlab)
    assert (router["verdict"], router["paths"]["multipath"], router["paths"]["fib"]) == ("partial", 2, 2)
    assert "max-paths-below-announced" in [finding["rule"] for finding in router["findings"]]


def test_a_whole_configuration_of_the_users_own(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", servers(topology, "own", rt=OWN))
    assert done.returncode == 0, done
    router = check(netlab, "--expect", "single-path")
    assert (router["verdict"], router["paths"]["announced"]) == ("single-path", 3)
    (report,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
    sessions = {s["neighbor"]: (s["state"], s["expect_down"]) for s in report["nodes"][0]["sessions"]}
    assert sessions["172.16.7.14"] == ("Idle", True)
    assert list(sessions.values()).count(("Established", False)) == 3


def test_paths_that_the_users_own_configuration_keeps_from_the_kernel(netlab: Netlab, topology: Topology) -> None:
    kept = OWN.replace("export where source = RTS_BGP", "export none")
    assert netlab("deploy", servers(topology, "kept", rt=kept)).returncode == 0
    router = check(netlab, "--flows", "20", "--timeout", "1")
    assert (router["verdict"], router["paths"]["announced"], router["paths"]["rib"]) == ("no-route", 3, 0)
    (finding,) = [finding for finding in router["findings"] if finding["rule"] == "filtered-from-fib"]
    assert "`protocol kernel` of BIRD" in finding["mend"]


def test_a_frozen_daemon_is_said_and_nothing_hangs(netlab: Netlab, topology: Topology) -> None:
    assert netlab("deploy", servers(topology, "frozen")).returncode == 0
    assert netlab("exec", "rt-1", "--", "pkill", "-STOP", "-x", "bird").returncode == 0
    (report,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
    assert report["nodes"][0]["problem"] == "rt-1: bird does not answer: timed out"
    checked = netlab("ecmp-check")
    assert checked.returncode == 3, checked
    assert "bird does not answer" in checked.stderr


def test_a_neighbor_of_the_users_own_configuration_that_stays_away_is_waited_for(
    netlab: Netlab, topology: Topology
) -> None:
    path = servers(topology, "away", rt=OWN.replace("disabled; ", ""))
    done = netlab("deploy", path, "--timeout", "4")
    assert done.returncode == 1, done
    assert "rt-1: neighbor 172.16.7.14 is " in done.stderr


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("protocol bgp x { local as 64512; neighbor 172.16.7.15 as; }", "syntax error, unexpected ';'"),
        ('include "/nowhere.conf";', "Unable to open included file /nowhere.conf: No such file"),
        ("protocol bgp x { local as 64512; }", "Neighbor must be configured"),
    ],
)
def test_a_mistake_in_it_is_named_by_the_users_own_file_and_line(
    netlab: Netlab, topology: Topology, wrong: str, message: str
) -> None:
    path = servers(topology, "wrong", rt=OWN + "    " + wrong + "\n")
    done = netlab("deploy", path)
    assert done.returncode == 2, done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
    assert re.fullmatch(rf"netlab: {path.parent}/rt\.conf:11:\d+: {re.escape(message)}.*", line)
    assert not netlab.state("wrong").exists()


def test_a_mistake_that_ends_the_file_has_a_place_too(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", servers(topology, "cut", rt="protocol device {\n"))
    assert done.returncode == 2, done
    assert "/rt.conf:" in done.stderr
    assert "unexpected END" in done.stderr


BESIDE_FRR = """
    name: beside-frr
    topology:
      nodes:
        rt-1:
          kind: bird
          bgp:
            asn: 65001
            merge-paths: true
            networks: [10.0.5.0/24, 10.0.6.0/24]
            neighbors:
              - {address: 10.0.1.2, asn: 65002, bfd: true}
              - {address: 10.0.2.2, asn: 65003}
              - {address: "fd00:2::2", asn: 65003}
              - {address: 10.0.5.8, asn: internal, bfd: true}
              - {address: 10.0.9.9, asn: 65009, expect: down}
        rt-2:
          kind: frr
          bgp: {asn: 65002, networks: [10.0.7.0/24], neighbors: [{address: 10.0.1.1, asn: 65001, bfd: true}]}
        rt-3:
          kind: frr
          bgp:
            asn: 65003
            networks: [10.0.7.0/24, "fd00:7::/64"]
            neighbors: [{address: 10.0.2.1, asn: 65001}, {address: "fd00:2::1", asn: 65001}]
        rt-5:
          kind: frr
          bgp: {asn: 65001, neighbors: [{address: 10.0.5.1, asn: internal, bfd: true}]}
        lan-5: {kind: bridge}
        host-5: {kind: linux}
        host-7: {kind: linux}
        lan-7: {kind: bridge}
      links:
        - {endpoints: ["rt-1:eth1", "rt-2:eth1"], ipv4: [10.0.1.1/24, 10.0.1.2/24]}
        - endpoints: ["rt-1:eth2", "rt-3:eth1"]
          ipv4: [10.0.2.1/24, 10.0.2.2/24]
          ipv6: ["fd00:2::1/64", "fd00:2::2/64"]
        - {endpoints: ["rt-1:eth5", "lan-5"], ipv4: [10.0.5.1/24]}
        - {endpoints: ["rt-5:eth1", "lan-5"], ipv4: [10.0.5.8/24]}
        - {endpoints: ["host-5:eth1", "lan-5"], ipv4: [10.0.5.9/24]}
        - {endpoints: ["rt-2:eth7", "lan-7"], ipv4: [10.0.7.2/24]}
        - {endpoints: ["rt-3:eth7", "lan-7"], ipv4: [10.0.7.3/24], ipv6: ["fd00:7::3/64"]}
        - {endpoints: ["host-7:eth1", "lan-7"], ipv4: [10.0.7.9/24], ipv6: ["fd00:7::9/64"]}
    """


def test_beside_frr_with_bfd_ipv6_and_networks(netlab: Netlab, topology: Topology) -> None:
    done = netlab("deploy", topology(BESIDE_FRR))
    assert done.returncode == 0, done
    # Two neighbors in different autonomous systems: BIRD merges what FRR needs multipath-relax for.
    assert until(lambda: kernel_next_hops(netlab, "10.0.7.0/24") == ("bird", ["10.0.1.2", "10.0.2.2"]))
    assert "via" in netlab("exec", "rt-1", "--", "ip", "-6", "route", "show", "fd00:7::/64", "proto", "bird").stdout
    assert until(lambda: netlab("exec", "rt-1", "--", "birdc", "show", "bfd", "sessions").stdout.count(" Up ") == 2)

    def announced(prefix: str) -> bool:
        return f'"{prefix}"' in netlab("vtysh", "rt-2", "-c", "show bgp ipv4 unicast json").stdout

    # A network is announced while there is a route to it, of an interface or of the kernel's, and no longer.
    assert until(lambda: announced("10.0.5.0/24"))
    assert not announced("10.0.6.0/24")
    assert netlab("exec", "rt-1", "--", "ip", "route", "add", "10.0.6.0/24", "via", "10.0.5.9").returncode == 0
    assert until(lambda: announced("10.0.6.0/24"))
    assert netlab("exec", "rt-1", "--", "ip", "route", "del", "10.0.6.0/24").returncode == 0
    assert until(lambda: not announced("10.0.6.0/24"))
    assert netlab("exec", "host-5", "--", "ping", "-c1", "-W2", "10.0.7.9").returncode == 0


ADDRESSES = ("10.0.1.2", "10.0.1.3", "192.0.2.9", "fd00::2", "2001:db8::1", "::ffff:10.0.1.2", "127.0.0.1", "fe80::5")
TIMERS = st.fixed_dictionaries(
    {"hold": st.sampled_from((0, 3, 4, 180, 65535)), "keepalive": st.sampled_from((0, 1, 3, 60, 21845))},
    optional={"connect": st.sampled_from((1, 120, 65535))},
)
NEIGHBOR = st.fixed_dictionaries(
    {"asn": st.sampled_from((1, 64512, 65536, 4294967294, "internal", "external"))},
    optional={
        "timers": TIMERS,
        "ebgp-multihop": st.integers(1, 255),
        "bfd": st.booleans(),
        "description": st.sampled_from(("a", "x, y / z (1) +1 @home: a=b - c.")),
    },
)
ROUTER = st.fixed_dictionaries(
    {
        "asn": st.sampled_from((1, 64512, 4294967294)),
        "neighbors": st.dictionaries(st.sampled_from(ADDRESSES), NEIGHBOR, max_size=4).map(
            lambda found: [{"address": address, **keys} for address, keys in found.items()]
        ),
    },
    optional={
        "router-id": st.sampled_from(("1.2.3.4", "255.255.255.255")),
        "networks": st.lists(st.sampled_from(("0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "::/0", "fd00::1/128"))),
        "merge-paths": st.booleans() | st.integers(1, 255),
        "timers": TIMERS,
        "bfd": st.booleans(),
    },
)


@pytest.mark.netns
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(router=ROUTER, ipv6=st.booleans())
def test_whatever_the_options_let_through_birds_parser_takes(
    tmp_path: Path, router: dict[str, Any], ipv6: bool
) -> None:
    link = {"endpoints": ["r:eth1", "h:eth1"], "ipv4": ["10.0.1.1/24", "10.0.1.9/24"]}
    link |= {"ipv6": ["fd00::1/64", "fd00::9/64"]} if ipv6 else {}
    nodes = {"r": {"kind": "bird", "bgp": router}, "h": {"kind": "linux"}}
    file = tmp_path / "lab.yaml"
    file.write_text(json.dumps({"name": "x", "topology": {"nodes": nodes, "links": [link]}}))
    try:
        plan = plan_file(file)
    except InputError:
        return
    (config,) = [made.content for made in plan.node("r").files if made.path == "/etc/bird/bird.conf"]
    (tmp_path / "bird.conf").write_text(config)
    argv = ["/usr/sbin/bird", "-p", "-c", str(tmp_path / "bird.conf")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + config
