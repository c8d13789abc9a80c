"""Handing a lab's running clusters over to its next deployment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import docker

from netlab.cluster import install
from netlab.cluster.clusters import connected
from netlab.cluster.paths import kubeconfig
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import LabError, NetlabError
from netlab.model.parameters import parameter
from netlab.model.plan import LabPlan
from netlab.runtime.docker import containers, engine
from netlab.runtime.kept import RECORD, Kept, reduce

_TIMEOUT = 15.0  # seconds for the cluster's API


def checked(old: LabPlan, new: LabPlan, url: str) -> LabPlan:
    """The new plan, with its clusters taken from the lab that is there. Changes nothing.

    LabError where one of them does not run, or was made in another way than the new plan's, or is not in that at all.
    """
    there = {cluster.kind_name: cluster for cluster in old.clusters if not cluster.existing}
    taken = tuple(cluster if cluster.existing else replace(cluster, reused=True) for cluster in new.clusters)
    wanted = {cluster.kind_name: cluster for cluster in taken if cluster.reused}
    anew = f"'netlab deploy --reconfigure' makes it anew (lab {new.name})"
    for name, cluster in there.items():
        if name not in wanted:
            mend = "'netlab deploy --reconfigure' replaces the lab with the cluster"
            raise LabError(f"{cluster.name}: the topology and its runtime no longer make kind cluster {name}: {mend}")
    for name, cluster in wanted.items():
        if name not in there:
            raise LabError(f"{cluster.name}: lab {new.name} has no such cluster to reuse: {anew}")
        if _made_of(there[name]) != _made_of(cluster):
            what = "it was made with other nodes, images or pod subnets, or another MetalLB"
            raise LabError(f"{cluster.name}: the running cluster cannot be reused, {what}: {anew}")
    if wanted:
        with engine.connected(url) as client:
            for cluster in wanted.values():
                _must_run(client, cluster, new.name)
    return replace(new, clusters=taken)


def _must_run(client: docker.APIClient, cluster: ClusterPlan, lab: str) -> None:
    running = {found.name for found in containers.of_clusters(client, (cluster.kind_name,)) if found.running}
    dead = sorted({node.container for node in cluster.nodes} - running)
    if dead:
        mend = f"'docker start {dead[0]}' starts it, '{parameter('reconfigure')}' makes the cluster anew (lab {lab})"
        raise LabError(f"{cluster.name}: {dead[0]} does not run, so the cluster cannot be reused: {mend}")


def leave(kept: Kept) -> None:
    """Remove all of a lab but its clusters, from the engine and from its state folder. LabError, HostError."""
    for cluster in kept.plan.clusters:
        if not cluster.existing and cluster.metallb:
            with suppress(NetlabError), connected(kubeconfig(kept.lab.directory, cluster.name), _TIMEOUT) as api:
                install.forget_peers(api, kept.lab.name)  # saves seconds, no more
    (Path(kept.lab.directory) / RECORD).unlink(missing_ok=True)
    with engine.connected(kept.lab.engine) as client:
        containers.remove_lab(client, kept.lab.name, kept.lab.directory, kept.clusters)
    reduce(Path(kept.lab.directory))


def _made_of(cluster: ClusterPlan) -> tuple[object, ...]:
    """What is settled when a cluster is made; the rest is applied again."""
    metallb = cluster.metallb and (cluster.metallb.mode, cluster.metallb.install)
    nodes = tuple((node.machine, node.container, node.control_plane) for node in cluster.nodes)
    return nodes, cluster.pod_subnets, cluster.image, cluster.configuration, metallb
