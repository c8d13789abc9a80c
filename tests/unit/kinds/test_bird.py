from collections.abc import Callable
from ipaddress import ip_address
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.kinds import bgp
from netlab.kinds.bird.options import local_as
from netlab.kinds.bird.render import protocol_name
from netlab.model.errors import InputError
from netlab.model.plan import LabPlan, NeighborPlan, ProcessPlan

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

EVERYTHING = """
    name: all
    topology:
      nodes:
        r:
          kind: bird
          bgp:
            asn: 65003
            router-id: 192.0.2.3
            networks: [10.1.1.0/24, "fd00::/64"]
            merge-paths: 4
            timers: {keepalive: 3, hold: 9, connect: 1}
            bfd: true
            neighbors:
              - {address: 10.1.1.1, asn: 65001, description: "the other, edge", ebgp-multihop: 3, bfd: false}
              - {address: 10.1.1.7, remote-as: internal, timers: {keepalive: 0, hold: 0}, expect: down}
              - {address: "fd00::1", remote-as: external}
        h: {kind: linux}
      links:
        - {endpoints: ["r:eth1", "h:eth1"], ipv4: [10.1.1.3/24, 10.1.1.9/24]}
    """
CLUSTER = """
    name: c
    topology:
      nodes:
        r: {kind: bird, bgp: {asn: 64512, networks: [172.16.9.0/24], neighbors: [{cluster: k8s}]%s}}
        n: {kind: bridge}
        k8s: {kind: k8s, workers: 2, metallb: {asn: 64522, pool: 172.16.7.192/26}}
      links:
        - {endpoints: ["r:eth1", "n"], ipv4: [172.16.7.1/24]}
        - {endpoints: ["k8s", "n"]}
    """


def config(lab: LabPlan, node: str = "r") -> str:
    return next(file.content for file in lab.node(node).files if file.path == "/etc/bird/bird.conf")


def process(lab: LabPlan, name: str) -> ProcessPlan:
    return next(process for process in lab.node("r").processes if process.name == name)


def protocol(text: str, name: str) -> list[str]:
    """The statements of a protocol."""
    body = text.partition(f"protocol {name} {{\n")[2].partition("\n}\n")[0]
    return [line.strip() for line in body.splitlines()]


def test_every_bgp_option_is_rendered(plan_text: Plan) -> None:
    lab = plan_text(EVERYTHING)
    text = config(lab)
    assert text.startswith('log stderr all;\nhostname "r";\nrouter id 192.0.2.3;\n')
    assert protocol(text, "direct") == ["ipv4;", "ipv6;"]
    for version in (4, 6):
        assert protocol(text, f"kernel kernel{version}") == [
            "learn;",
            "merge paths yes limit 4;",
            f"ipv{version} {{",
            "preference 200;",
            "import all;",
            "export where source = RTS_BGP;",
            "};",
        ]
    assert "if net ~ [ 10.1.1.0/24 ] then accept;" in text.partition("filter announced4 {")[2].partition("}")[0]
    assert "if net ~ [ fd00::/64 ] then accept;" in text.partition("filter announced6 {")[2].partition("}")[0]
    assert "protocol bfd {\n}\n" in text
    assert protocol(text, "bgp bgp_10_1_1_1") == [
        'description "the other, edge";',
        "local as 65003;",
        "neighbor 10.1.1.1 as 65001;",
        "multihop 3;",
        "hold time 9;",
        "keepalive time 3;",
        "connect delay time 1;",
        "error wait time 1, 5;",
        "connect retry time 1;",
        "ipv4 {",
        "import all;",
        "export filter announced4;",
        "};",
    ]
    internal = protocol(text, "bgp bgp_10_1_1_7")
    assert {"neighbor 10.1.1.7 internal;", "hold time 0;", "bfd on;", "direct;", "gateway recursive;"} <= set(internal)
    assert not any(line.startswith("keepalive") for line in internal)
    external = protocol(text, "bgp bgp_fd00__1")
    assert {"neighbor fd00::1 external;", "ipv6 {", "export filter announced6;"} <= set(external)
    assert lab.node("r").routing.neighbors == (  # type: ignore[union-attr]
        NeighborPlan(ip_address("10.1.1.1"), 65001),
        NeighborPlan(ip_address("10.1.1.7"), 65003, expect_down=True),
        NeighborPlan(ip_address("fd00::1"), None),
    )


