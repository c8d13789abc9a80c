"""A real cluster, made by kind: its nodes are containers that kind makes, and the lab gives them links.

What they run is Kubernetes' own, so there are no files and no processes here; what MetalLB and the services are told
stands in the ClusterPlan.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from netlab.kinds.base import AddressedLab, AddressedMachine, Rendered
from netlab.kinds.common import machine_plan
from netlab.kinds.k8s.cluster import Cluster, KindCluster
from netlab.kinds.k8s.options import K8sOptions, Metallb, Peer
from netlab.kinds.k8s.services import node_address, service_plans
from netlab.kinds.k8s.speaker import find_peers
from netlab.model.cluster import (
    BgpPeerPlan,
    ClusterNodePlan,
    ClusterPlan,
    MetallbMode,
    MetallbPlan,
    WorkloadPlan,
)
from netlab.model.plan import ContainerPlan, NodePlan, Role, SysctlPlan
from netlab.model.topology import NodeSpec

_SPEAKERS: dict[MetallbMode, str] = {
    "native": "MetalLB",
    "frr": "MetalLB in FRR mode",
    "frr-k8s": "MetalLB in FRR-K8s mode",
}


def render(node: NodeSpec, cluster: Cluster, kind: KindCluster, lab: AddressedLab) -> Rendered:
    """The nodes' links, addresses and routes, and what kind and MetalLB are asked for."""
    options = cluster.options
    peers, warnings = find_peers(node, cluster, lab)
    if peers:
        for worker in cluster.workers:
            for version in cluster.vip_versions or cluster.versions:
                node_address(node, lab, worker, version)
    machines = [lab.machines[name] for name in (cluster.control_plane, *cluster.workers)]
    nodes = tuple(_cluster_node(node, kind, machine) for machine in machines)
    plan = ClusterPlan(
        name=node.name,
        kind_name=kind.name,
        nodes=nodes,
        pod_subnets=tuple(str(subnet) for subnet in options.pod_subnets),
        metallb=_metallb(options.metallb, peers) if options.metallb else None,
        workloads=_workloads(node, cluster, kind),
        image=node.image,
        configuration=kind.configuration,
        images=options.images,
        manifests=kind.manifests,
        existing=kind.existing,
    )
    plans = tuple(_machine(lab, machine, one.container, options) for machine, one in zip(machines, nodes, strict=True))
    return Rendered(plans, service_plans(node, cluster, lab), (), warnings + _not_used(node, options), plan)


def _cluster_node(node: NodeSpec, kind: KindCluster, machine: AddressedMachine) -> ClusterNodePlan:
    addresses = (machine.linked_address(version) for version in (4, 6))
    return ClusterNodePlan(
        machine.name,
        kind.container(node.name, machine.name),
        tuple(address for address in addresses if address is not None),
        control_plane=machine.machine.role is Role.CONTROL_PLANE,
    )


def _machine(lab: AddressedLab, machine: AddressedMachine, container: str, options: K8sOptions) -> NodePlan:
    """Beside its links: no reverse path filter, which kind's nodes have on and which drops what comes in by one router
    and goes out by another. The larger one of `all` and the interface's own counts (ip-sysctl.rst)."""
    runs_as = "Kubernetes control plane (kind)"
    if machine.machine.role is Role.WORKER:
        speaker = f" with {_SPEAKERS[options.metallb.mode]}" if options.metallb else ""
        runs_as = f"Kubernetes node (kind){speaker}"
    # A sysctl's key has no place for the dot of an interface's name. Such a one has what `default` says.
    linked = [port.interface for port in machine.ports if "." not in port.interface]
    return replace(
        machine_plan(lab, machine, runs_as=runs_as),
        files=(),
        sysctls=tuple(SysctlPlan(f"net.ipv4.conf.{name}.rp_filter", "0") for name in ("all", "default", *linked)),
        container=ContainerPlan(existing=container),
    )


def _metallb(options: Metallb, peers: tuple[Peer, ...]) -> MetallbPlan:
    return MetallbPlan(
        mode=options.mode,
        asn=options.asn,
        pools=tuple(
            pool_entry(entry) for entry in ((options.pool,) if isinstance(options.pool, str) else options.pool)
        ),
        hold_time=options.hold_time,
        avoid_buggy_ips=options.avoid_buggy_ips,
        peers=tuple(
            BgpPeerPlan(
                peer.peer_address,
                peer.peer_asn,
                multi_hop=peer.ebgp_multi_hop,
                dual_stack=peer.dual_stack_address_family,
                bfd=options.bfd,
            )
            for peer in peers
        ),
        install=options.install,
    )


def pool_entry(entry: str) -> str:
    """An entry as MetalLB takes it: a prefix with its length, or a range."""
    first, dash, last = entry.partition("-")
    return f"{first.strip()}-{last.strip()}" if dash else str(ip_network(entry))


def _workloads(node: NodeSpec, cluster: Cluster, kind: KindCluster) -> tuple[WorkloadPlan, ...]:
    return tuple(
        WorkloadPlan(
            name=service.options.name,
            replicas=service.options.replicas,
            port=service.options.port,
            policy=service.options.external_traffic_policy,
            nodes=tuple(
                kind.container(node.name, cluster.workers[number - 1])
                for number in dict.fromkeys(pod.worker for pod in service.pods)
            ),
            vips=service.vips,
            ip_family_policy=service.options.ip_family_policy,
        )
        for service in cluster.services
    )


def _not_used(node: NodeSpec, options: K8sOptions) -> tuple[str, ...]:
    """A note of the keys that only whoever makes the containers could honour."""
    said = node.container
    found = {
        "image": options.existing is not None and node.image is not None,
        "binds": bool(node.binds),
        "labels": bool(node.labels),
        "rootfs": node.rootfs is not None,
        "mgmt": said.management,
        "privileged": said.privileged,
        "cap-add": bool(said.capabilities),
        "ports": bool(said.ports),
        "user": said.user is not None,
        "devices": bool(said.limits.devices),
        "tmpfs": bool(said.limits.tmpfs),
        "security-opts": bool(said.limits.security_options),
        "shm-size": said.limits.shm_size is not None,
        "cpu": said.limits.cpus is not None,
        "cpu-set": said.limits.cpu_set is not None,
        "memory": said.limits.memory is not None,
    }
    keys = ", ".join(key for key, written in found.items() if written)
    return (f"{node.position}: {node.name}: not used: {keys} (kind makes its containers)",) if keys else ()
