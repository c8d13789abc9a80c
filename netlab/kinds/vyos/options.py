"""The options of a VyOS router."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from netlab.kinds import forwarding
from netlab.kinds.base import GivenAddress, SourceText
from netlab.kinds.common import OptionModel
from netlab.kinds.forwarding import Forwarding
from netlab.kinds.hashing import HashOptions
from netlab.kinds.serving import Serve, serve_problems
from netlab.kinds.vyos.boot import VyosImage, read_image
from netlab.kinds.vyos.config import ConfigNode, parse_config, version_in
from netlab.kinds.vyos.statements import VERSIONS
from netlab.kinds.vyos.translate import Translation, translate
from netlab.model.errors import Problem, TopologyError
from netlab.model.topology import DummySpec, LinkSpec, NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.problems import Problems

_MTU = 1500
"""Of a link that names none."""


class VyosOptions(OptionModel):
    """The keys of a node of kind vyos."""

    vyos_version: Annotated[str, Field(json_schema_extra={"enum": list(VERSIONS)})] | None = Field(
        default=None,
        description="the version whose configuration it is, in quotes; may be left out where a `config.boot` names it",
    )
    hash: HashOptions | None = Field(
        default=None,
        description="over what the configuration says of how the router's kernel picks one of several next hops",
    )
    forwarding: Forwarding = Field(
        default="per-flow",
        description="`per-packet`: spread packets, not flows, over several next hops, as Linux 3.6 to 4.3 did",
    )
    serve: tuple[Serve, ...] = Field(
        default=(),
        description="VIPs that it holds and answers HTTP on, as at `frr`; its configuration has to announce them",
    )


@dataclass(frozen=True)
class CheckedVyos:
    """The options, the version, the translated configuration and the addresses that it gives."""

    options: VyosOptions
    version: str
    source: SourceText = field(repr=False)
    translation: Translation
    addresses: tuple[GivenAddress, ...]


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> CheckedVyos | VyosImage:
    """The options and the configuration of a VyOS router. Raises TopologyError with every problem.

    With an image, where containers run, it is VyOS itself; else its configuration is translated for FRR.
    """
    options = check_options(VyosOptions, node.options, "a node of kind vyos")
    if options.vyos_version is not None and options.vyos_version not in VERSIONS:
        message = f"VyOS {options.vyos_version} is not understood"
        raise TopologyError(Problem(message, node.options.at("vyos-version"), f"versions: {', '.join(VERSIONS)}"))
    if node.image is not None and topology.runtime.images:
        return read_image(node, options.vyos_version, startup_config)
    if startup_config is None:
        message = f"{node.name} has no configuration"
        raise TopologyError(Problem(message, node.position, "add startup-config: a config.boot or a list of commands"))
    version = _version(node, options.vyos_version, startup_config)
    config = parse_config(startup_config, version)
    problems = Problems(forwarding.problems(node, options.forwarding, options.hash))
    problems.extend(serve_problems(node, options.serve, announced=True))
    addresses = _addresses(node, topology, config.root, problems)
    translation = None
    with problems.gather():
        translation = translate(config, version, node.name)
    problems.raise_any()
    assert translation is not None
    return CheckedVyos(options, version, startup_config, translation, addresses)


def _version(node: NodeSpec, written: str | None, source: SourceText) -> str:
    """The version in the topology or in the configuration's last lines. They may not contradict each other."""
    named = version_in(source)
    if named is None:
        if written is None:
            message = f"{node.name} does not say its VyOS version, and {source.file} names none"
            raise TopologyError(Problem(message, node.position, f"add vyos-version: one of {', '.join(VERSIONS)}"))
        return written
    version, position = named
    if written is not None and written != version:
        message = f"this configuration is of VyOS {version}, and {node.name} of {written}"
        hint = f"the version stands at {node.options.at('vyos-version')}"
        raise TopologyError(Problem(message, position, hint))
    if version not in VERSIONS:
        raise TopologyError(Problem(f"VyOS {version} is not understood", position, f"versions: {', '.join(VERSIONS)}"))
    return version


def _addresses(node: NodeSpec, topology: Topology, config: ConfigNode, problems: Problems) -> tuple[GivenAddress, ...]:
    """The interface addresses of the configuration; one of an interface without a link is a problem.

    So is an MTU that is not its link's: netlab sets it on both ends of a link.
    """
    links: dict[str | None, LinkSpec | DummySpec] = {
        end.interface: link for link in topology.links for end in link.endpoints if end.node == node.name
    }
    links |= {dummy.endpoint.interface: dummy for dummy in topology.dummies if dummy.endpoint.node == node.name}
    given = []
    for kind in ("ethernet", "loopback"):
        for interface in config.below("interfaces", kind):
            link = links.get(interface.value)
            addresses = list(interface.below("address"))
            if kind == "ethernet" and link is None and addresses:
                message = f"{node.name} has no interface {interface.value}"
                problems.add(message, interface.position, f"add a link with {node.name}:{interface.value}")
                continue
            mtu = interface.leaf("mtu")
            if mtu is not None and link is not None and mtu.value != (link.mtu or _MTU):
                message = f"{node.name}:{interface.value} has mtu {mtu.value} here and {link.mtu or _MTU} on its link"
                problems.add(message, mtu.position, f"the link stands at {link.position}")
            given += [GivenAddress(interface.value, address.value, address.position) for address in addresses]
    return tuple(given)
