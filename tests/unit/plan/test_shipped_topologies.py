from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from netlab.model.errors import InputError
from netlab.model.plan import AnnouncerPlan, CheckPlan, LabPlan, NodePlan, Role, RoutePlan
from netlab.model.topology import Expect
from netlab.plan import plan_file

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
ARTICLE_COMMANDS = """\
config
set protocols bgp 64512
set protocols bgp 64512 network 172.16.9.0/24
set protocols bgp 64512 neighbor 172.16.7.11 remote-as 64522
set protocols bgp 64512 neighbor 172.16.7.12 remote-as 64522
set protocols bgp 64512 neighbor 172.16.7.13 remote-as 64522
set protocols bgp 64512 maximum-paths ibgp 2
commit
save
exit
"""


def content(node: NodePlan, path: str) -> str:
    return next(file.content for file in node.files if file.path == path)


def sysctl(node: NodePlan, key: str) -> str:
    (value,) = [s.value for s in node.sysctls if s.key == key]
    return value


SHIPPED = sorted(TOPOLOGIES.glob("*.yaml"))


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda file: file.stem)
def shipped(request: pytest.FixtureRequest) -> LabPlan:
    return plan_file(request.param)


WITHOUT_CLUSTER = ("metallb-e2e", "speakers")


@pytest.fixture(params=[file for file in SHIPPED if file.stem not in WITHOUT_CLUSTER], ids=lambda file: file.stem)
def clustered(request: pytest.FixtureRequest) -> LabPlan:
    """A lab with an emulated cluster."""
    return plan_file(request.param)


def test_every_topology_opens_with_a_comment_that_says_what_it_shows() -> None:
    files = list(TOPOLOGIES.glob("*.yaml"))
    assert {file.stem for file in files} == {
        *("article", "article-fixed", "article-3.13", "dual-stack", "ecmp", "ecmp-vs-vyos", "speakers"),
        *("metallb-e2e", "three-routers", "vyos-1.4"),
    }
    for file in files:
        assert file.read_text().startswith("# ")
        assert f"\nname: {file.stem.replace('.', '-')}\n" in file.read_text()


def test_every_link_leads_to_interfaces_that_exist_once(shipped: LabPlan) -> None:
    ends = [end for link in shipped.links for end in (link.a, link.b)]
    assert len(set(ends)) == len(ends)
    for end in ends:
        assert [i.name for i in shipped.node(end.node).interfaces].count(end.interface) == 1
        assert len(end.interface) <= 15


def test_every_machine_writes_the_sysctls_it_relies_on(shipped: LabPlan) -> None:
    for node in shipped.nodes:
        forwards = "1" if node.role in (Role.ROUTER, Role.WORKER, Role.CONTROL_PLANE) else "0"
        assert sysctl(node, "net.ipv4.ip_forward") == forwards
        assert sysctl(node, "net.ipv6.conf.all.forwarding") == forwards
        assert sysctl(node, "net.ipv4.conf.all.rp_filter") == "0"


def test_every_machine_knows_every_other_by_name(shipped: LabPlan) -> None:
    second = "speaker-2" if shipped.name == "speakers" else "k8s-worker2"
    others = {f"172.16.7.12 {second}", "172.16.9.11 host-1"} if shipped.links else set()
    for node in shipped.nodes:
        hosts = content(node, "/etc/hosts").splitlines()
        assert hosts[0] == "127.0.0.1 localhost"
        assert others <= set(hosts)


def test_every_machine_knows_the_pods_by_name(clustered: LabPlan) -> None:
    for node in clustered.nodes:
        assert "10.244.1.2 nginx-1" in content(node, "/etc/hosts").splitlines()


def test_the_service_has_the_address_that_the_article_saw(clustered: LabPlan) -> None:
    service, *others = clustered.services
    assert [other.vip.version for other in others] in ([], [6])
    assert service.vip == ip_address("172.16.7.192")
    assert service.pods == ("nginx-1", "nginx-2", "nginx-3")
    assert [clustered.node(pod).node for pod in service.pods] == ["k8s-worker", "k8s-worker2", "k8s-worker3"]
    assert service.announcers == (
        AnnouncerPlan("k8s-worker", ip_address("172.16.7.11"), True),
        AnnouncerPlan("k8s-worker2", ip_address("172.16.7.12"), True),
        AnnouncerPlan("k8s-worker3", ip_address("172.16.7.13"), True),
    )


