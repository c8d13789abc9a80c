"""What does not fit together in a cluster's options."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from netlab.kinds.base import SourceText
from netlab.kinds.k8s.cluster import Cluster, cluster_of, placement, pool_addresses, service_versions, worker_names
from netlab.kinds.k8s.kind_check import kind_cluster
from netlab.kinds.k8s.kindconfig import read_configuration
from netlab.kinds.k8s.options import (
    MAX_PODS,
    MAX_PODS_PER_NODE,
    MAX_WORKERS,
    NODE_PREFIX_LENGTH,
    VERSIONS,
    K8sOptions,
    Metallb,
    NodeAddress,
    ServiceOptions,
    node_addresses,
)
from netlab.model.topology import Key, NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.names import kubernetes_name_problem
from netlab.topology.problems import Problems, did_you_mean

_BOTH = 2


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> Cluster:
    """The options of a cluster, a real one where the runtime has real ones. Raises TopologyError with every problem."""
    options = check_options(K8sOptions, node.options, "a node of kind k8s")
    problems = Problems()
    reason = kubernetes_name_problem(node.name)
    if reason is not None:
        problems.add(f'"{node.name}" cannot be the name of a cluster', node.position, reason)
    if startup_config is not None:
        with problems.gather():
            found = read_configuration(startup_config)
            options = _with_workers(node, options, found.workers, problems)
            if topology.runtime.clusters == "real" and options.services and not found.workers:
                where = node.startup_config_position or node.position
                problems.add("kind's configuration has no worker for the services", where, "add - role: worker to it")
            options = _with_pod_subnets(node, options, found.pod_subnets, problems)
    _check_addresses(node, options, problems)
    _check_pod_subnets(node, options, problems)
    if options.metallb is not None:
        _check_metallb(node, options.metallb, problems)
    elif options.services:
        where = node.options.key_at("services")
        problems.add("services need metallb: to give them an address", where, "add metallb: {asn: N, pool: PREFIX}")
    _check_services(node, options, MAX_PODS_PER_NODE[topology.runtime.clusters], problems)
    _check_families(node, options, problems)
    kind = None
    if topology.runtime.clusters == "real":
        kind = kind_cluster(node, topology, options, startup_config, problems)
    problems.raise_any()
    return cluster_of(node.name, options, kind)


def _with_workers(node: NodeSpec, options: K8sOptions, found: int, problems: Problems) -> K8sOptions:
    """The options with the workers of kind's own configuration; at least one where the cluster serves anything."""
    if "workers" in options.model_fields_set:
        where = node.options.key_at("workers")
        problems.add("workers: and startup-config exclude each other", where, "the startup-config lists the nodes")
        return options
    if found > MAX_WORKERS:
        where = node.startup_config_position or node.position
        problems.add(f"more than {MAX_WORKERS} workers", where, "give the cluster fewer")
        return options
    return options.model_copy(update={"workers": max(found, 1) if options.services else found})


def _with_pod_subnets(node: NodeSpec, options: K8sOptions, found: tuple[str, ...], problems: Problems) -> K8sOptions:
    """The options with the pod subnets of kind's own configuration, where that has any."""
    if not found:
        return options
    if options.pod_subnet:
        where = node.options.key_at("pod-subnet")
        problems.add("pod-subnet: is in the startup-config too, under networking", where, "write it once")
    return options.model_copy(update={"pod_subnet": found})


def _check_addresses(node: NodeSpec, options: K8sOptions, problems: Problems) -> None:
    given = options.addresses
    extra = len(given.workers) - options.workers
    if extra > 0:
        where = node.options.at("addresses", "workers", options.workers)
        problems.add(f"{len(given.workers)} addresses for {options.workers} workers", where, "raise workers:")
    _check_node(node, given.control_plane, ("addresses", "control-plane"), problems)
    for index, written in enumerate(given.workers):
        _check_node(node, written, ("addresses", "workers", index), problems)
    names = worker_names(node.name, options.workers)
    for name in options.worker_routes:
        if name not in names:
            where = node.options.key_at("worker-routes", name)
            problems.add(f'no worker "{name}"', where, did_you_mean(name, names))


def _check_node(node: NodeSpec, written: NodeAddress, path: tuple[Key, ...], problems: Problems) -> None:
    addresses = node_addresses(written)
    for address in addresses:
        if address.network.prefixlen == address.max_prefixlen:
            usual = 24 if address.version == 4 else 64
            message = f"{address.ip} has no prefix length"
            problems.add(message, node.options.at(*path), f"write {address.ip}/{usual}")
    if len({address.version for address in addresses}) < len(addresses):
        problems.add("a node has one address of each IP version", node.options.at(*path), "give one of them")


def _check_pod_subnets(node: NodeSpec, options: K8sOptions, problems: Problems) -> None:
    where = node.options.at("pod-subnet")
    subnets = options.pod_subnets
    for subnet in subnets:
        if subnet.prefixlen > NODE_PREFIX_LENGTH[subnet.version] - 8:
            each, usual = ("/24", "/16") if subnet.version == 4 else ("/64", "/56")
            problems.add("the pod subnet is too small", where, f"each node takes a {each}: use a {usual}")
    if len({subnet.version for subnet in subnets}) < len(subnets):
        problems.add("a cluster has one pod subnet of each IP version", where, "give one of them")


