"""What the machines of an emulated cluster are made of. A real one is kind_cluster's."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from netlab.kinds import serving
from netlab.kinds.base import AddressedLab, AddressedMachine, Rendered
from netlab.kinds.common import machine_plan
from netlab.kinds.k8s import kind_cluster
from netlab.kinds.k8s.cluster import Cluster, ClusterService, Pod
from netlab.kinds.k8s.expand import POD_INTERFACE, pod_interfaces
from netlab.kinds.k8s.options import Peer
from netlab.kinds.k8s.services import node_address, service_plans, silence
from netlab.kinds.k8s.speaker import MODES, find_peers, speaker
from netlab.kinds.templating import render_template
from netlab.model.plan import (
    Address,
    FilePlan,
    NodePlan,
    ProcessPlan,
    Role,
    RoutePlan,
)
from netlab.model.topology import Key, NodeSpec
from netlab.registry.runtimes import with_traits

KUBE_PROXY = "/run/netlab/kube-proxy.nft"


def render(node: NodeSpec, cluster: Cluster, lab: AddressedLab) -> Rendered:
    """Every machine of the cluster, its services, and what is emulated."""
    if cluster.kind is not None:
        return kind_cluster.render(node, cluster, cluster.kind, lab)
    peers, warnings = find_peers(node, cluster, lab)
    machines = [_control_plane(cluster, lab)]
    machines += [_worker(node, cluster, lab, number, peers) for number in range(1, cluster.options.workers + 1)]
    machines += [_pod(cluster, lab, pod) for pod in cluster.pods]
    routers = tuple(name for name, machine in lab.machines.items() if machine.machine.role is Role.ROUTER)
    plans = tuple(replace(machine, start_after=routers) for machine in machines)
    sentence = (
        f"Kubernetes cluster {node.name}: a network namespace per node, bgpd in the place of {_metallb(cluster)}, "
        "nftables in the place of kube-proxy, a small HTTP server per pod"
    )
    warnings += _not_emulated(node, cluster)
    return Rendered(plans, service_plans(node, cluster, lab), (sentence,), warnings)


def _metallb(cluster: Cluster) -> str:
    options = cluster.options.metallb
    return MODES[options.mode] if options is not None else "MetalLB"


def _not_emulated(node: NodeSpec, cluster: Cluster) -> tuple[str, ...]:
    """A note of the keys that only a real cluster has a use for, so that one file serves both."""
    options = cluster.options
    written: list[tuple[Key, ...]] = [
        (key,)
        for key, value in (
            ("existing", options.existing),
            ("images", options.images),
            ("manifests", options.manifests),
        )
        if value
    ]
    if options.metallb is not None and not options.metallb.install:
        written.append(("metallb", "install"))
    if not written:
        return ()
    keys = ", ".join(".".join(map(str, path)) for path in written)
    real = with_traits(lambda traits: traits.clusters == "real")
    reason = f"{node.name} is emulated; with --runtime {real} it is a real cluster"
    return (f"{node.options.key_at(*written[0])}: not used: {keys} ({reason})",)


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
    if peers:
        services = [service for service in cluster.services if silence(cluster, service, number) is None]
        for version in cluster.vip_versions or cluster.versions:
            node_address(node, lab, machine.name, version)
        config, daemons = speaker(cluster, machine, peers, tuple(vip for service in services for vip in service.vips))
        files, processes = files + config, processes + daemons
    return machine_plan(
        lab,
        machine,
        runs_as=f"emulated Kubernetes node: bgpd for {_metallb(cluster)}, nftables for kube-proxy",
        routes=_pod_routes(cluster, lab, machine, number),
        files=files,
        processes=processes,
    )


def _pod_routes(cluster: Cluster, lab: AddressedLab, machine: AddressedMachine, number: int) -> tuple[RoutePlan, ...]:
    """Its own pods behind their links, the other nodes' pods behind these nodes."""
    interfaces = pod_interfaces(cluster, number)
    own = [
        RoutePlan(ip_network(address), interface=interfaces[pod.name])
        for pod in cluster.pods
        if pod.name in interfaces
        for address in pod.addresses
    ]
    others = []
    for other in sorted({pod.worker for pod in cluster.pods} - {number}):
        neighbour = lab.machines[cluster.workers[other - 1]]
        for network in cluster.pod_networks(other):
            shared = (neighbour.address_on(segment, network.version) for segment in sorted(machine.segments()))
            via = next((address for address in shared if address is not None), None)
            if via is not None and machine.linked_address(network.version) is not None:
                others.append(RoutePlan(network, via=via))
    return (*own, *others)


def _kube_proxy_process() -> ProcessPlan:
    return ProcessPlan("kube-proxy", ("/usr/sbin/nft", "-f", KUBE_PROXY), oneshot=True)


def _kube_proxy(cluster: Cluster, number: int) -> FilePlan:
    families = [
        {
            "ip": "ip" if subnet.version == 4 else "ip6",
            "pod_subnet": subnet,
            "services": [
                _kube_proxy_service(service, vip, number)
                for service in cluster.services
                if (vip := service.vip(subnet.version)) is not None
            ],
        }
        for subnet in cluster.options.pod_subnets
    ]
    text = render_template(__package__, "kube-proxy.nft.j2", families=families)
    return FilePlan(KUBE_PROXY, text)


def _kube_proxy_service(service: ClusterService, vip: Address, number: int) -> dict[str, object]:
    """A VIP as the template takes it. `own` are the pods that a node sends connections from outside to."""
    everywhere = service.options.external_traffic_policy == "Cluster"
    own = [pod for pod in service.pods if everywhere or pod.worker == number]
    return {
        "vip": vip,
        "port": service.options.port,
        "masquerade": everywhere,
        "all": [pod.address(vip.version) for pod in service.pods],
        "own": [pod.address(vip.version) for pod in own],
    }


def _pod(cluster: Cluster, lab: AddressedLab, pod: Pod) -> NodePlan:
    return machine_plan(
        lab,
        lab.machines[pod.name],
        runs_as="HTTP server that answers its pod's name",
        routes=tuple(
            RoutePlan(
                ip_network("0.0.0.0/0" if network.version == 4 else "::/0"),
                via=network.network_address + 1,
                interface=POD_INTERFACE,
                onlink=True,
            )
            for network in cluster.pod_networks(pod.worker)
        ),
        files=(serving.server_file(),),
        processes=(serving.server(lab, pod.name, pod.port),),
    )
