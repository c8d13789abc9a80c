"""What a cluster still lacks, in words that say what to do."""

from typing import Any

import pytest
from cluster_samples import VIP, VIP6, configuration_state, service

from netlab.cluster import readiness


def deployment(wanted: int = 3, seen: int = 2, **status: int) -> Any:
    return {
        "kind": "Deployment",
        "metadata": {"name": "nginx", "namespace": "default", "generation": 2},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "nginx"}}},
        "status": {"observedGeneration": seen, **status},
    }


def daemon_set(**status: int) -> Any:
    return {
        "kind": "DaemonSet",
        "metadata": {"name": "speaker", "namespace": "metallb-system", "generation": 1},
        "spec": {"selector": {"matchLabels": {"component": "speaker"}}},
        "status": {"observedGeneration": 1, **status},
    }


def pod(*containers: Any, app: str = "nginx", **status: Any) -> Any:
    metadata = {"name": "nginx-a", "namespace": "default", "labels": {"app": app, "pod-template-hash": "x"}}
    return {"metadata": metadata, "status": {"phase": "Pending", "containerStatuses": list(containers), **status}}


def waiting(reason: str, image: str = "netlab/web:13", **more: Any) -> Any:
    return {"name": "web", "image": image, "state": {"waiting": {"reason": reason, **more}}}


def test_a_deployment_is_ready_with_all_its_pods_of_the_newest_template():
    assert readiness.not_ready(deployment(availableReplicas=3, updatedReplicas=3, replicas=3)) is None
    assert readiness.not_ready(deployment(wanted=0)) is None


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, 0),
        ({"availableReplicas": 1, "updatedReplicas": 3, "replicas": 3}, 1),
        ({"availableReplicas": 3, "updatedReplicas": 2, "replicas": 4}, 2),
        ({"availableReplicas": 3, "updatedReplicas": 3, "replicas": 4}, 3),
        ({"availableReplicas": 3, "updatedReplicas": 3, "replicas": 3, "seen": 1}, 0),
    ],
)
def test_a_deployment_that_is_not_ready_says_how_many_pods_are(status: dict[str, int], ready: int):
    assert readiness.not_ready(deployment(**status)) == f"Deployment default/nginx: {ready} of 3 pods ready"


def test_a_daemon_set_is_ready_with_a_pod_on_every_node():
    assert readiness.not_ready(daemon_set(desiredNumberScheduled=4, numberReady=4, updatedNumberScheduled=4)) is None
    short = readiness.not_ready(daemon_set(desiredNumberScheduled=4, numberReady=3, updatedNumberScheduled=4))
    assert short == "DaemonSet metallb-system/speaker: 3 of 4 pods ready"


def test_a_daemon_set_that_its_controller_has_not_seen_is_not_ready():
    assert readiness.not_ready(daemon_set()) == "DaemonSet metallb-system/speaker: 0 of 1 pods ready"


@pytest.mark.parametrize(
    ("image", "mend"),
    [
        ("netlab/web:13", "scripts/build-images --kind"),
        ("quay.io/metallb/speaker:v0.16.1", "scripts/build-images --kind"),
        ("shop/cart:2", "name it under the cluster's `images:` if the engine has it"),
    ],
)
def test_an_image_that_does_not_come_is_named_with_its_mend(image: str, mend: str):
    text = readiness.pod_trouble(pod(waiting("ImagePullBackOff", image)))
    assert text == f"pod nginx-a: ImagePullBackOff of {image} (to mend it: {mend})"


def test_a_deployment_says_what_is_wrong_with_its_own_pods():
    others = pod(waiting("ImagePullBackOff"), app="api")
    broken = [pod(waiting("ErrImagePull"))] * 3
    text = readiness.not_ready(deployment(), [others, *broken])
    trouble = "pod nginx-a: ErrImagePull of netlab/web:13 (to mend it: scripts/build-images --kind)"
    assert text == f"Deployment default/nginx: 0 of 3 pods ready; {trouble}"
    assert readiness.not_ready(deployment(), [others]) == "Deployment default/nginx: 0 of 3 pods ready"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({}, None),
        ({"containerStatuses": [waiting("ContainerCreating")]}, None),
        ({"containerStatuses": [{"name": "web", "image": "x", "state": {"running": {}}}]}, None),
        (
            {
                "containerStatuses": [
                    {**waiting("CrashLoopBackOff"), "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}}}
                ]
            },
            "pod nginx-a: its container web ends again and again, exit code 7",
        ),
        (
            {"containerStatuses": [waiting("CreateContainerConfigError", message='secret "x"\nnot found')]},
            'pod nginx-a: CreateContainerConfigError secret "x" not found',
        ),
        (
            {"initContainerStatuses": [waiting("ErrImagePull", "quay.io/frrouting/frr:10.5.3")]},
            "pod nginx-a: ErrImagePull of quay.io/frrouting/frr:10.5.3 (to mend it: scripts/build-images --kind)",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available",
                    }
                ]
            },
            "pod nginx-a: Unschedulable: 0/3 nodes are available",
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "disk pressure"},
            "pod nginx-a: Failed: Evicted disk pressure",
        ),
    ],
)
def test_a_pods_trouble_is_one_clause(status: Any, text: str | None):
    assert readiness.pod_trouble(pod(**status)) == text


def of_image(image: str) -> Any:
    owner = deployment()
    owner["spec"]["template"] = {"spec": {"containers": [{"name": "web", "image": image}]}}
    return owner


def test_netlabs_own_image_is_not_waited_for_but_anothers_is():
    for image, given_up in (("netlab/web:13", True), ("quay.io/metallb/speaker:v0.16.1", False)):
        pods = [pod(waiting("ErrImagePull", image))]
        assert (readiness.never_there([of_image(image)], pods) is not None) is given_up
    assert readiness.never_there([of_image("netlab/web:13")], [pod(waiting("ContainerCreating"))]) is None


def test_a_pod_of_an_earlier_template_does_not_end_the_wait():
    old = [pod(waiting("ErrImagePull", "netlab/nothing:1"))]
    assert readiness.never_there([of_image("netlab/web:13")], old) is None


def test_a_service_must_have_exactly_its_vips():
    assert readiness.without_vips(service("nginx", "172.16.7.192"), (VIP,)) is None
    assert readiness.without_vips(service("nginx", str(VIP6), str(VIP)), (VIP, VIP6)) is None
    assert readiness.without_vips(service("nginx"), ()) is None
    missing = readiness.without_vips(service("nginx"), (VIP,))
    assert missing == "Service default/nginx has no VIP 172.16.7.192"
    other = readiness.without_vips(service("nginx", "172.16.7.193"), (VIP,))
    assert other == "Service default/nginx has no VIP 172.16.7.192 but 172.16.7.193"


def test_metallbs_last_word_on_a_service_is_quoted():
    events = [
        {"type": "Warning", "message": "old"},
        {"type": "Warning", "message": 'Failed to allocate IP for "default/nginx":\nnot allowed in config'},
        {"type": "Normal", "message": "Assigned IP"},
    ]
    text = readiness.without_vips(service("nginx"), (VIP,), events)
    why = 'Failed to allocate IP for "default/nginx": not allowed in config'
    assert text == f"Service default/nginx has no VIP 172.16.7.192: {why}"


def test_a_configuration_that_metallb_takes_is_no_trouble():
    assert readiness.refused([configuration_state("Valid", ""), configuration_state("Unknown"), {}]) is None