def test_bfd_over_several_hops_says_from_where(plan_text: Plan) -> None:
    text = config(
        plan_text("""
            name: x
            topology:
              nodes:
                r: {kind: bird, bgp: {asn: 1, bfd: true, neighbors: [{address: 10.9.9.9, asn: 2, ebgp-multihop: 4}]}}
                h: {kind: linux}
              links: [{endpoints: ["r:eth1", "h:eth1"], ipv4: [10.1.1.3/24, 10.1.1.9/24]}]
            """)
    )
    assert {"local 10.1.1.3 as 1;", "multihop 4;", "bfd on;"} <= set(protocol(text, "bgp bgp_10_9_9_9"))


def test_by_default_one_next_hop_of_equal_paths_as_bird_itself_has_it(plan_text: Plan) -> None:
    assert "merge paths" not in config(plan_text(CLUSTER % ""))
    assert "merge paths" not in config(plan_text(CLUSTER % ", merge-paths: false"))
    assert "\tmerge paths yes;\n" in config(plan_text(CLUSTER % ", merge-paths: true"))


def test_a_cluster_is_every_worker_by_its_name(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER % "")
    text = config(lab)
    assert "router id 172.16.7.1;\n" in text
    for name, address in (("k8s_worker", "172.16.7.3"), ("k8s_worker2", "172.16.7.4")):
        assert f"neighbor {address} as 64522;" in protocol(text, f"bgp bgp_{name}")
    assert "ipv6" not in text
    assert "bfd" not in text
    speaker = next(f.content for f in lab.node("k8s-worker").files if f.path == "/etc/frr/frr.conf")
    assert "neighbor 172.16.7.1 remote-as 64512" in speaker


def test_a_worker_with_two_addresses_is_two_neighbors(plan_text: Plan) -> None:
    text = config(
        plan_text("""
            name: both
            topology:
              nodes:
                r: {kind: bird, bgp: {asn: 64512, neighbors: [{cluster: k8s}]}}
                n: {kind: bridge}
                k8s: {kind: k8s, metallb: {asn: 64522, pool: [172.16.7.192/26, "fd00:8::/64"], mode: frr}}
              links:
                - {endpoints: ["r:eth1", "n"], ipv4: [172.16.7.1/24], ipv6: ["fd00:7::1/64"]}
                - {endpoints: ["k8s", "n"]}
            """)
    )
    assert "ipv4 {" in protocol(text, "bgp bgp_k8s_worker")
    assert "ipv6 {" in protocol(text, "bgp bgp_k8s_worker_v6")
    assert text.count("protocol bgp ") == 2


def test_bird_runs_in_the_foreground_without_further_capabilities_once_its_configuration_is_parsed(
    plan_text: Plan,
) -> None:
    lab = plan_text(CLUSTER % "")
    daemon = process(lab, "bird")
    assert daemon.argv[:2] == ("/usr/sbin/bird", "-f")
    assert daemon.capabilities == ()
    assert daemon.sockets == ("/run/bird/bird.ctl",)
    assert set(daemon.after) == {"bird-folder", "bird-check"}
    assert process(lab, "bird-check").checks is None
    assert lab.node("r").runs_as == "BIRD"


def test_a_router_without_ipv4_has_an_id_all_the_same(plan_text: Plan) -> None:
    text = config(plan_text("name: x\ntopology: {nodes: {r: {kind: bird}}}\n"))
    assert ip_address(text.partition("router id ")[2].partition(";")[0]).version == 4
    assert "router id 0.0.0.0;" not in text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("merge-paths: 0", "merge-paths"),
        ("merge-paths: 256", "merge-paths"),
        ("merge-paths: [2]", "merge-paths"),
        ("maximum-paths: 3", "maximum-paths is not BIRD's (BIRD has merge-paths: true, false or N)"),
        ("multipath-relax: true", "multipath-relax is not BIRD's"),
        ("neighbors: [{address: 10.0.0.1, asn: 1, description: 'a\"; include \"/etc/shadow'}]", "description"),
        ("neighbors: [{address: 10.0.0.1}]", "neighbor 10.0.0.1 has no AS"),
        ("timers: {hold: 9}", "keepalive and hold come together"),
        ("timers: {keepalive: 10, hold: 9}", "keepalive is longer than hold"),
        ("neighbors: [{address: 'fe80::1', asn: 2}]", "neighbor fe80::1 is link-local"),
        ("neighbors: [{address: 0.0.0.0, asn: 2}]", "0.0.0.0 is no neighbor's address"),
        ("neighbors: [{address: 'ff02::1', asn: 2}]", "ff02::1 is no neighbor's address"),
        ("neighbors: [{address: 'fd00::1', asn: internal, bfd: true}]", "BFD with fd00::1 needs an IPv6 address of r"),
    ],
)
def test_wrong_options(problems_of: Problems, options: str, problem: str) -> None:
    (line,) = problems_of(f"name: x\ntopology: {{nodes: {{r: {{kind: bird, bgp: {{asn: 1, {options}}}}}}}}}\n")
    assert line.startswith("lab.yaml:2:")
    assert problem in line


