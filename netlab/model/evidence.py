"""What was seen: read from the kernel, a daemon or the wire, and saved as it is. No conclusions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netlab.model.topology import Expect

SCHEMA = 1


@dataclass(frozen=True)
class BgpSession:
    """A BGP session as the router reports it. `state` as in RFC 4271: Idle, Connect, ..., Established."""

    neighbor: str
    remote_asn: int
    state: str
    expect_down: bool = False


@dataclass(frozen=True)
class BgpPath:
    """A path to the VIP's prefix in the router's BGP table."""

    next_hop: str
    """Where packets go: of IPv6's two next hops, global and link-local (RFC 2545), the one in use."""
    neighbor: str
    as_path: tuple[int, ...]
    origin: str
    valid: bool
    best: bool
    multipath: bool
    """Chosen for forwarding beside, or as, the best path."""
    local_pref: int | None = None
    med: int | None = None
    weight: int | None = None
    igp_metric: int | None = None
    """The metric of the route to the next hop."""
    global_next_hop: str | None = None
    """Where `next_hop` is link-local: the global address that came with it."""


@dataclass(frozen=True)
class BgpEvidence:
    """The router's BGP process and its view of the VIP.

    `maximum_paths` and `maximum_paths_ibgp` are what the running configuration says for the VIP's address family; None
    where it says nothing, so that the daemon's own default holds (FRR: its compile-time limit). BIRD has neither: its
    kernel protocol merges equal paths, or does not.
    """

    local_asn: int
    maximum_paths: int | None
    maximum_paths_ibgp: int | None
    multipath_relax: bool
    sessions: tuple[BgpSession, ...]
    prefix: str | None
    paths: tuple[BgpPath, ...]
    daemon: str = "frr"
    """Whose knobs these are (netlab.daemons)."""


@dataclass(frozen=True)
class RibNextHop:
    """A next hop of the routing daemon's route to the VIP."""

    address: str
    interface: str
    active: bool
    fib: bool


@dataclass(frozen=True)
class FibNextHop:
    """A next hop in the kernel. `weight` counts from 1."""

    address: str
    interface: str
    weight: int = 1


@dataclass(frozen=True)
class FibRoute:
    """The kernel's route to the VIP.

    `group` is the id of its next-hop object (or group), `group_type` is mpath or resilient.
    """

    prefix: str
    protocol: str
    next_hops: tuple[FibNextHop, ...]
    group: int | None = None
    group_type: str | None = None


@dataclass(frozen=True)
class ArpEntry:
    """An entry of the kernel's ARP or ND cache, as `ip neighbour` lists it. `state`: REACHABLE, STALE, FAILED, ..."""

    address: str
    interface: str
    mac: str | None
    state: str


@dataclass(frozen=True)
class HashSettings:
    """fib_multipath_hash_* for the VIP's IP version. None where the kernel has no such setting."""

    policy: int
    fields: int | None
    seed: int | None


@dataclass(frozen=True)
class SegmentCount:
    """Client-to-VIP segments of one flow seen leaving the router by one interface to one MAC address."""

    interface: str
    mac: str
    next_hop: str | None
    """The next hop that the MAC belongs to by the router's neighbour table; None where it is not there."""
    count: int


@dataclass(frozen=True)
class FlowEvidence:
    """One TCP connection from the client: an HTTP GET from its own source port."""

    source: str
    source_port: int
    answered: bool
    error: str | None
    pod: str | None
    client_seen: str | None
    """The client address that the pod or node saw."""
    retransmissions: int
    """TCP_INFO tcpi_total_retrans of the client's socket when it was closed."""
    predicted: str | None
    """The next hop that RTM_GETROUTE names for this 5-tuple. For IPv6 under hash policy 3, which that look-up hashes in
    another way than forwarding does, what forwarding makes of its answer; None where that cannot be known."""
    segments: tuple[SegmentCount, ...]
    arrived: bool | None = None
    """Whether its SYN was seen coming in at the router; None in evidence of before that was looked at."""


@dataclass(frozen=True)
class Announcer:
    """A node that may announce the VIP: of a cluster, or one that holds it itself.

    `reason` says why it does not, where that is known: why it is not expected to, or, where it is, what keeps it from
    that by what its cluster says.
    """

    node: str
    address: str
    expected: bool
    reason: str = ""


