"""Putting MetalLB and a lab's services into a cluster, and taking them out of somebody else's again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from netlab.cluster import documents, manifests, readiness, yamlfile
from netlab.cluster.client import Client, Ref, Resource, refs
from netlab.cluster.documents import METALLB_NAMESPACE, NAMESPACE
from netlab.cluster.yamlfile import Document
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import LabError

DEPLOYMENT = Resource("apps/v1", "Deployment")
DAEMON_SET = Resource("apps/v1", "DaemonSet")
POD = Resource("v1", "Pod")
SERVICE = Resource("v1", "Service")
EVENT = Resource("v1", "Event")
NAMESPACES = Resource("v1", "Namespace")
CRD = Resource("apiextensions.k8s.io/v1", "CustomResourceDefinition")
CONFIGURATION_STATE = Resource("metallb.io/v1beta1", "ConfigurationState")
SPEAKERS = ("app=metallb,component=speaker", "app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker")
"""The labels of MetalLB's speaker pods: of its manifests, and of its Helm chart."""
FRR_K8S = "app.kubernetes.io/component=frr-k8s"
"""The label of the pods that speak BGP in mode frr-k8s."""
_POLL = 0.2  # seconds
_GROUP = "metallb.io"
PEER = Resource("metallb.io/v1beta2", "BGPPeer")

Progress = Callable[[str], None]
"""Takes a line that says what is being done."""


@dataclass(frozen=True)
class Prepared:
    """Everything to apply that is not made from the plan: read before anything is built."""

    metallb: tuple[Document, ...]
    user: tuple[Document, ...]


def prepare(plan: ClusterPlan) -> Prepared:
    """Read MetalLB's manifest and the user's. HostError or InputError where one cannot be had."""
    install = plan.metallb is not None and plan.metallb.install
    return Prepared(
        manifests.metallb(plan.metallb.mode) if plan.metallb and install else (),
        tuple(document for path in plan.manifests for document in yamlfile.read(Path(path))),
    )


def install(
    client: Client, plan: ClusterPlan, lab: str, prepared: Prepared, *, progress: Progress, timeout: float
) -> None:
    """Apply MetalLB, the services and the user's manifests, and wait until every service has its VIPs.

    A MetalLB that netlab does not install comes with the user's manifests, or is there: these are applied first then.
    Safe to repeat, and what an earlier one applied and this one does not is deleted. LabError, within `timeout`
    seconds, says what the cluster refuses or still lacks.
    """
    deadline = time.monotonic() + timeout
    user = documents.labelled(prepared.user, lab)
    own_metallb = plan.metallb is not None and not plan.metallb.install
    if plan.existing:
        _refuse_others(client, plan, lab, (*user, *documents.build(plan, lab).workloads))
    if own_metallb:
        if user:  # they may bring it
            progress("applying the manifests")
            client.apply(user, deadline)
        progress("looking for the cluster's own MetalLB")
    namespace = metallb_namespace(client, plan, deadline if _bring_pods(user) else None)
    wanted = documents.build(plan, lab, namespace)
    metallb = documents.labelled(prepared.metallb, lab)
    if plan.existing:
        _refuse_others(client, plan, lab, (*metallb, *wanted.metallb))
    if metallb and not plan.reused:  # what it was made with is there
        progress(f"installing MetalLB {manifests.VERSION}")
        client.apply(metallb, deadline)
    client.apply(wanted.workloads, deadline)
    certificates = _WebhookCertificates(client, namespace)
    if wanted.metallb:
        _wait(lambda: _controller_lacks(client, namespace), plan, deadline, certificates.deliver)
        progress("configuring MetalLB")
        client.apply(wanted.metallb, deadline, certificates.deliver)
    if user and not own_metallb:
        progress("applying the manifests")
        client.apply(user, deadline)
    if plan.existing or plan.reused:
        _prune(client, lab, (*metallb, *wanted.workloads, *wanted.metallb, *user))
    progress("waiting for the services")
    wait(client, plan, lab, deadline, certificates.deliver)


