"""What Kubernetes and MetalLB say of a service, from the objects of their APIs."""

from dataclasses import replace
from typing import Any

import pytest
from cluster_samples import (
    CONTROL_PLANE,
    PLAN,
    VIP,
    VIP6,
    WORKER,
    WORKER2,
    advertisement,
    bgp_status,
    configuration_state,
    endpoint,
    endpoint_slice,
    node,
    peer,
    pod,
    service,
)

from netlab.cluster import facts, labels
from netlab.cluster.facts import Seen
from netlab.model.evidence import ClusterNodeEvidence, PodInfo

WORKERS_ONLY = {"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}]}
ROLE: dict[str, str] = {"node-role.kubernetes.io/control-plane": ""}
HEALTHY = Seen(
    nodes=[node(CONTROL_PLANE, **ROLE), node(WORKER), node(WORKER2)],
    services=[service("nginx", "172.16.7.192"), {**service("kubernetes"), "spec": {"type": "ClusterIP"}}],
    slices=[endpoint_slice(endpoint("nginx-a", WORKER), endpoint("nginx-b", WORKER), endpoint("nginx-c", WORKER2))],
    speakers=[pod(f"speaker-{name}", name) for name in (CONTROL_PLANE, WORKER, WORKER2)],
    peers=[peer("k8s-172.16.7.1", "172.16.7.1", WORKERS_ONLY), peer("k8s-172.16.7.2", "172.16.7.2", WORKERS_ONLY)],
    advertisements=[advertisement(nodeSelectors=[WORKERS_ONLY])],
    pools=[{"metadata": {"name": "k8s", "labels": {"tier": "lab"}}}],
    statuses=[bgp_status(name, "k8s-172.16.7.1", "k8s-172.16.7.2") for name in (WORKER, WORKER2)],
    states=[configuration_state("Valid", ""), configuration_state("Unknown")],
)


def read(**changed: Any) -> facts.VipFacts:
    (found,) = facts.service_facts(replace(HEALTHY, **changed), PLAN)
    return found


def said_of(machine: str, **changed: Any) -> ClusterNodeEvidence:
    found = read(**changed).evidence.find(machine)
    assert found is not None
    return found


def test_a_healthy_service_is_announced_by_both_workers_to_both_routers():
    both = ("172.16.7.1", "172.16.7.2")
    found = read()
    assert (found.service, found.vip) == ("nginx", VIP)
    assert (found.evidence.cluster, found.evidence.service, found.evidence.policy) == ("k8s", "nginx", "Local")
    assert found.evidence.configuration is None
    assert found.evidence.nodes == (
        ClusterNodeEvidence("k8s-control-plane", 0, "ready", selected=False, peers=(), kubernetes_name=CONTROL_PLANE),
        ClusterNodeEvidence("k8s-worker", 2, "ready", peers=both, kubernetes_name=WORKER),
        ClusterNodeEvidence("k8s-worker2", 1, "ready", peers=both, kubernetes_name=WORKER2),
    )


def test_the_pods_are_those_that_answer_on_the_labs_machines():
    assert read().pods == (
        PodInfo("nginx-a", "k8s-worker"),
        PodInfo("nginx-b", "k8s-worker"),
        PodInfo("nginx-c", "k8s-worker2"),
    )


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ({"ready": True}, True),
        ({"ready": False}, False),
        ({"ready": False, "serving": True, "terminating": True}, True),
        ({"ready": False, "serving": False, "terminating": True}, False),
    ],
)
def test_a_pod_counts_as_metallb_counts_it(conditions: dict[str, bool], ready: bool):
    slices = [endpoint_slice(endpoint("nginx-a", WORKER, **conditions))]
    worker = said_of("k8s-worker", slices=slices)
    assert (worker.ready_endpoints, worker.unready_endpoints) == (int(ready), int(not ready))
    assert len(read(slices=slices).pods) == int(ready)


