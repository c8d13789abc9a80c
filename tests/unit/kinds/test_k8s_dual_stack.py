from collections.abc import Callable

import pytest

from netlab.model.plan import LabPlan

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

DUAL = """
    name: k
    topology:
      nodes:
        r: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k}]}}
        h: {kind: linux}
        sw: {kind: bridge}
        k:
          kind: k8s
          workers: 2
          addresses: {control-plane: 192.0.2.10/24, workers: [[192.0.2.11/24, "2001:db8:7::b/64"]]}
          metallb: {asn: 64522, pool: [203.0.113.0/24, "2001:db8:9::1-2001:db8:9::ff"], mode: frr}
          services:
            - {name: web, replicas: 2, ip-family-policy: RequireDualStack, external-traffic-policy: Local}
            - {name: api, ip-families: [IPv6], port: 8080}
            - {name: old}
      links:
        - {endpoints: ["r:eth1", "sw"], ipv4: [192.0.2.1/24], ipv6: ["2001:db8:7::1/64"]}
        - {endpoints: ["k", "sw"]}
        - {endpoints: ["r:eth2", "h"], ipv4: auto, ipv6: auto}
    """


def content(lab: LabPlan, node: str, path: str) -> str:
    return next(file.content for file in lab.node(node).files if file.path == path)


def addresses(lab: LabPlan, node: str) -> list[str]:
    return [str(address) for interface in lab.node(node).interfaces for address in interface.addresses]


def test_nodes_take_what_is_written_and_the_rest_from_the_link(plan_text: Plan) -> None:
    lab = plan_text(DUAL)
    assert addresses(lab, "k-control-plane") == ["192.0.2.10/24", "2001:db8:7::2/64"]
    assert addresses(lab, "k-worker")[:2] == ["192.0.2.11/24", "2001:db8:7::b/64"]
    assert addresses(lab, "k-worker2")[:2] == ["192.0.2.2/24", "2001:db8:7::3/64"]


def test_a_service_has_a_vip_of_each_of_its_families(plan_text: Plan) -> None:
    lab = plan_text(DUAL)
    assert [(service.name, str(service.vip)) for service in lab.services] == [
        ("web", "203.0.113.0"),
        ("web", "2001:db8:9::1"),
        ("api", "2001:db8:9::2"),
        ("old", "203.0.113.1"),
    ]
    web = lab.services[1]
    assert [(a.node, str(a.address)) for a in web.announcers] == [
        ("k-worker", "2001:db8:7::b"),
        ("k-worker2", "2001:db8:7::3"),
    ]
    assert [(c.service, str(c.vip), str(c.client_address)) for c in lab.checks] == [
        ("web", "203.0.113.0", "10.0.0.2"),
        ("web", "2001:db8:9::1", "2001:db8::2"),
        ("api", "2001:db8:9::2", "2001:db8::2"),
        ("old", "203.0.113.1", "10.0.0.2"),
    ]


@pytest.mark.parametrize(
    ("written", "vips"),
    [
        ("ip-family-policy: PreferDualStack", ["203.0.113.1", "2001:db8:9::2"]),
        ("ip-family-policy: PreferDualStack, ip-families: [IPv6]", ["2001:db8:9::2", "203.0.113.1"]),
        ("ip-family-policy: RequireDualStack, ip-families: [IPv6, IPv4]", ["2001:db8:9::2", "203.0.113.1"]),
        ("ip-family-policy: SingleStack", ["203.0.113.1"]),
        ("ip-families: [IPv6]", ["2001:db8:9::2"]),
    ],
)
def test_families_by_the_rules_of_kubernetes(plan_text: Plan, written: str, vips: list[str]) -> None:
    lab = plan_text(DUAL.replace("ip-families: [IPv6], port: 8080", written))
    assert [str(service.vip) for service in lab.services if service.name == "api"] == vips


def test_prefer_dual_stack_takes_what_there_is(plan_text: Plan) -> None:
    lab = plan_text(
        DUAL.replace('[203.0.113.0/24, "2001:db8:9::1-2001:db8:9::ff"]', "203.0.113.0/24")
        .replace("RequireDualStack", "PreferDualStack")
        .replace("ip-families: [IPv6], ", "")
    )
    assert [str(service.vip) for service in lab.services] == ["203.0.113.0", "203.0.113.1", "203.0.113.2"]
    assert addresses(lab, "web-1") == ["10.244.1.2/32"]


