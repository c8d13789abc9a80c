"""The options of an FRR router."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from netlab.kinds import forwarding
from netlab.kinds.base import SourceText
from netlab.kinds.bgp import BGP_OR_STARTUP_CONFIG, BgpOptions, bgp_problems
from netlab.kinds.common import OptionModel
from netlab.kinds.forwarding import Forwarding
from netlab.kinds.frr.startup import StartupConfig, parse_startup
from netlab.kinds.hashing import HashOptions
from netlab.kinds.serving import SERVE, Serve, announcing, serve_problems
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.problems import Problems

Paths = Annotated[int, Field(ge=1, le=256)]


class MaximumPaths(OptionModel):
    """How many equal paths go into the routing table, from eBGP and from iBGP."""

    ebgp: Paths | None = Field(
        default=None, description="equal paths from other autonomous systems that go into the routing table"
    )
    ibgp: Paths | None = Field(default=None, description="equal paths from the router's own")


class FamilyPaths(OptionModel):
    """How many equal paths go into the routing table, by IP version: FRR, as most routers, counts each for itself."""

    ipv4: Paths | MaximumPaths | None = Field(default=None, description="of the address family IPv4 unicast")
    ipv6: Paths | MaximumPaths | None = Field(default=None, description="of IPv6 unicast")


class Bgp(BgpOptions):
    """`bgp:` of an FRR router."""

    maximum_paths: Paths | MaximumPaths | FamilyPaths | None = Field(
        default=None,
        description="equal paths that go into the routing table: a number for eBGP, or both, or these by IP version; "
        "left out, FRR's compile-time limit holds",
    )
    multipath_relax: bool = Field(
        default=False, description="paths with different AS paths of one length may share the load"
    )

    def paths(self, version: int) -> MaximumPaths:
        """`maximum-paths` of an IP version's address family."""
        written = self.maximum_paths
        if isinstance(written, FamilyPaths):
            written = written.ipv4 if version == 4 else written.ipv6
        return written if isinstance(written, MaximumPaths) else MaximumPaths(ebgp=written)


class FrrOptions(OptionModel):
    """The keys of a node of kind frr."""

    model_config = ConfigDict(json_schema_extra=BGP_OR_STARTUP_CONFIG)

    bgp: Bgp | None = Field(
        default=None,
        description="BGP. Not together with `startup-config`, a whole `frr.conf`, which FRR itself checks line by line",
    )
    hash: HashOptions | None = Field(default=None, description="how the router's kernel picks one of several next hops")
    forwarding: Forwarding = Field(
        default="per-flow",
        description="`per-packet`: spread packets, not flows, over several next hops, as Linux 3.6 to 4.3 did",
    )
    serve: tuple[Serve, ...] = Field(default=(), description=SERVE)


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
        problems.extend(bgp_problems(node, options.bgp, topology))
    problems.extend(forwarding.problems(node, options.forwarding, options.hash))
    announced = options.bgp is not None or startup_config is not None
    problems.extend(serve_problems(node, options.serve, announced=announced))
    problems.raise_any()
    if options.bgp is not None:
        options = options.model_copy(update={"bgp": announcing(options.bgp, options.serve)})
    return CheckedFrr(options, startup)
