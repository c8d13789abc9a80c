"""A real cluster, as the plan has it where Docker runs the lab."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network, summarize_address_range
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.kinds.base import SourceText
from netlab.kinds.k8s.kind_cluster import pool_entry
from netlab.kinds.k8s.kindconfig import read_configuration
from netlab.kinds.k8s.options import pool_networks
from netlab.model import codec
from netlab.model.cluster import BgpPeerPlan, ClusterPlan
from netlab.model.errors import InputError, TopologyError
from netlab.model.plan import LabPlan, NodePlan, Role
from netlab.plan import plan_file
from netlab.plan.host_access import deeds_from_outside
from netlab.report.graph import graph
from netlab.topology.names import kubernetes_node_name_problem

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

LAB = """\
name: real
runtime: docker
topology:
  nodes:
    left: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k}]}}
    right: {kind: frr, bgp: {asn: 64512, neighbors: [{cluster: k}]}}
    h1: {kind: linux}
    h2: {kind: linux}
    net: {kind: bridge}
    k:
      kind: k8s-kind
      workers: 3
      addresses: {control-plane: 10.7.0.10/24, workers: [10.7.0.11/24, 10.7.0.12/24, 10.7.0.13/24]}
      worker-routes: {k-worker3: none}
      metallb: {asn: 64522, pool: [10.9.0.0/24, 10.8.0.1 - 10.8.0.9], avoid-buggy-ips: true, hold-time: 9}
      services:
        - {name: web, replicas: 2, external-traffic-policy: Local, nodes: [k-worker2, k-worker]}
        - {name: api, replicas: 4, port: 8080}
  links:
    - {endpoints: ["left:eth1", "net"], ipv4: [10.7.0.1/24]}
    - {endpoints: ["right:eth1", "net"], ipv4: [10.7.0.2/24]}
    - {endpoints: ["k:lab0", "net"]}
    - {endpoints: ["left:eth2", "h1:eth1"], ipv4: [192.168.1.1/24, 192.168.1.2/24]}
    - {endpoints: ["right:eth2", "h2:eth1"], ipv4: [192.168.2.1/24, 192.168.2.2/24]}