def test_a_speaker_has_a_session_per_version_and_announces_each_over_its_own(plan_text: Plan) -> None:
    lab = plan_text(DUAL)
    text = content(lab, "k-worker", "/etc/frr/frr.conf")
    four, six = text.split(" address-family ipv4 unicast\n")[1].split(" address-family ipv6 unicast\n")
    assert " no bgp default ipv4-unicast\n" in text
    assert "  network 203.0.113.0/32\n" in four and "  neighbor 192.0.2.1 activate\n" in four
    assert "  network 2001:db8:9::1/128\n" in six and "  neighbor 2001:db8:7::1 activate\n" in six
    assert "2001:db8" not in four and "192.0.2" not in six and "203.0.113" not in six
    assert "route-map services permit 20\n match ipv6 address prefix-list services\n" in text
    assert [process.name for process in lab.node("k-worker").processes] == ["kube-proxy", "zebra", "bgpd"]
    router = content(lab, "r", "/etc/frr/frr.conf")
    for neighbor in ("192.0.2.11", "192.0.2.2", "2001:db8:7::b", "2001:db8:7::3"):
        assert f" neighbor {neighbor} remote-as 64522\n" in router
    assert lab.warnings == ()


def test_a_session_may_carry_both(plan_text: Plan) -> None:
    peers = 'mode: frr, peers: [{peer-address: "2001:db8:7::1", peer-asn: 64512DUAL}]'
    alone = plan_text(DUAL.replace("mode: frr", peers.replace("DUAL", "")))
    assert alone.warnings == (
        "k: no BGP session of its speakers carries IPv4, so its IPv4 VIPs are not announced (MetalLB announces a "
        "prefix over sessions of its own IP version)",
    )
    both = plan_text(DUAL.replace("mode: frr", peers.replace("DUAL", ", dual-stack-address-family: true")))
    assert both.warnings == ()
    four, six = content(both, "k-worker", "/etc/frr/frr.conf").split(" address-family ipv6 unicast\n")
    assert "  neighbor 2001:db8:7::1 activate\n" in four and "  neighbor 2001:db8:7::1 activate\n" in six


def test_a_peer_off_the_nodes_subnet_needs_a_word_in_frr_mode(plan_text: Plan) -> None:
    near = '{peer-address: "2001:db8:7::1", peer-asn: 64512}'
    peers = f"mode: frr, peers: [{{peer-address: 10.0.0.1, peer-asn: 64512MULTI}}, {near}]"
    (warning,) = plan_text(DUAL.replace("mode: frr", peers.replace("MULTI", ""))).warnings
    assert warning == (
        "k: 10.0.0.1 is not on the nodes' subnet, and MetalLB's FRR mode does not connect there without "
        "ebgp-multi-hop: true"
    )
    lab = plan_text(DUAL.replace("mode: frr", peers.replace("MULTI", ", ebgp-multi-hop: true")))
    assert lab.warnings == ()
    assert " neighbor 10.0.0.1 ebgp-multihop\n" in content(lab, "k-worker", "/etc/frr/frr.conf")


def test_kube_proxy_has_a_table_per_version(plan_text: Plan) -> None:
    lab = plan_text(DUAL)
    four, six = content(lab, "k-worker", "/run/netlab/kube-proxy.nft").split("table ip6 kube-proxy {")
    assert "\t\tip daddr 203.0.113.0 tcp dport 80 dnat to 10.244.1.2\n" in four
    assert "\t\tip6 daddr 2001:db8:9::1 tcp dport 80 dnat to fd00:10:244:1::2\n" in six
    assert "ip6 saddr fd00:10:244::/56 ip6 daddr 2001:db8:9::1 tcp dport 80 dnat to numgen random mod 2 map" in six
    assert "ct original ip6 daddr 2001:db8:9::2 masquerade fully-random" in six
    assert "ct original ip6 daddr 2001:db8:9::1" not in six  # Local keeps the client's address
    assert "2001:db8" not in four