def _bring_pods(applied: Sequence[Document]) -> bool:
    return any(document["kind"] in ("Deployment", "DaemonSet") for document in applied)


def wait(
    client: Client, plan: ClusterPlan, lab: str, deadline: float, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Wait until MetalLB and the lab's services are there. LabError, after `deadline`, says what is missing."""
    namespace = metallb_namespace(client, plan)
    _wait(lambda: _lacks(client, plan, lab, namespace), plan, deadline, meanwhile)


def detach(client: Client, lab: str) -> None:
    """Delete everything that was applied for that lab, and nothing else."""
    for ref in sorted(client.labelled(documents.selector(lab)), key=_order):
        client.delete(ref)


def forget_peers(client: Client, lab: str) -> None:
    """Have the speakers end their sessions, before the routers go. One that is calling a router when the links go waits
    10 s for the answer, and no new session begins meanwhile."""
    for peer in client.find(PEER, labels=documents.selector(lab)) or ():
        client.delete(Ref.of(peer))


def renew_speakers(client: Client, nodes: frozenset[str]) -> None:
    """Have the speakers of these nodes, just restarted, made anew, in mode frr-k8s FRR-K8s's pods too: one that starts
    before its node's kube-proxy waits half a minute for the API, and then again for its kubelet."""
    for pod in (*speakers(client), *(client.find(POD, labels=FRR_K8S) or ())):
        if pod["spec"].get("nodeName") in nodes:
            client.delete(Ref(POD, pod["metadata"]["name"], pod["metadata"]["namespace"]))


def api_address(client: Client) -> str:
    """Of the API, as pods have it."""
    service = client.get(Ref(SERVICE, "kubernetes", "default"))
    if service is None:
        raise LabError("the cluster has no service default/kubernetes")
    return str(service["spec"]["clusterIP"])


def metallb_namespace(client: Client, plan: ClusterPlan, deadline: float | None = None) -> str:
    """Where MetalLB runs: wherever the user put their own. LabError where they have none, not even at `deadline`."""
    if plan.metallb is None or plan.metallb.install:
        return METALLB_NAMESPACE
    while not (pods := speakers(client)):
        if deadline is None or time.monotonic() > deadline:
            mend = "without `install: false` netlab installs it"
            raise LabError(f"{plan.name}: the cluster {plan.kind_name} has no MetalLB: {mend}")
        time.sleep(_POLL)
    return str(pods[0]["metadata"]["namespace"])


def speakers(client: Client) -> tuple[Document, ...]:
    """MetalLB's speaker pods, one a node."""
    return tuple(pod for labels in SPEAKERS for pod in client.find(POD, labels=labels) or ())


def _refuse_others(client: Client, plan: ClusterPlan, lab: str, applied: Sequence[Document]) -> None:
    """Take over nothing that somebody else has made in their own cluster: what is applied is deleted with the lab."""
    labels = documents.labels(lab).items()
    for ref in refs(applied):
        found = client.get(ref)
        if found is None or labels <= (found["metadata"].get("labels") or {}).items():
            continue
        if ref == Ref(NAMESPACES, METALLB_NAMESPACE):
            mend = "it has its own MetalLB, which `metallb: {install: false}` uses"
        else:
            mend = "another name in the topology leaves it alone"
        raise LabError(f"{plan.name}: the cluster {plan.kind_name} has a {ref} already, not of lab {lab}: {mend}")


def _prune(client: Client, lab: str, applied: Sequence[Document]) -> None:
    """Delete what an earlier topology asked for and this one does not."""
    kept = {_identity(ref) for ref in refs(applied)}
    left = [ref for ref in client.labelled(documents.selector(lab)) if _identity(ref) not in kept]
    for ref in sorted(left, key=_order):
        client.delete(ref)


def _identity(ref: Ref) -> tuple[str, str, str, str]:
    """An object is the same in every version of its kind."""
    return ref.resource.group, ref.resource.kind, ref.namespace or NAMESPACE, ref.name


def _order(ref: Ref) -> int:
    """What uses something is deleted before it: a profile in use cannot be, and nothing of MetalLB's without it."""
    if ref.resource.kind == "BGPPeer":
        return 0
    if ref.resource.group == _GROUP:
        return 1
    return {NAMESPACES: 3, CRD: 4}.get(ref.resource, 2)


def _wait(
    lacks: Callable[[], tuple[str, ...]],
    plan: ClusterPlan,
    deadline: float,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    while missing := lacks():
        if time.monotonic() > deadline:
            raise LabError(f"{plan.name}: not ready in time: {'; '.join(missing)}")
        meanwhile()
        time.sleep(_POLL)


def _controller_lacks(client: Client, namespace: str) -> tuple[str, ...]:
    """Custom resources are refused until its webhook answers."""
    owners = [
        owner
        for owner in client.find(DEPLOYMENT, namespace=namespace) or ()
        if "controller" in owner["metadata"]["name"]
    ]
    return _not_ready(client, owners)


class _WebhookCertificates:
    """The certificates that MetalLB's controller, and in mode frr-k8s its status cleaner, make for their webhooks and
    wait for in a volume.

    A kubelet looks for changes of a Secret's volume when its pod changes, and else only every minute or two. With quick
    probes a pod is running before its certificate is made, and nothing changes any more: 106 s were measured. They in
    turn look after 1, 2, 4 ... seconds, so the sooner the better.
    """

    _PODS = ("app=metallb,component=controller", "app.kubernetes.io/component=statuscleaner")

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._next = 0.0
        self._count = 0

    def deliver(self) -> None:
        """Change the pods, once a second, so that their kubelets look."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 1.0
        self._count += 1
        for labels in self._PODS:
            for pod in self._client.find(POD, namespace=self._namespace, labels=labels) or ():
                metadata = {"name": pod["metadata"]["name"], "namespace": self._namespace}
                mark = {**metadata, "annotations": {"netlab/look-again": str(self._count)}}
                with suppress(LabError):  # it has just gone
                    self._client.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": mark}], time.monotonic())


def _lacks(client: Client, plan: ClusterPlan, lab: str, namespace: str) -> tuple[str, ...]:
    labels = documents.selector(lab)
    owners = client.find(DEPLOYMENT, labels=labels) or []
    if plan.metallb:
        owners += client.find(DAEMON_SET, namespace=namespace) or []
    missing = list(_not_ready(client, owners))
    if plan.metallb is None:
        return tuple(missing)
    states = client.find(CONFIGURATION_STATE, namespace=namespace) or ()
    if (reason := readiness.refused(states)) is not None:
        missing.append(f"MetalLB refuses its configuration: {reason}")
    found = {service["metadata"]["name"]: service for service in client.find(SERVICE, namespace=NAMESPACE) or ()}
    for workload in plan.workloads:
        service = found.get(workload.name)
        if service is None:
            missing.append(f"Service {NAMESPACE}/{workload.name} is gone")
        elif readiness.without_vips(service, workload.vips) is not None:
            fields = f"involvedObject.kind=Service,involvedObject.name={workload.name}"
            events = client.find(EVENT, namespace=NAMESPACE, fields=fields) or ()
            missing.append(readiness.without_vips(service, workload.vips, events) or "")
    return tuple(missing)


def _not_ready(client: Client, owners: Sequence[Document]) -> tuple[str, ...]:
    """What those lack; LabError at once where a pod's image cannot come."""
    late = [owner for owner in owners if readiness.not_ready(owner) is not None]
    if not late:
        return ()
    pods = [pod for pod in client.find(POD) or () if any(readiness.owns(owner, pod) for owner in late)]
    if (trouble := readiness.never_there(late, pods)) is not None:
        raise LabError(trouble)
    return tuple(text for owner in late if (text := readiness.not_ready(owner, pods)) is not None)
