"""What a topology file from somewhere else would do on this host: told before it is done."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from netlab.model.cluster import ClusterPlan
from netlab.model.plan import ContainerPlan, LabPlan, Role
from netlab.registry.runtimes import traits


def deeds_from_outside(plan: LabPlan, folder: Path | None) -> tuple[str, ...]:
    """The commands that a lab runs in its nodes and what it opens of the host to them, one sentence each.

    Empty where the topology file, its links followed, lies in `folder` (the working directory) or below it: that is
    the user's own work. None stands for a working directory that is gone. What the kinds themselves run is not told.
    """
    file = Path(plan.topology_file).resolve()
    if folder is not None and file.is_relative_to(folder.resolve()):
        return ()
    told = tuple(dict.fromkeys(_deeds(plan)))  # a cluster's machines share what its node says
    return (f"{file} is not in this folder or below; what it makes the lab do:", *told) if told else ()


def _of_cluster(cluster: ClusterPlan) -> Iterator[str]:
    """What a real cluster is given. Its pods are Kubernetes' own, and may ask for anything of a node."""
    if cluster.existing:
        yield f"is attached to the kind cluster {cluster.kind_name}"
    else:
        settings = " with settings of the file's own" if cluster.configuration is not None else ""
        yield f"is a kind cluster{settings}, in privileged containers, which can change this host"
    yield from (f"gives the cluster the image {image} of this host" for image in cluster.images)
    yield from (f"applies {manifest} to the cluster" for manifest in cluster.manifests)


def _of_container(container: ContainerPlan) -> Iterator[str]:
    """What the engine is asked to open of this host to a container."""
    if container.privileged:
        yield "runs in a privileged container, which can change this host"
    yield from (f"has the device {device} of this host" for device in container.limits.devices)
    yield from (f"has the security option {option}" for option in container.limits.security_options)
    yield from (f"has the capability {name}" for name in container.capabilities)
    if container.existing is not None:
        yield f"is the existing container {container.existing}"
    if container.management:
        yield "has Docker's own network"
    yield from (f"publishes the port {port} on this host" for port in container.ports)


def _deeds(plan: LabPlan) -> Iterator[str]:
    runs_images = traits(plan.runtime).images
    own = {node.container for cluster in plan.clusters for node in cluster.nodes}
    for cluster in plan.clusters:
        yield from (f"{cluster.name} {deed}" for deed in _of_cluster(cluster))
    for node in plan.nodes:
        if node.rootfs:
            yield f"{node.owner} runs the programs of {node.rootfs}"
        if node.role is Role.HOST:  # the processes of the other roles are the kinds' own
            yield from (f"{node.owner} runs from the start on: {shlex.join(p.argv)}" for p in node.processes)
        yield from (f"{node.owner} runs once it is ready: {shlex.join(argv)}" for argv in node.exec)
        if runs_images and node.container.existing not in own:
            yield from (f"{node.owner} {deed}" for deed in _of_container(node.container))
        for bind in node.binds:
            verb = "reads" if bind.read_only else "can write to"
            yield f"{node.owner} {verb} {bind.source} of this host, as {bind.target}"