def test_a_pod_without_conditions_counts_as_ready():
    bare = {**endpoint("nginx-a", WORKER), "conditions": {}}
    assert said_of("k8s-worker", slices=[endpoint_slice(bare)]).ready_endpoints == 1


def test_another_services_pods_and_those_of_the_other_ip_version_do_not_count():
    slices = [
        endpoint_slice(endpoint("nginx-a", WORKER)),
        endpoint_slice(endpoint("nginx-a", WORKER), endpoint("nginx-b", WORKER2), family="IPv6"),
        endpoint_slice(endpoint("api-a", WORKER2), of="api"),
        endpoint_slice(),
    ]
    assert [found.name for found in read(slices=slices).pods] == ["nginx-a"]
    both = replace(HEALTHY, slices=slices, services=[service("nginx", str(VIP), str(VIP6))])
    assert [(found.vip, len(found.pods)) for found in facts.service_facts(both, PLAN)] == [(VIP, 1), (VIP6, 2)]


def test_pods_of_several_slices_are_all_there():
    slices = [endpoint_slice(endpoint(f"nginx-{number}", WORKER)) for number in range(3)]
    assert said_of("k8s-worker", slices=slices).ready_endpoints == 3


def test_the_policy_is_the_one_that_kubernetes_has_now():
    assert read(services=[service("nginx", str(VIP), policy="Cluster")]).evidence.policy == "Cluster"
    unsaid = service("nginx", str(VIP))
    del unsaid["spec"]["externalTrafficPolicy"]
    assert read(services=[unsaid]).evidence.policy == "Cluster"


def test_a_service_without_its_vip_is_known_all_the_same():
    found = read(services=[service("nginx")])
    assert (found.vip, found.evidence.service) == (VIP, "nginx")
    assert found.evidence.find("k8s-worker") is not None


def test_a_service_of_the_users_own_manifests_is_named_with_its_namespace():
    mine = service("mine", "172.16.7.200")
    mine["metadata"]["namespace"] = "shop"
    found = facts.service_facts(replace(HEALTHY, services=[*HEALTHY.services, mine]), PLAN)
    assert [(one.service, str(one.vip)) for one in found] == [("nginx", str(VIP)), ("shop/mine", "172.16.7.200")]


@pytest.mark.parametrize(
    ("speakers", "state"),
    [
        ([], "absent"),
        ([pod("speaker-a", WORKER2)], "absent"),
        ([pod("speaker-a", WORKER, ready=False)], "not ready"),
        ([pod("speaker-a", WORKER), pod("frr-k8s-daemon-a", WORKER, ready=False)], "not ready"),
        ([pod("speaker-a", WORKER), pod("frr-k8s-daemon-a", WORKER)], "ready"),
    ],
)
def test_a_speaker_is_ready_when_all_its_nodes_pods_of_metallb_are(speakers: list[Any], state: str):
    assert said_of("k8s-worker", speakers=speakers).speaker == state


def test_a_speaker_that_is_being_deleted_or_just_came_is_not_ready():
    going = pod("speaker-a", WORKER)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert said_of("k8s-worker", speakers=[going]).speaker == "not ready"
    assert said_of("k8s-worker", speakers=[{**pod("speaker-a", WORKER), "status": {}}]).speaker == "not ready"


def test_the_label_that_keeps_a_node_from_announcing_is_seen_whatever_its_value():
    marked = node(WORKER, **{"node.kubernetes.io/exclude-from-external-load-balancers": ""})
    assert said_of("k8s-worker", nodes=[marked]).excluded
    assert not said_of("k8s-worker").excluded


def test_no_peer_or_no_advertisement_that_chooses_a_node_leaves_it_unselected():
    other = {"matchLabels": {"kubernetes.io/hostname": WORKER2}}
    assert not said_of("k8s-worker", peers=[peer("a", "172.16.7.1", other)]).selected
    assert said_of("k8s-worker2", peers=[peer("a", "172.16.7.1", other)]).selected
    assert not said_of("k8s-worker", advertisements=[advertisement(nodeSelectors=[other])]).selected
    assert not said_of("k8s-worker", advertisements=[]).selected
    assert not said_of("k8s-worker", peers=[]).selected


