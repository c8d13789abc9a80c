"""`serve`: routers that hold a VIP, announce it and answer on it, as endpoints of one service."""

from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from textwrap import indent

import pytest

from netlab.lab.announcers import announcers
from netlab.model.plan import AnnouncerPlan, LabPlan, NodePlan, RoutePlan
from netlab.plan import plan_file

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

LAB = """
name: lab
topology:
  nodes:
    r:
      kind: frr
      bgp: {{asn: 64512, networks: [10.9.0.0/24], neighbors: [{{address: 10.7.0.11, asn: 64522}}]}}
    h: {{kind: linux}}
    lan: {{kind: bridge}}
{nodes}
  links:
    - {{endpoints: ["r:eth1", "lan"], ipv4: [10.7.0.1/24]}}
    - {{endpoints: ["r:eth2", "h:eth1"], ipv4: [10.9.0.1/24, 10.9.0.11/24]}}
    - {{endpoints: ["s1:eth1", "lan"], ipv4: [10.7.0.11/24]}}
    - {{endpoints: ["s2:eth1", "lan"], ipv4: [10.7.0.12/24]}}
"""
BGP = "bgp: {asn: 64522, neighbors: [{address: 10.7.0.1, asn: 64512}]}"


def lab(one: str, two: str = "", *, bgp: str = BGP, kind: str = "frr") -> str:
    """A router, a host behind it, and two servers on its LAN; `one` and `two` are what they serve."""
    served = [f"s{n}: {{kind: {kind}, {bgp}, serve: [{serve}]}}" for n, serve in ((1, one), (2, two or one))]
    return LAB.format(nodes=indent("\n".join(served), "    "))


def content(node: NodePlan, path: str) -> str:
    return next(file.content for file in node.files if file.path == path)


def test_nodes_that_name_one_vip_and_port_are_endpoints_of_one_service(plan_text: Plan) -> None:
    planned = plan_text(lab("{vip: 10.7.0.200, name: web}", "{vip: 10.7.0.200, port: 80}"))
    (service,) = planned.services
    assert (service.cluster, service.policy, service.name) == (None, None, "web")
    assert (service.vip, service.port, service.pods) == (ip_address("10.7.0.200"), 80, ("s1", "s2"))
    assert service.announcers == (
        AnnouncerPlan("s1", ip_address("10.7.0.11"), True),
        AnnouncerPlan("s2", ip_address("10.7.0.12"), True),
    )
    (check,) = planned.checks
    assert (check.router, check.client, check.service) == ("r", "h", "web")
    assert planned.emulated == ()
    assert planned.warnings == ()


def test_without_a_name_a_service_goes_by_its_vip(plan_text: Plan) -> None:
    (service,) = plan_text(lab("{vip: 10.7.0.200}")).services
    assert service.name == "10.7.0.200"


def test_each_vip_and_each_port_is_a_service_with_a_check_of_its_own(plan_text: Plan) -> None:
    planned = plan_text(lab("{vip: 10.7.0.200, name: web}, {vip: 10.7.0.200, port: 81, name: web}, {vip: 10.7.0.201}"))
    assert [(str(s.vip), s.port) for s in planned.services] == [
        ("10.7.0.200", 80),
        ("10.7.0.200", 81),
        ("10.7.0.201", 80),
    ]
    assert [(str(c.vip), c.port) for c in planned.checks] == [(str(s.vip), s.port) for s in planned.services]
    server = planned.node("s1")
    assert [p.argv[4:] for p in server.processes if p.name.startswith("http")] == [
        ("s1", "80", "10.7.0.200"),
        ("s1", "81", "10.7.0.200"),
        ("s1", "80", "10.7.0.201"),
    ]
    assert len({p.name for p in server.processes}) == len(server.processes)
    lo = next(i for i in server.interfaces if i.name == "lo")
    assert lo.addresses == (ip_interface("10.7.0.200/32"), ip_interface("10.7.0.201/32"))


@pytest.mark.parametrize(
    ("kind", "file", "lines"),
    [
        ("frr", "/etc/frr/frr.conf", ["  network 10.7.0.200/32\n", " bgp router-id 10.7.0.11\n"]),
        ("bird", "/etc/bird/bird.conf", ["if net ~ [ 10.7.0.200/32 ] then accept", "router id 10.7.0.11;"]),
    ],
)
def test_it_is_announced_under_an_identifier_that_is_the_nodes_own(
    kind: str, file: str, lines: list[str], plan_text: Plan
) -> None:
    text = content(plan_text(lab("{vip: 10.7.0.200}", kind=kind)).node("s1"), file)
    for line in lines:
        assert line in text


def test_a_network_that_is_named_already_is_announced_once(plan_text: Plan) -> None:
    bgp = BGP.replace("asn: 64522,", "asn: 64522, router-id: 192.0.2.9, networks: [10.7.0.200/32, 10.70.0.0/24],", 1)
    text = content(plan_text(lab("{vip: 10.7.0.200}", bgp=bgp)).node("s1"), "/etc/frr/frr.conf")
    assert text.count("network 10.7.0.200/32\n") == 1
    assert "network 10.70.0.0/24\n" in text
    assert " bgp router-id 192.0.2.9\n" in text


