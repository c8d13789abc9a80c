from collections.abc import Callable

from netlab.model.plan import LabPlan, NodePlan
from netlab.model.topology import Expect

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

TWO_TIERS = """
    name: tiers
    topology:
      nodes:
        edge: {kind: frr, bgp: {asn: 1}, expect: ecmp}
        core-1: {kind: frr, bgp: {asn: 2}}
        core-2: {kind: frr, bgp: {asn: 2}}
        far: {kind: frr, bgp: {asn: 9}}
        client: {kind: linux, routes: ROUTES}
        other: {kind: linux}
        sw: {kind: bridge}
        k: {kind: k8s, workers: 1, metallb: {asn: 3, pool: 203.0.113.0/24}, services: [{name: web}], MORE}
      links:
        - {endpoints: ["client:eth1", "edge:eth1"], ipv4: [192.0.2.2/24, 192.0.2.1/24]}
        - {endpoints: ["other:eth1", "edge:eth9"], ipv4: [198.51.100.2/24, 198.51.100.1/24]}
        - {endpoints: ["edge:eth2", "core-1:eth1"], ipv4: [10.9.1.1/30, 10.9.1.2/30]}
        - {endpoints: ["edge:eth3", "core-2:eth1"], ipv4: [10.9.2.1/30, 10.9.2.2/30]}
        - {endpoints: ["core-1:eth2", "sw"], ipv4: [172.20.0.1/24]}
        - {endpoints: ["core-2:eth2", "sw"], ipv4: [172.20.0.2/24]}
        - {endpoints: ["far:eth1", "client:eth2"], ipv4: [10.9.9.1/30, 10.9.9.2/30]}
        - {endpoints: ["k", "sw"]}
    """


def routes(node: NodePlan) -> list[str]:
    return [f"{route.to} via {route.via}" for route in node.routes if route.via is not None]


def test_a_host_gets_a_route_per_subnet_and_pool_along_the_shortest_path(plan_text: Plan) -> None:
    lab = plan_text(TWO_TIERS.replace("ROUTES", "auto").replace(", MORE", ""))
    assert routes(lab.node("client")) == [
        "198.51.100.0/24 via 192.0.2.1",
        "10.9.1.0/30 via 192.0.2.1",
        "10.9.2.0/30 via 192.0.2.1",
        "172.20.0.0/24 via 192.0.2.1",
        "203.0.113.0/24 via 192.0.2.1",
    ]
    assert routes(lab.node("k-worker"))[:2] == ["192.0.2.0/24 via 172.20.0.1", "198.51.100.0/24 via 172.20.0.1"]
    assert lab.node("edge").routes == ()


def test_every_bgp_router_on_the_way_is_checked_once(plan_text: Plan) -> None:
    lab = plan_text(TWO_TIERS.replace("ROUTES", "auto").replace(", MORE", ""))
    assert [(c.router, c.client, c.router_interface, c.expect) for c in lab.checks] == [
        ("edge", "client", "eth1", Expect.ECMP),
        ("core-1", "client", "eth1", Expect.ANY),
    ]


def test_routes_none_and_a_list(plan_text: Plan) -> None:
    none = plan_text(TWO_TIERS.replace("ROUTES", "none").replace(", MORE", ", routes: none"))
    assert routes(none.node("client")) == []
    assert routes(none.node("k-worker")) == []
    listed = plan_text(
        TWO_TIERS.replace("ROUTES", "[{to: 203.0.113.0/24, via: 192.0.2.1}, {to: default, via: 10.9.9.1}]").replace(
            ", MORE", ""
        )
    )
    assert routes(listed.node("client")) == ["203.0.113.0/24 via 192.0.2.1", "0.0.0.0/0 via 10.9.9.1"]


