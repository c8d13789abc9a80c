"""The options of a VyOS router."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from netlab.kinds import forwarding
from netlab.kinds.base import GivenAddress, SourceText
from netlab.kinds.common import OptionModel
from netlab.kinds.forwarding import Forwarding
from netlab.kinds.frrouting import HashOptions
from netlab.kinds.vyos.config import ConfigNode, parse_commands
from netlab.kinds.vyos.grammar import VERSIONS
from netlab.kinds.vyos.translate import Translation, translate
from netlab.model.errors import Problem, TopologyError
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.problems import Problems


class VyosOptions(OptionModel):
    """The keys of a node of kind vyos."""

    vyos_version: str = Field(
        description="the version whose configuration it is, in quotes",
        json_schema_extra={"enum": list(VERSIONS)},
    )
    hash: HashOptions | None = Field(default=None, description="how the router's kernel picks one of several next hops")
    forwarding: Forwarding = Field(
        default="per-flow",
        description="`per-packet`: spread packets, not flows, over several next hops, as Linux 3.6 to 4.3 did",
    )


@dataclass(frozen=True)
class CheckedVyos:
    """The options, the translated configuration and the addresses that it gives."""

    options: VyosOptions
    translation: Translation
    addresses: tuple[GivenAddress, ...]


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> CheckedVyos:
    """The options and the configuration of a VyOS router. Raises TopologyError with every problem."""
    options = check_options(VyosOptions, node.options, "a node of kind vyos")
    if options.vyos_version not in VERSIONS:
        message = f"VyOS {options.vyos_version} is not understood"
        hint = f"versions: {', '.join(VERSIONS)}"
        raise TopologyError(Problem(message, node.options.at("vyos-version"), hint))
    if startup_config is None:
        message = f"{node.name} has no configuration"
        raise TopologyError(Problem(message, node.position, "add startup-config: with a file of set commands"))
    config = parse_commands(startup_config, options.vyos_version)
    problems = Problems(forwarding.problems(node, options.forwarding, options.hash))
    addresses = _addresses(node, topology, config, problems)
    with problems.gather():
        translation = translate(config, node.name)
    problems.raise_any()
    return CheckedVyos(options, translation, addresses)


def _addresses(node: NodeSpec, topology: Topology, config: ConfigNode, problems: Problems) -> tuple[GivenAddress, ...]:
    """The interface addresses of the configuration; an interface that no link makes is a problem, as on a router."""
    linked = {end.interface for link in topology.links for end in link.endpoints if end.node == node.name}
    given = []
    for kind in ("ethernet", "loopback"):
        for interface in config.below("interfaces", kind):
            if kind == "ethernet" and interface.value not in linked:
                message = f"{node.name} has no interface {interface.value}"
                problems.add(message, interface.position, f"add a link with {node.name}:{interface.value}")
                continue
            for address in interface.below("address"):
                given.append(GivenAddress(interface.value, address.value, address.position))
    return tuple(given)
