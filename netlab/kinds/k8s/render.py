"""What the machines of an emulated cluster are made of."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files as package_files
from ipaddress import IPv4Network

from netlab.kinds import frrouting
from netlab.kinds.base import AddressedLab, AddressedMachine, Rendered
from netlab.kinds.common import machine_plan, option_error
from netlab.kinds.k8s.expand import POD_INTERFACE, pod_interfaces
from netlab.kinds.k8s.options import Cluster, ClusterService, Peer, Pod
from netlab.kinds.templating import render_template
from netlab.model.plan import (
    Address,
    AnnouncerPlan,
    FilePlan,
    NodePlan,
    ProcessPlan,
    Role,
    RoutePlan,
    ServicePlan,
)
from netlab.model.topology import NodeSpec

KUBE_PROXY = "/run/netlab/kube-proxy.nft"
POD_SERVER = "/run/netlab/pod.py"


def render(node: NodeSpec, cluster: Cluster, lab: AddressedLab) -> Rendered:
    """Every machine of the cluster, its services, and what is emulated."""
    peers, warnings = _peers(node, cluster, lab)
    machines = [_control_plane(cluster, lab)]
    machines += [_worker(node, cluster, lab, number, peers) for number in range(1, cluster.options.workers + 1)]
    machines += [_pod(cluster, lab, pod) for pod in cluster.pods]
    routers = tuple(name for name, machine in lab.machines.items() if machine.machine.role is Role.ROUTER)
    plans = tuple(replace(machine, start_after=routers) for machine in machines)
    sentence = (
        f"Kubernetes cluster {node.name}: a network namespace per node, bgpd in the place of MetalLB, "
        "nftables in the place of kube-proxy, a small HTTP server per pod"
    )
    services = tuple(_service_plan(node, cluster, lab, service) for service in cluster.services)
    return Rendered(plans, services, (sentence,), warnings)


def _peers(node: NodeSpec, cluster: Cluster, lab: AddressedLab) -> tuple[tuple[Peer, ...], tuple[str, ...]]:
    """The routers that every speaker connects to: those that the file names, or each BGP router on the LAN."""
    metallb = cluster.options.metallb
    if metallb is None:
        return (), ()
    if metallb.peers:
        addresses = {a.ip for machine in lab.machines.values() for port in machine.ports for a in port.addresses}
        unknown = [peer.peer_address for peer in metallb.peers if peer.peer_address not in addresses]
        return metallb.peers, tuple(f"{node.name}: no machine has MetalLB's peer-address {a}" for a in unknown)
    segments = sorted({segment for worker in lab.cluster(node.name) for segment in worker.segments()})
    found = {
        address: Peer.model_validate({"peer-address": address, "peer-asn": machine.machine.asn})
        for machine in lab.machines.values()
        if machine.machine.role is Role.ROUTER and machine.machine.asn is not None
        for segment in segments
        if (address := machine.address_on(segment)) is not None
    }
    if found:
        return tuple(found.values()), ()
    return (), (f"{node.name}: no router on its LAN speaks BGP, so nothing announces its services to a router",)


def _address(node: NodeSpec, lab: AddressedLab, name: str) -> Address:
    address = lab.machines[name].address() if lab.machines[name].segments() else None
    if address is None:
        hint = "link the cluster to a bridge whose LAN has a subnet, or set addresses:"
        raise option_error(f"{name} has no address", node, hint=hint)
    return address


def _control_plane(cluster: Cluster, lab: AddressedLab) -> NodePlan:
    machine = lab.machines[cluster.control_plane]
    return machine_plan(
        lab,
        machine,
        runs_as="Kubernetes control plane's address, without Kubernetes",
        routes=_pod_routes(cluster, lab, machine, 0),
        files=(_kube_proxy(cluster, 0),),
        processes=(_kube_proxy_process(),),
    )


def _worker(node: NodeSpec, cluster: Cluster, lab: AddressedLab, number: int, peers: tuple[Peer, ...]) -> NodePlan:
    machine = lab.machines[cluster.workers[number - 1]]
    files: tuple[FilePlan, ...] = (_kube_proxy(cluster, number),)
    processes: tuple[ProcessPlan, ...] = (_kube_proxy_process(),)
    metallb = cluster.options.metallb
    if metallb is not None and peers:
        config = render_template(
            __package__,
            "speaker.conf.j2",
            hostname=machine.name,
            address=_address(node, lab, machine.name),
            asn=metallb.asn,
            hold=metallb.hold_time,
            keepalive=metallb.hold_time // 3,
            peers=peers,
            vips=[service.vip for service in cluster.services if _silence(cluster, service, number) is None],
        )
        files += frrouting.files(config, ("bgpd",))
        processes += (frrouting.speaker_process(),)
    return machine_plan(
        lab,
        machine,
        runs_as="emulated Kubernetes node: bgpd for MetalLB, nftables for kube-proxy",
        routes=_pod_routes(cluster, lab, machine, number),
        files=files,
        processes=processes,
    )


def _pod_routes(cluster: Cluster, lab: AddressedLab, machine: AddressedMachine, number: int) -> tuple[RoutePlan, ...]:
    """Its own pods behind their links, the other nodes' pods behind these nodes."""
    interfaces = pod_interfaces(cluster, number)
    own = [
        RoutePlan(IPv4Network(pod.address), interface=interfaces[pod.name])
        for pod in cluster.pods
        if pod.name in interfaces
    ]
    others = []
    for other in sorted({pod.worker for pod in cluster.pods} - {number}):
        shared = (
            lab.machines[cluster.workers[other - 1]].address_on(segment) for segment in sorted(machine.segments())
        )
        via = next((address for address in shared if address is not None), None)
        if via is not None:
            others.append(RoutePlan(cluster.pod_network(other), via=via))
    return (*own, *others)


