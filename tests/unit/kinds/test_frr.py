from collections.abc import Callable
from ipaddress import ip_address

from netlab.daemons.frr.running import daemons_for
from netlab.kinds.hashing import hash_seed
from netlab.model.plan import LabPlan, NeighborPlan

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]


def config(lab: LabPlan, node: str) -> str:
    return next(file.content for file in lab.node(node).files if file.path == "/etc/frr/frr.conf")


def test_every_bgp_option_is_rendered(plan_text: Plan) -> None:
    lab = plan_text("""
        name: all
        topology:
          nodes:
            r:
              kind: frr
              bgp:
                asn: 65003
                router-id: 192.0.2.3
                networks: [10.1.1.0/24, "fd00::/64"]
                maximum-paths: {ebgp: 4, ibgp: 2}
                multipath-relax: true
                timers: {keepalive: 3, hold: 9, connect: 1}
                bfd: true
                neighbors:
                  - {address: 10.1.1.1, asn: 65001, description: "the other, edge", ebgp-multihop: 3, bfd: false}
                  - {address: 10.1.1.7, remote-as: internal, timers: {keepalive: 1, hold: 3}, expect: down}
                  - {address: "fd00::1", remote-as: external}
        """)
    assert config(lab, "r") == (
        "frr defaults traditional\n"
        "hostname r\n"
        "!\n"
        "router bgp 65003\n"
        " bgp router-id 192.0.2.3\n"
        " no bgp ebgp-requires-policy\n"
        " bgp bestpath as-path multipath-relax\n"
        " timers bgp 3 9\n"
        " coalesce-time 0\n"
        " neighbor 10.1.1.1 remote-as 65001\n"
        " neighbor 10.1.1.1 description the other, edge\n"
        " neighbor 10.1.1.1 ebgp-multihop 3\n"
        " neighbor 10.1.1.1 timers connect 1\n"
        " neighbor 10.1.1.7 remote-as internal\n"
        " neighbor 10.1.1.7 bfd\n"
        " neighbor 10.1.1.7 timers 1 3\n"
        " neighbor 10.1.1.7 timers connect 1\n"
        " neighbor fd00::1 remote-as external\n"
        " neighbor fd00::1 bfd\n"
        " neighbor fd00::1 timers connect 1\n"
        " !\n"
        " address-family ipv4 unicast\n"
        "  network 10.1.1.0/24\n"
        "  no neighbor fd00::1 activate\n"
        "  maximum-paths 4\n"
        "  maximum-paths ibgp 2\n"
        " exit-address-family\n"
        " address-family ipv6 unicast\n"
        "  network fd00::/64\n"
        "  neighbor fd00::1 activate\n"
        "  maximum-paths 4\n"
        "  maximum-paths ibgp 2\n"
        " exit-address-family\n"
        "exit\n"
        "!\n"
    )
    routing = lab.node("r").routing
    assert routing is not None
    assert (routing.asn, routing.daemons) == (65003, ("zebra", "staticd", "bgpd", "bfdd"))
    assert routing.neighbors == (
        NeighborPlan(ip_address("10.1.1.1"), 65001),
        NeighborPlan(ip_address("10.1.1.7"), 65003, expect_down=True),
        NeighborPlan(ip_address("fd00::1"), None),
    )


def test_maximum_paths_as_a_number_is_for_ebgp(plan_text: Plan) -> None:
    lab = plan_text("name: m\ntopology: {nodes: {r: {kind: frr, bgp: {asn: 1, maximum-paths: 2}}}}\n")
    assert "  maximum-paths 2\n exit" in config(lab, "r")


def test_a_router_without_bgp_runs_zebra_and_staticd(plan_text: Plan) -> None:
    lab = plan_text("name: m\ntopology: {nodes: {r: {kind: frr}}}\n")
    processes = {process.name: process for process in lab.node("r").processes}
    assert list(processes) == ["mgmtd", "zebra", "staticd", "frr-config"]
    assert processes["mgmtd"].if_present
    assert processes["frr-config"].argv == ("/usr/bin/vtysh", "-b")
    assert processes["frr-config"].oneshot and processes["frr-config"].refuse_output is not None
    assert set(processes["frr-config"].after) == {"mgmtd", "zebra", "staticd"}


