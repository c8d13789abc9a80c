"""The services of a cluster as the lab knows them: their VIPs, and who is expected to announce them."""

from __future__ import annotations

from netlab.kinds.base import AddressedLab
from netlab.kinds.common import option_error
from netlab.kinds.k8s.cluster import Cluster, ClusterService
from netlab.kinds.k8s.speaker import FAMILIES
from netlab.model.plan import Address, AnnouncerPlan, ServicePlan
from netlab.model.topology import NodeSpec


def service_plans(node: NodeSpec, cluster: Cluster, lab: AddressedLab) -> tuple[ServicePlan, ...]:
    """One for each VIP of each service. A real cluster's name no pods: only Kubernetes knows them."""
    return tuple(
        _service_plan(node, cluster, lab, service, vip) for service in cluster.services for vip in service.vips
    )


def node_address(node: NodeSpec, lab: AddressedLab, name: str, version: int) -> Address:
    """A machine's address of that IP version on the lab's links. Raises TopologyError where it has none."""
    address = lab.machines[name].linked_address(version)
    if address is None:
        kind = "address" if version == 4 else f"{FAMILIES[version]} address"
        hint = "link the cluster to a bridge whose LAN has a subnet, or set addresses:"
        raise option_error(f"{name} has no {kind}", node, hint=hint)
    return address


def silence(cluster: Cluster, service: ClusterService, number: int) -> str | None:
    """Why a worker (counted from 1) does not announce a service; None where it does."""
    if not service.pods:
        return f"service {service.options.name} has no pod"
    here = any(pod.worker == number for pod in service.pods)
    if service.options.external_traffic_policy == "Local" and not here:
        return (
            f"externalTrafficPolicy Local, and no pod of {service.options.name} runs on {cluster.workers[number - 1]}"
        )
    return None


def _service_plan(
    node: NodeSpec, cluster: Cluster, lab: AddressedLab, service: ClusterService, vip: Address
) -> ServicePlan:
    announcers = []
    for number, name in enumerate(cluster.workers, 1):
        reason = silence(cluster, service, number)
        announcers.append(AnnouncerPlan(name, node_address(node, lab, name, vip.version), reason is None, reason or ""))
    return ServicePlan(
        node.name,
        service.options.name,
        vip,
        service.options.port,
        service.options.external_traffic_policy,
        () if cluster.kind else tuple(pod.name for pod in service.pods),
        tuple(announcers),
    )
