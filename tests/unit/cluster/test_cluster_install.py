"""Putting a lab's services into a cluster, and taking them out again, with a small server in the API's place."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cluster_samples import PLAN, WORKER, configuration_state
from played_api import Answer, PlayedApi

from netlab.cluster import documents, install
from netlab.cluster.client import Client, connect
from netlab.cluster.install import Prepared
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import LabError

METALLB_KINDS = {
    "metallb.io/v1beta1": {
        "IPAddressPool": ("ipaddresspools", True),
        "BGPAdvertisement": ("bgpadvertisements", True),
        "ConfigurationState": ("configurationstates", True),
    },
    "metallb.io/v1beta2": {"BGPPeer": ("bgppeers", True)},
}
NGINX = "/apis/apps/v1/namespaces/default/deployments/nginx"
SERVICE = "/api/v1/namespaces/default/services/nginx"
POOL = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/k8s"
CONTROLLER = "/apis/apps/v1/namespaces/metallb-system/deployments/controller"
SPEAKER = "/api/v1/namespaces/metallb-system/pods/speaker-a"
METALLB: tuple[Any, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "metallb-system"}},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "controller", "namespace": "metallb-system"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"component": "controller"}},
            "template": {"spec": {"containers": [{"name": "controller", "image": "quay.io/metallb/controller"}]}},
        },
    },
)
NOTHING = Prepared((), ())
ALL = Prepared(METALLB, ())
READY = {"availableReplicas": 3, "updatedReplicas": 3, "replicas": 3}


class Cluster(PlayedApi):
    """A cluster whose controllers work at once, as far as `works` says."""

    works = frozenset({"deployments", "vips"})

    def answer(self, method: str, url: str, sent: Any) -> tuple[int, bytes]:
        if method == "PATCH" and sent["kind"] == "Deployment" and "deployments" in self.works:
            replicas = sent["spec"]["replicas"]
            sent["status"] = {"availableReplicas": replicas, "updatedReplicas": replicas, "replicas": replicas}
        if method == "PATCH" and sent["kind"] == "Service" and "vips" in self.works:
            asked = sent["metadata"]["annotations"]["metallb.io/loadBalancerIPs"]
            sent["status"] = {"loadBalancer": {"ingress": [{"ip": vip} for vip in asked.split(",")]}}
        if method == "PATCH" and sent["kind"] == "DaemonSet":
            node = {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}
            sent["status"] = {**node, "numberReady": 1}
            metadata = {
                "name": "speaker-a",
                "namespace": "metallb-system",
                "labels": sent["spec"]["selector"]["matchLabels"],
            }
            late = threading.Timer(0.5, self.objects.__setitem__, (SPEAKER, {"metadata": metadata, "spec": {}}))
            late.start()
        return super().answer(method, url, sent)


@pytest.fixture
def api() -> Iterator[Cluster]:
    api = Cluster()
    for version, kinds in METALLB_KINDS.items():
        api.groups[version] = dict(kinds)
    api.groups["apps/v1"] = {"Deployment": ("deployments", True), "DaemonSet": ("daemonsets", True)}
    api.groups["v1"] = {**api.groups["v1"], "Event": ("events", True), "ConfigMap": ("configmaps", True)}
    api.start()
    yield api
    api.stop()


@pytest.fixture
def client(api: Cluster, tmp_path: Path) -> Client:
    return connect(api.kubeconfig(tmp_path / "kubeconfig"), time.monotonic() + 5)


def installed(client: Client, plan: ClusterPlan = PLAN, prepared: Prepared = ALL, timeout: float = 10) -> list[str]:
    """The steps that it says."""
    said: list[str] = []
    install.install(client, plan, "article", prepared, progress=said.append, timeout=timeout)
    return said


def patched(api: PlayedApi) -> list[str]:
    return [path.rsplit("/", 2)[-2] for method, path, _ in api.requests if method == "PATCH"]


def test_the_services_are_applied_before_metallb_is_asked_to_take_its_configuration(api: Cluster, client: Client):
    said = installed(client)
    order = ["namespaces", "deployments", "deployments", "services", "ipaddresspools", "bgpadvertisements"]
    assert patched(api) == order
    assert said == ["installing MetalLB v0.16.1", "configuring MetalLB", "waiting for the services"]


def test_metallbs_own_objects_have_the_labs_label_too(api: Cluster, client: Client):
    installed(client)
    assert api.objects[CONTROLLER]["metadata"]["labels"] == documents.labels("article")


def test_installing_again_changes_nothing(api: Cluster, client: Client):
    installed(client)
    before = dict(api.objects)
    installed(client, replace(PLAN, reused=True))
    assert api.objects == before


def test_what_the_topology_has_no_more_is_deleted_when_the_cluster_is_used_again(api: Cluster, client: Client):
    more = replace(PLAN, workloads=(*PLAN.workloads, replace(PLAN.workloads[0], name="api")))
    mine: Any = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    installed(client, more, Prepared(METALLB, (mine,)))
    api.objects["/api/v1/namespaces/default/configmaps/users"] = {"metadata": {"name": "users"}}
    assert NGINX.replace("nginx", "api") in api.objects
    before = set(api.objects)
    installed(client, replace(PLAN, reused=True))
    gone = {path.replace("nginx", "api") for path in (NGINX, SERVICE)} | {"/api/v1/namespaces/default/configmaps/mine"}
    assert before - set(api.objects) == gone


def test_a_vip_that_does_not_come_is_missing_with_metallbs_reason(api: Cluster, client: Client):
    api.works = frozenset({"deployments"})
    api.objects["/api/v1/namespaces/default/events/nginx.1"] = {
        "metadata": {"name": "nginx.1", "namespace": "default"},
        "type": "Warning",
        "message": "Failed to allocate IP",
    }
    with pytest.raises(LabError) as refused:
        installed(client, timeout=1)
    missing = "Service default/nginx has no VIP 172.16.7.192: Failed to allocate IP"
    assert refused.value.lines() == (f"k8s: not ready in time: {missing}",)


def test_a_configuration_that_metallb_refuses_is_missing_in_its_words(api: Cluster, client: Client):
    where = "/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates/controller"
    api.objects[where] = {"metadata": {"name": "controller"}, **configuration_state("Invalid", "pools overlap")}
    with pytest.raises(LabError, match=r"^k8s: not ready in time: MetalLB refuses its configuration: pools overlap$"):
        installed(client, timeout=1)


def test_an_image_that_nobody_has_ends_the_wait_at_once(api: Cluster, client: Client):
    api.works = frozenset({"vips"})
    api.objects[CONTROLLER] = {**METALLB[1], "status": READY}
    labels = documents.deployment(PLAN.workloads[0], "article")["spec"]["template"]["metadata"]["labels"]
    container = {"name": "web", "image": "netlab/web:13", "state": {"waiting": {"reason": "ErrImagePull"}}}
    api.objects["/api/v1/namespaces/default/pods/nginx-a"] = {
        "metadata": {"name": "nginx-a", "namespace": "default", "labels": labels},
        "status": {"containerStatuses": [container]},
    }
    start = time.monotonic()
    with pytest.raises(LabError, match=r"ErrImagePull of netlab/web:13 \(to mend it: scripts/build-images --kind\)$"):
        installed(client, replace(PLAN, metallb=None), NOTHING, timeout=60)
    assert time.monotonic() - start < 20


def test_a_refused_object_ends_it_at_once(api: Cluster, client: Client):
    denied = 'admission webhook "ipaddresspoolvalidationwebhook.metallb.io" denied the request: overlaps'
    api.refuse = lambda method, path, _: Answer(403, denied) if (method, path) == ("PATCH", POOL) else None
    with pytest.raises(LabError) as refused:
        installed(client, timeout=60)
    assert refused.value.lines() == (f"IPAddressPool metallb-system/k8s: {denied}",)


def existing(api: Cluster, namespace: str = "load-balancing") -> ClusterPlan:
    """Somebody else's cluster with a MetalLB of its own."""
    assert PLAN.metallb
    metadata = {"namespace": namespace, "labels": {"app": "metallb", "component": "speaker"}}
    api.objects[SPEAKER] = {"metadata": {**metadata, "name": "speaker-a"}, "spec": {"nodeName": WORKER}}
    return replace(PLAN, existing=True, metallb=replace(PLAN.metallb, install=False))