def _check_metallb(node: NodeSpec, metallb: Metallb, problems: Problems) -> None:
    for index, peer in enumerate(metallb.peers):
        path: tuple[Key, ...] = ("metallb", "peers", index)
        if peer.my_asn not in (None, metallb.asn):
            where = node.options.at(*path, "my-asn")
            problems.add(f"my-asn {peer.my_asn} differs from metallb.asn {metallb.asn}", where, "use one AS")
        if metallb.mode == "native" and peer.peer_address.version == 6:
            where = node.options.at(*path, "peer-address")
            problems.add(f"MetalLB's native mode announces nothing to {peer.peer_address}", where, "set mode: frr")
        for key, value in (
            ("ebgp-multi-hop", peer.ebgp_multi_hop),
            ("dual-stack-address-family", peer.dual_stack_address_family),
        ):
            if metallb.mode == "native" and value:
                problems.add(f"MetalLB's native mode has no {key}", node.options.key_at(*path, key), "set mode: frr")
    doubled = [a for a, n in Counter(peer.peer_address for peer in metallb.peers).items() if n > 1]
    for address in doubled:
        problems.add(f"peer {address} twice", node.options.at("metallb", "peers"), "name each peer once")
    if metallb.mode == "native" and metallb.bfd:
        where = node.options.key_at("metallb", "bfd")
        problems.add("MetalLB's native mode has no BFD", where, "set mode: frr")
    if metallb.mode == "native" and any(network.version == 6 for network in metallb.pools):
        message = "MetalLB's native mode cannot announce IPv6"
        problems.add(message, node.options.at("metallb", "pool"), "set mode: frr, or take the IPv6 prefix out")


def _check_services(node: NodeSpec, options: K8sOptions, most: int, problems: Problems) -> None:
    names = worker_names(node.name, options.workers)
    seen: set[str] = set()
    for index, service in enumerate(options.services):
        if service.name in seen:
            where = node.options.at("services", index, "name")
            problems.add(f'service "{service.name}" twice', where, "give each service its own name")
        seen.add(service.name)
        for place, worker in enumerate(service.nodes):
            if worker not in names:
                where = node.options.at("services", index, "nodes", place)
                problems.add(f'no worker "{worker}"', where, did_you_mean(worker, names))
    total = sum(service.replicas for service in options.services)
    if total > MAX_PODS:
        where = node.options.at("services")
        problems.add(f"{total} pods in one cluster", where, f"a cluster takes {MAX_PODS}: fewer replicas")
        return
    crowded = Counter(worker for service in options.services for worker in placement(service, names))
    for worker, pods in crowded.items():
        if pods > most:
            where = node.options.at("services")
            problems.add(f"{pods} pods on {worker}", where, f"a node takes {most}: add workers")


def _check_families(node: NodeSpec, options: K8sOptions, problems: Problems) -> None:
    """Whether the cluster and the pool have the addresses that every service asks for."""
    metallb = options.metallb
    if metallb is None:
        return
    before = len(problems.sorted())
    for index, service in enumerate(options.services):
        _check_policy(node, index, service, options, problems)
    if len(problems.sorted()) > before:
        return
    for version, family in ((4, "IPv4"), (6, "IPv6")):
        needed = sum(version in service_versions(service, options) for service in options.services)
        room = sum(1 for _ in islice(pool_addresses(metallb, version), needed))
        if room < needed:
            pool = ", ".join(str(network) for network in metallb.pools if network.version == version)
            message = f"the pool {pool} has {room} addresses for {needed} services"
            if not pool:
                message = f"the pool has no {family} address, and {needed} services need one"
            problems.add(message, node.options.at("metallb", "pool"), "use a larger pool")


def _check_policy(node: NodeSpec, index: int, service: ServiceOptions, options: K8sOptions, problems: Problems) -> None:
    path: tuple[Key, ...] = ("services", index)
    families = service.ip_families
    if len(set(families)) < len(families):
        problems.add("an IP family twice", node.options.at(*path, "ip-families"), "name each once")
    if service.ip_family_policy == "SingleStack" and len(families) == _BOTH:
        message = "two IP families, and ip-family-policy is SingleStack, the default"
        hint = "add ip-family-policy: PreferDualStack or RequireDualStack"
        problems.add(message, node.options.at(*path, "ip-families"), hint)
    cluster = {subnet.version for subnet in options.pod_subnets}
    for family in families:
        if VERSIONS[family] not in cluster and service.ip_family_policy != "PreferDualStack":
            message = f"the cluster has no {family}"
            problems.add(message, node.options.at(*path, "ip-families"), "add a pod-subnet and a pool of it")
    if service.ip_family_policy == "RequireDualStack" and len(cluster) < _BOTH:
        where = node.options.at(*path, "ip-family-policy")
        problems.add("the cluster has one IP family", where, "add a pod-subnet and a pool of the other")
    if not service_versions(service, options):
        problems.add(f"no IP family for service {service.name}", node.options.at(*path), "name one that the pool has")