def test_a_peer_that_the_advertisement_is_not_for_does_not_count():
    to_b = [advertisement(peers=["b"])]
    assert not said_of("k8s-worker", advertisements=to_b, peers=[peer("a", "172.16.7.1")]).selected
    assert said_of("k8s-worker", advertisements=to_b, peers=[peer("b", "172.16.7.1")]).selected


@pytest.mark.parametrize(
    ("spec", "selected"),
    [
        ({}, True),
        ({"ipAddressPools": ["k8s"]}, True),
        ({"ipAddressPools": ["other"]}, False),
        ({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "lab"}}]}, True),
        ({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "other"}}]}, False),
        ({"ipAddressPools": ["other"], "ipAddressPoolSelectors": [{"matchLabels": {"tier": "lab"}}]}, True),
        ({"serviceSelectors": [{"matchLabels": {"app": "nginx"}}]}, True),
        ({"serviceSelectors": [{"matchLabels": {"app": "api"}}]}, False),
    ],
)
def test_an_advertisement_counts_that_is_of_the_services_pool_and_of_the_service(spec: Any, selected: bool):
    annotations = {"metallb.io/ip-allocated-from-pool": "k8s"}
    its = service("nginx", str(VIP), annotations=annotations, labels={"app": "nginx"})
    assert said_of("k8s-worker", services=[its], advertisements=[advertisement(**spec)]).selected is selected


def test_metallbs_word_on_whom_it_announces_to_is_the_peers_addresses():
    statuses = [bgp_status(WORKER, "k8s-172.16.7.1", "gone"), bgp_status(WORKER, "k8s-172.16.7.2", of="api")]
    assert said_of("k8s-worker", statuses=statuses).peers == ("172.16.7.1", "gone")
    assert said_of("k8s-worker2", statuses=statuses).peers == ()
    assert said_of("k8s-worker", statuses=[{"metadata": {"name": "bgp-new"}}]).peers == ()


def test_a_version_that_does_not_say_whom_it_announces_to_is_not_taken_for_silence():
    assert said_of("k8s-worker", statuses=None).peers is None


def test_a_refused_configuration_is_said_once_in_metallbs_words():
    reason = "peer 172.16.7.1 has bfd-profile set\non native bgp mode"
    states = [configuration_state("Invalid", reason)] * 3 + [configuration_state("Valid", "")]
    once = "peer 172.16.7.1 has bfd-profile set on native bgp mode"
    assert read(states=states).evidence.configuration == once
    assert read(states=[configuration_state("Invalid")]).evidence.configuration == "it does not say why"


@pytest.mark.parametrize(
    ("operator", "values", "of_it", "of_none"),
    [
        ("In", ["a", "b"], True, False),
        ("In", ["c"], False, False),
        ("NotIn", ["c"], True, True),
        ("NotIn", ["a"], False, True),
        ("Exists", None, True, False),
        ("DoesNotExist", None, False, True),
    ],
)
def test_a_requirement_is_evaluated_as_kubernetes_does(
    operator: str, values: list[str] | None, of_it: bool, of_none: bool
):
    selector = {"matchExpressions": [{"key": "k", "operator": operator, **({"values": values} if values else {})}]}
    assert labels.matches(selector, {"k": "a"}) is of_it
    assert labels.matches(selector, {"x": "a"}) is of_none


def test_all_of_a_selectors_requirements_count_and_one_of_several_selectors_is_enough():
    both = {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}
    assert labels.matches(both, {"a": "1", "b": "2"})
    assert not labels.matches(both, {"a": "1"})
    assert not labels.matches(both, {"b": "2"})
    assert labels.matches({}, {"a": "1"})
    assert labels.any_matches([both, {"matchLabels": {"c": "3"}}], {"c": "3"})
    assert labels.any_matches((), {"c": "3"})