def test_a_pod_has_an_address_and_a_default_route_of_each_version(plan_text: Plan) -> None:
    lab = plan_text(DUAL)
    assert addresses(lab, "web-2") == ["10.244.2.2/32", "fd00:10:244:2::2/128"]
    assert [(str(r.to), str(r.via), r.onlink) for r in lab.node("web-2").routes] == [
        ("0.0.0.0/0", "10.244.2.1", True),
        ("::/0", "fd00:10:244:2::1", True),
    ]
    routes = [(str(route.to), str(route.via)) for route in lab.node("k-worker").routes]
    assert ("fd00:10:244:2::/64", "2001:db8:7::3") in routes
    assert ("2001:db8::/64", "2001:db8:7::1") in routes


def test_without_an_ipv4_address_routers_and_speakers_have_a_number(plan_text: Plan) -> None:
    lab = plan_text("""
        name: six
        topology:
          defaults: {ipv6: auto}
          nodes:
            r: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k}]}}
            sw: {kind: bridge}
            k: {kind: k8s, workers: 2, metallb: {asn: 2, pool: "fd00:c0::/64", mode: frr}, services: [{name: web}]}
          links: [{endpoints: [r, sw]}, {endpoints: [k, sw]}]
        """)
    ids = [
        line
        for node in ("r", "k-worker", "k-worker2")
        for line in content(lab, node, "/etc/frr/frr.conf").splitlines()
        if line.startswith(" bgp router-id ")
    ]
    assert len(set(ids)) == 3
    assert "None" not in content(lab, "k-worker", "/etc/frr/frr.conf")
    assert addresses(lab, "web-1") == ["fd00:10:244:1::2/128"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("mode: frr", "mode: native", "MetalLB's native mode cannot announce IPv6 (set mode: frr, or take the IPv6 "),
        ("ip-families: [IPv6]", "ip-families: [IPv4, IPv6]", "two IP families, and ip-family-policy is SingleStack, "),
        ("ip-families: [IPv6]", "ip-families: [IPv6, IPv6]", "an IP family twice (name each once)"),
        ("[203.0.113.0/24, ", "[", "the cluster has one IP family (add a pod-subnet and a pool of the other)"),
        (
            "mode: frr}",
            "mode: frr}\n          pod-subnet: 10.9.0.0/16",
            "the cluster has no IPv6 (add a pod-subnet and a pool of ",
        ),
        (
            "mode: frr}",
            "mode: frr}\n          pod-subnet: [10.9.0.0/16, fd09::/64]",
            "the pod subnet is too small (each node ",
        ),
        (
            "mode: frr}",
            "mode: frr}\n          pod-subnet: [10.9.0.0/16, 10.8.0.0/16]",
            "a cluster has one pod subnet of each IP ",
        ),
        (
            "::1-2001:db8:9::ff",
            "::1-2001:db8:9::1",
            "the pool 2001:db8:9::1/128 has 1 addresses for 2 services (use a ",
        ),
        ("::1-2001:db8:9::ff", "::f-2001:db8:9::1", 'must be a range from one address to a later one, not "2001:db8:9'),
        (
            "::1-2001:db8:9::ff",
            "::1/64",
            "is no prefix: 2001:db8:9::1/64 has host bits set (did you mean 2001:db8:9::/6",
        ),
        ("2001:db8:7::b/64", "2001:db8:7::b", "2001:db8:7::b has no prefix length (write 2001:db8:7::b/64)"),
        ('"2001:db8:7::b/64"', "192.0.2.12/24", "a node has one address of each IP version (give one of them)"),
    ],
)
def test_what_does_not_fit_together(problems_of: Problems, old: str, new: str, problem: str) -> None:
    assert old in DUAL
    assert any(problem in line for line in problems_of(DUAL.replace(old, new))), problems_of(DUAL.replace(old, new))


def test_a_cluster_whose_link_has_no_ipv6_cannot_announce_it(problems_of: Problems) -> None:
    text = DUAL.replace(', ipv6: ["2001:db8:7::1/64"]', "").replace(', "2001:db8:7::b/64"', "")
    assert any("k-worker has no IPv6 address (link the cluster to a bridge" in line for line in problems_of(text))