@dataclass(frozen=True)
class PodInfo:
    """A pod behind the VIP and the cluster node that it runs on; or a node that holds the VIP, which is both."""

    name: str
    node: str


@dataclass(frozen=True)
class ClusterNodeEvidence:
    """What Kubernetes and MetalLB say of one node and one service."""

    node: str
    """The name of its machine in the lab."""
    ready_endpoints: int
    """The service's pods on it that are ready."""
    speaker: Literal["ready", "not ready", "absent"]
    """MetalLB's speaker pod."""
    excluded: bool = False
    """It has the label node.kubernetes.io/exclude-from-external-load-balancers, so MetalLB announces nothing on it."""
    selected: bool = True
    """The nodeSelectors of MetalLB's BGPPeers and BGPAdvertisements choose it."""
    peers: tuple[str, ...] | None = None
    """The BGP peers to which MetalLB says that it announces the service here (ServiceBGPStatus); None where its version
    does not say."""
    unready_endpoints: int = 0
    """The service's pods on it that are not ready."""
    kubernetes_name: str = ""
    """What Kubernetes calls it, where that is not `node`."""


@dataclass(frozen=True)
class ClusterEvidence:
    """What Kubernetes and MetalLB say of a service, or what stands for it in an emulated cluster."""

    cluster: str
    service: str
    policy: Literal["Cluster", "Local"]
    """externalTrafficPolicy."""
    nodes: tuple[ClusterNodeEvidence, ...]
    configuration: str | None = None
    """Why MetalLB refuses its configuration (ConfigurationState); None where it does not, or does not say."""
    emulated: bool = False
    """The lab's own emulation: what stands here is known from the plan, and there is no API to ask."""
    unknown: str | None = None
    """Why the cluster could not be asked; there are no `nodes` then, and `policy` is the topology's."""

    @property
    def ready_endpoints(self) -> int:
        """The service's pods that are ready."""
        return sum(node.ready_endpoints for node in self.nodes)

    @property
    def endpoints(self) -> int:
        """The service's pods on any node, ready or not."""
        return self.ready_endpoints + sum(node.unready_endpoints for node in self.nodes)

    def find(self, node: str) -> ClusterNodeEvidence | None:
        """What is said of the node that is this machine."""
        return next((found for found in self.nodes if found.node == node), None)


@dataclass(frozen=True)
class ServiceFacts:
    """A cluster's service behind one VIP as it is now: what the cluster says of it, and its pods."""

    cluster: ClusterEvidence
    pods: tuple[PodInfo, ...]


@dataclass(frozen=True)
class RouterEvidence:
    """Everything seen about one router and one VIP."""

    router: str
    kind: str
    runs_as: str
    client: str
    vip: str
    port: int
    expected: Expect
    announcers: tuple[Announcer, ...]
    pods: tuple[PodInfo, ...]
    bgp: BgpEvidence | None
    rib: tuple[RibNextHop, ...]
    fib_before: FibRoute | None
    fib_after: FibRoute | None
    neighbours_before: tuple[ArpEntry, ...]
    neighbours_after: tuple[ArpEntry, ...]
    hash: HashSettings
    flows: tuple[FlowEvidence, ...]
    capture_packets: int
    capture_drops: int
    one_kernel: bool = True
    """All machines share one kernel, so hash policy 1 sees the sender's socket hash instead of the 5-tuple."""
    forwarding: Literal["per-flow", "per-packet"] = "per-flow"
    """What the topology has the router spread over its next hops."""
    old_kernel: str | None = None
    """Of a configuration written for another kernel: what that kernel did with several next hops."""
    cluster: ClusterEvidence | None = None
    """Of a cluster's service."""

    @property
    def anycast(self) -> bool:
        """Whether the nodes hold the VIP and answer themselves, without a cluster's pods behind them."""
        return bool(self.pods) and all(pod.name == pod.node for pod in self.pods)


@dataclass(frozen=True)
class Evidence:
    """What one run of ecmp-check saw. A file that `netlab judge` reads on any machine."""

    lab: str
    runtime: str
    emulated: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    seed: int
    taken: str
    """RFC 3339, UTC."""
    routers: tuple[RouterEvidence, ...]
    schema: int = SCHEMA
