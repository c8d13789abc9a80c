"""What Kubernetes and MetalLB say of a cluster's services. Reading is one function; all else is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from netlab.cluster import install, labels, readiness
from netlab.cluster.client import Client, Resource
from netlab.cluster.documents import NAMESPACE
from netlab.cluster.yamlfile import Document
from netlab.model.cluster import ClusterPlan
from netlab.model.evidence import ClusterEvidence, ClusterNodeEvidence, PodInfo
from netlab.model.topology import IPAddress

EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"
_NODE = Resource("v1", "Node")
_SLICE = Resource("discovery.k8s.io/v1", "EndpointSlice")
_ADVERTISEMENT = Resource("metallb.io/v1beta1", "BGPAdvertisement")
_POOL = Resource("metallb.io/v1beta1", "IPAddressPool")
_STATUS = Resource("metallb.io/v1beta1", "ServiceBGPStatus")
_POOL_OF_SERVICE = "metallb.io/ip-allocated-from-pool"


@dataclass(frozen=True)
class Endpoint:
    """A pod of a service, and its node's name in Kubernetes."""

    name: str
    node: str
    ready: bool


@dataclass(frozen=True)
class VipFacts:
    """What is known of one VIP of a service."""

    service: str
    vip: IPAddress
    evidence: ClusterEvidence
    pods: tuple[PodInfo, ...]
    """Those behind the VIP that are ready, and the lab's machines that they run on."""


@dataclass(frozen=True)
class Seen:
    """The objects, as the API gave them. None where it knows no such kind."""

    nodes: Sequence[Document]
    services: Sequence[Document]
    slices: Sequence[Document]
    speakers: Sequence[Document]
    """The speaker's pods, in mode frr-k8s those of FRR too: a node announces with all of its own."""
    peers: Sequence[Document]
    advertisements: Sequence[Document]
    pools: Sequence[Document]
    statuses: Sequence[Document] | None
    states: Sequence[Document]


def read(client: Client, plan: ClusterPlan) -> tuple[VipFacts, ...]:
    """Every VIP of every service of type LoadBalancer, netlab's own or not. LabError where the API does not answer."""
    return service_facts(look(client), plan)


def look(client: Client) -> Seen:
    """Read all that counts, in some 15 requests."""
    return Seen(
        nodes=client.find(_NODE) or (),
        services=client.find(install.SERVICE) or (),
        slices=client.find(_SLICE) or (),
        speakers=(*install.speakers(client), *(client.find(install.POD, labels=install.FRR_K8S) or ())),
        peers=client.find(install.PEER) or (),
        advertisements=client.find(_ADVERTISEMENT) or (),
        pools=client.find(_POOL) or (),
        statuses=client.find(_STATUS),
        states=client.find(install.CONFIGURATION_STATE) or (),
    )


def service_facts(seen: Seen, plan: ClusterPlan) -> tuple[VipFacts, ...]:
    """The facts of each service and VIP: those that it has, and those that the plan asks for."""
    planned = {(NAMESPACE, workload.name): workload.vips for workload in plan.workloads}
    found = []
    for service in seen.services:
        if service["spec"].get("type") != "LoadBalancer":
            continue
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        has = [ip_address(text) for text in readiness.ingress(service)]
        shown = name if (namespace, name) in planned else f"{namespace}/{name}"
        for vip in dict.fromkeys([*has, *planned.get((namespace, name), ())]):
            pods = endpoints(seen.slices, service, vip)
            evidence = _evidence(seen, plan, service, shown, pods)
            at = tuple(PodInfo(pod.name, plan.machine_of(pod.node)) for pod in pods if pod.ready)
            found.append(VipFacts(shown, vip, evidence, at))
    return tuple(found)


