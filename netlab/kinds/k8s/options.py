"""The options of a cluster, and the service addresses and pods that follow from them alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Literal

from pydantic import Field

from netlab.kinds.base import SourceText
from netlab.kinds.common import OptionModel
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.problems import Problems, did_you_mean

MAX_WORKERS = 250
MAX_PODS_PER_NODE = 250
"""What fits into a node's /24 of the pod subnet."""

Asn = Annotated[int, Field(ge=1, le=4294967294)]


class Addresses(OptionModel):
    """The nodes' addresses on the cluster's link. Whatever is left out is taken from the link's subnet."""

    control_plane: IPv4Interface | None = Field(default=None, description="of the control plane")
    workers: tuple[IPv4Interface, ...] = Field(default=(), description="of the workers, in order")


class Peer(OptionModel):
    """A BGP peer of every node's speaker, as in MetalLB's configuration."""

    peer_address: IPv4Address = Field(description="a router's address, on its far side too")
    peer_asn: Asn = Field(description="its AS")
    my_asn: Asn | None = Field(default=None, description="the same as `metallb`'s `asn`")


class Metallb(OptionModel):
    """MetalLB in BGP mode. Without `peers` every BGP router on the cluster's LAN is one."""

    asn: Asn = Field(description="the speakers' autonomous system")
    pool: IPv4Network = Field(
        description="the prefix that services take their virtual IP addresses (VIPs) from, in the order of the file"
    )
    avoid_buggy_ips: bool = Field(default=False, description="no VIP ends in .0 or .255")
    mode: Literal["native"] = Field(default="native", description="MetalLB's own speaker")
    hold_time: int = Field(
        default=90, ge=3, le=65535, description="of the speakers' sessions, in seconds; the default is MetalLB's"
    )
    peers: tuple[Peer, ...] = Field(
        default=(), description="the routers; without it every BGP router on the cluster's LAN is one"
    )


class ServiceOptions(OptionModel):
    """A service of type LoadBalancer and the deployment behind it."""

    name: Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$")] = Field(
        description="its pods are named after it: `nginx-1`, `nginx-2` ..."
    )
    replicas: int = Field(default=1, ge=0, le=1000, description="pods")
    port: int = Field(default=80, ge=1, le=65535, description="of the VIP and of the pods")
    external_traffic_policy: Literal["Cluster", "Local"] = Field(
        default="Cluster",
        description="`Cluster`: every worker announces and masquerades, to any pod. `Local`: only workers with a pod "
        "announce, to their own pods, which see the client's address",
    )
    nodes: tuple[str, ...] = Field(default=(), description="the workers that the pods run on, in turn; left out, all")


class K8sOptions(OptionModel):
    """The keys of a node of kind k8s."""

    workers: int = Field(default=1, ge=1, le=MAX_WORKERS, description="how many")
    addresses: Addresses = Field(default=Addresses(), description="the nodes' addresses on the cluster's link")
    pod_subnet: IPv4Network = Field(
        default=IPv4Network("10.244.0.0/16"), description="at least a /16; each node takes a /24 of it"
    )
    metallb: Metallb | None = Field(default=None, description="the load balancer; needed for `services`")
    services: tuple[ServiceOptions, ...] = Field(default=(), description="what the cluster serves")
    worker_routes: dict[str, Literal["auto", "none"]] = Field(
        default_factory=dict,
        description="single workers, by name, without the routes back to the clients (`none`), or with (`auto`), "
        "whatever the node's `routes` say",
    )


@dataclass(frozen=True)
class Pod:
    """A pod and where it runs. `worker` counts from 1, as does `index`, its place on that worker."""

    name: str
    service: str
    port: int
    worker: int
    address: IPv4Address


@dataclass(frozen=True)
class ClusterService:
    """A service with its virtual IP and its pods."""

    options: ServiceOptions
    vip: IPv4Address
    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Cluster:
    """The options and what they come to."""

    name: str
    options: K8sOptions
    services: tuple[ClusterService, ...]

    @property
    def control_plane(self) -> str:
        """The name of the control plane's machine."""
        return f"{self.name}-control-plane"

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of the workers' machines: k8s-worker, k8s-worker2, ..."""
        return worker_names(self.name, self.options.workers)

    @property
    def pods(self) -> tuple[Pod, ...]:
        """Every pod of the cluster."""
        return tuple(pod for service in self.services for pod in service.pods)

    def pod_network(self, worker: int) -> IPv4Network:
        """The pod subnet's part of a worker (which counts from 1; 0 is the control plane's)."""
        return pod_network(self.options.pod_subnet, worker)


def worker_names(cluster: str, count: int) -> tuple[str, ...]:
    """The names that kind gives to a cluster's workers."""
    return tuple(f"{cluster}-worker{number if number > 1 else ''}" for number in range(1, count + 1))


