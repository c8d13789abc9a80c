"""What a lab asks of its cluster, as Kubernetes objects."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from netlab.cluster import documents
from netlab.model.cluster import BgpPeerPlan, ClusterNodePlan, ClusterPlan, MetallbPlan, WorkloadPlan

NODES = (
    ClusterNodePlan("k8s-control-plane", "netlab-x-k8s-control-plane", control_plane=True),
    ClusterNodePlan("k8s-worker", "netlab-x-k8s-worker"),
    ClusterNodePlan("k8s-worker2", "netlab-x-k8s-worker2"),
)
WORKERS = tuple(node.container for node in NODES[1:])
VIP = ip_address("172.16.7.192")
VIP6 = ip_address("fd00:7::c0")
PEERS = (BgpPeerPlan(ip_address("172.16.7.1"), 64512), BgpPeerPlan(ip_address("172.16.7.2"), 64513))
METALLB = MetallbPlan("native", 64522, ("172.16.7.192/26",), 9, avoid_buggy_ips=True, peers=PEERS)
NGINX = WorkloadPlan("nginx", 3, 80, "Local", WORKERS, (VIP,))
PLAN = ClusterPlan("k8s", "netlab-x-k8s", NODES, ("10.244.0.0/16",), METALLB, (NGINX,))
NO_CONTROL_PLANE = [
    {"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}]}
]


def of_kind(kind: str, plan: ClusterPlan) -> list[Any]:
    wanted = documents.build(plan, "article")
    return [document for document in (*wanted.workloads, *wanted.metallb) if document["kind"] == kind]


def with_metallb(**changes: Any) -> ClusterPlan:
    return replace(PLAN, metallb=replace(METALLB, **changes))


def test_everything_has_the_labs_label_by_which_it_can_be_deleted_again():
    wanted = documents.build(PLAN, "article")
    for document in (*wanted.workloads, *wanted.metallb):
        labels = document["metadata"]["labels"]
        assert {f"{key}={value}" for key, value in labels.items()} == set(documents.selector("article").split(","))


@pytest.mark.parametrize("lab", ["a", "Lab_1.x-y", "x" * 63, "ends-in-", "ends-in_", "x" * 62 + "."])
def test_a_labs_name_makes_a_label_whatever_it_ends_in(lab: str):
    value = documents.labels(lab)[documents.LAB]
    assert len(value) <= 63
    assert value[0].isalnum()
    assert value[-1].isalnum()


def test_labs_have_different_labels():
    assert len({documents.selector(lab) for lab in ("x", "x-", "x_", "x.", "y")}) == 5


def test_labels_are_added_to_an_objects_own():
    (document,) = documents.labelled([{"kind": "A", "metadata": {"name": "a", "labels": {"b": "c"}}}], "x")
    assert document["metadata"]["labels"] == {"b": "c", **documents.labels("x")}
    (document,) = documents.labelled([{"kind": "A", "metadata": {"name": "a", "labels": None}}], "x")
    assert document["metadata"]["labels"] == documents.labels("x")


def test_the_pods_are_evenly_on_the_plans_nodes_and_on_no_other():
    (deployment,) = of_kind("Deployment", PLAN)
    pods = deployment["spec"]["template"]["spec"]
    required = pods["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    hosts = [{"key": "kubernetes.io/hostname", "operator": "In", "values": list(WORKERS)}]
    assert required == {"nodeSelectorTerms": [{"matchExpressions": hosts}]}
    (spread,) = pods["topologySpreadConstraints"]
    assert (spread["maxSkew"], spread["topologyKey"]) == (1, "kubernetes.io/hostname")
    assert spread["whenUnsatisfiable"] == "DoNotSchedule"
    assert spread["labelSelector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]


def test_a_deployment_without_pods_asks_for_no_node():
    (deployment,) = of_kind("Deployment", replace(PLAN, workloads=(replace(NGINX, replicas=0, nodes=()),)))
    assert deployment["spec"]["replicas"] == 0
    assert "affinity" not in deployment["spec"]["template"]["spec"]


def test_the_application_listens_at_the_services_port_and_knows_its_pods_name():
    (deployment,) = of_kind("Deployment", replace(PLAN, workloads=(replace(NGINX, port=8080),)))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("netlab/web:13", "IfNotPresent")
    name, port = container["env"]
    assert name == {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    assert port == {"name": "PORT", "value": "8080"}
    assert container["ports"] == [{"containerPort": 8080}]
    assert container["readinessProbe"]["httpGet"]["port"] == 8080


def test_a_service_asks_for_exactly_its_vip():
    (service,) = of_kind("Service", PLAN)
    spec = service["spec"]
    assert service["metadata"]["annotations"] == {"metallb.io/loadBalancerIPs": "172.16.7.192"}
    assert (spec["type"], spec["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("SingleStack", ["IPv4"])
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [(80, 80)]


def test_a_service_finds_the_pods_of_its_own_lab_alone():
    (deployment,) = of_kind("Deployment", PLAN)
    (service,) = of_kind("Service", PLAN)
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == {"app": "nginx", "netlab/lab": "article"}


def test_a_dual_stack_service_has_both_families_in_the_order_of_its_vips():
    dual = replace(NGINX, vips=(VIP6, VIP), ip_family_policy="RequireDualStack")
    (service,) = of_kind("Service", replace(PLAN, workloads=(dual,)))
    assert service["metadata"]["annotations"] == {"metallb.io/loadBalancerIPs": "fd00:7::c0,172.16.7.192"}
    assert service["spec"]["ipFamilies"] == ["IPv6", "IPv4"]
    assert service["spec"]["ipFamilyPolicy"] == "RequireDualStack"


def test_the_pool_is_the_plans():
    (pool,) = of_kind("IPAddressPool", with_metallb(pools=("172.16.7.192/26", "172.16.8.1-172.16.8.9")))
    addresses = ["172.16.7.192/26", "172.16.8.1-172.16.8.9"]
    assert pool["spec"] == {"addresses": addresses, "autoAssign": True, "avoidBuggyIPs": True}
    assert (pool["metadata"]["name"], pool["metadata"]["namespace"]) == ("k8s", "metallb-system")


def test_in_somebody_elses_cluster_no_other_service_takes_an_address_of_the_labs():
    (pool,) = of_kind("IPAddressPool", replace(PLAN, existing=True))
    assert pool["spec"]["autoAssign"] is False


def test_the_pool_is_announced_to_the_labs_routers_by_the_workers_alone():
    (advertisement,) = of_kind("BGPAdvertisement", PLAN)
    assert advertisement["spec"] == {
        "ipAddressPools": ["k8s"],
        "peers": ["k8s-172.16.7.1", "k8s-172.16.7.2"],
        "nodeSelectors": NO_CONTROL_PLANE,
    }
    for peer in of_kind("BGPPeer", PLAN):
        assert peer["spec"]["nodeSelectors"] == NO_CONTROL_PLANE


def test_a_cluster_of_a_control_plane_alone_announces_from_it():
    alone = replace(PLAN, nodes=NODES[:1])
    assert all("nodeSelectors" not in peer["spec"] for peer in of_kind("BGPPeer", alone))
    assert "nodeSelectors" not in of_kind("BGPAdvertisement", alone)[0]["spec"]


def test_native_mode_is_told_nothing_that_it_refuses():
    asked_for_more = (BgpPeerPlan(ip_address("172.16.7.1"), 64512, dual_stack=True, bfd=True),)
    (peer,) = of_kind("BGPPeer", with_metallb(peers=asked_for_more))
    assert peer["apiVersion"] == "metallb.io/v1beta2"
    assert peer["spec"].keys() & {"keepaliveTime", "bfdProfile", "dualStackAddressFamily"} == set()
    assert of_kind("BFDProfile", with_metallb(peers=asked_for_more)) == []
    assert (peer["spec"]["myASN"], peer["spec"]["peerASN"]) == (64522, 64512)
    assert (peer["spec"]["peerAddress"], peer["spec"]["holdTime"]) == ("172.16.7.1", "9s")


@pytest.mark.parametrize("mode", ["frr", "frr-k8s"])
def test_frr_is_told_the_keepalive_time_and_bfd(mode: str):
    peers = (BgpPeerPlan(ip_address("172.16.7.1"), 64512, multi_hop=True, dual_stack=True, bfd=True), PEERS[1])
    first, second = of_kind("BGPPeer", with_metallb(mode=mode, peers=peers))
    (profile,) = of_kind("BFDProfile", with_metallb(mode=mode, peers=peers))
    assert first["spec"]["keepaliveTime"] == "3s"
    assert first["spec"]["ebgpMultiHop"] is True
    assert first["spec"]["dualStackAddressFamily"] is True
    assert first["spec"]["bfdProfile"] == profile["metadata"]["name"]
    assert "bfdProfile" not in second["spec"]
    assert second["spec"]["ebgpMultiHop"] is False


def test_within_an_as_there_are_no_hops_to_speak_of():
    inside = (BgpPeerPlan(ip_address("192.0.2.1"), METALLB.asn, multi_hop=True),)
    (peer,) = of_kind("BGPPeer", with_metallb(mode="frr", peers=inside))
    assert peer["spec"]["ebgpMultiHop"] is False


@pytest.mark.parametrize("address", ["172.16.7.1", "fd00:7::1", "fd00::", "::1"])
def test_a_peers_name_is_one_that_kubernetes_takes(address: str):
    name = documents.peer_name(PLAN, ip_address(address))
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert name[-1].isalnum()


def test_without_metallb_there_are_the_services_alone():
    wanted = documents.build(replace(PLAN, metallb=None), "article")
    assert wanted.metallb == ()
    assert [document["kind"] for document in wanted.workloads] == ["Deployment", "Service"]


def test_metallbs_objects_are_where_the_clusters_own_metallb_is():
    wanted = documents.build(PLAN, "article", "load-balancing")
    assert {document["metadata"]["namespace"] for document in wanted.metallb} == {"load-balancing"}
    assert {document["metadata"]["namespace"] for document in wanted.workloads} == {"default"}
