"""The generic schema: containerlab's, as far as netlab has it, and netlab's own generic keys.

The descriptions are what an editor shows (`netlab schema`) and what the tables of docs/topology.md say. What JSON
Schema cannot derive from a type, because the check stands elsewhere, is written beside it as a schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from netlab.model.topology import Expect
from netlab.registry.runtimes import RUNTIMES, USUAL
from netlab.topology import patterns
from netlab.topology.containerlab import IgnoredTopKeys, NodeOnlyKeys
from netlab.topology.keys import Keys, Text, scalar_map, written

if TYPE_CHECKING:
    RuntimeName = str
else:
    RuntimeName = Literal[RUNTIMES.names()]


def _is_prefix(text: str) -> str:
    if not re.fullmatch(patterns.PREFIX_OF_NAMES, text):
        raise ValueError("may have only letters, digits, _, . and -, a letter or digit first")
    return text


class SectionKeys(Keys):
    """What stands below `topology`. The nodes and links are checked one by one."""

    defaults: dict[str, Any] | None = Field(
        default=None,
        description="keys for every node, and `ipv4: auto`, `ipv6: auto` for every link that says nothing of it",
    )
    kinds: dict[str, dict[str, Any] | None] | None = Field(
        default=None, description="by kind, keys for every node of it"
    )
    groups: dict[str, dict[str, Any] | None] | None = Field(
        default=None, description="by group, keys for every node that names it"
    )
    nodes: dict[str, dict[str, Any] | None] = Field(
        min_length=1, description="the nodes, by name: letters, digits, `_`, `.` and `-`, at most 63 characters"
    )
    links: list[dict[str, Any]] | None = Field(default=None, description="the links, each with two ends")


class FileKeys(IgnoredTopKeys):
    """The top of the file."""

    name: Annotated[str, Field(min_length=1), written(patterns.LAB_NAME, "name")] = Field(
        description="the lab's name: letters, digits, `_`, `.` and `-`, at most 63 characters"
    )
    prefix: Annotated[str, AfterValidator(_is_prefix), written(patterns.PREFIX_OF_NAMES, "name")] | None = Field(
        default=None,
        description="what the names of its containers begin with: `PREFIX-LAB-NODE`; left out, `netlab`. Empty: the "
        "node's name alone; `__lab-name`: `LAB-NODE`",
    )
    runtime: RuntimeName = Field(
        default=USUAL, description="what runs the nodes. `netlab deploy --runtime` overrides it"
    )
    topology: SectionKeys = Field(description="nodes and links")


class RouteKeys(Keys):
    """A static route."""

    to: Annotated[str, Field(min_length=1), written(patterns.ROUTE_TO, "prefix")] = Field(
        description="where to: a prefix, or `default`"
    )
    via: Annotated[str, Field(min_length=1), written(patterns.ADDRESS, "address")] = Field(
        description="the next hop, on one of the node's subnets"
    )


Command = Annotated[str, Field(min_length=1), written(r"\S", "command")]
Bind = Annotated[str, Field(min_length=1), written(patterns.BIND, "`SOURCE:TARGET[:ro]`")]


class ExpectKeys(Keys):
    """What a router is expected to do with the flows of each IP version."""

    ipv4: Expect = Field(default=Expect.ANY, description="with the flows to VIPs of IPv4")
    ipv6: Expect = Field(default=Expect.ANY, description="with the flows to VIPs of IPv6")


class NodeKeys(NodeOnlyKeys):
    """The keys that every kind of node has. `env`, `sysctls` and `labels` take any scalar as it is written."""

    kind: Text | None = Field(default=None, description="what the node is; required, here or in a layer below")
    image: Text | None = Field(
        default=None,
        description="the container image; without containers, what it stands for runs from the host's programs",
    )
    rootfs: Text | None = Field(
        default=None,
        description="a folder with an unpacked root file system that the node runs from, in place of the host's; it "
        "may lie anywhere",
    )
    group: Text | None = Field(default=None, description="the group whose keys it takes; not below `groups`")
    startup_config: Text | None = Field(
        default=None,
        description="a file with a router's whole configuration (`frr`, `vyos`, `bird`), or the nodes of a "
        "cluster as kind has them (`k8s`)",
    )
    exec: list[Command] = Field(
        default=[],
        description="commands that run in the node once its processes are ready, in order, without a shell; one that "
        "fails fails the deploy",
    )
    binds: list[Bind] = Field(
        default=[], description="files and folders of the host that the node sees; a missing target is made"
    )
    env: Annotated[dict[str, str], scalar_map(patterns.ENV)] = Field(
        default={}, description="environment variables of the node's processes and of the commands in `exec`"
    )
    sysctls: Annotated[dict[str, str], scalar_map(patterns.SYSCTL)] = Field(
        default={}, description="of a network namespace (`net.…`), over those that netlab sets"
    )
    labels: Annotated[dict[str, str], scalar_map()] = Field(default={}, description="of its container")
    routes: Literal["auto", "none"] | list[RouteKeys] = Field(
        default="auto",
        description="static routes. `auto`: hosts and cluster nodes get one to each subnet of the lab that is not "
        "their own, and no default route. `none`, or a list",
    )
    expect: Expect | ExpectKeys = Field(
        default=Expect.ANY,
        description="what a router should do with the flows to a VIP, for `netlab ecmp-check`; or by IP version",
    )


def _two_ends(ends: list[str | EndKeys]) -> list[str | EndKeys]:
    if len(ends) != 2:
        raise ValueError('must name two ends, as in ["a:eth1", "b:eth1"]')
    return ends


def _at_most_two(addresses: list[str | None]) -> list[str | None]:
    if len(addresses) > 2:
        raise ValueError("has more than two addresses, but a link has two ends")
    return addresses


Endpoint = Annotated[str, Field(min_length=1), written(patterns.ENDPOINT, "`node:interface`")]
InterfaceV4 = Annotated[str, Field(min_length=1), written(patterns.PREFIX_V4, "IPv4 address/length")]
InterfaceV6 = Annotated[str, Field(min_length=1), written(patterns.PREFIX_V6, "IPv6 address/length")]
_TWO = Field(json_schema_extra={"maxItems": 2})
_NOTHING: dict[str, Any] = {"type": "null"}


class EndKeys(Keys):
    """An end of a link, written out."""

    node: Annotated[str, Field(min_length=1), written(patterns.NODE_NAME, "node")] = Field(
        description="whose end it is"
    )
    interface: Annotated[str, Field(min_length=1), written(patterns.INTERFACE, "interface")] | None = Field(
        default=None, description="its name; left out, as in `endpoints`"
    )
    mac: Annotated[str, Field(min_length=1), written(patterns.MAC, "MAC address")] | None = Field(
        default=None, description="its MAC address; left out, the kernel's choice"
    )
    ipv4: InterfaceV4 | None = Field(default=None, description="its address with the prefix length")
    ipv6: InterfaceV6 | None = Field(default=None, description="likewise")
    vars: dict[str, Any] | None = Field(default=None, description="taken and not used")


class LinkKeys(Keys):
    """A link. `labels` and `vars` are taken and not used, as containerlab's files have them."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"type": {"const": "dummy"}}, "required": ["type"]},
            "then": {"required": ["endpoint"], "properties": {"endpoints": False}},
            "else": {"required": ["endpoints"], "properties": {"endpoint": _NOTHING}},
        }
    )

    type: Literal["veth", "dummy"] = Field(
        default="veth", description="`dummy`: an interface that leads nowhere, of one `endpoint`"
    )
    endpoints: Annotated[list[Endpoint | EndKeys], AfterValidator(_two_ends)] = Field(
        default=[],
        description="two ends. An interface has any name that the kernel takes; left out, it is `eth1`, `eth2` ..., "
        "on a bridge the other node's name. Or written out: `{node, interface, mac, ipv4, ipv6}`",
        json_schema_extra={"minItems": 2, "maxItems": 2},
    )
    endpoint: EndKeys | None = Field(default=None, description="of a link of type `dummy`: the interface")
    mtu: Annotated[int, Field(ge=68, le=65535)] | None = Field(default=None, description="in bytes; left out, 1500")
    ipv4: Literal["auto"] | Annotated[list[InterfaceV4 | None], AfterValidator(_at_most_two), _TWO] | None = Field(
        default=None,
        description="an address with its prefix length per end, in the order of the endpoints; `null` for an end "
        "without. `auto`: netlab takes the LAN's subnet or picks a free one",
    )
    ipv6: Literal["auto"] | Annotated[list[InterfaceV6 | None], AfterValidator(_at_most_two), _TWO] | None = Field(
        default=None,
        description="likewise. `auto` picks a /64 of 2001:db8::/32, the prefix for documentation",
    )
    labels: dict[str, Any] | None = Field(default=None, description="taken and not used")
    vars: dict[str, Any] | None = Field(default=None, description="taken and not used")


NODE_KEYS = frozenset(field.alias or name for name, field in NodeKeys.model_fields.items())
"""The keys of a node that every kind has. The others are the kind's own."""
