"""What a real cluster is called, and what of a cluster's options only an emulated one could do."""

from __future__ import annotations

from collections import Counter

from netlab.kinds.base import SourceText
from netlab.kinds.ext_container import KIND_NAME as EXTERNAL
from netlab.kinds.k8s.cluster import KindCluster, placement, worker_names
from netlab.kinds.k8s.options import K8sOptions
from netlab.model.plan import DEFAULT_PREFIX, container_name
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.names import kubernetes_node_name_problem
from netlab.topology.problems import Problems


def kind_cluster(
    node: NodeSpec, topology: Topology, options: K8sOptions, startup_config: SourceText | None, problems: Problems
) -> KindCluster:
    """The real cluster that a node is."""
    machines = (f"{node.name}-control-plane", *worker_names(node.name, options.workers))
    name = _name(node, topology, options, machines)
    cluster = KindCluster(
        name,
        tuple(str(topology.file.parent / written) for written in options.manifests),
        startup_config.text if startup_config and options.existing is None else None,
        existing=options.existing is not None,
    )
    _check_names(node, cluster, machines, topology, problems)
    _check_placement(node, options, problems)
    return cluster


def _name(node: NodeSpec, topology: Topology, options: K8sOptions, machines: tuple[str, ...]) -> str:
    """What kind calls the cluster, so that the container of each machine is called by netlab's rule.

    Where the file names the nodes' containers itself, as rows of kind ext-container, it is called as the node, which is
    containerlab's rule.
    """
    if options.existing is not None:
        return options.existing
    if any(other.kind == EXTERNAL and other.name in machines for other in topology.nodes):
        return node.name
    prefix = DEFAULT_PREFIX if topology.prefix is None else topology.prefix
    return container_name(prefix, topology.lab_name, node.name)


def _check_names(
    node: NodeSpec, cluster: KindCluster, machines: tuple[str, ...], topology: Topology, problems: Problems
) -> None:
    """Every container is called as Kubernetes lets its nodes be called, and is the cluster's alone."""
    containers = {cluster.container(node.name, machine): machine for machine in machines}
    longest = next(iter(containers))
    reason = kubernetes_node_name_problem(longest)
    if reason is not None:
        where = node.options.at("existing") if cluster.existing else node.position
        mend = "name a cluster of kind's" if cluster.existing else "give the lab another name: or prefix:"
        problems.add(f'"{longest}" cannot be the name of a Kubernetes node: {reason}', where, mend)
    for other in topology.nodes:
        rival = other.kind == node.kind and other.name != node.name
        if cluster.existing and rival and other.options.value.get("existing") == cluster.name:
            message = f"{cluster.name} is {other.name}'s cluster too"
            problems.add(message, node.options.at("existing"), "a cluster is one node of a lab")
        machine = containers.get(other.name)
        if other.kind == EXTERNAL and machine not in (None, other.name):
            message = f"{other.name} is the container of {machine}, a node of {node.name}"
            problems.add(message, other.position, f"call it {machine} here")


def _check_placement(node: NodeSpec, options: K8sOptions, problems: Problems) -> None:
    """Kubernetes is told on which nodes a service's pods run, and spreads them evenly over these."""
    names = worker_names(node.name, options.workers)
    for index, service in enumerate(options.services):
        pods = Counter(placement(service, names))
        most, fewest = max(pods.values(), default=0), min(pods.values(), default=0)
        if most - fewest > 1:
            where = node.options.at("services", index, "nodes")
            message = f"{most} pods of {service.name} on one node and {fewest} on another"
            problems.add(message, where, "a real cluster spreads them evenly: name each node once")
