"""The options of an FRR router."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Literal

from pydantic import Field

from netlab.kinds.base import SourceText
from netlab.kinds.common import OptionModel
from netlab.kinds.frr.startup import StartupConfig, parse_startup
from netlab.kinds.frrouting import HashOptions
from netlab.model.errors import Problem
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.problems import Problems, did_you_mean

Asn = Annotated[int, Field(ge=1, le=4294967294)]
Paths = Annotated[int, Field(ge=1, le=256)]
Description = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/@()+,=-]{0,79}$")]
"""Nothing that vtysh could take for anything but text."""


class Timers(OptionModel):
    """BGP timers in seconds (RFC 4271, section 10). A hold time is 0 or at least 3."""

    keepalive: int | None = Field(default=None, ge=0, le=21845)
    hold: int | None = Field(default=None, ge=0, le=65535)
    connect: int | None = Field(default=None, ge=1, le=65535)


class MaximumPaths(OptionModel):
    """How many equal paths go into the routing table, from eBGP and from iBGP."""

    ebgp: Paths | None = None
    ibgp: Paths | None = None


class Neighbor(OptionModel):
    """A BGP neighbor by `address`, or by `cluster` every worker of that cluster."""

    address: IPv4Address | IPv6Address | None = None
    cluster: str | None = None
    asn: Asn | Literal["external", "internal"] | None = None
    remote_as: Asn | Literal["external", "internal"] | None = None
    description: Description | None = None
    timers: Timers | None = None
    ebgp_multihop: int | None = Field(default=None, ge=1, le=255)
    bfd: bool | None = None
    expect: Literal["up", "down"] = "up"

    @property
    def remote(self) -> int | str | None:
        """The neighbor's AS as written, under either name."""
        return self.asn if self.asn is not None else self.remote_as


class Bgp(OptionModel):
    """`bgp:` of a router."""

    asn: Asn
    router_id: IPv4Address | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    neighbors: tuple[Neighbor, ...] = ()
    maximum_paths: Paths | MaximumPaths | None = None
    multipath_relax: bool = False
    timers: Timers | None = None
    bfd: bool = False


class FrrOptions(OptionModel):
    """The keys of a node of kind frr."""

    bgp: Bgp | None = None
    hash: HashOptions | None = None


@dataclass(frozen=True)
class CheckedFrr:
    """The options, and what its startup-config says where it has one."""

    options: FrrOptions
    startup: StartupConfig | None


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> CheckedFrr:
    """The options of an FRR router. Raises TopologyError with every problem."""
    problems = Problems()
    options, startup = FrrOptions(), None
    with problems.gather():
        options = check_options(FrrOptions, node.options, "a node of kind frr")
    if startup_config is not None:
        if "bgp" in node.options.value:
            problems.add(
                "bgp: and startup-config exclude each other",
                node.options.key_at("bgp"),
                "a startup-config is the router's whole configuration",
            )
        with problems.gather():
            startup = parse_startup(startup_config)
    if options.bgp is not None:
        problems.extend(_bgp_problems(node, options.bgp, topology))
    problems.raise_any()
    return CheckedFrr(options, startup)


def _bgp_problems(node: NodeSpec, bgp: Bgp, topology: Topology) -> list[Problem]:
    found = _timer_problems(node, bgp.timers, ("bgp", "timers"))
    seen: set[IPv4Address | IPv6Address] = set()
    nodes = {other.name for other in topology.nodes}
    for index, neighbor in enumerate(bgp.neighbors):
        path = ("bgp", "neighbors", index)
        where = node.options.at(*path)
        found += _timer_problems(node, neighbor.timers, (*path, "timers"))
        if (neighbor.address is None) == (neighbor.cluster is None):
            found.append(Problem("a neighbor has an address or a cluster", where, "give one of address: and cluster:"))
        elif neighbor.cluster is not None:
            at = node.options.at(*path, "cluster")
            if neighbor.cluster not in nodes:
                message = f'unknown node "{neighbor.cluster}"'
                found.append(Problem(message, at, did_you_mean(neighbor.cluster, nodes)))
            if neighbor.remote is not None:
                found.append(Problem("a cluster's AS is its metallb.asn", where, "remove the neighbor's asn"))
        elif neighbor.address in seen:
            found.append(Problem(f"neighbor {neighbor.address} twice", node.options.at(*path, "address")))
        elif neighbor.remote is None:
            found.append(Problem(f"neighbor {neighbor.address} has no AS", where, "add asn: N"))
        if neighbor.asn is not None and neighbor.remote_as is not None:
            found.append(Problem("asn and remote-as say the same", where, "remove one"))
        if neighbor.address is not None:
            seen.add(neighbor.address)
    return found


def _timer_problems(node: NodeSpec, timers: Timers | None, path: tuple[str | int, ...]) -> list[Problem]:
    if timers is None:
        return []
    found = []
    if (timers.keepalive is None) != (timers.hold is None):
        message = "keepalive and hold come together"
        found.append(Problem(message, node.options.at(*path), "for example keepalive: 3, hold: 9"))
    if timers.hold in (1, 2):
        where = node.options.at(*path, "hold")
        found.append(Problem(f"hold time {timers.hold} s", where, "it is 0 or at least 3 (RFC 4271)"))
    return found