def test_a_cluster_stands_for_its_workers(plan_text: Plan) -> None:
    lab = plan_text("""
        name: cluster
        topology:
          nodes:
            r: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k, timers: {keepalive: 3, hold: 9}}]}}
            sw: {kind: bridge}
            k: {kind: k8s, workers: 2, metallb: {asn: 64522, pool: 203.0.113.0/24}}
          links:
            - {endpoints: ["r:eth1", "sw"], ipv4: [192.0.2.1/24]}
            - {endpoints: ["k", "sw"]}
        """)
    text = config(lab, "r")
    for number, worker in ((3, "k-worker"), (4, "k-worker2")):
        assert f" neighbor 192.0.2.{number} remote-as 64522\n" in text
        assert f" neighbor 192.0.2.{number} description {worker}\n" in text
        assert f" neighbor 192.0.2.{number} timers 3 9\n" in text


def test_a_startup_config_is_kept_and_understood(plan_text: Plan) -> None:
    text = (
        "frr defaults datacenter\n"
        "hostname mine\n"
        "! neighbor 10.0.0.9 remote-as 9\n"
        "interface eth1\n"
        " ip address 192.0.2.1/24\n"
        " ip ospf area 0\n"
        "exit\n"
        "router ospf\n"
        "exit\n"
        "router bgp 65000\n"
        " neighbor FABRIC peer-group\n"
        " neighbor FABRIC remote-as external\n"
        " neighbor 192.0.2.2 remote-as 65001\n"
        " neighbor 192.0.2.3 peer-group FABRIC\n"
        " neighbor 192.0.2.4 remote-as internal\n"
        " neighbor 192.0.2.4 shutdown\n"
        " neighbor eth2 interface remote-as external\n"
        " neighbor 192.0.2.2 bfd\n"
        " address-family ipv4 unicast\n"
        "  neighbor 192.0.2.5 remote-as 65005\n"
        " exit-address-family\n"
        "exit\n"
        "router bgp 7 vrf blue\n"
        " neighbor 192.0.2.8 remote-as 8\n"
    )
    lab = plan_text(
        """
        name: startup
        topology:
          nodes: {r: {kind: frr, startup-config: f}, h: {kind: linux}}
          links: [{endpoints: ["r:eth1", "h:eth1"]}]
        """,
        f=text,
    )
    assert config(lab, "r") == text
    routing = lab.node("r").routing
    assert routing is not None
    assert routing.asn == 65000
    assert routing.daemons == ("zebra", "staticd", "bgpd", "ospfd", "bfdd")
    assert routing.neighbors == (
        NeighborPlan(ip_address("192.0.2.2"), 65001),
        NeighborPlan(ip_address("192.0.2.3"), None),
        NeighborPlan(ip_address("192.0.2.4"), 65000, expect_down=True),
        NeighborPlan(ip_address("192.0.2.5"), 65005),
    )


def test_daemons_by_line() -> None:
    assert daemons_for("router ospf6\n") == ("zebra", "staticd", "ospf6d")
    assert daemons_for("interface eth1\n ip router isis core\n") == ("zebra", "staticd", "isisd")
    assert daemons_for("! router bgp 1\nhostname router-bgp\n") == ("zebra", "staticd")


def test_seeds_differ_by_lab_and_router_and_stay() -> None:
    seeds = {hash_seed(lab, router) for lab in ("a", "b") for router in ("r1", "r2", "r3")}
    assert len(seeds) == 6
    assert all(0 < seed < 2**32 for seed in seeds)
    assert hash_seed("a", "r1") == hash_seed("a", "r1")


def test_the_file_decides_about_the_hash(plan_text: Plan) -> None:
    lab = plan_text("""
        name: hash
        topology:
          nodes:
            option: {kind: frr, hash: {policy: 1, fields: 3, seed: 7}}
            sysctl: {kind: frr, sysctls: {net.ipv4.fib_multipath_hash_policy: "0"}}
        """)
    settings = {
        node.name: {s.key.rpartition("_")[2]: s.value for s in node.sysctls if "multipath" in s.key}
        for node in lab.nodes
    }
    assert settings["option"] == {"policy": "1", "fields": "3", "seed": "7"}
    assert settings["sysctl"]["policy"] == "0"


