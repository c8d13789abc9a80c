"""The machines of a cluster and the links between nodes and pods."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface

from netlab.kinds.base import Expansion, GivenAddress, Machine, Pool
from netlab.kinds.common import interface_name
from netlab.kinds.k8s.cluster import Cluster
from netlab.kinds.k8s.options import node_addresses
from netlab.model.plan import Address, Interface, LinkEnd, LinkPlan, Role
from netlab.model.topology import NodeSpec

POD_INTERFACE = "eth0"
KINDS_INTERFACES = ("eth0",)
"""What a container of kind's has by itself: its place on kind's own network."""


def expand(node: NodeSpec, cluster: Cluster) -> Expansion:
    """A control plane, the workers and, of an emulated cluster, their pods."""
    options = cluster.options
    workers = tuple(_worker(node, cluster, number) for number in range(1, options.workers + 1))
    pods = tuple(
        Machine(
            pod.name,
            Role.POD,
            tuple(GivenAddress(POD_INTERFACE, _alone(address), node.position) for address in pod.addresses),
            linked=False,
            routes=False,
            node=cluster.workers[pod.worker - 1],
        )
        for pod in cluster.pods
    )
    links = tuple(
        LinkPlan(LinkEnd(cluster.workers[number - 1], interface), LinkEnd(pod, POD_INTERFACE))
        for number in range(1, options.workers + 1)
        for pod, interface in pod_interfaces(cluster, number).items()
    )
    metallb = options.metallb
    return Expansion(
        (_control_plane(node, cluster), *workers, *pods),
        links,
        private=options.pod_subnets if cluster.kind or cluster.pods else (),
        pools=tuple(Pool(pool, node.options.at("metallb", "pool")) for pool in metallb.pools) if metallb else (),
    )


def pod_interfaces(cluster: Cluster, worker: int) -> dict[str, str]:
    """The worker's interface to each of its pods, by the pod's name."""
    names: dict[str, str] = {}
    for pod in cluster.pods:
        if pod.worker == worker:
            names[pod.name] = interface_name(f"veth-{pod.name}", names.values())
    return names


def _control_plane(node: NodeSpec, cluster: Cluster) -> Machine:
    where = node.options.at("addresses", "control-plane")
    written = node_addresses(cluster.options.addresses.control_plane)
    given = tuple(GivenAddress(None, address, where) for address in written)
    taken = KINDS_INTERFACES if cluster.kind else ()
    return Machine(cluster.control_plane, Role.CONTROL_PLANE, given, allocate=True, taken_interfaces=taken)


def _worker(node: NodeSpec, cluster: Cluster, number: int) -> Machine:
    options = cluster.options
    name = cluster.workers[number - 1]
    where = node.options.at("addresses", "workers", number - 1)
    written = options.addresses.workers[number - 1 : number]
    given = [GivenAddress(None, address, where) for entry in written for address in node_addresses(entry)]
    given += [
        GivenAddress(interface, _alone(network.network_address + 1), node.position)
        for interface in pod_interfaces(cluster, number).values()
        for network in cluster.pod_networks(number)
    ]
    override = options.worker_routes.get(name)
    return Machine(
        name,
        Role.WORKER,
        tuple(given),
        asn=options.metallb.asn if options.metallb else None,
        bfd=options.metallb.bfd if options.metallb else None,
        taken_interfaces=KINDS_INTERFACES if cluster.kind else (),
        allocate=True,
        routes=None if override is None else override == "auto",
    )


def _alone(address: Address) -> Interface:
    """The address with no subnet: a pod's link holds two addresses, and routes lead to them."""
    return IPv4Interface((address, 32)) if address.version == 4 else IPv6Interface((address, 128))