@given(st.text(max_size=90))
def test_whatever_a_description_holds_it_stays_between_its_quotes(text: str) -> None:
    """What the options let through needs no escape: BIRD's strings know none."""
    from pydantic import ValidationError

    try:
        neighbor = bgp.Neighbor.model_validate({"address": ip_address("10.0.0.1"), "asn": 1, "description": text})
    except ValidationError:
        return
    assert neighbor.description == text
    assert not set(text) & set('"\\\n\r\0#;{}')
    assert text.isprintable()
    assert text.isascii()


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True) | st.none(), st.ip_addresses())
def test_a_protocols_name_is_one_that_bird_takes(machine, address) -> None:  # type: ignore[no-untyped-def]
    name = protocol_name(bgp.Session(address, 1, NeighborPlan(address, 1), machine))
    assert name.isidentifier()
    assert name.isascii()
    assert len(name) < 64


STARTUP = """\
    # local as 1;
    log stderr all;
    define MY_AS = 64512; /* local as 2; */
    protocol bgp w1 {
        description "local as 3";
        local 172.16.7.1 as MY_AS;
        neighbor 172.16.7.2 as 64522;
        ipv4 { import all; export none; };
    }
"""


def test_a_startup_config_is_the_configuration_as_it_is(plan_text: Plan) -> None:
    lab = plan_text("name: x\ntopology: {nodes: {r: {kind: bird, startup-config: r.conf}}}\n", **{"r.conf": STARTUP})
    assert config(lab) == dedent(STARTUP)
    routing = lab.node("r").routing
    assert routing is not None
    assert (routing.asn, routing.neighbors, routing.neighbors_asked) == (64512, (), True)
    checks = process(lab, "bird-check").checks
    assert checks is not None
    assert checks.name.endswith("r.conf")


@pytest.mark.parametrize(
    ("text", "asn"),
    [
        (STARTUP, 64512),
        ("protocol bgp { local as 65001; }", 65001),
        ("protocol bgp { local fe80::1%eth0 as 65002; }", 65002),
        ("protocol bgp { local port 1179 as 65003; }", 65003),
        ("protocol bgp { local 10.0.0.1 port 1179 as 65004; }", 65004),
        ("protocol bgp { local as ELSEWHERE; }", None),
        ("protocol device {}", None),
        ('log "local as 5;";', None),
        ("", None),
        ("protocol bgp { local as 0; }", None),
        ("protocol bgp { local as 4294967295; }", None),
        ("protocol bgp { local as " + "9" * 5000 + "; }", None),
        ("protocol bgp { local as \u0661; }", None),
        ("/*" * 200_000 + "local as 1;", None),  # no comment ends: the search must not begin again at each
    ],
)
def test_the_as_of_a_startup_config(text: str, asn: int | None) -> None:
    assert local_as(text) == asn


def test_a_startup_config_without_an_as_that_netlab_finds_is_warned_of(plan_text: Plan) -> None:
    file = "name: x\ntopology: {nodes: {r: {kind: bird, startup-config: r.conf}}}\n"
    (warning,) = plan_text(file, **{"r.conf": "protocol bgp { local as AS_FROM_ELSEWHERE; }"}).warnings
    assert warning.startswith("r: no `local ... as N` was found in ")
    assert plan_text(file, **{"r.conf": "protocol device {} # protocol bgp"}).warnings == ()
    assert plan_text(file, **{"r.conf": STARTUP}).warnings == ()


@given(st.text())
def test_any_text_has_an_as_or_none(text: str) -> None:
    found = local_as(text)
    assert found is None or found >= 0


def test_bgp_and_a_startup_config_exclude_each_other(problems_of: Problems) -> None:
    (line,) = problems_of(
        "name: x\ntopology: {nodes: {r: {kind: bird, startup-config: r.conf, bgp: {asn: 1}}}}\n", **{"r.conf": ""}
    )
    assert "bgp: and startup-config exclude each other" in line


def test_a_wrong_bgp_is_no_crash(plan_text: Plan) -> None:
    for value in ("7", "[1]", "null", "{asn: x}", "{1: 2, asn: 3}"):
        try:
            plan_text(f"name: x\ntopology: {{nodes: {{r: {{kind: bird, bgp: {value}}}}}}}\n")
        except InputError:
            continue