def test_problems_of_bgp(problems_of: Problems) -> None:
    assert problems_of(
        """\
        name: wrong
        topology:
          nodes:
            a:
              kind: frr
              bgp:
                asn: 1
                timers: {keepalive: 3}
                neighbors:
                  - {}
                  - {address: 10.0.0.1}
                  - {address: 10.0.0.1, asn: 2, remote-as: 2}
                  - {cluster: kk}
                  - {cluster: k, asn: 4}
                  - {address: 10.0.0.2, asn: 2, timers: {keepalive: 1, hold: 2}}
            b: {kind: frr, bgp: {asn: 1}, startup-config: f}
            k: {kind: k8s}
            sw: {kind: bridge, routes: [{to: default, via: 10.0.0.1}]}
        """,
        f="interface eth1\n ip address 10.0.0.1/99\n",
    ) == [
        'f:2:2: "10.0.0.1/99" is not an address (write it as 10.0.0.1/24)',
        "lab.yaml:8:17: keepalive and hold come together (for example keepalive: 3, hold: 9)",
        "lab.yaml:10:13: a neighbor has an address, an interface or a cluster (give one of the three)",
        "lab.yaml:11:13: neighbor 10.0.0.1 has no AS (add asn: N)",
        "lab.yaml:12:13: asn and remote-as say the same (remove one)",
        "lab.yaml:12:23: neighbor 10.0.0.1 twice",
        'lab.yaml:13:23: unknown node "kk" (known: a, b, k, sw)',
        "lab.yaml:14:13: a cluster's AS is its metallb.asn (remove the neighbor's asn)",
        "lab.yaml:15:70: hold time 2 s (it is 0 or at least 3 (RFC 4271))",
        "lab.yaml:16:20: bgp: and startup-config exclude each other "
        "(a startup-config is the router's whole configuration)",
        "lab.yaml:18:33: a bridge has no routes (its ports have no addresses)",
    ]


def test_a_neighbor_that_is_no_cluster(problems_of: Problems) -> None:
    assert problems_of("""\
        name: wrong
        topology:
          nodes:
            a: {kind: frr, bgp: {asn: 1, neighbors: [{cluster: h}]}}
            h: {kind: linux}
        """) == ["lab.yaml:4:56: h is not a cluster (name a node of kind k8s)"]


def test_a_description_cannot_bring_commands(problems_of: Problems) -> None:
    (problem,) = problems_of("""\
        name: wrong
        topology:
          nodes:
            a: {kind: frr, bgp: {asn: 1, neighbors: [{address: 10.0.0.1, asn: 2, description: "x | no bgp"}]}}
        """)
    assert problem.startswith("lab.yaml:4:87: ")


def test_a_startup_config_that_is_no_text(problems_of: Problems) -> None:
    assert problems_of(
        "name: w\ntopology: {nodes: {a: {kind: frr, startup-config: f}}}\n", f="hostname a\x1b[2J\n"
    ) == ["f:1:11: control character U+001B (remove it)"]


def test_an_unnumbered_neighbor(plan_text: Plan, problems_of: Problems) -> None:
    topology = """\
        name: u
        topology:
          nodes:
            r1: {kind: frr, bgp: {asn: 65001, networks: [192.0.2.0/24], neighbors: [{interface: eth1, asn: external}]}}
            r2: {kind: frr, bgp: {asn: 65002, neighbors: [{interface: eth1, asn: 65001, expect: down}]}}
            r3: {kind: frr}
            sw: {kind: bridge}
          links:
            - {endpoints: ["r1:eth1", "r2:eth1"]}
            - {endpoints: ["r1:eth2", "sw"]}
            - {endpoints: ["r2:eth2", "sw"]}
            - {endpoints: ["r3", "sw"]}
        """
    lab = plan_text(topology)
    text = config(lab, "r1")
    assert " neighbor eth1 interface remote-as external\n" in text
    four, six = text.split(" address-family ipv6 unicast\n")
    assert "  network 192.0.2.0/24\n" in four and "no neighbor eth1 activate" not in four
    assert "  neighbor eth1 activate\n" in six
    (planned,) = lab.node("r2").routing.neighbors  # type: ignore[union-attr]
    assert (planned.name, planned.address, planned.remote_asn, planned.expect_down) == ("eth1", None, 65001, True)
    assert problems_of(topology.replace("interface: eth1, asn: external", "interface: eht1, asn: external")) == [
        'lab.yaml:4:89: r1 has no link eht1 (did you mean "eth1"?)'
    ]
    assert problems_of(topology.replace("interface: eth1, asn: external", "interface: eth2, asn: external")) == [
        "lab.yaml:4:89: 2 machines are behind eth2, and an unnumbered neighbor is one (name them by address)"
    ]
    assert problems_of(topology.replace("interface: eth1, asn: external", "interface: eth1")) == [
        "lab.yaml:4:77: neighbor eth1 has no AS (add asn: N)"
    ]
    bird = topology.replace("r1: {kind: frr", "r1: {kind: bird")
    assert problems_of(bird) == ["lab.yaml:4:79: BIRD needs its neighbors' addresses (name the neighbor by address)"]