def test_somebody_elses_metallb_is_used_where_it_is(api: Cluster, client: Client):
    installed(client, existing(api), NOTHING)
    assert POOL.replace("metallb-system", "load-balancing") in api.objects
    assert CONTROLLER not in api.objects


SPEAKERS: Any = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "speaker", "namespace": "metallb-system"},
    "spec": {
        "selector": {"matchLabels": {"app": "metallb", "component": "speaker"}},
        "template": {"spec": {"containers": [{"name": "speaker", "image": "quay.io/metallb/speaker"}]}},
    },
}


def test_the_users_manifests_may_bring_metallb(api: Cluster, client: Client):
    """Its pods are there a moment after its DaemonSet, and its configuration can only come then."""
    assert PLAN.metallb
    plan = replace(PLAN, metallb=replace(PLAN.metallb, install=False))
    said = installed(client, plan, Prepared((), (*METALLB, SPEAKERS)))
    assert said == [
        "applying the manifests",
        "looking for the cluster's own MetalLB",
        "configuring MetalLB",
        "waiting for the services",
    ]
    assert patched(api)[:3] == ["namespaces", "deployments", "daemonsets"]
    assert POOL in api.objects


def test_a_cluster_without_the_metallb_that_it_should_have_is_refused(api: Cluster, client: Client):
    plan = existing(api)
    del api.objects[SPEAKER]
    with pytest.raises(LabError, match=r"^k8s: the cluster netlab-x-k8s has no MetalLB: without `install: false`"):
        installed(client, plan, NOTHING)
    assert api.objects == {}