def _kube_proxy_process() -> ProcessPlan:
    return ProcessPlan("kube-proxy", ("/usr/sbin/nft", "-f", KUBE_PROXY), oneshot=True)


def _kube_proxy(cluster: Cluster, number: int) -> FilePlan:
    services = [
        {
            "vip": service.vip,
            "port": service.options.port,
            "masquerade": service.options.external_traffic_policy == "Cluster",
            "all": service.pods,
            "own": service.pods
            if service.options.external_traffic_policy == "Cluster"
            else tuple(pod for pod in service.pods if pod.worker == number),
        }
        for service in cluster.services
    ]
    text = render_template(__package__, "kube-proxy.nft.j2", services=services, pod_subnet=cluster.options.pod_subnet)
    return FilePlan(KUBE_PROXY, text)


def _pod(cluster: Cluster, lab: AddressedLab, pod: Pod) -> NodePlan:
    gateway = cluster.pod_network(pod.worker).network_address + 1
    server = ProcessPlan(
        "http",
        ("/usr/bin/python3", "-I", "-S", POD_SERVER, pod.name, str(pod.port)),
        port=pod.port,
    )
    return machine_plan(
        lab,
        lab.machines[pod.name],
        runs_as="HTTP server that answers its pod's name",
        routes=(RoutePlan(IPv4Network("0.0.0.0/0"), via=gateway, interface=POD_INTERFACE, onlink=True),),
        files=(FilePlan(POD_SERVER, _pod_server()),),
        processes=(server,),
    )


@cache
def _pod_server() -> str:
    return package_files(__package__).joinpath("pod.py").read_text(encoding="utf-8")


def _silence(cluster: Cluster, service: ClusterService, number: int) -> str | None:
    """Why a worker (counted from 1) does not announce a service; None where it does."""
    if not service.pods:
        return f"service {service.options.name} has no pod"
    here = any(pod.worker == number for pod in service.pods)
    if service.options.external_traffic_policy == "Local" and not here:
        return (
            f"externalTrafficPolicy Local, and no pod of {service.options.name} runs on {cluster.workers[number - 1]}"
        )
    return None


def _service_plan(node: NodeSpec, cluster: Cluster, lab: AddressedLab, service: ClusterService) -> ServicePlan:
    announcers = []
    for number, name in enumerate(cluster.workers, 1):
        reason = _silence(cluster, service, number)
        announcers.append(AnnouncerPlan(name, _address(node, lab, name), reason is None, reason or ""))
    return ServicePlan(
        node.name,
        service.options.name,
        service.vip,
        service.options.port,
        service.options.external_traffic_policy,
        tuple(pod.name for pod in service.pods),
        tuple(announcers),
    )