def test_ipv6(plan_text: Plan) -> None:
    planned = plan_text("""
        name: six
        topology:
          nodes:
            r: {kind: frr, bgp: {asn: 64512, neighbors: [{address: "fd00:7::11", asn: 64522}]}}
            h: {kind: linux}
            s1:
              kind: frr
              bgp: {asn: 64522, neighbors: [{address: "fd00:7::1", asn: 64512}]}
              serve: [{vip: "fd00:c0::1"}]
          links:
            - {endpoints: ["r:eth1", "s1:eth1"], ipv6: ["fd00:7::1/64", "fd00:7::11/64"]}
            - {endpoints: ["r:eth2", "h:eth1"], ipv6: ["fd00:9::1/64", "fd00:9::11/64"]}
        """)
    server, host = planned.node("s1"), planned.node("h")
    text = content(server, "/etc/frr/frr.conf")
    assert "  network fd00:c0::1/128\n" in text
    assert " bgp router-id " in text
    assert ip_interface("fd00:c0::1/128") in next(i for i in server.interfaces if i.name == "lo").addresses
    assert RoutePlan(ip_network("fd00:c0::1/128"), via=ip_address("fd00:9::1")) in host.routes
    # The name is the machine's own, not that of all that hold the VIP.
    assert "fd00:7::11 s1" in content(server, "/etc/hosts").splitlines()
    assert [check.router for check in planned.checks] == ["r"]


def test_hosts_have_a_route_to_a_vip_that_lies_in_no_subnet(plan_text: Plan) -> None:
    via = ip_address("10.9.0.1")
    outside = plan_text(lab("{vip: 192.0.2.1}")).node("h")
    assert outside.routes == (
        RoutePlan(ip_network("10.7.0.0/24"), via=via),
        RoutePlan(ip_network("192.0.2.1/32"), via=via),
    )
    assert plan_text(lab("{vip: 10.7.0.200}")).node("h").routes == outside.routes[:1]


def test_a_startup_config_announces_it_itself_and_may_give_the_address_too(plan_text: Plan) -> None:
    text = LAB.format(
        nodes="    s1: {kind: frr, startup-config: s1_conf, serve: [{vip: 10.7.0.200}]}\n"
        f"    s2: {{kind: frr, {BGP}, serve: [{{vip: 10.7.0.200}}]}}"
    )
    config = "interface lo\n ip address 10.7.0.200/32\nexit\nrouter bgp 64522\n neighbor 10.7.0.1 remote-as 64512\n"
    server = plan_text(text, s1_conf=config).node("s1")
    assert content(server, "/etc/frr/frr.conf") == config
    lo = next(i for i in server.interfaces if i.name == "lo")
    assert lo.addresses == (ip_interface("10.7.0.200/32"),)
    assert any(process.name == "http" for process in server.processes)


def test_a_vyos_router_serves_what_its_configuration_announces(plan_text: Plan) -> None:
    text = LAB.format(
        nodes='    s1: {kind: vyos, vyos-version: "1.4", startup-config: s1_conf, serve: [{vip: 10.7.0.200}]}\n'
        f"    s2: {{kind: frr, {BGP}, serve: [{{vip: 10.7.0.200}}]}}"
    )
    planned = plan_text(text, s1_conf="set protocols bgp system-as 64522\n")
    assert planned.services[0].pods == ("s1", "s2")
    assert planned.node("s1").runs_as == "HTTP server and VyOS 1.4 configuration, run by FRR"
    assert any(process.name == "http" for process in planned.node("s1").processes)


def test_a_router_knows_a_server_by_the_address_on_their_link(plan_text: Plan) -> None:
    """Each server has a link to each of two routers, as in a fabric of leaves without a common LAN."""
    servers = "\n".join(
        f"    s{n}: {{kind: frr, bgp: {{asn: 6452{n}, neighbors: []}}, serve: [{{vip: 192.0.2.1}}]}}" for n in (1, 2)
    )
    links = "\n".join(
        f'    - {{endpoints: ["r{r}:eth{s}", "s{s}:eth{r}"], ipv4: [10.{r}.{s}.0/31, 10.{r}.{s}.1/31]}}'
        for r in (1, 2)
        for s in (1, 2)
    )
    planned = plan_text(
        "name: leaves\ntopology:\n  nodes:\n    r1: {kind: frr, bgp: {asn: 1}}\n    r2: {kind: frr, bgp: {asn: 2}}\n"
        f"    far: {{kind: frr}}\n{servers}\n  links:\n{links}\n"
    )
    (service,) = planned.services
    known = {r: [str(a.address) for a in announcers(planned, service, planned.node(r))] for r in ("r1", "r2", "far")}
    assert known == {
        "r1": ["10.1.1.1", "10.1.2.1"],
        "r2": ["10.2.1.1", "10.2.2.1"],
        "far": ["10.1.1.1", "10.1.2.1"],
    }