def test_nothing_of_somebody_elses_is_taken_over(api: Cluster, client: Client):
    api.objects[NGINX] = {"metadata": {"name": "nginx", "labels": {"app": "nginx"}}, "spec": {"replicas": 1}}
    before = dict(api.objects)
    with pytest.raises(LabError, match=r"has a Deployment default/nginx already, not of lab article: another name"):
        installed(client, existing(api), NOTHING)
    del api.objects[SPEAKER]
    assert api.objects == before


@pytest.mark.parametrize(
    ("kind", "path", "where"),
    [
        ("ConfigMap", "/api/v1/namespaces/default/configmaps/precious", ""),
        ("ConfigMap", "/api/v1/namespaces/shop/configmaps/precious", "shop"),
        ("Namespace", "/api/v1/namespaces/precious", ""),
    ],
)
def test_a_manifest_takes_over_nothing_of_somebody_elses(
    api: Cluster, client: Client, kind: str, path: str, where: str
):
    """Else it would be deleted with the lab: a namespace with all that is in it."""
    plan = existing(api)
    api.objects[path] = {"metadata": {"name": "precious"}}
    given = {"name": "precious", **({"namespace": where} if where else {})}
    mine: Any = {"apiVersion": "v1", "kind": kind, "metadata": given}
    with pytest.raises(LabError, match=rf"has a {kind} ({where}/)?precious already, not of lab article: another name"):
        installed(client, plan, Prepared((), (mine,)))
    assert patched(api) == []
    api.objects[path]["metadata"]["labels"] = documents.labels("article")  # what a killed deployment of it left
    installed(client, plan, Prepared((), (mine,)))


