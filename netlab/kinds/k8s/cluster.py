"""What follows from a cluster's options alone: its pods and where they run, their addresses, the services' VIPs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.kinds.k8s.options import NODE_PREFIX_LENGTH, VERSIONS, K8sOptions, Metallb, ServiceOptions
from netlab.model.plan import Address, Network


@dataclass(frozen=True)
class Pod:
    """A pod and where it runs. `worker` counts from 1. It has an address of every IP version of the cluster."""

    name: str
    service: str
    port: int
    worker: int
    addresses: tuple[Address, ...]

    def address(self, version: int) -> Address:
        """Its address of that IP version, which the cluster must have."""
        return next(address for address in self.addresses if address.version == version)


@dataclass(frozen=True)
class ClusterService:
    """A service with its virtual IPs, one per IP version that it has, and its pods."""

    options: ServiceOptions
    vips: tuple[Address, ...]
    pods: tuple[Pod, ...]

    def vip(self, version: int) -> Address | None:
        """Its virtual IP of that IP version."""
        return next((vip for vip in self.vips if vip.version == version), None)


@dataclass(frozen=True)
class KindCluster:
    """What is known of a real cluster before anything has an address."""

    name: str
    """What kind calls it; its nodes' containers are called after it."""
    manifests: tuple[str, ...] = ()
    """Absolute paths."""
    configuration: str | None = None
    """The user's own, as kind takes it."""
    existing: bool = False
    """It is somebody else's."""

    def container(self, node: str, machine: str) -> str:
        """The container, and the Kubernetes node, that a machine of the node's cluster is."""
        return self.name + machine.removeprefix(node)


@dataclass(frozen=True)
class Cluster:
    """The options and what they come to."""

    name: str
    options: K8sOptions
    services: tuple[ClusterService, ...]
    kind: KindCluster | None = None
    """None for an emulated cluster."""

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
        """The pods that are machines of the lab: none of a real cluster, which makes and names them itself."""
        return () if self.kind else tuple(pod for service in self.services for pod in service.pods)

    @property
    def vip_versions(self) -> tuple[int, ...]:
        """The IP versions that its services have VIPs of."""
        return tuple(sorted({vip.version for service in self.services for vip in service.vips}))

    @property
    def versions(self) -> tuple[int, ...]:
        """Its IP versions, the first one first."""
        return tuple(subnet.version for subnet in self.options.pod_subnets)

    def pod_networks(self, worker: int) -> tuple[Network, ...]:
        """The pod subnets' parts of a worker (which counts from 1; 0 is the control plane's)."""
        return tuple(pod_network(subnet, worker) for subnet in self.options.pod_subnets)


@cache
def worker_names(cluster: str, count: int) -> tuple[str, ...]:
    """The names that kind gives to a cluster's workers."""
    return tuple(f"{cluster}-worker{number if number > 1 else ''}" for number in range(1, count + 1))


def pod_network(subnet: Network, worker: int) -> Network:
    """The part of the pod subnet that a node's pods are in: a /24, of IPv6 a /64."""
    length = NODE_PREFIX_LENGTH[subnet.version]
    start = int(subnet.network_address) + (worker << (subnet.max_prefixlen - length))
    return IPv4Network((start, length)) if subnet.version == 4 else IPv6Network((start, length))


def pool_addresses(metallb: Metallb, version: int) -> Iterator[IPv4Address | IPv6Address]:
    """The pool's addresses as MetalLB hands them out: all of it; IPv4's .0 and .255 only if they may be buggy."""
    for network in metallb.pools:
        for address in network if network.version == version else ():
            if not (version == 4 and metallb.avoid_buggy_ips and address.packed[3] in (0, 255)):
                yield address


def placement(service: ServiceOptions, workers: tuple[str, ...]) -> Iterator[str]:
    """The worker of each pod: in turn, over all workers or those that the service names."""
    places = service.nodes or workers
    for index in range(service.replicas):
        yield places[index % len(places)]


def service_versions(service: ServiceOptions, options: K8sOptions) -> tuple[int, ...]:
    """The IP versions of a service's VIPs in their order, by Kubernetes's rules for ipFamilies and ipFamilyPolicy.

    The first is the one that the service or else the cluster names first. PreferDualStack takes what the cluster and
    its pool have. Empty where the cluster has none that fits.
    """
    cluster = tuple(subnet.version for subnet in options.pod_subnets)
    named = tuple(VERSIONS[family] for family in service.ip_families)
    wanted = tuple(dict.fromkeys((*named, *cluster)))
    if service.ip_family_policy == "SingleStack":
        return tuple(version for version in wanted[:1] if version in cluster)
    pools = {network.version for network in options.metallb.pools} if options.metallb else set()
    optional = service.ip_family_policy == "PreferDualStack"
    return tuple(version for version in wanted if version in cluster and (version in pools or not optional))


def cluster_of(name: str, options: K8sOptions, kind: KindCluster | None = None) -> Cluster:
    """The cluster that checked options describe; with `kind`, a real one."""
    if options.metallb is None:
        return Cluster(name, options, (), kind)
    names = worker_names(name, options.workers)
    pools = {version: pool_addresses(options.metallb, version) for version in (4, 6)}
    count: Counter[str] = Counter()
    services = []
    for service in options.services:
        pods = []
        for index, worker in enumerate(placement(service, names), 1):
            number = names.index(worker) + 1
            # .1 is the node's own address on its pods' links, .2 its first pod's, as in a cluster with a bridge plugin.
            addresses = tuple(
                pod_network(subnet, number).network_address + 2 + count[worker] for subnet in options.pod_subnets
            )
            count[worker] += 1
            pods.append(Pod(f"{service.name}-{index}", service.name, service.port, number, addresses))
        vips = tuple(next(pools[version]) for version in service_versions(service, options))
        services.append(ClusterService(service, vips, tuple(pods)))
    return Cluster(name, options, tuple(services), kind)
