from collections.abc import Callable

from netlab.model.plan import LabPlan, Role

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

CLUSTER = """
    name: k
    topology:
      nodes:
        r: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k}]}}
        sw: {kind: bridge}
        k:
          kind: k8s-kind
          workers: 3
          metallb: {asn: 64522, pool: 203.0.113.0/24, avoid-buggy-ips: true}
          services:
            - {name: web, replicas: 3, external-traffic-policy: Local, nodes: [k-worker, k-worker2]}
            - {name: api, port: 8080}
            - {name: idle, replicas: 0}
      links:
        - {endpoints: ["r:eth1", "sw"], ipv4: [192.0.2.1/24]}
        - {endpoints: ["k", "sw"]}
    """


def content(lab: LabPlan, node: str, path: str) -> str:
    return next(file.content for file in lab.node(node).files if file.path == path)


def test_machines_are_named_as_kind_names_them(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER)
    assert [(node.name, node.role, node.node) for node in lab.nodes if node.owner == "k"] == [
        ("k-control-plane", Role.CONTROL_PLANE, None),
        ("k-worker", Role.WORKER, None),
        ("k-worker2", Role.WORKER, None),
        ("k-worker3", Role.WORKER, None),
        ("web-1", Role.POD, "k-worker"),
        ("web-2", Role.POD, "k-worker2"),
        ("web-3", Role.POD, "k-worker"),
        ("api-1", Role.POD, "k-worker"),
    ]


def test_services_take_the_pools_addresses_in_turn_without_the_buggy_ones(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER)
    assert [str(service.vip) for service in lab.services] == ["203.0.113.1", "203.0.113.2", "203.0.113.3"]
    buggy = plan_text(CLUSTER.replace("avoid-buggy-ips: true", "avoid-buggy-ips: false"))
    assert [str(service.vip) for service in buggy.services] == ["203.0.113.0", "203.0.113.1", "203.0.113.2"]


def test_who_announces_and_why_not(plan_text: Plan) -> None:
    web, api, idle = plan_text(CLUSTER).services
    assert [(a.node, a.expected, a.reason) for a in web.announcers] == [
        ("k-worker", True, ""),
        ("k-worker2", True, ""),
        ("k-worker3", False, "externalTrafficPolicy Local, and no pod of web runs on k-worker3"),
    ]
    assert [a.expected for a in api.announcers] == [True, True, True]
    assert [(a.expected, a.reason) for a in idle.announcers] == [(False, "service idle has no pod")] * 3


def test_a_speaker_announces_its_services_and_accepts_nothing(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER)
    first, third = (content(lab, node, "/etc/frr/frr.conf") for node in ("k-worker", "k-worker3"))
    assert "  network 203.0.113.1/32\n" in first
    assert "  network 203.0.113.1/32\n" not in third
    for text, address in ((first, "192.0.2.3"), (third, "192.0.2.5")):
        assert "  network 203.0.113.2/32\n" in text
        assert "203.0.113.3" not in text
        assert "  neighbor 192.0.2.1 route-map nothing in\n" in text
        assert "route-map nothing deny 10\n" in text
        assert f" set ip next-hop {address}\n set origin incomplete\n" in text
        assert " timers bgp 30 90\n" in text
    (bgpd,) = [process for process in lab.node("k-worker").processes if process.name == "bgpd"]
    assert "-Z" in bgpd.argv and bgpd.argv[bgpd.argv.index("-p") + 1] == "0"
    assert lab.node("k-worker").routing is None


def test_a_speaker_with_nothing_to_say_denies_all(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER.replace("{name: api, port: 8080}", "{name: api, replicas: 0}"))
    assert "route-map services deny 10\n" in content(lab, "k-worker3", "/etc/frr/frr.conf")


def test_kube_proxys_two_stages(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER)
    first, third = (content(lab, node, "/run/netlab/kube-proxy.nft") for node in ("k-worker", "k-worker3"))
    web, api = "ip daddr 203.0.113.1 tcp dport 80", "ip daddr 203.0.113.2 tcp dport 8080"
    assert f"\t\t{web} dnat to numgen random mod 2 map {{ 0 : 10.244.1.2, 1 : 10.244.1.3 }}\n" in first
    assert f"\t\t{web} drop\n" in third
    for text in (first, third):
        assert f"\t\t{api} dnat to 10.244.1.4\n" in text
        assert "ct original ip daddr 203.0.113.2 masquerade" in text
        assert "ct original ip daddr 203.0.113.1 masquerade" not in text