def test_a_container_finds_its_own_python(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(lab("{vip: 10.7.0.200}"))
    for runtime, python in (("netns", "/usr/bin/python3"), ("docker", "python3")):
        server = plan_file(tmp_path / "lab.yaml", runtime=runtime).node("s1")
        (process,) = [process for process in server.processes if process.name == "http"]
        assert (process.argv[0], process.port) == (python, 80)
        assert "def main()" in content(server, process.argv[3])


def test_a_host_on_the_servers_lan_passes_every_router_by(plan_text: Plan) -> None:
    here = (
        lab("{vip: 10.7.0.200}").replace("    lan:", "    near: {kind: linux}\n    lan:")
        + '    - {endpoints: ["near:eth1", "lan"], ipv4: [10.7.0.50/24]}\n'
    )
    assert plan_text(here).warnings == (
        "near is in 10.7.0.0/24, which holds the VIP 10.7.0.200 of 10.7.0.200: it asks for it by ARP, and goes past "
        "every router to s1, s2",
    )


@pytest.mark.parametrize(
    ("serve", "expected"),
    [
        ("{vip: 10.7.0.200}, {vip: 10.7.0.200, port: 80}", "10.7.0.200:80 twice"),
        ("{vip: 224.0.0.1}", "224.0.0.1 cannot be a VIP"),
        ("{vip: 127.0.0.1}", "127.0.0.1 cannot be a VIP"),
        ("{vip: 0.0.0.0}", "0.0.0.0 cannot be a VIP"),
        ("{vip: 255.255.255.255}", "255.255.255.255 cannot be a VIP"),
        ('{vip: "fe80::1"}', "fe80::1 cannot be a VIP"),
        ("{vip: 10.7.0.200, port: 0}", "must be"),
        ("{vip: 10.7.0.200, name: Web_1}", "name"),
        ("{port: 80}", "vip"),
        ("{vip: 10.7.0.0/24}", "10.7.0.0/24"),
        ("{vip: 10.7.0.200, replicas: 3}", 'unknown key "replicas"'),
        ("{vip: 10.7.0.1}", "10.7.0.1 of r:eth1 is a VIP that s1 serves"),
        ("{vip: 10.7.0.12}", "10.7.0.12 of s2:eth1 is a VIP that s1 serves"),
    ],
)
def test_what_cannot_be_served(serve: str, expected: str, problems_of: Problems) -> None:
    (line,) = problems_of(lab(serve, "{vip: 10.7.0.201}"))
    assert line.startswith("lab.yaml:")
    assert expected in line


def test_each_problem_has_its_place_and_the_other_one(problems_of: Problems) -> None:
    text = lab("{vip: 10.7.0.200, name: web}", "{vip: 10.7.0.200, name: www}")
    number = next(n for n, line in enumerate(text.splitlines(), 1) if "s2:" in line)
    column = text.splitlines()[number - 1].index("10.7.0.200") + 1
    other = text.splitlines()[number - 2].index("10.7.0.200") + 1
    assert problems_of(text) == [
        f"lab.yaml:{number}:{column}: 10.7.0.200:80 is www here and web at s1 "
        f"(the other stands at lab.yaml:{number - 1}:{other})"
    ]


def test_somebody_has_to_announce_it(problems_of: Problems) -> None:
    text = LAB.format(nodes="    s1: {kind: frr, serve: [{vip: 10.7.0.200}]}\n    s2: {kind: frr}")
    (line,) = problems_of(text)
    assert "nothing announces what s1 serves" in line
    assert "add bgp:" in line


def test_a_vip_may_not_lie_in_a_clusters_pool(problems_of: Problems) -> None:
    cluster = "    k8s: {kind: k8s, metallb: {asn: 64530, pool: 10.7.0.192/26}}\n    lan:"
    text = lab("{vip: 10.7.0.200}", "{vip: 10.7.0.100}").replace("    lan:", cluster, 1)
    (line,) = problems_of(text + '    - {endpoints: ["k8s", "lan"]}\n')
    number = next(n for n, written in enumerate(text.splitlines(), 1) if "s1:" in written)
    assert line.startswith(f"lab.yaml:{number}:")
    assert "10.7.0.200 of s1:lo lies in the pool 10.7.0.192/26" in line


def test_a_cluster_beside_them_speaks_with_the_router_and_not_with_the_servers(plan_text: Plan) -> None:
    cluster = "    k8s: {kind: k8s, metallb: {asn: 64530, pool: 10.7.0.192/26}, services: [{name: nginx}]}\n    lan:"
    text = lab("{vip: 10.7.0.100}").replace("    lan:", cluster, 1) + '    - {endpoints: ["k8s", "lan"]}\n'
    planned = plan_text(text)
    config = content(planned.node("k8s-worker"), "/etc/frr/frr.conf")
    assert " neighbor 10.7.0.1 remote-as 64512\n" in config
    assert "remote-as 64522" not in config
    assert [(service.cluster, str(service.vip)) for service in planned.services] == [
        ("k8s", "10.7.0.192"),
        (None, "10.7.0.100"),
    ]
