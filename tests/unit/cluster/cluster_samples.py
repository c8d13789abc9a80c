"""Objects of a cluster of one control plane and two workers, in the form of their schemas."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from netlab.model.cluster import ClusterNodePlan, ClusterPlan, MetallbPlan, WorkloadPlan

VIP = ip_address("172.16.7.192")
VIP6 = ip_address("fd00:7::c0")
CONTROL_PLANE = "netlab-x-k8s-control-plane"
WORKER, WORKER2 = "netlab-x-k8s-worker", "netlab-x-k8s-worker2"
PLAN = ClusterPlan(
    "k8s",
    "netlab-x-k8s",
    (
        ClusterNodePlan("k8s-control-plane", CONTROL_PLANE, control_plane=True),
        ClusterNodePlan("k8s-worker", WORKER),
        ClusterNodePlan("k8s-worker2", WORKER2),
    ),
    ("10.244.0.0/16",),
    MetallbPlan("native", 64522, ("172.16.7.192/26",), 9),
    (WorkloadPlan("nginx", 3, 80, "Local", (WORKER, WORKER2), (VIP,)),),
)


def node(name: str, **labels: str) -> Any:
    return {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}}}


def pod(name: str, on: str, *, ready: bool = True, labels: dict[str, str] | None = None, **status: Any) -> Any:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        "metadata": {"name": name, "namespace": "metallb-system", "labels": labels or {}},
        "spec": {"nodeName": on},
        "status": {"phase": "Running", "conditions": [condition], **status},
    }


def service(name: str = "nginx", *vips: str, policy: str = "Local", **metadata: Any) -> Any:
    ingress = [{"ip": vip, "ipMode": "VIP"} for vip in vips]
    return {
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {"type": "LoadBalancer", "externalTrafficPolicy": policy},
        "status": {"loadBalancer": {"ingress": ingress} if ingress else {}},
    }


def endpoint(name: str, on: str, **conditions: bool) -> Any:
    """Of an EndpointSlice. Without conditions it is ready."""
    known = conditions or {"ready": True, "serving": True, "terminating": False}
    reference = {"kind": "Pod", "name": name, "namespace": "default"}
    return {"addresses": ["10.244.1.2"], "conditions": known, "nodeName": on, "targetRef": reference}


def endpoint_slice(*endpoints: Any, of: str = "nginx", family: str = "IPv4") -> Any:
    labels = {"kubernetes.io/service-name": of, "endpointslice.kubernetes.io/managed-by": "controller"}
    metadata = {"name": f"{of}-x", "namespace": "default", "labels": labels}
    return {"metadata": metadata, "addressType": family, "endpoints": list(endpoints) or None}


def peer(name: str, address: str, *selectors: Any) -> Any:
    spec = {"myASN": 64522, "peerASN": 64512, "peerAddress": address}
    return {"metadata": {"name": name}, "spec": {**spec, **({"nodeSelectors": list(selectors)} if selectors else {})}}


def advertisement(**spec: Any) -> Any:
    return {"metadata": {"name": "k8s"}, "spec": spec}


def bgp_status(on: str, *peers: str, of: str = "nginx") -> Any:
    status = {"node": on, "serviceName": of, "serviceNamespace": "default", "peers": list(peers)}
    return {"metadata": {"generateName": "bgp-"}, "status": status}


def configuration_state(result: str, summary: str | None = None) -> Any:
    return {"status": {"result": result, **({"errorSummary": summary} if summary is not None else {})}}
