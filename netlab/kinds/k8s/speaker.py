"""The workers' BGP speakers, in the place of MetalLB's: whom they talk to, and what they run."""

from __future__ import annotations

from netlab.daemons.frr import running
from netlab.kinds import hashing
from netlab.kinds.base import AddressedLab, AddressedMachine
from netlab.kinds.k8s.cluster import Cluster
from netlab.kinds.k8s.options import Peer
from netlab.kinds.templating import render_template
from netlab.model.cluster import MetallbMode
from netlab.model.plan import Address, FilePlan, ProcessPlan, Role
from netlab.model.topology import NodeSpec

FAMILIES = {4: "IPv4", 6: "IPv6"}
MODES: dict[MetallbMode, str] = {
    "native": "MetalLB",
    "frr": "MetalLB's FRR mode",
    "frr-k8s": "MetalLB's FRR-K8s mode",
}


def find_peers(node: NodeSpec, cluster: Cluster, lab: AddressedLab) -> tuple[tuple[Peer, ...], tuple[str, ...]]:
    """The routers that every speaker connects to, and warnings: those that the file names, or each BGP router on the
    cluster's LAN, by an address of every IP version that the pool has. One that serves VIPs itself is a server."""
    metallb = cluster.options.metallb
    if metallb is None:
        return (), ()
    versions = sorted({network.version for network in metallb.pools})
    peers = metallb.peers
    warnings: list[str] = []
    if peers:
        warnings += _named_peers(node, cluster, lab)
    else:
        segments = sorted({segment for worker in lab.cluster(node.name) for segment in worker.segments()})
        found = {
            address: Peer.model_validate({"peer-address": address, "peer-asn": machine.machine.asn})
            for machine in lab.machines.values()
            if machine.machine.role is Role.ROUTER and machine.machine.asn is not None and not machine.machine.serves
            for segment in segments
            for version in versions
            if (address := machine.address_on(segment, version)) is not None
        }
        peers = tuple(found.values())
    if not peers:
        return (), (f"{node.name}: no router on its LAN speaks BGP, so nothing announces its services to a router",)
    carried = {version for version in (4, 6) for peer in peers if carries(peer, version)}
    warnings += [
        f"{node.name}: no BGP session of its speakers carries {FAMILIES[version]}, so its {FAMILIES[version]} VIPs "
        "are not announced (MetalLB announces a prefix over sessions of its own IP version)"
        for version in cluster.vip_versions
        if version not in carried
    ]
    return peers, tuple(warnings)


def _named_peers(node: NodeSpec, cluster: Cluster, lab: AddressedLab) -> list[str]:
    """What is odd about the peers that the file names."""
    metallb = cluster.options.metallb
    assert metallb is not None
    addresses = {a.ip for machine in lab.machines.values() for port in machine.ports for a in port.addresses}
    own = {
        a.network
        for worker in lab.cluster(node.name)
        for port in worker.ports
        for a in (port.addresses if port.segment is not None else ())
    }
    warnings = []
    for peer in metallb.peers:
        near = any(peer.peer_address.version == net.version and peer.peer_address in net for net in own)
        if peer.peer_address not in addresses:
            warnings.append(f"{node.name}: no machine has MetalLB's peer-address {peer.peer_address}")
        elif metallb.mode != "native" and not near and not peer.ebgp_multi_hop and peer.peer_asn != metallb.asn:
            warnings.append(
                f"{node.name}: {peer.peer_address} is not on the nodes' subnet, and {MODES[metallb.mode]} does not "
                "connect there without ebgp-multi-hop: true"
            )
    return warnings


def carries(peer: Peer, version: int) -> bool:
    """Whether the session with that peer carries prefixes of that IP version."""
    return peer.peer_address.version == version or peer.dual_stack_address_family


def speaker(
    cluster: Cluster, machine: AddressedMachine, peers: tuple[Peer, ...], vips: tuple[Address, ...]
) -> tuple[tuple[FilePlan, ...], tuple[ProcessPlan, ...]]:
    """The files and processes of a worker's speaker, which announces `vips` to `peers`."""
    metallb = cluster.options.metallb
    assert metallb is not None
    native = metallb.mode == "native"
    address = machine.address()
    text = render_template(
        __package__,
        "speaker.conf.j2" if native else "speaker-frr.conf.j2",
        hostname=machine.name,
        address=address,
        router_id=address or hashing.router_id(machine.name),
        asn=metallb.asn,
        hold=metallb.hold_time,
        keepalive=metallb.hold_time // 3,
        peers=peers,
        bfd=metallb.bfd,
        vips=vips,
        families=[
            {
                "name": FAMILIES[version].lower(),
                "ip": "ip" if version == 4 else "ipv6",
                "bits": 32 if version == 4 else 128,
                "vips": [vip for vip in vips if vip.version == version],
                "peers": [peer for peer in peers if carries(peer, version)],
            }
            for version in (4, 6)
        ],
    )
    daemons = ("bgpd",) if native else ("zebra", "bgpd", "bfdd") if metallb.bfd else ("zebra", "bgpd")
    processes = (running.speaker_process(),) if native else running.frr_speaker_processes(bfd=metallb.bfd)
    return running.files(text, daemons), processes