def endpoints(slices: Sequence[Document], service: Document, vip: IPAddress) -> tuple[Endpoint, ...]:
    """The pods that a VIP's IP version leads to, ready or not, in the order of their names."""
    metadata = service["metadata"]
    found = {}
    for piece in slices:
        of = (piece["metadata"]["namespace"], (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name"))
        if of != (metadata["namespace"], metadata["name"]) or piece["addressType"] != f"IPv{vip.version}":
            continue
        for endpoint in piece.get("endpoints") or ():
            name = (endpoint.get("targetRef") or {}).get("name")
            if name is not None:
                found[name] = Endpoint(name, endpoint.get("nodeName", ""), _serves(endpoint))
    return tuple(found[name] for name in sorted(found))


def _serves(endpoint: Document) -> bool:
    """As MetalLB counts: ready, or still serving while it ends. Unknown counts as ready."""
    conditions = endpoint.get("conditions") or {}
    return conditions.get("ready") in (None, True) or bool(conditions.get("serving"))


def _evidence(
    seen: Seen, plan: ClusterPlan, service: Document, shown: str, pods: Sequence[Endpoint]
) -> ClusterEvidence:
    nodes = tuple(
        ClusterNodeEvidence(
            node=plan.machine_of(name),
            ready_endpoints=sum(pod.node == name and pod.ready for pod in pods),
            speaker=speaker_state(seen.speakers, name),
            excluded=EXCLUDE in node_labels,
            selected=selected(seen, service, node_labels),
            peers=announced_to(seen, service, name),
            unready_endpoints=sum(pod.node == name and not pod.ready for pod in pods),
            kubernetes_name="" if plan.machine_of(name) == name else name,
        )
        for node in seen.nodes
        for name, node_labels in [(node["metadata"]["name"], node["metadata"].get("labels") or {})]
    )
    policy: Literal["Cluster", "Local"] = (
        "Local" if service["spec"].get("externalTrafficPolicy") == "Local" else "Cluster"
    )
    return ClusterEvidence(plan.name, shown, policy, nodes, readiness.refused(seen.states))


def speaker_state(pods: Sequence[Document], node: str) -> Literal["ready", "not ready", "absent"]:
    """Of a node: ready when all its pods of MetalLB's are."""
    here = [pod for pod in pods if pod["spec"].get("nodeName") == node]
    if not here:
        return "absent"
    return "ready" if all(readiness.is_ready(pod) for pod in here) else "not ready"


def selected(seen: Seen, service: Document, node: Mapping[str, str]) -> bool:
    """Whether an advertisement of the service's pool, and a peer that it goes to, choose a node with these labels."""
    for advertisement in seen.advertisements:
        spec = advertisement.get("spec") or {}
        if not (_covers(spec, seen.pools, service) and labels.any_matches(spec.get("nodeSelectors"), node)):
            continue
        named = spec.get("peers") or ()
        for peer in seen.peers:
            goes_there = not named or peer["metadata"]["name"] in named
            if goes_there and labels.any_matches(peer["spec"].get("nodeSelectors"), node):
                return True
    return False


def _covers(advertisement: Document, pools: Sequence[Document], service: Document) -> bool:
    """Whether an advertisement is of the pool that the service's VIP is from, and of the service."""
    metadata = service["metadata"]
    if not labels.any_matches(advertisement.get("serviceSelectors"), metadata.get("labels") or {}):
        return False
    named, selectors = advertisement.get("ipAddressPools") or (), advertisement.get("ipAddressPoolSelectors") or ()
    if not named and not selectors:
        return True
    pool = (metadata.get("annotations") or {}).get(_POOL_OF_SERVICE)
    if pool is None:  # it has no VIP yet, so the pool is no reason
        return True
    its = next((found["metadata"].get("labels") or {} for found in pools if found["metadata"]["name"] == pool), {})
    return pool in named or any(labels.matches(selector, its) for selector in selectors)


def announced_to(seen: Seen, service: Document, node: str) -> tuple[str, ...] | None:
    """The addresses of the peers to which MetalLB announces the service on a node; None where it does not say."""
    if seen.statuses is None:
        return None
    addresses = {peer["metadata"]["name"]: peer["spec"].get("peerAddress") for peer in seen.peers}
    metadata = service["metadata"]
    wanted = {"node": node, "serviceName": metadata["name"], "serviceNamespace": metadata["namespace"]}
    names = [
        name
        for found in seen.statuses
        if wanted.items() <= (status := found.get("status") or {}).items()
        for name in status.get("peers") or ()
    ]
    return tuple(dict.fromkeys(addresses.get(name) or name for name in names))
