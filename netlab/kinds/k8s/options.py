"""The options of a cluster, as a user writes them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_network
from ipaddress import summarize_address_range as summarize
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from netlab.kinds.common import OptionModel, ServiceName
from netlab.model.cluster import MetallbMode
from netlab.model.plan import Interface, Network
from netlab.topology import patterns
from netlab.topology.keys import written
from netlab.topology.prefixes import NoLengthError, prefix

MAX_WORKERS = 250
MAX_PODS = 1500
"""Of a cluster: every node has rules for every pod."""
MAX_PODS_PER_NODE = {"emulated": 250, "real": 100}
"""By runtime: what fits into a node's /24 of the pod subnet; a real node takes 110 (kubelet), and the cluster's own are
among them."""

Asn = Annotated[int, Field(ge=1, le=4294967294)]


def pool_networks(written: str) -> tuple[Network, ...]:
    """The prefixes of a pool's entry: one, or those that a range `A-B` comes to. ValueError says what is wrong."""
    first, dash, last = written.partition("-")
    if not dash:
        return (_prefix(written),)
    try:
        ends = (ip_address(first.strip()), ip_address(last.strip()))
        return tuple(summarize(*ends))
    except (ValueError, TypeError):
        raise ValueError(f'must be a range from one address to a later one, not "{written}"') from None


def _prefix(written: str) -> Network:
    try:
        return prefix(written)
    except NoLengthError:
        raise
    except ValueError as error:
        if "has host bits set" in str(error):
            raise
        raise ValueError(f'must be a prefix, not "{written}"') from None


def _checked_pool(written: str) -> str:
    pool_networks(written)
    return written


def _checked_prefix(written: str) -> str:
    _prefix(written)
    return written


def _checked_cluster(written: str) -> str:
    if not re.fullmatch(patterns.KIND_CLUSTER, written):
        raise ValueError("must be the name of a kind cluster: a-z, 0-9, - and ., at most 49 characters")
    return written


def _checked_image(written: str) -> str:
    if not re.fullmatch(patterns.IMAGE, written):
        raise ValueError("must be the name of an image, as in quay.io/frrouting/frr:10.4.3")
    return written


PoolText = Annotated[
    str,
    AfterValidator(_checked_pool),
    WithJsonSchema(
        {"type": "string", "pattern": f"{patterns.PREFIX}|{patterns.RANGE}", "title": "prefix or `FIRST-LAST`"}
    ),
]
PrefixText = Annotated[
    str,
    AfterValidator(_checked_prefix),
    WithJsonSchema({"type": "string", "pattern": patterns.PREFIX, "title": "prefix"}),
]
ClusterName = Annotated[str, AfterValidator(_checked_cluster), written(patterns.KIND_CLUSTER, "name")]
ImageName = Annotated[str, AfterValidator(_checked_image), written(patterns.IMAGE, "image")]
FileName = Annotated[str, Field(min_length=1)]
Family = Literal["IPv4", "IPv6"]
VERSIONS: dict[Family, int] = {"IPv4": 4, "IPv6": 6}

NodeAddress = IPv4Interface | IPv6Interface | tuple[IPv4Interface | IPv6Interface, ...]
"""A node's address, or one of each IP version."""


class Addresses(OptionModel):
    """The nodes' addresses on the cluster's link. Whatever is left out is taken from the link's subnet."""

    control_plane: NodeAddress = Field(default=(), description="of the control plane: one, or one of each IP version")
    workers: tuple[NodeAddress, ...] = Field(default=(), description="of the workers, in order, likewise")


def node_addresses(written: NodeAddress) -> tuple[Interface, ...]:
    """All addresses that an entry gives to its node."""
    return written if isinstance(written, tuple) else (written,)


class Peer(OptionModel):
    """A BGP peer of every node's speaker, as in MetalLB's configuration."""

    peer_address: IPv4Address | IPv6Address = Field(description="a router's address, on its far side too")
    peer_asn: Asn = Field(description="its AS")
    my_asn: Asn | None = Field(default=None, description="the same as `metallb`'s `asn`")
    ebgp_multi_hop: bool = Field(
        default=False,
        description="modes `frr` and `frr-k8s`: the peer is in another AS and not on the nodes' subnet (`native` needs "
        "no such word)",
    )
    dual_stack_address_family: bool = Field(
        default=False,
        description="modes `frr` and `frr-k8s`: the session carries prefixes of both IP versions, not only of its own",
    )


