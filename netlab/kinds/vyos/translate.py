"""VyOS to FRR, with the defaults of the daemons that the version ran said out loud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netlab.kinds.vyos.bgp import Bgp, bgp_lines, find_bgp, neighbor_plans
from netlab.kinds.vyos.config import VyosConfig
from netlab.kinds.vyos.lines import ConfigLine, Row, write
from netlab.kinds.vyos.peers import check_peers
from netlab.kinds.vyos.policy import check_references, policy
from netlab.kinds.vyos.static import bfd, interfaces, static_routes
from netlab.kinds.vyos.tree import ConfigNode
from netlab.model.errors import Position
from netlab.model.plan import NeighborPlan
from netlab.topology.problems import Problems


@dataclass(frozen=True)
class Translation:
    """An FRR configuration, and what it says of BGP and of the kernel."""

    lines: tuple[ConfigLine, ...]
    asn: int | None
    neighbors: tuple[NeighborPlan, ...]
    layer4: frozenset[int]
    """The IP versions whose next hops are chosen by ports too (`multipath layer4-hashing`)."""
    use_neigh: bool
    """Whether next hops that do not answer are left out (`ignore-unreachable-nexthops`)."""
    warnings: tuple[str, ...]

    @property
    def text(self) -> str:
        """The configuration file."""
        return "".join(f"{line.text}\n" for line in self.lines)


def translate(config: VyosConfig, version: str, host_name: str) -> Translation:
    """The FRR configuration of a VyOS configuration. Raises TopologyError for what VyOS would not commit."""
    problems = Problems()
    root = config.root
    lines = [
        ConfigLine("frr defaults traditional", reason=f"FRR's defaults, as in VyOS {version}"),
        *_host_name(root, host_name),
        ConfigLine("!"),
        *interfaces(root),
        *static_routes(root, problems),
        *bfd(root, problems),
        *policy(root, version, problems),
    ]
    bgp = find_bgp(root, version, problems)
    neighbors: tuple[NeighborPlan, ...] = ()
    if bgp is not None:
        neighbors = tuple(neighbor_plans(bgp, problems))
        check_peers(bgp, problems)
        lines += bgp_lines(bgp)
    check_references(root, bgp.node if bgp else None, problems)
    problems.raise_any()
    return Translation(
        tuple(lines),
        bgp.asn.value if bgp else None,
        neighbors,
        frozenset(
            v for v, name in ((4, "ip"), (6, "ipv6")) if root.find("system", name, "multipath", "layer4-hashing")
        ),
        root.find("system", "ip", "multipath", "ignore-unreachable-nexthops") is not None,
        tuple(_warnings(config, version, bgp, lines)),
    )


def _host_name(config: ConfigNode, host_name: str) -> Iterator[ConfigLine]:
    named = list(write(config, (Row("system host-name", "hostname {v}"),)))
    yield from named or [ConfigLine(f"hostname {host_name}", reason="the node's name in the topology")]


def _warnings(config: VyosConfig, version: str, bgp: Bgp | None, lines: list[ConfigLine]) -> Iterator[str]:
    """What a user may take for working and is not."""
    for name, position in config.ignored.items():
        yield f"{position}: {name} is not translated: nothing in the lab does it"
    for neighbor in bgp.node.below("neighbor") if bgp else ():
        if bgp is not None and bgp.silent(neighbor):
            yield (
                f"{neighbor.position}: neighbor {neighbor.value} has no address-family, so in VyOS {version} it "
                "exchanges no routes and its session stays down"
            )
    for node in _without_effect(config.root, lines):
        yield f'{node.position}: "{node.value}" has no effect here'


def _without_effect(config: ConfigNode, lines: list[ConfigLine]) -> Iterator[ConfigNode]:
    """The last words of statements that made no line and set nothing else."""
    used: set[Position] = {position for line in lines for position in line.sources}
    elsewhere = [config.find("interfaces"), config.find("system", "ip"), config.find("system", "ipv6")]
    used.update(node.position for top in elsewhere if top for node in top.everything())
    return (node for node in config.everything() if not node.children and node.position not in used)
