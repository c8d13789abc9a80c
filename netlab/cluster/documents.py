"""What a lab asks of its cluster, as Kubernetes objects. Pure: a plan in, documents out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netlab.cluster.yamlfile import Document
from netlab.model.cluster import BgpPeerPlan, ClusterPlan, MetallbPlan, WorkloadPlan
from netlab.model.topology import IPAddress

APPLICATION = "netlab/web:13"
"""What the pods of a topology's services run."""
NAMESPACE = "default"
"""Of the services."""
METALLB_NAMESPACE = "metallb-system"
"""Of MetalLB's own manifest."""
MANAGED_BY = "app.kubernetes.io/managed-by"
LAB = "netlab/lab"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_HOSTNAME = "kubernetes.io/hostname"
_FAMILIES = {4: "IPv4", 6: "IPv6"}
# 900 ms until a dead peer is noticed, and FRR's own default at the other end.
_BFD = {"receiveInterval": 300, "transmitInterval": 300, "detectMultiplier": 3}


@dataclass(frozen=True)
class Wanted:
    """What to apply, in this order: the workloads first, since scheduling takes time, then what MetalLB must accept."""

    workloads: tuple[Document, ...]
    metallb: tuple[Document, ...]


def build(plan: ClusterPlan, lab: str, metallb_namespace: str = METALLB_NAMESPACE) -> Wanted:
    """The services and their deployments, and MetalLB's pool, peers and advertisement."""
    workloads = [
        document for workload in plan.workloads for document in (deployment(workload, lab), service(workload, lab))
    ]
    resources = _metallb(plan, plan.metallb, metallb_namespace) if plan.metallb else ()
    return Wanted(labelled(workloads, lab), labelled(resources, lab))


def labels(lab: str) -> dict[str, str]:
    """What everything has that netlab applied for this lab, so that just that can be deleted again."""
    # A lab's name may end in what a label's value may not.
    value = lab if lab[-1].isalnum() else hashlib.sha256(lab.encode()).hexdigest()[:16]
    return {MANAGED_BY: "netlab", LAB: value}


def selector(lab: str) -> str:
    """The same as a label selector."""
    return ",".join(f"{key}={value}" for key, value in labels(lab).items())


def labelled(documents: Iterable[Document], lab: str) -> tuple[Document, ...]:
    """The documents with these labels on top of their own."""

    def with_labels(document: Document) -> Document:
        metadata = document["metadata"]
        return {**document, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels(lab)}}}

    return tuple(with_labels(document) for document in documents)


def deployment(workload: WorkloadPlan, lab: str) -> Document:
    """The pods behind a service: evenly over the plan's nodes, and on no other."""
    chosen = _pod_labels(workload, lab)
    affinity = {"key": _HOSTNAME, "operator": "In", "values": list(workload.nodes)}
    spec: Document = {
        "containers": [
            {
                "name": "web",
                "image": APPLICATION,
                "imagePullPolicy": "IfNotPresent",
                "env": [
                    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "PORT", "value": str(workload.port)},
                ],
                "ports": [{"containerPort": workload.port}],
                "readinessProbe": {"httpGet": {"path": "/", "port": workload.port}, "periodSeconds": 1},
            }
        ],
        # The server need not be root to listen at port 80.
        "securityContext": {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]},
        "terminationGracePeriodSeconds": 2,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": _HOSTNAME,
                "whenUnsatisfiable": "DoNotSchedule",
                "nodeAffinityPolicy": "Honor",
                "labelSelector": {"matchLabels": chosen},
                "matchLabelKeys": ["pod-template-hash"],
            }
        ],
    }
    if workload.nodes:
        terms = [{"matchExpressions": [affinity]}]
        spec["affinity"] = {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "namespace": NAMESPACE},
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": chosen},
            "template": {"metadata": {"labels": chosen}, "spec": spec},
        },
    }


def service(workload: WorkloadPlan, lab: str) -> Document:
    """The service, which asks MetalLB for exactly the plan's addresses."""
    metadata: Document = {"name": workload.name, "namespace": NAMESPACE}
    if workload.vips:
        metadata["annotations"] = {"metallb.io/loadBalancerIPs": ",".join(str(vip) for vip in workload.vips)}
    spec: Document = {
        "type": "LoadBalancer",
        "externalTrafficPolicy": workload.policy,
        "ipFamilyPolicy": workload.ip_family_policy,
        "selector": _pod_labels(workload, lab),
        "ports": [{"name": "http", "port": workload.port, "targetPort": workload.port, "protocol": "TCP"}],
    }
    if workload.vips:
        spec["ipFamilies"] = [_FAMILIES[vip.version] for vip in workload.vips]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _pod_labels(workload: WorkloadPlan, lab: str) -> dict[str, str]:
    return {"app": workload.name, LAB: labels(lab)[LAB]}


def _metallb(plan: ClusterPlan, metallb: MetallbPlan, namespace: str) -> Iterator[Document]:
    workers = _workers_only(plan)
    bfd = any(peer.bfd for peer in metallb.peers) and metallb.mode != "native"

    def resource(kind: str, name: str, spec: Document, version: str = "v1beta1") -> Document:
        metadata = {"name": name, "namespace": namespace}
        return {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}

    # Somebody else's services take no address of the lab's.
    pool = {
        "addresses": list(metallb.pools),
        "autoAssign": not plan.existing,
        "avoidBuggyIPs": metallb.avoid_buggy_ips,
    }
    yield resource("IPAddressPool", plan.name, pool)
    if bfd:
        yield resource("BFDProfile", plan.name, dict(_BFD))
    for peer in metallb.peers:
        yield resource("BGPPeer", peer_name(plan, peer.address), _peer(plan, metallb, peer) | workers, "v1beta2")
    names = [peer_name(plan, peer.address) for peer in metallb.peers]
    advertised = {"ipAddressPools": [plan.name], **({"peers": names} if names else {})}
    yield resource("BGPAdvertisement", plan.name, advertised | workers)


def peer_name(plan: ClusterPlan, address: IPAddress) -> str:
    """Of a BGPPeer; a colon is not allowed in an object's name, nor a hyphen at its end."""
    return f"{plan.name}-{address.exploded.replace(':', '-')}"


def _peer(plan: ClusterPlan, metallb: MetallbPlan, peer: BgpPeerPlan) -> Document:
    spec: Document = {
        "myASN": metallb.asn,
        "peerASN": peer.asn,
        "peerAddress": str(peer.address),
        "holdTime": f"{metallb.hold_time}s",
        "ebgpMultiHop": peer.multi_hop and peer.asn != metallb.asn,  # MetalLB refuses it within an AS
    }
    if metallb.mode == "native":  # it refuses what only FRR can do, a keepalive time too
        return spec
    spec["keepaliveTime"] = f"{metallb.hold_time // 3}s"
    spec["dualStackAddressFamily"] = peer.dual_stack
    if peer.bfd:
        spec["bfdProfile"] = plan.name
    return spec


def _workers_only(plan: ClusterPlan) -> Document:
    """The nodeSelectors that keep a control plane from announcing, unless there is nothing else."""
    if not plan.workers:
        return {}
    return {"nodeSelectors": [{"matchExpressions": [{"key": _CONTROL_PLANE, "operator": "DoesNotExist"}]}]}
