"""kind's configuration of a cluster: netlab's own, or the user's with what netlab adds to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netlab.model.cluster import ClusterPlan
from netlab.topology.problems import Problems
from netlab.topology.source import parse_text
from netlab.topology.tree import located


@dataclass(frozen=True)
class Surroundings:
    """What the configuration depends on beside the plan."""

    own_pod_network: bool = False
    """The node image has no network plugin of its own, and netlab makes the pod network."""
    cgroup_v1: bool = False
    """The host has version 1 of control groups, which kubelets from 1.35 on refuse unless they are told otherwise."""


def configuration(cluster: ClusterPlan, around: Surroundings) -> str:
    """The text for `kind create cluster --config -`."""
    import yaml

    document = _written(cluster.configuration) if cluster.configuration else {}
    document.setdefault("kind", "Cluster")
    document.setdefault("apiVersion", "kind.x-k8s.io/v1alpha4")
    # kind numbers them in their order, and netlab's plans begin with the control plane.
    nodes = [{"role": "control-plane" if node.control_plane else "worker"} for node in cluster.nodes]
    document.setdefault("nodes", nodes)
    networking = document["networking"] = dict(document.get("networking") or {})
    networking.setdefault("podSubnet", ",".join(cluster.pod_subnets))
    versions = {":" in subnet for subnet in cluster.pod_subnets}
    networking.setdefault("ipFamily", "dual" if len(versions) > 1 else "ipv6" if True in versions else "ipv4")
    if around.own_pod_network:
        networking["disableDefaultCNI"] = True
    if around.cgroup_v1:
        patch = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n"
        document["kubeadmConfigPatches"] = [*(document.get("kubeadmConfigPatches") or ()), patch]
    return str(yaml.safe_dump(document, sort_keys=False))


def _written(configuration: str) -> dict[str, Any]:
    """The user's own, which the plan's check has found to be a mapping, or empty."""
    tree = parse_text(configuration, "kind's configuration", Problems())
    value = None if tree is None else located(tree).value
    return value if isinstance(value, dict) else {}