def test_the_external_containers_are_what_metallbs_suite_asks_for() -> None:
    lab = plan_file(TOPOLOGIES / "metallb-e2e.yaml")
    assert {lab.container_name(node.name): node.routing.asn for node in lab.nodes if node.routing} == {
        "ibgp-single-hop": 64512,
        "ebgp-single-hop": 4200000000,
    }
    for node in lab.nodes:
        assert [(Path(bind.source).name, bind.target, bind.read_only) for bind in node.binds] == [
            (node.name, "/etc/frr", False)
        ]
        assert node.routing is not None
        assert {"bgpd", "bfdd"} <= set(node.routing.daemons)


def test_speakers_hold_and_announce_the_same_address_without_a_cluster() -> None:
    lab, with_cluster = (plan_file(TOPOLOGIES / name) for name in ("speakers.yaml", "ecmp-vs-vyos.yaml"))
    (service,), (clusters,) = lab.services, with_cluster.services
    assert (service.cluster, service.policy) == (None, None)
    assert (service.vip, service.port) == (clusters.vip, clusters.port)
    assert [(a.address, a.expected) for a in service.announcers] == [(a.address, True) for a in clusters.announcers]
    assert service.pods == tuple(a.node for a in service.announcers) == ("speaker-1", "speaker-2", "speaker-3")
    assert [replace(check, service="nginx") for check in lab.checks] == list(with_cluster.checks)
    # The routers are the same but for the words that describe their neighbors.
    for name in ("rt-frr", "rt-vyos"):
        theirs = content(with_cluster.node(name), "/etc/frr/frr.conf").splitlines()
        plain = [line for line in theirs if " description " not in line]
        assert content(lab.node(name), "/etc/frr/frr.conf").splitlines() == plain
    assert [host.routes for host in lab.nodes if host.role is Role.HOST] == [
        host.routes for host in with_cluster.nodes if host.role is Role.HOST
    ]


def test_every_node_of_the_cluster_has_a_route_back_to_the_client(clustered: LabPlan) -> None:
    router = clustered.checks[0].router
    back = RoutePlan(ip_network("172.16.9.0/24"), via=ip_address("172.16.7.1"))
    for node in clustered.nodes:
        if node.role in (Role.WORKER, Role.CONTROL_PLANE):
            assert back in node.routes
            assert ip_network("0.0.0.0/0") not in [route.to for route in node.routes]
    assert clustered.node(router).interfaces[0].addresses[0] == ip_interface("172.16.7.1/24")


def test_what_is_emulated_is_said(shipped: LabPlan) -> None:
    cluster = any(sentence.startswith("Kubernetes cluster k8s: ") for sentence in shipped.emulated)
    assert cluster == any(node.kind == "k8s" for node in shipped.nodes)
    assert cluster == (shipped.name not in WITHOUT_CLUSTER)
    for node in shipped.nodes:
        if node.kind == "vyos" and shipped.name == "vyos-1-4":
            assert "rt-1: VyOS 1.4 configuration, run by FRR" in shipped.emulated
            assert node.old_kernel is None
        elif node.kind == "vyos":
            assert f"{node.name}: VyOS 1.1 configuration, Quagga's defaults, run by FRR" in shipped.emulated
            if node.forwarding == "per-flow":
                assert node.old_kernel is not None and "3.13" in node.old_kernel
            else:
                assert node.old_kernel is None
                assert any(s.startswith(f"{node.name}: per-packet forwarding by nft") for s in shipped.emulated)
    assert shipped.warnings == ()


