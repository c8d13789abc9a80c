"""A real Kubernetes cluster, as the plan has it: what kind is asked for, and what MetalLB is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netlab.model.topology import IPAddress

MetallbMode = Literal["native", "frr", "frr-k8s"]


@dataclass(frozen=True)
class ClusterNodePlan:
    """A node of the cluster: a machine of the lab, and a container that kind made."""

    machine: str
    container: str
    """The container's name, which is also the name of the node in Kubernetes."""
    addresses: tuple[IPAddress, ...] = ()
    """On the lab's links, the first of each IP version. Kubernetes itself uses those of kind's own network."""
    control_plane: bool = False


@dataclass(frozen=True)
class BgpPeerPlan:
    """A router that every speaker connects to."""

    address: IPAddress
    asn: int
    multi_hop: bool = False
    dual_stack: bool = False
    """The session carries prefixes of both IP versions, not only of its own."""
    bfd: bool = False


@dataclass(frozen=True)
class MetallbPlan:
    """MetalLB in BGP mode. `install` is false where the cluster has its own, which is left as it is."""

    mode: MetallbMode
    asn: int
    pools: tuple[str, ...]
    """Prefixes and ranges `FIRST-LAST`, in the order of the file."""
    hold_time: int
    """Seconds."""
    avoid_buggy_ips: bool = False
    peers: tuple[BgpPeerPlan, ...] = ()
    install: bool = True


@dataclass(frozen=True)
class WorkloadPlan:
    """A service of type LoadBalancer and the deployment behind it.

    `nodes` are the nodes that its pods run on, evenly, by their names in Kubernetes; `vips` the addresses that it asks
    MetalLB for, one per IP version.
    """

    name: str
    replicas: int
    port: int
    policy: Literal["Cluster", "Local"]
    nodes: tuple[str, ...]
    vips: tuple[IPAddress, ...]
    ip_family_policy: str = "SingleStack"


@dataclass(frozen=True)
class ClusterPlan:
    """A cluster that kind makes for the lab, or somebody else's that the lab is attached to."""

    name: str
    """The node of the topology that it is."""
    kind_name: str
    """What kind calls it."""
    nodes: tuple[ClusterNodePlan, ...]
    pod_subnets: tuple[str, ...]
    metallb: MetallbPlan | None = None
    workloads: tuple[WorkloadPlan, ...] = ()
    image: str | None = None
    """The node image that the user names; None leaves the choice to netlab."""
    configuration: str | None = None
    """The user's own configuration of kind, which netlab adds to; None where netlab makes all of it."""
    images: tuple[str, ...] = ()
    """Images of the engine that its nodes are given."""
    manifests: tuple[str, ...] = ()
    """Absolute paths of the user's manifests, applied in this order."""
    existing: bool = False
    """It is somebody else's: destroying the lab only detaches it."""
    reused: bool = False
    """It is there already, of an earlier deployment of the same lab, which has handed it over."""

    @property
    def control_plane(self) -> ClusterNodePlan:
        """Its (first) control plane."""
        return next(node for node in self.nodes if node.control_plane)

    @property
    def workers(self) -> tuple[ClusterNodePlan, ...]:
        """The nodes that announce."""
        return tuple(node for node in self.nodes if not node.control_plane)

    @property
    def ipv6(self) -> bool:
        """Whether its pods and nodes have IPv6 addresses."""
        return any(":" in subnet for subnet in self.pod_subnets)

    def machine_of(self, container: str) -> str:
        """The machine of the lab that a Kubernetes node is; its own name where it is none of them."""
        return next((node.machine for node in self.nodes if node.container == container), container)
