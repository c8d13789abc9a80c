"""The options of an FRR router."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from netlab.kinds.base import SourceText
from netlab.kinds.common import OptionModel, one_of, together
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

    model_config = ConfigDict(json_schema_extra=together("keepalive", "hold"))

    keepalive: int | None = Field(default=None, ge=0, le=21845, description="between two messages")
    hold: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="without a message until the session is given up: 0 or at least 3",
        json_schema_extra={"not": {"enum": [1, 2]}},
    )
    connect: int | None = Field(default=None, ge=1, le=65535, description="between two attempts to connect")


class MaximumPaths(OptionModel):
    """How many equal paths go into the routing table, from eBGP and from iBGP."""

    ebgp: Paths | None = Field(
        default=None, description="equal paths from other autonomous systems that go into the routing table"
    )
    ibgp: Paths | None = Field(default=None, description="equal paths from the router's own")


class Neighbor(OptionModel):
    """A BGP neighbor by `address`, or by `cluster` every worker of that cluster."""

    model_config = ConfigDict(json_schema_extra=one_of("address", "cluster"))

    address: IPv4Address | IPv6Address | None = Field(
        default=None, description="the neighbor's address; this or `cluster`"
    )
    cluster: str | None = Field(
        default=None,
        description="a node of kind `k8s`: each of its workers is a neighbor, in the AS of its `metallb`",
    )
    asn: Asn | Literal["external", "internal"] | None = Field(default=None, description="the neighbor's AS")
    remote_as: Asn | Literal["external", "internal"] | None = Field(
        default=None, description="another name for `asn`; one of the two"
    )
    description: Description | None = Field(default=None, description="what it is, for `show` commands")
    timers: Timers | None = Field(default=None, description="for this neighbor")
    ebgp_multihop: int | None = Field(default=None, ge=1, le=255, description="hops to a neighbor in another AS")
    bfd: bool | None = Field(default=None, description="over that of `bgp`")
    expect: Literal["up", "down"] = Field(default="up", description="`down`: deploy does not wait for it")

    @property
    def remote(self) -> int | str | None:
        """The neighbor's AS as written, under either name."""
        return self.asn if self.asn is not None else self.remote_as


class Bgp(OptionModel):
    """`bgp:` of a router."""

    asn: Asn = Field(description="the autonomous system")
    router_id: IPv4Address | None = Field(default=None, description="left out, FRR picks one of the router's addresses")
    networks: tuple[IPv4Network | IPv6Network, ...] = Field(default=(), description="prefixes to announce")
    neighbors: tuple[Neighbor, ...] = Field(default=(), description="whom it speaks with")
    maximum_paths: Paths | MaximumPaths | None = Field(
        default=None,
        description="equal paths that go into the routing table: a number for eBGP, or both; left out, FRR's "
        "compile-time limit holds",
    )
    multipath_relax: bool = Field(
        default=False, description="paths with different AS paths of one length may share the load"
    )
    timers: Timers | None = Field(default=None, description="for all neighbors")
    bfd: bool = Field(default=False, description="BFD with all neighbors")


class FrrOptions(OptionModel):
    """The keys of a node of kind frr."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "type": "object",
                "required": ["bgp", "startup-config"],
                "properties": {"startup-config": {"type": "string"}},
            }
        }
    )

    bgp: Bgp | None = Field(
        default=None,
        description="BGP. Not together with `startup-config`, a whole `frr.conf`, which FRR itself checks: a line "
        "that a daemon refuses fails the deploy",
    )
    hash: HashOptions | None = Field(default=None, description="how the router's kernel picks one of several next hops")


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
