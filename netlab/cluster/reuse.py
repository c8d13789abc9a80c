"""Handing a lab's running clusters over to its next deployment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netlab.cluster import install
from netlab.cluster.clusters import connected
from netlab.cluster.paths import kubeconfig
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import LabError
from netlab.model.plan import LabPlan
from netlab.runtime.docker import clusters, containers, engine

_TIMEOUT = 15.0  # seconds for the cluster's API


def hand_over(old: LabPlan, new: LabPlan, url: str, directory: Path) -> LabPlan:
    """The new plan, with its clusters taken from the lab that is there; destroying that lab leaves them alone.

    LabError, with nothing changed, where one of them does not run, or was made in another way than the new plan's.
    """
    there = {cluster.kind_name: cluster for cluster in old.clusters if not cluster.existing}
    taken = tuple(cluster if cluster.existing else replace(cluster, reused=True) for cluster in new.clusters)
    mend = f"'netlab deploy --reconfigure' makes it anew (lab {new.name})"
    with engine.connected(url) as client:
        for cluster in taken:
            if not cluster.reused:
                continue
            if cluster.kind_name not in there:
                raise LabError(f"{cluster.name}: lab {new.name} has no such cluster to reuse: {mend}")
            if _made_of(there[cluster.kind_name]) != _made_of(cluster):
                what = "it was made with other nodes, images or pod subnets, or another MetalLB"
                raise LabError(f"{cluster.name}: the running cluster cannot be reused, {what}: {mend}")
            running = {found.name for found in containers.of_clusters(client, (cluster.kind_name,)) if found.running}
            dead = sorted({node.container for node in cluster.nodes} - running)
            if dead:
                mend = f"'netlab repair --lab {new.name}' starts it, '--reconfigure' makes the cluster anew"
                raise LabError(f"{cluster.name}: {dead[0]} does not run, so the cluster cannot be reused: {mend}")
    for cluster in taken:
        if cluster.reused and cluster.metallb:
            with connected(kubeconfig(directory, cluster.name), _TIMEOUT) as api:
                install.forget_peers(api, new.name)
    kept = {cluster.kind_name for cluster in taken}
    clusters.record(directory, tuple(name for name in clusters.recorded(directory) if name not in kept))
    return replace(new, clusters=taken)


def _made_of(cluster: ClusterPlan) -> tuple[object, ...]:
    """What is settled when a cluster is made; the rest is applied again."""
    metallb = cluster.metallb and (cluster.metallb.mode, cluster.metallb.install)
    nodes = tuple((node.machine, node.container, node.control_plane) for node in cluster.nodes)
    return nodes, cluster.pod_subnets, cluster.image, cluster.configuration, metallb