"""
K8S = "name: x\nruntime: docker\ntopology:\n  nodes:\n    k: {kind: k8s, %s}\n"
"""A lab of one cluster alone."""


def cluster(plan: LabPlan) -> ClusterPlan:
    (one,) = plan.clusters
    return one


def of_cluster(plan: LabPlan) -> list[NodePlan]:
    return [node for node in plan.nodes if node.owner == "k"]


def test_its_machines_are_kinds_containers_and_nothing_runs_in_them_for_the_lab(plan_text: Plan) -> None:
    plan = plan_text(LAB)
    nodes = of_cluster(plan)
    assert [(node.name, node.role, node.container.existing) for node in nodes] == [
        ("k-control-plane", Role.CONTROL_PLANE, "netlab-real-k-control-plane"),
        ("k-worker", Role.WORKER, "netlab-real-k-worker"),
        ("k-worker2", Role.WORKER, "netlab-real-k-worker2"),
        ("k-worker3", Role.WORKER, "netlab-real-k-worker3"),
    ]
    assert {(node.files, node.processes, node.start_after, node.binds) for node in nodes} == {((), (), (), ())}
    assert [node.runs_as for node in nodes[:2]] == [
        "Kubernetes control plane (kind)",
        "Kubernetes node (kind) with MetalLB",
    ]
    assert plan.emulated == () and plan.warnings == ()


def test_a_container_is_called_by_the_labs_rule(plan_text: Plan) -> None:
    for prefix in ("netlab", "clab", "__lab-name", '""'):
        plan = plan_text(f"prefix: {prefix}\n{LAB}")
        for node in of_cluster(plan):
            assert node.container.existing == plan.container_name(node.name)
        assert cluster(plan).kind_name == plan.container_name("k")


def test_a_lab_under_another_name_has_another_cluster(plan_text: Plan, tmp_path: Path) -> None:
    plan_text(LAB)
    plan = plan_file(tmp_path / "lab.yaml", name="copy")
    assert (plan.name, cluster(plan).kind_name) == ("copy", "netlab-copy-k")
    assert plan.node("k-worker").container.existing == plan.container_name("k-worker") == "netlab-copy-k-worker"
    with pytest.raises(InputError, match="netlab-Copy-k-control-plane"):
        plan_file(tmp_path / "lab.yaml", name="Copy")


def test_each_clients_answers_leave_by_its_own_router(plan_text: Plan) -> None:
    plan = plan_text(LAB)
    ways = {"192.168.1.0/24": "10.7.0.1", "192.168.2.0/24": "10.7.0.2"}
    for name in ("k-control-plane", "k-worker", "k-worker2"):
        assert {str(route.to): str(route.via) for route in plan.node(name).routes} == ways
    assert plan.node("k-worker3").routes == ()
    emulated = plan_text(LAB.replace("docker", "netns"))
    own = [route for route in emulated.node("k-worker").routes if str(route.to) in ways]
    assert list(plan.node("k-worker").routes) == own


def test_its_nodes_do_not_filter_by_the_way_back(plan_text: Plan) -> None:
    worker = plan_text(LAB).node("k-worker")
    assert [(sysctl.key, sysctl.value) for sysctl in worker.sysctls] == [
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.default.rp_filter", "0"),
        ("net.ipv4.conf.lab0.rp_filter", "0"),
    ]
    assert [(port.name, [str(address) for address in port.addresses]) for port in worker.interfaces] == [
        ("lab0", ["10.7.0.11/24"])
    ]
    dotted = plan_text(LAB.replace("k:lab0", "k:lab.0")).node("k-worker")
    assert [sysctl.key.split(".")[3] for sysctl in dotted.sysctls] == ["all", "default"]


def test_what_metallb_is_told(plan_text: Plan) -> None:
    metallb = cluster(plan_text(LAB)).metallb
    assert metallb is not None
    assert (metallb.mode, metallb.asn, metallb.hold_time, metallb.avoid_buggy_ips, metallb.install) == (
        "native",
        64522,
        9,
        True,
        True,
    )
    assert metallb.pools == ("10.9.0.0/24", "10.8.0.1-10.8.0.9")
    assert metallb.peers == (
        BgpPeerPlan(ip_address("10.7.0.1"), 64512),
        BgpPeerPlan(ip_address("10.7.0.2"), 64512),
    )


def test_a_service_asks_for_the_address_that_the_emulated_one_has(plan_text: Plan) -> None:
    real, emulated = plan_text(LAB), plan_text(LAB.replace("docker", "netns"))
    assert [service.vip for service in real.services] == [service.vip for service in emulated.services]
    web, api = cluster(real).workloads
    assert (web.vips, api.vips) == ((ip_address("10.9.0.1"),), (ip_address("10.9.0.2"),))
    assert (web.nodes, web.policy, web.replicas) == (("netlab-real-k-worker2", "netlab-real-k-worker"), "Local", 2)
    assert (len(api.nodes), api.policy, api.replicas, api.port) == (3, "Cluster", 4, 8080)


def test_who_announces_is_the_same_and_the_pods_are_kubernetes_own(plan_text: Plan) -> None:
    real, emulated = plan_text(LAB), plan_text(LAB.replace("docker", "netns"))
    assert [service.announcers for service in real.services] == [service.announcers for service in emulated.services]
    assert [a.expected for a in real.services[0].announcers] == [True, True, False]
    assert {service.pods for service in real.services} == {()}
    assert real.checks == emulated.checks and len(real.checks) == 4
    for name in ("left", "right"):
        assert real.node(name).routing == emulated.node(name).routing


def test_the_plan_comes_back_from_its_record(plan_text: Plan) -> None:
    plan = plan_text(LAB)
    assert codec.decode(LabPlan, codec.encode(plan), "plan.json") == plan


def test_a_picture_says_how_many_pods_there_are(plan_text: Plan) -> None:
    drawn = graph(plan_text(LAB))
    assert [node.lines[-1] for node in drawn.nodes if node.shape == "vip"] == [
        "2 pods, policy Local",
        "4 pods, policy Cluster",
    ]


def test_no_network_of_the_lab_is_its_pods(problems_of: Problems) -> None:
    services = LAB[LAB.index("      services:") : LAB.index("  links:")]
    found = problems_of(LAB.replace("192.168.1.", "10.244.9.").replace(services, ""))
    mend = "(set the cluster's pod-subnet to another prefix)"
    assert found == [
        f"lab.yaml:20:7: 10.244.9.{host}/24 of {port} lies in k's own network 10.244.0.0/16 {mend}"
        for host, port in ((1, "left:eth2"), (2, "h1:eth1"))
    ]


def test_kinds_own_interface_cannot_be_the_labs(plan_text: Plan, problems_of: Problems) -> None:
    text = LAB.replace("k:lab0", "k:eth0")
    assert problems_of(text) == ["lab.yaml:22:20: k-control-plane has an interface eth0 of its own (use another name)"]
    emulated = plan_text(text.replace("docker", "netns"))
    assert emulated.node("k-worker").interfaces[0].name == "eth0"


def test_an_interface_without_a_name_is_not_kinds_own(plan_text: Plan) -> None:
    plan = plan_text(LAB.replace("k:lab0", "k"))
    assert [node.interfaces[0].name for node in of_cluster(plan)] == ["eth1"] * 4


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("My_Lab", "only a-z, 0-9, - and . (no - or . beside another . or at an end)"),
        ("a" * 50, "73 characters, of at most 63"),
        ("x..y", "only a-z, 0-9, - and . (no - or . beside another . or at an end)"),
    ],
)
def test_a_labs_name_that_kubernetes_takes_for_no_nodes(
    name: str, why: str, plan_text: Plan, problems_of: Problems
) -> None:
    long = f'"netlab-{name}-k-control-plane" cannot be the name of a Kubernetes node: {why}'
    assert problems_of(LAB.replace("real", name)) == [f"lab.yaml:10:5: {long} (give the lab another name: or prefix:)"]
    assert plan_text(LAB.replace("real", name).replace("docker", "netns")).name == name


@given(st.text(st.sampled_from("aZ09-._é"), min_size=1, max_size=70))
def test_a_name_of_a_kubernetes_node_is_a_subdomain_and_short(name: str) -> None:
    labels = name.split(".")
    valid = len(name) <= 63 and all(
        label and set(label) <= set("a09-") and label[0] != "-" and label[-1] != "-" for label in labels
    )
    assert (kubernetes_node_name_problem(name) is None) == valid


class TestAClusterThatIsThereAlready:
    def test_gives_its_own_containers(self, plan_text: Plan) -> None:
        plan = plan_text(LAB.replace("workers: 3", "workers: 3\n      existing: prod.eu\n      image: x"))
        assert [node.container.existing for node in of_cluster(plan)] == [
            "prod.eu-control-plane",
            "prod.eu-worker",
            "prod.eu-worker2",
            "prod.eu-worker3",
        ]
        assert (cluster(plan).kind_name, cluster(plan).existing) == ("prod.eu", True)
        assert [w.partition(": ")[2] for w in plan.warnings] == ["k: not used: image (kind makes its containers)"]

    def test_keeps_its_metallb(self, plan_text: Plan) -> None:
        metallb = cluster(plan_text(LAB.replace("hold-time: 9", "install: false"))).metallb
        assert metallb is not None and not metallb.install and metallb.peers

    @pytest.mark.parametrize("name", ["-x", "X", "a/b", '"a b"', "--name", "a" * 60, '""', "é"])
    def test_has_a_name_that_kind_could_give(self, name: str, problems_of: Problems) -> None:
        (problem,) = problems_of(K8S % f"existing: {name}")
        assert problem.startswith('lab.yaml:5:30: "existing" must be the name of a kind cluster')

    def test_is_one_node_of_a_lab(self, problems_of: Problems) -> None:
        text = K8S % "existing: one" + "    j: {kind: k8s, existing: one}\n"
        assert problems_of(text) == [
            "lab.yaml:5:30: one is j's cluster too (a cluster is one node of a lab)",
            "lab.yaml:6:30: one is k's cluster too (a cluster is one node of a lab)",
        ]

    def test_has_no_other_row_for_its_containers(self, problems_of: Problems) -> None:
        text = K8S % "existing: one" + "    one-worker: {kind: ext-container}\n"
        assert problems_of(text) == [
            "lab.yaml:6:5: one-worker is the container of k-worker, a node of k (call it k-worker here)"
        ]


class TestKeysOfARealCluster:
    OPTIONS = 'images: ["quay.io/x/y:1", "z@sha256:00"], manifests: [a.yaml, sub/../b.yaml], existing: e'

    def test_reach_its_plan(self, plan_text: Plan, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        found = cluster(plan_text(K8S % self.OPTIONS, **{"a.yaml": "", "b.yaml": ""}))
        assert found.images == ("quay.io/x/y:1", "z@sha256:00")
        assert [Path(one).resolve() for one in found.manifests] == [tmp_path / "a.yaml", tmp_path / "b.yaml"]
        assert all(Path(one).is_absolute() for one in found.manifests)

    def test_are_said_to_mean_nothing_to_an_emulated_one(self, plan_text: Plan, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        metallb = ", metallb: {asn: 1, pool: 10.0.0.0/24, install: false}"
        text = (K8S % (self.OPTIONS + metallb)).replace("docker", "netns")
        plan = plan_text(text, **{"a.yaml": "", "b.yaml": ""})
        assert plan.clusters == ()
        (note,) = [warning for warning in plan.warnings if "not used" in warning]
        assert note.endswith(
            "lab.yaml:5:98: not used: existing, images, manifests, metallb.install "
            "(k is emulated; with --runtime docker it is a real cluster)"
        )

    @pytest.mark.parametrize(
        ("key", "problem"),
        [
            ("manifests: [no.yaml]", '32: no such file "no.yaml"'),
            ("manifests: [.]", '32: "." is no file (name a file)'),
            ("manifests: [../x]", '32: "../x" leaves the topology\'s folder'),
            ("manifests: [3]", "32: "),
            ("manifests: no.yaml", "31: "),
            ('images: ["--help"]', "29: "),
            ('images: ["a b"]', "29: "),
            ('images: [""]', "29: "),
        ],
    )
    def test_are_wrong_at_their_places(self, key: str, problem: str, problems_of: Problems) -> None:
        for runtime in ("docker", "netns"):
            text = (K8S % key).replace("docker", runtime)
            found = problems_of(text)
            assert len(found) == 1 and found[0].startswith(f"lab.yaml:5:{int(problem[:2])}{problem[2:]}"), found

    def test_of_containers_are_kinds_own(self, plan_text: Plan, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        plan = plan_text(
            K8S % 'binds: ["d:/d"], privileged: true, memory: 1gb, labels: {a: b}, exec: [ls], env: {A: b}'
        )
        node = plan.node("k-worker")
        assert (node.binds, node.container.privileged, node.container.labels) == ((), False, ())
        assert (node.exec, node.env) == ((("ls",),), (("A", "b"),))
        assert any(
            warning.endswith("k: not used: binds, labels, privileged, memory (kind makes its containers)")
            for warning in plan.warnings
        )


class TestBfd:
    FRR = LAB.replace("hold-time: 9", "mode: frr, bfd: true").replace("{cluster: k}]", "{cluster: k}], bfd: true")

    @pytest.mark.parametrize("mode", ["frr", "frr-k8s"])
    def test_is_asked_of_metallb_for_every_peer(self, mode: str, plan_text: Plan) -> None:
        plan = plan_text(self.FRR.replace("mode: frr", f"mode: {mode}"))
        metallb = cluster(plan).metallb
        assert metallb is not None and metallb.mode == mode
        assert [peer.bfd for peer in metallb.peers] == [True, True]
        assert plan.warnings == ()

    def test_runs_in_an_emulated_worker_too(self, plan_text: Plan) -> None:
        for mode in ("frr", "frr-k8s"):
            plan = plan_text(self.FRR.replace("mode: frr", f"mode: {mode}").replace("docker", "netns"))
            worker = plan.node("k-worker")
            assert [p.name for p in worker.processes if p.name != "kube-proxy"] == ["zebra", "bfdd", "bgpd"]
            (config,) = [file.content for file in worker.files if file.path == "/etc/frr/frr.conf"]
            assert " neighbor 10.7.0.1 bfd\n" in config and " neighbor 10.7.0.2 bfd\n" in config
        assert "MetalLB's FRR-K8s mode" in plan.emulated[0]

    def test_is_not_in_native_mode(self, problems_of: Problems) -> None:
        for runtime in ("docker", "netns"):
            text = LAB.replace("hold-time: 9", "bfd: true").replace("docker", runtime)
            (problem,) = problems_of(text)
            assert problem == "lab.yaml:15:94: MetalLB's native mode has no BFD (set mode: frr)"

    def test_at_one_side_alone_is_told(self, plan_text: Plan) -> None:
        for runtime in ("docker", "netns"):
            text = self.FRR.replace("docker", runtime)
            router = plan_text(text.replace("mode: frr, bfd: true", "mode: frr"))
            assert router.warnings == tuple(
                f"{name}: BFD with k is on at {name} alone, so its sessions may stay down: set bfd: true in metallb of "
                "k too"
                for name in ("left", "right")
            )
            speaker = plan_text(text.replace("[{cluster: k}], bfd: true", "[{cluster: k}]", 1))
            assert speaker.warnings == (
                "left: BFD with k is on at k alone, so its sessions may stay down: set bfd: true in bgp of left too",
            )


class TestKindsOwnConfiguration:
    def test_is_handed_on(self, plan_text: Plan) -> None:
        config = "kind: Cluster\nnodes: [{}, {role: worker}]\nnetworking: {podSubnet: '10.1.0.0/16,fd01::/56'}\n"
        found = cluster(plan_text(K8S % "startup-config: c.yaml", **{"c.yaml": config}))
        assert found.configuration == config
        assert found.pod_subnets == ("10.1.0.0/16", "fd01::/56")
        assert [node.container for node in found.nodes] == ["netlab-x-k-control-plane", "netlab-x-k-worker"]

    def test_names_ip_families(self, plan_text: Plan) -> None:
        config = "kind: Cluster\nnetworking: {ipFamily: dual}\n"
        plan = plan_text(K8S % "startup-config: c.yaml", **{"c.yaml": config})
        assert cluster(plan).pod_subnets == ("10.244.0.0/16", "fd00:10:244::/56")

    def test_is_not_handed_to_a_cluster_that_is_there(self, plan_text: Plan) -> None:
        config = "kind: Cluster\nnodes: [{}, {role: worker}, {role: worker}]\n"
        found = cluster(plan_text(K8S % "startup-config: c.yaml, existing: e", **{"c.yaml": config}))
        assert found.configuration is None and len(found.workers) == 2

    @pytest.mark.parametrize(
        ("networking", "problem"),
        [
            ("3", 'c.yaml:2:13: "networking" must be a mapping'),
            ("{podSubnet: x}", "c.yaml:2:25: not a pod subnet"),
            ("{podSubnet: 10.0.0.1/16}", "c.yaml:2:25: not a pod subnet"),
            ("{ipFamily: [ipv4]}", "c.yaml:2:24: no IP family of kind's"),
        ],
    )
    def test_has_places(self, networking: str, problem: str, problems_of: Problems) -> None:
        config = f"kind: Cluster\nnetworking: {networking}\n"
        (found,) = problems_of(K8S % "startup-config: c.yaml", **{"c.yaml": config})
        assert found.startswith(problem)

    def test_and_the_file_do_not_both_name_pod_subnets(self, problems_of: Problems) -> None:
        config = "kind: Cluster\nnetworking: {podSubnet: 10.1.0.0/16}\n"
        text = K8S % "startup-config: c.yaml, pod-subnet: 10.2.0.0/16"
        assert problems_of(text, **{"c.yaml": config}) == [
            "lab.yaml:5:44: pod-subnet: is in the startup-config too, under networking (write it once)"
        ]

    def test_has_a_worker_for_the_services_of_a_real_cluster(self, plan_text: Plan, problems_of: Problems) -> None:
        text = LAB.replace("workers: 3", "startup-config: c.yaml").replace(", nodes: [k-worker2, k-worker]", "")
        text = "".join(
            line for line in text.splitlines(True) if "addresses" not in line and "worker-routes" not in line
        )
        config = {"c.yaml": "kind: Cluster\n"}
        assert problems_of(text, **config) == [
            "lab.yaml:12:23: kind's configuration has no worker for the services (add - role: worker to it)"
        ]
        assert plan_text(text.replace("docker", "netns"), **config).node("k-worker").role is Role.WORKER

    @given(st.text(st.sampled_from('kind: Cluster\nods[]{}-#,"0ropSubet/.'), max_size=80))
    def test_that_is_wrong_is_refused_and_nothing_worse(self, text: str) -> None:
        for source in (text, f"kind: Cluster\nnetworking:\n  podSubnet: {text}", f"kind: Cluster\nnodes: {text}"):
            try:
                found = read_configuration(SourceText("c.yaml", source))
            except TopologyError:
                continue
            assert found.workers >= 0
            assert all(ip_network(subnet) for subnet in found.pod_subnets)


class TestContainerlabsRows:
    ROWS = """\