def pod_network(subnet: IPv4Network, worker: int) -> IPv4Network:
    """The /24 of the pod subnet that a node's pods are in."""
    return IPv4Network((int(subnet.network_address) + worker * 256, 24))


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> Cluster:  # noqa: ARG001
    """The options of a cluster. Raises TopologyError with every problem."""
    options = check_options(K8sOptions, node.options, "a node of kind k8s")
    problems = Problems()
    _check_addresses(node, options, problems)
    _check_metallb(node, options, problems)
    _check_services(node, options, problems)
    problems.raise_any()
    return Cluster(node.name, options, _services(node, options))


def _check_addresses(node: NodeSpec, options: K8sOptions, problems: Problems) -> None:
    given = options.addresses
    extra = len(given.workers) - options.workers
    if extra > 0:
        where = node.options.at("addresses", "workers", options.workers)
        problems.add(f"{len(given.workers)} addresses for {options.workers} workers", where, "raise workers:")
    places = [(given.control_plane, ("addresses", "control-plane"))] if given.control_plane else []
    for index, address in enumerate(given.workers):
        places.append((address, ("addresses", "workers", index)))  # type: ignore[arg-type]
    for address, path in places:
        if address is not None and address.network.prefixlen == 32:
            problems.add(f"{address.ip} has no prefix length", node.options.at(*path), f"write {address.ip}/24")
    if options.pod_subnet.prefixlen > 16:
        problems.add("the pod subnet is too small", node.options.at("pod-subnet"), "each node takes a /24: use a /16")
    names = worker_names(node.name, options.workers)
    for name in options.worker_routes:
        if name not in names:
            where = node.options.key_at("worker-routes", name)
            problems.add(f'no worker "{name}"', where, did_you_mean(name, names))


def _check_metallb(node: NodeSpec, options: K8sOptions, problems: Problems) -> None:
    metallb = options.metallb
    if metallb is None:
        if options.services:
            where = node.options.key_at("services")
            problems.add("services need metallb: to give them an address", where, "add metallb: {asn: N, pool: PREFIX}")
        return
    for index, peer in enumerate(metallb.peers):
        if peer.my_asn not in (None, metallb.asn):
            where = node.options.at("metallb", "peers", index, "my-asn")
            problems.add(f"my-asn {peer.my_asn} differs from metallb.asn {metallb.asn}", where, "use one AS")
    doubled = [a for a, n in Counter(peer.peer_address for peer in metallb.peers).items() if n > 1]
    for address in doubled:
        problems.add(f"peer {address} twice", node.options.at("metallb", "peers"), "name each peer once")


def _check_services(node: NodeSpec, options: K8sOptions, problems: Problems) -> None:
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
    crowded = Counter(worker for service in options.services for worker in _placement(service, names))
    for worker, pods in crowded.items():
        if pods > MAX_PODS_PER_NODE:
            where = node.options.at("services")
            problems.add(f"{pods} pods on {worker}", where, f"a node takes {MAX_PODS_PER_NODE}: add workers")
    if options.metallb is not None:
        room = sum(1 for _, _ in zip(options.services, _pool(options.metallb), strict=False))
        if room < len(options.services):
            message = f"the pool {options.metallb.pool} has {room} addresses for {len(options.services)} services"
            problems.add(message, node.options.at("metallb", "pool"), "use a larger pool")


def _pool(metallb: Metallb) -> Iterator[IPv4Address]:
    """The pool's addresses as MetalLB hands them out: all of the prefix; .0 and .255 only if they may be buggy."""
    for address in metallb.pool:
        if not (metallb.avoid_buggy_ips and address.packed[3] in (0, 255)):
            yield address


def _placement(service: ServiceOptions, workers: tuple[str, ...]) -> Iterator[str]:
    """The worker of each pod: in turn, over all workers or those that the service names."""
    places = service.nodes or workers
    for index in range(service.replicas):
        yield places[index % len(places)]


def _services(node: NodeSpec, options: K8sOptions) -> tuple[ClusterService, ...]:
    if options.metallb is None:
        return ()
    names = worker_names(node.name, options.workers)
    count: Counter[str] = Counter()
    services = []
    for service, vip in zip(options.services, _pool(options.metallb), strict=False):
        pods = []
        for index, worker in enumerate(_placement(service, names), 1):
            number = names.index(worker) + 1
            # .1 is the node's own address on its pods' links, .2 its first pod's, as in a cluster with a bridge plugin.
            address = pod_network(options.pod_subnet, number).network_address + 2 + count[worker]
            count[worker] += 1
            pods.append(Pod(f"{service.name}-{index}", service.name, service.port, number, address))
        services.append(ClusterService(service, vip, tuple(pods)))
    return tuple(services)