def test_article_is_the_article() -> None:
    lab = plan_file(TOPOLOGIES / "article.yaml")
    assert (TOPOLOGIES / "article.commands").read_text() == ARTICLE_COMMANDS
    router, host = lab.node("rt-1"), lab.node("host-1")
    assert host.routes == (RoutePlan(ip_network("172.16.7.0/24"), via=ip_address("172.16.9.1")),)
    assert [i.addresses for i in host.interfaces] == [(ip_interface("172.16.9.11/24"),)]
    assert content(router, "/etc/frr/frr.conf") == (
        "frr defaults traditional\n"
        "hostname rt-1\n"
        "!\n"
        "router bgp 64512\n"
        " no bgp ebgp-requires-policy\n"
        " bgp network import-check\n"
        " coalesce-time 0\n"
        " neighbor 172.16.7.11 remote-as 64522\n"
        " neighbor 172.16.7.12 remote-as 64522\n"
        " neighbor 172.16.7.13 remote-as 64522\n"
        " !\n"
        " address-family ipv4 unicast\n"
        "  network 172.16.9.0/24\n"
        "  maximum-paths 1\n"
        "  maximum-paths ibgp 2\n"
        " exit-address-family\n"
        "exit\n"
        "!\n"
    )
    for worker in ("k8s-worker", "k8s-worker2", "k8s-worker3"):
        assert " neighbor 172.16.9.1 remote-as 64512\n" in content(lab.node(worker), "/etc/frr/frr.conf")
    assert lab.checks == (
        CheckPlan(
            router="rt-1",
            client="host-1",
            client_address=ip_address("172.16.9.11"),
            client_interface="eth1",
            router_interface="eth2",
            vip=ip_address("172.16.7.192"),
            port=80,
            service="nginx",
            expect=Expect.SINGLE_PATH,
        ),
    )


def test_article_fixed_differs_in_one_statement() -> None:
    labs = [plan_file(TOPOLOGIES / name) for name in ("article.yaml", "article-fixed.yaml")]
    before, after = (content(lab.node("rt-1"), "/etc/frr/frr.conf").splitlines() for lab in labs)
    assert [line for line in before if line not in after] == ["  maximum-paths 1", "  maximum-paths ibgp 2"]
    assert [line for line in after if line not in before] == ["  maximum-paths 3", "  maximum-paths ibgp 1"]
    assert [check.expect for lab in labs for check in lab.checks] == [Expect.SINGLE_PATH, Expect.ECMP]


def test_todays_vyos_says_its_version_and_addresses_itself_and_looks_at_ports() -> None:
    lab = plan_file(TOPOLOGIES / "vyos-1.4.yaml")
    router = lab.node("rt-1")
    assert [i.addresses for i in router.interfaces] == [
        (ip_interface("172.16.7.1/24"),),
        (ip_interface("172.16.9.1/24"),),
    ]
    assert sysctl(router, "net.ipv4.fib_multipath_hash_policy") == "3"
    config = content(router, "/etc/frr/frr.conf")
    assert " no bgp default ipv4-unicast\n" in config
    assert "  neighbor nodes activate\n" in config
    assert "maximum-paths" not in config


def test_side_by_side_each_client_is_behind_its_own_router() -> None:
    lab = plan_file(TOPOLOGIES / "ecmp-vs-vyos.yaml")
    assert [(c.router, c.client, c.expect) for c in lab.checks] == [
        ("rt-frr", "host-1", Expect.ECMP),
        ("rt-vyos", "host-2", Expect.SINGLE_PATH),
    ]
    assert "maximum-paths" not in content(lab.node("rt-frr"), "/etc/frr/frr.conf")
    back = RoutePlan(ip_network("172.16.10.0/24"), via=ip_address("172.16.7.2"))
    assert back in lab.node("k8s-worker").routes
    for worker in ("k8s-worker", "k8s-worker2", "k8s-worker3"):
        config = content(lab.node(worker), "/etc/frr/frr.conf")
        assert " neighbor 172.16.7.1 remote-as 64512\n" in config
        assert " neighbor 172.16.7.2 remote-as 64512\n" in config


def test_routers_hash_the_five_tuple_each_with_its_own_seed() -> None:
    lab = plan_file(TOPOLOGIES / "ecmp-vs-vyos.yaml")
    routers = [lab.node("rt-frr"), lab.node("rt-vyos")]
    for router in routers:
        assert sysctl(router, "net.ipv4.fib_multipath_hash_policy") == "3"
        assert sysctl(router, "net.ipv4.fib_multipath_hash_fields") == "55"
    seeds = {sysctl(router, "net.ipv4.fib_multipath_hash_seed") for router in routers}
    assert len(seeds) == 2
    assert all(0 < int(seed) < 2**32 for seed in seeds)


def test_another_runtime_than_the_files() -> None:
    file = TOPOLOGIES / "ecmp.yaml"
    assert plan_file(file).runtime == "netns"
    assert plan_file(file, runtime="docker").runtime == "docker"
    with pytest.raises(InputError, match=r"^runtime podman: no such runtime"):
        plan_file(file, runtime="podman")