name: rows
runtime: docker
topology:
  nodes:
    k01: {kind: k8s-kind, startup-config: kind.yaml}
    k01-control-plane: {kind: ext-container, exec: [ip link]}
    k01-worker: {kind: ext-container}
    net: {kind: bridge}
  links:
    - {endpoints: ["k01-control-plane:eth1", "net:a"], ipv4: [10.0.0.1/24]}
    - {endpoints: ["k01-worker:eth7", "net:b"]}
"""
    CONFIG = "kind: Cluster\nnodes: [{role: control-plane}, {role: worker}]\n"

    def test_name_the_containers_as_containerlab_does(self, plan_text: Plan) -> None:
        plan = plan_text(self.ROWS, **{"kind.yaml": self.CONFIG})
        assert cluster(plan).kind_name == "k01"
        assert {node.name: node.container.existing for node in plan.nodes if node.owner == "k01"} == {
            "k01-control-plane": "k01-control-plane",
            "k01-worker": "k01-worker",
        }
        assert plan.node("k01-control-plane").exec == (("ip", "link"),)
        assert plan.node("k01-control-plane").container.existing == cluster(plan).control_plane.container
        assert [one.name for one in plan.node("k01-worker").interfaces] == ["eth7"]
        assert cluster(plan).configuration == self.CONFIG

    def test_cannot_take_kinds_own_interface(self, problems_of: Problems) -> None:
        assert problems_of(self.ROWS.replace("eth7", "eth0"), **{"kind.yaml": self.CONFIG}) == [
            "lab.yaml:11:20: k01-worker has an interface eth0 of its own (use another name)"
        ]


def test_pods_are_spread_evenly_or_not_at_all(plan_text: Plan, problems_of: Problems) -> None:
    text = LAB.replace("replicas: 2, external", "replicas: 4, external")
    uneven = text.replace("[k-worker2, k-worker]", "[k-worker, k-worker, k-worker, k-worker2]")
    assert problems_of(uneven) == [
        "lab.yaml:17:75: 3 pods of web on one node and 1 on another "
        "(a real cluster spreads them evenly: name each node once)"
    ]
    assert len(plan_text(uneven.replace("docker", "netns")).services) == 2
    assert cluster(plan_text(text)).workloads[0].replicas == 4


def test_a_real_node_takes_fewer_pods(plan_text: Plan, problems_of: Problems) -> None:
    text = LAB.replace("replicas: 4", "replicas: 600")
    assert problems_of(text)[0].endswith("201 pods on k-worker2 (a node takes 100: add workers)")
    assert len(plan_text(text.replace("docker", "netns")).nodes) > 600


def test_a_file_from_elsewhere_tells_what_the_cluster_gets(plan_text: Plan) -> None:
    plan = plan_text(K8S % "images: [a], manifests: [m.yaml]", **{"m.yaml": ""})
    told = deeds_from_outside(plan, None)[1:]
    assert told[0] == "k is a kind cluster, in privileged containers, which can change this host"
    assert told[1] == "k gives the cluster the image a of this host"
    assert told[2].startswith("k applies ") and told[2].endswith("/m.yaml to the cluster")
    assert len(told) == 3
    there = plan_text(K8S % "existing: e")
    assert deeds_from_outside(there, None)[1:] == ("k is attached to the kind cluster e",)


OCTET = st.integers(0, 255)


@given(st.lists(st.tuples(OCTET, OCTET), min_size=2, max_size=2), st.sampled_from(["-", " - ", " -"]))
def test_a_pool_reaches_metallb_as_it_was_meant(ends: list[tuple[int, int]], dash: str) -> None:
    first, last = (ip_address(f"10.0.{a}.{b}") for a, b in sorted(ends))
    assert pool_entry(f"{first}{dash}{last}") == f"{first}-{last}"
    assert pool_networks(pool_entry(f"{first}{dash}{last}")) == tuple(summarize_address_range(first, last))
    assert pool_entry(str(first)) == f"{first}/32"
    assert pool_entry("2001:DB8:0::/64") == "2001:db8::/64"