def test_one_worker_without_a_route_back(plan_text: Plan) -> None:
    lab = plan_text(
        TWO_TIERS.replace("ROUTES", "auto")
        .replace("workers: 1", "workers: 2")
        .replace("MORE", "worker-routes: {k-worker2: none}")
    )
    assert "192.0.2.0/24 via 172.20.0.1" in routes(lab.node("k-worker"))
    assert routes(lab.node("k-worker2")) == ["10.244.1.0/24 via 172.20.0.4"]


def test_a_next_hop_on_no_subnet_is_refused(problems_of: Problems) -> None:
    (problem,) = problems_of(TWO_TIERS.replace("ROUTES", "[{to: default, via: 10.1.1.1}]").replace(", MORE", ""))
    assert "next hop 10.1.1.1 is on no subnet of client (its subnets: 192.0.2.0/24, 10.9.9.0/30)" in problem


def test_a_host_that_forwards_is_a_way(plan_text: Plan) -> None:
    topology = """
        name: forward
        topology:
          nodes: {a: {kind: linux}, m: {kind: linux, FORWARD}, b: {kind: linux}}
          links:
            - {endpoints: ["a:eth1", "m:eth1"], ipv4: [192.0.2.2/24, 192.0.2.1/24], ipv6: ["fd01::2/64", "fd01::1/64"]}
            - {endpoints: ["b:eth1", "m:eth2"], ipv4: [198.51.100.2/24, 198.51.100.1/24], ipv6: [null, "fd02::1/64"]}
        """
    both = 'sysctls: {net.ipv4.ip_forward: "1", net.ipv6.conf.all.forwarding: "1"}'
    lab = plan_text(topology.replace("FORWARD", both))
    assert routes(lab.node("a")) == ["198.51.100.0/24 via 192.0.2.1", "fd02::/64 via fd01::1"]
    lab = plan_text(topology.replace("FORWARD", 'sysctls: {net.ipv4.ip_forward: "1"}'))
    assert routes(lab.node("a")) == ["198.51.100.0/24 via 192.0.2.1"]
    assert [s.value for s in lab.node("m").sysctls if s.key == "net.ipv4.ip_forward"] == ["1"]


def test_a_host_on_the_vips_subnet_is_warned(plan_text: Plan) -> None:
    lab = plan_text("""
        name: arp
        topology:
          nodes:
            r: {kind: frr, bgp: {asn: 1, neighbors: [{cluster: k}]}}
            near: {kind: linux}
            sw: {kind: bridge}
            k: {kind: k8s, metallb: {asn: 3, pool: 192.0.2.128/25}, services: [{name: web}]}
          links:
            - {endpoints: ["r:eth1", "sw"], ipv4: [192.0.2.1/24]}
            - {endpoints: ["near:eth1", "sw"], ipv4: [192.0.2.2/24]}
            - {endpoints: ["k", "sw"]}
        """)
    assert lab.warnings == (
        "near is in 192.0.2.0/24, which holds the VIP 192.0.2.128 of web: "
        "it asks for it by ARP, and in BGP mode no node answers",
    )
    assert lab.checks == ()


def test_what_the_file_says_of_every_kind(plan_text: Plan) -> None:
    lab = plan_text(
        """
        name: generic
        topology:
          nodes:
            h:
              kind: linux
              image: alpine
              cmd: sleep 100
              env: {COLOUR: blue}
              binds: ["notes:/etc/notes:ro"]
              exec: ["sh -c 'echo hello'"]
              sysctls: {net.ipv4.conf.all.rp_filter: "2"}
        """,
        notes="x",
    )
    host = lab.node("h")
    assert host.image == "alpine"
    assert host.env == (("COLOUR", "blue"),)
    assert [(bind.target, bind.read_only) for bind in host.binds] == [("/etc/notes", True)]
    assert host.exec == (("sh", "-c", "echo hello"),)
    assert [process.argv for process in host.processes] == [("sleep", "100")]
    assert [s.value for s in host.sysctls if s.key == "net.ipv4.conf.all.rp_filter"] == ["2"]