def test_somebody_elses_metallb_is_not_installed_over(api: Cluster, client: Client):
    api.objects["/api/v1/namespaces/metallb-system"] = {"metadata": {"name": "metallb-system"}}
    with pytest.raises(LabError, match=r"its own MetalLB, which `metallb: \{install: false\}` uses$"):
        installed(client, replace(PLAN, existing=True))
    assert patched(api) == []


def test_detaching_deletes_what_was_applied_and_nothing_else(api: Cluster, client: Client):
    plan = existing(api)
    theirs: dict[str, Any] = {
        SPEAKER: api.objects[SPEAKER],
        NGINX.replace("nginx", "shop"): {"metadata": {"name": "shop", "namespace": "default", "labels": {}}},
        POOL.replace("k8s", "theirs"): {"metadata": {"name": "theirs", "namespace": "metallb-system"}},
    }
    api.objects.update(theirs)
    mine: Any = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    installed(client, plan, Prepared((), (mine,)))
    assert len(api.objects) > len(theirs) + 3
    install.detach(client, "another-lab")
    assert len(api.objects) > len(theirs) + 3
    install.detach(client, "article")
    assert api.objects == theirs


def test_metallb_itself_goes_after_what_needs_it(api: Cluster, client: Client):
    peers = (documents.BgpPeerPlan(PLAN.workloads[0].vips[0], 64512),)
    assert PLAN.metallb
    installed(client, replace(PLAN, metallb=replace(PLAN.metallb, peers=peers)))
    api.requests.clear()
    install.detach(client, "article")
    order = [path.rsplit("/", 2)[-2] for method, path, _ in api.requests if method == "DELETE"]
    assert order[0] == "bgppeers"
    assert set(order[1:3]) == {"ipaddresspools", "bgpadvertisements"}
    assert order[-1] == "namespaces"
    assert api.objects == {}


def test_while_the_webhook_does_not_answer_the_controllers_pod_is_changed_so_that_its_kubelet_looks(
    api: Cluster, client: Client
):
    pod = "/api/v1/namespaces/metallb-system/pods/controller-a"
    labels = {"app": "metallb", "component": "controller"}
    api.objects[pod] = {"metadata": {"name": "controller-a", "namespace": "metallb-system", "labels": labels}}
    webhook = Answer(500, "Internal error occurred: failed calling webhook: connection refused")

    def until_it_was_changed(method: str, path: str, _: int) -> Answer | None:
        return webhook if (method, path) == ("PATCH", POOL) and not api.count("PATCH", pod) else None

    api.refuse = until_it_was_changed
    installed(client)
    assert api.objects[pod]["metadata"]["annotations"] == {"netlab/look-again": "1"}
    assert POOL in api.objects


def test_the_pod_that_waits_for_a_certificate_in_mode_frr_k8s_is_changed_too(api: Cluster, client: Client):
    """Its container ends when it has waited for a minute."""
    labels = {"app.kubernetes.io/component": "statuscleaner"}
    pod = "/api/v1/namespaces/metallb-system/pods/frr-k8s-statuscleaner-a"
    metadata = {"name": "frr-k8s-statuscleaner-a", "namespace": "metallb-system", "labels": labels}
    api.objects[pod] = {"metadata": metadata}
    owner: Any = {**METALLB[1], "metadata": {"name": "frr-k8s-statuscleaner", "namespace": "metallb-system"}}
    where = CONTROLLER.replace("controller", "frr-k8s-statuscleaner")

    def unready_until_it_was_changed(method: str, path: str, _: int) -> Answer | None:
        if method == "GET" and where in api.objects and not api.count("PATCH", pod):
            api.objects[where].pop("status", None)
        elif where in api.objects:
            api.objects[where]["status"] = dict.fromkeys(READY, 1)
        return None

    api.refuse = unready_until_it_was_changed
    installed(client, prepared=Prepared((*METALLB, owner), ()))
    assert api.objects[pod]["metadata"]["annotations"] == {"netlab/look-again": "1"}