def test_a_pod_is_reached_through_its_node(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER)
    routes = [(str(r.to), str(r.via), r.interface) for r in lab.node("k-worker").routes]
    assert routes == [
        ("10.244.1.2/32", "None", "veth-web-1"),
        ("10.244.1.3/32", "None", "veth-web-3"),
        ("10.244.1.4/32", "None", "veth-api-1"),
        ("10.244.2.0/24", "192.0.2.4", None),
    ]
    (default,) = lab.node("web-2").routes
    assert (str(default.to), str(default.via), default.interface, default.onlink) == (
        "0.0.0.0/0",
        "10.244.2.1",
        "eth0",
        True,
    )
    (server,) = lab.node("api-1").processes
    assert server.argv[-2:] == ("api-1", "8080") and server.port == 8080


def test_peers_that_the_file_names_replace_the_routers_found(plan_text: Plan) -> None:
    lab = plan_text(
        CLUSTER.replace("asn: 64522,", "asn: 64522, hold-time: 9, peers: [{peer-address: 192.0.2.99, peer-asn: 5}],")
    )
    text = content(lab, "k-worker", "/etc/frr/frr.conf")
    assert " neighbor 192.0.2.99 remote-as 5\n" in text
    assert "192.0.2.1 remote-as" not in text
    assert " timers bgp 3 9\n" in text
    assert lab.warnings == ("k: no machine has MetalLB's peer-address 192.0.2.99",)


def test_without_a_bgp_router_nothing_is_announced(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER.replace("bgp: {asn: 64512, neighbors: [{cluster: k}]}", "hash: {policy: 3}"))
    assert lab.warnings == ("k: no router on its LAN speaks BGP, so nothing announces its services to a router",)
    assert [process.name for process in lab.node("k-worker").processes] == ["kube-proxy"]
    assert lab.checks == ()


def test_long_names_of_pods_still_make_interfaces(plan_text: Plan) -> None:
    lab = plan_text(CLUSTER.replace("name: web", "name: a-service-with-a-long-name"))
    names = [i.name for i in lab.node("k-worker").interfaces]
    assert len(set(names)) == len(names) == 4
    assert all(len(name) <= 15 for name in names)


def test_problems_of_a_cluster(problems_of: Problems) -> None:
    assert problems_of(
        """\
        name: wrong
        topology:
          nodes:
            a:
              kind: k8s
              workers: 2
              addresses: {control-plane: 10.0.0.1, workers: [10.0.0.2/24, 10.0.0.3/24, 10.0.0.4/24]}
              worker-routes: {a-worker3: none}
              metallb: {asn: 2, pool: 10.0.1.0/31, peers: [{my-asn: 3, peer-asn: 4, peer-address: 10.0.0.9}]}
              services: [{name: web, nodes: [a-worker1]}, {name: web}, {name: more, replicas: 600}]
            b: {kind: k8s, services: [{name: web}], startup-config: x}
            c: {kind: k8s, services: [{name: web}]}
        """,
        x="",
    ) == [
        "lab.yaml:7:34: 10.0.0.1 has no prefix length (write 10.0.0.1/24)",
        "lab.yaml:7:80: 3 addresses for 2 workers (raise workers:)",
        'lab.yaml:8:23: no worker "a-worker3" (did you mean "a-worker"?)',
        "lab.yaml:9:31: the pool 10.0.1.0/31 has 2 addresses for 3 services (use a larger pool)",
        "lab.yaml:9:61: my-asn 3 differs from metallb.asn 2 (use one AS)",
        "lab.yaml:10:17: 301 pods on a-worker (a node takes 250: add workers)",
        "lab.yaml:10:17: 300 pods on a-worker2 (a node takes 250: add workers)",
        'lab.yaml:10:38: no worker "a-worker1" (did you mean "a-worker"?)',
        'lab.yaml:10:58: service "web" twice (give each service its own name)',
        "lab.yaml:11:20: services need metallb: to give them an address (add metallb: {asn: N, pool: PREFIX})",
        "lab.yaml:12:20: services need metallb: to give them an address (add metallb: {asn: N, pool: PREFIX})",
        "x:1:1: an empty configuration of a cluster (leave startup-config out)",
    ]


def test_a_cluster_without_a_subnet(problems_of: Problems) -> None:
    (problem,) = problems_of("""\
        name: wrong
        topology:
          nodes:
            k: {kind: k8s, metallb: {asn: 2, pool: 10.0.1.0/24}, services: [{name: web}]}
        """)
    assert "k-worker has no address (link the cluster to a bridge whose LAN has a subnet, or set addresses:)" in problem