class Metallb(OptionModel):
    """MetalLB in BGP mode. Without `peers` every BGP router on the cluster's LAN is one."""

    asn: Asn = Field(description="the speakers' autonomous system")
    pool: PoolText | tuple[PoolText, ...] = Field(
        description="where services take their virtual IP addresses (VIPs) from, in the order of the file; one, or a "
        "list, of IPv4 and IPv6"
    )
    avoid_buggy_ips: bool = Field(default=False, description="no IPv4 VIP ends in .0 or .255")
    mode: MetallbMode = Field(
        default="native",
        description="MetalLB's own speaker, FRR beside it, or FRR in pods of its own; IPv6 and BFD need FRR",
    )
    hold_time: int = Field(
        default=90, ge=3, le=65535, description="of the speakers' sessions, in seconds; the default is MetalLB's"
    )
    bfd: bool = Field(
        default=False,
        description="BFD with every router, whose own `bfd` has to be on too: packets every 300 ms, and three that are "
        "missing end the session; modes `frr` and `frr-k8s`",
    )
    install: bool = Field(
        default=True,
        description="`false`: the cluster has its MetalLB already, or one of `manifests` brings it; a real cluster "
        "alone",
    )
    peers: tuple[Peer, ...] = Field(
        default=(), description="the routers; without it every BGP router on the cluster's LAN is one"
    )

    @property
    def pools(self) -> tuple[Network, ...]:
        """The prefixes of the pool, in the order of the file."""
        entries = (self.pool,) if isinstance(self.pool, str) else self.pool
        return tuple(network for entry in entries for network in pool_networks(entry))


class ServiceOptions(OptionModel):
    """A service of type LoadBalancer and the deployment behind it."""

    name: ServiceName = Field(description="its pods are named after it: `nginx-1`, `nginx-2` ...")
    replicas: int = Field(default=1, ge=0, le=1000, description="pods")
    port: int = Field(default=80, ge=1, le=65535, description="of the VIP and of the pods")
    external_traffic_policy: Literal["Cluster", "Local"] = Field(
        default="Cluster",
        description="`Cluster`: every worker announces and masquerades, to any pod. `Local`: only workers with a pod "
        "announce, to their own pods, which see the client's address",
    )
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] = Field(
        default="SingleStack",
        description="`SingleStack`: one VIP, of the first family. `RequireDualStack`: one of each. `PreferDualStack`: "
        "one of each that the cluster and its pool have",
    )
    ip_families: tuple[Family, ...] = Field(
        default=(), description="the IP versions in the order of the VIPs; left out, the cluster's own"
    )
    nodes: tuple[str, ...] = Field(default=(), description="the workers that the pods run on, in turn; left out, all")


class K8sOptions(OptionModel):
    """The keys of a node of kind k8s."""

    workers: int = Field(default=1, ge=1, le=MAX_WORKERS, description="how many")
    addresses: Addresses = Field(default=Addresses(), description="the nodes' addresses on the cluster's link")
    pod_subnet: PrefixText | tuple[PrefixText, ...] = Field(
        default=(),
        description="at least a /16, of IPv6 a /56, or a list of both, the cluster's own IP version first; each node "
        "takes a /24, of IPv6 a /64. Left out, 10.244.0.0/16 and fd00:10:244::/56, for the IP versions of the pool",
    )
    metallb: Metallb | None = Field(default=None, description="the load balancer; needed for `services`")
    services: tuple[ServiceOptions, ...] = Field(default=(), description="what the cluster serves")
    worker_routes: dict[str, Literal["auto", "none"]] = Field(
        default_factory=dict,
        description="single workers, by name, without the routes back to the clients (`none`), or with (`auto`), "
        "whatever the node's `routes` say",
    )
    existing: ClusterName | None = Field(
        default=None,
        description="the name of a kind cluster that is there already: the lab is attached to it, and destroying the "
        "lab leaves it; a real cluster alone",
    )
    images: tuple[ImageName, ...] = Field(
        default=(), description="images of the engine that the nodes are given; a real cluster alone"
    )
    manifests: tuple[FileName, ...] = Field(
        default=(),
        description="files beside the topology that are applied to the cluster, in order; a real cluster alone",
    )

    @property
    def pod_subnets(self) -> tuple[Network, ...]:
        """A pod subnet per IP version that the cluster has: its own choice, or kind's for the versions of the pool."""
        if self.pod_subnet:
            written = (self.pod_subnet,) if isinstance(self.pod_subnet, str) else self.pod_subnet
            return tuple(ip_network(text) for text in written)
        versions = {pool.version for pool in self.metallb.pools} if self.metallb else {4}
        return tuple(ip_network(DEFAULT_POD_SUBNETS[version]) for version in sorted(versions))


DEFAULT_POD_SUBNETS = {4: "10.244.0.0/16", 6: "fd00:10:244::/56"}
NODE_PREFIX_LENGTH = {4: 24, 6: 64}
"""What each node takes of the pod subnet: kubeadm's node-cidr-mask-size."""
