from collections.abc import Callable

from netlab.model.plan import LabPlan, NodePlan
from netlab.model.topology import Expect

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]


def addresses(node: NodePlan) -> dict[str, list[str]]:
    return {i.name: [str(address) for address in i.addresses] for i in node.interfaces}


def routes(node: NodePlan) -> list[str]:
    return [f"{route.to} via {route.via}" for route in node.routes if route.via is not None]


def test_auto_gives_every_link_a_64_of_the_documentation_prefix(plan_text: Plan) -> None:
    lab = plan_text("""
        name: auto
        topology:
          defaults: {ipv6: auto}
          nodes: {r1: {kind: frr}, r2: {kind: frr}, a: {kind: linux}, b: {kind: linux}, sw: {kind: bridge}}
          links:
            - {endpoints: ["r1:eth1", "r2:eth1"]}
            - {endpoints: ["r1:eth2", "sw"], ipv4: auto}
            - {endpoints: ["a", "sw"]}
            - {endpoints: ["b", "sw"], ipv6: [2001:db8:7::b/64]}
            - {endpoints: ["a", "b"], ipv6: []}
        """)
    assert addresses(lab.node("r1")) == {
        "eth1": ["2001:db8::1/64"],
        "eth2": ["10.1.0.1/24", "2001:db8:7::1/64"],
    }
    assert addresses(lab.node("r2")) == {"eth1": ["2001:db8::2/64"]}
    assert addresses(lab.node("a")) == {"eth1": ["2001:db8:7::2/64"], "eth2": []}


def test_auto_keeps_clear_of_what_is_written_pools_and_pods(plan_text: Plan) -> None:
    lab = plan_text(
        """
        name: auto
        topology:
          nodes:
            a: {kind: linux}
            b: {kind: linux}
            sw: {kind: bridge}
            k:
              kind: k8s
              pod-subnet: [10.244.0.0/16, 2001:db8:0:2::/56]
              metallb: {asn: 2, pool: [10.9.0.0/24, "2001:db8:0:100::/120"], mode: frr}
              services: [{name: web}]
          links:
            - {endpoints: ["a:eth1", "b:eth1"], ipv6: ["2001:db8:0:101::1/64", "2001:db8:0:101::2/64"]}
            - {endpoints: ["a:eth2", "b:eth2"], ipv6: auto}
            - {endpoints: ["k", "sw"], ipv4: auto, ipv6: auto}
        """.replace("2001:db8:0:2::/56", "2001:db8::/56")
    )
    assert addresses(lab.node("a"))["eth2"] == ["2001:db8:0:102::1/64"]
    assert addresses(lab.node("k-worker"))["eth1"][1] == "2001:db8:0:103::2/64"


def test_a_lab_that_has_all_of_the_first_prefix_takes_the_second(plan_text: Plan) -> None:
    lab = plan_text("""
        name: auto
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}}
          links:
            - {endpoints: ["a:eth1", "b:eth1"], ipv6: ["2001:db8::1/32", "2001:db8::2/32"]}
            - {endpoints: ["a:eth2", "b:eth2"], ipv6: auto}
        """)
    assert addresses(lab.node("a"))["eth2"] == ["3fff::1/64"]


def test_a_machine_has_routes_of_the_versions_that_it_has_addresses_of(plan_text: Plan) -> None:
    lab = plan_text("""
        name: mixed
        topology:
          nodes: {r: {kind: frr}, old: {kind: linux}, new: {kind: linux}, both: {kind: linux}, sw: {kind: bridge}}
          links:
            - {endpoints: ["r:eth1", "sw"], ipv4: [192.0.2.1/24], ipv6: ["fd01::1/64"]}
            - {endpoints: ["old", "sw"], ipv4: [192.0.2.2/24]}
            - {endpoints: ["new", "sw"], ipv6: ["fd01::3/64"]}
            - endpoints: ["r:eth2", "both"]
              ipv4: [198.51.100.1/24, 198.51.100.2/24]
              ipv6: ["fd02::1/64", "fd02::2/64"]
        """)
    assert routes(lab.node("old")) == ["198.51.100.0/24 via 192.0.2.1"]
    assert routes(lab.node("new")) == ["fd02::/64 via fd01::1"]
    assert routes(lab.node("both")) == ["192.0.2.0/24 via 198.51.100.1", "fd01::/64 via fd02::1"]


def test_link_local_addresses_are_no_way_anywhere(plan_text: Plan) -> None:
    lab = plan_text("""
        name: local
        topology:
          nodes: {r: {kind: frr}, a: {kind: linux}, b: {kind: linux}}
          links:
            - {endpoints: ["a", "r:eth1"], ipv6: ["fe80::2/64", "fe80::1/64"]}
            - {endpoints: ["b", "r:eth2"], ipv6: ["fd02::2/64", "fd02::1/64"]}
        """)
    assert routes(lab.node("a")) == routes(lab.node("b")) == []
    assert "fe80" not in next(f.content for f in lab.node("a").files if f.path == "/etc/hosts")


def test_expectations_per_ip_version(plan_text: Plan, problems_of: Problems) -> None:
    text = """\
        name: both
        topology:
          nodes:
            r: {kind: frr, bgp: {asn: 1, neighbors: [{cluster: k}]}, expect: EXPECT}
            h: {kind: linux}
            sw: {kind: bridge}
            k:
              kind: k8s
              metallb: {asn: 2, pool: [203.0.113.0/24, "2001:db8:9::/64"], mode: frr}
              services: [{name: web, ip-family-policy: RequireDualStack}]
          links:
            - {endpoints: ["h", "r"], ipv4: auto, ipv6: auto}
            - {endpoints: ["r", "sw"], ipv4: auto, ipv6: auto}
            - {endpoints: ["k", "sw"]}
        """

    def expected(written: str) -> list[tuple[str, Expect]]:
        return [(str(check.vip), check.expect) for check in plan_text(text.replace("EXPECT", written)).checks]

    assert expected("ecmp") == [("203.0.113.0", Expect.ECMP), ("2001:db8:9::", Expect.ECMP)]
    assert expected("{ipv4: ecmp, ipv6: single-path}") == [
        ("203.0.113.0", Expect.ECMP),
        ("2001:db8:9::", Expect.SINGLE_PATH),
    ]
    assert expected("{ipv6: ecmp}")[0] == ("203.0.113.0", Expect.ANY)
    assert problems_of(text.replace("EXPECT", "{ipv4: emcp}")) == [
        'lab.yaml:4:77: "ipv4" must be "ecmp", "single-path", "per-packet" or "any", not "emcp" (did you mean "ecmp"?)'
    ]


def test_an_mtu_below_ipv6s_minimum_is_refused_with_auto_too(problems_of: Problems) -> None:
    assert problems_of("""\
        name: small
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}}
          links: [{endpoints: ["a", "b"], ipv6: auto, mtu: 1279}]
        """) == ["lab.yaml:4:52: IPv6 needs an mtu of at least 1280, not 1279 (RFC 8200, section 5)"]
