"""The generic schema: containerlab's, as far as netlab has it, and netlab's own generic keys.

The descriptions are what an editor shows (`netlab schema`) and what the tables of docs/topology.md say. What JSON
Schema cannot derive from a type, because the check stands elsewhere, is written beside it as a schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from netlab.model.topology import Expect
from netlab.topology import patterns

Text = Annotated[str, Field(min_length=1)]


def _written(pattern: str, what: str) -> WithJsonSchema:
    """A text whose form is checked beside the schema. `what` names it in docs/topology.md."""
    return WithJsonSchema({"type": "string", "pattern": pattern, "title": what})


def _map(keys: str = "") -> WithJsonSchema:
    """A map of scalars that are taken as they are written."""
    values = {"type": ["string", "number", "boolean", "null"]}
    names = {"propertyNames": {"pattern": keys}} if keys else {}
    return WithJsonSchema({"type": "object", "additionalProperties": values, **names})


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_kebab)


class SectionKeys(_Keys):
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
        min_length=1, description="the nodes, by name: `a-z`, `0-9` and `-`, at most 63 characters"
    )
    links: list[dict[str, Any]] | None = Field(default=None, description="the links, each with two ends")


class FileKeys(_Keys):
    """The top of the file."""

    name: Annotated[str, Field(min_length=1), _written(patterns.HOST_NAME, "name")] = Field(
        description="the lab's name: `a-z`, `0-9` and `-`, at most 63 characters"
    )
    runtime: Literal["netns", "docker"] = Field(
        default="netns",
        description="what runs the nodes; a file with `docker` loads, but that runtime is not there yet. "
        "`netlab deploy --runtime` overrides it",
    )
    topology: SectionKeys = Field(description="nodes and links")


class RouteKeys(_Keys):
    """A static route."""

    to: Annotated[str, Field(min_length=1), _written(patterns.ROUTE_TO, "prefix")] = Field(
        description="where to: a prefix, or `default`"
    )
    via: Annotated[str, Field(min_length=1), _written(patterns.ADDRESS, "address")] = Field(
        description="the next hop, on one of the node's subnets"
    )


Command = Annotated[str, Field(min_length=1), _written(r"\S", "command")]
Bind = Annotated[str, Field(min_length=1), _written(patterns.BIND, "`SOURCE:TARGET[:ro]`")]


class ExpectKeys(_Keys):
    """What a router is expected to do with the flows of each IP version."""

    ipv4: Expect = Field(default=Expect.ANY, description="with the flows to VIPs of IPv4")
    ipv6: Expect = Field(default=Expect.ANY, description="with the flows to VIPs of IPv6")


class NodeKeys(_Keys):
    """The keys that every kind of node has. `env`, `sysctls` and `labels` take any scalar as it is written."""

    kind: Text | None = Field(default=None, description="what the node is; required, here or in a layer below")
    image: Text | None = Field(default=None, description="accepted for the docker runtime; not used yet")
    rootfs: Text | None = Field(
        default=None,
        description="a folder with an unpacked root file system that the node runs from, in place of the host's; it "
        "may lie anywhere",
    )
    group: Text | None = Field(default=None, description="the group whose keys it takes; not below `kinds` or `groups`")
    startup_config: Text | None = Field(
        default=None, description="a file with the router's whole configuration (`frr`, `vyos`, `bird`)"
    )
    exec: list[Command] = Field(
        default=[],
        description="commands that run in the node once its processes are ready, in order, without a shell; one that "
        "fails fails the deploy",
    )
    binds: list[Bind] = Field(
        default=[], description="files and folders of the host that the node sees; a missing target is made"
    )
    env: Annotated[dict[str, str], _map(patterns.ENV)] = Field(
        default={}, description="environment variables of the node's processes and of the commands in `exec`"
    )
    sysctls: Annotated[dict[str, str], _map(patterns.SYSCTL)] = Field(
        default={}, description="of a network namespace (`net.…`), over those that netlab sets"
    )
    labels: Annotated[dict[str, str], _map()] = Field(default={}, description="accepted and not used")
    routes: Literal["auto", "none"] | list[RouteKeys] = Field(
        default="auto",
        description="static routes. `auto`: hosts and cluster nodes get one to each subnet of the lab that is not "
        "their own, and no default route. `none`, or a list",
    )
    expect: Expect | ExpectKeys = Field(
        default=Expect.ANY,
        description="what a router should do with the flows to a VIP, for `netlab ecmp-check`; or by IP version",
    )


def _two_ends(ends: list[str]) -> list[str]:
    if len(ends) != 2:
        raise ValueError('must name two ends, as in ["a:eth1", "b:eth1"]')
    return ends


def _at_most_two(addresses: list[str | None]) -> list[str | None]:
    if len(addresses) > 2:
        raise ValueError("has more than two addresses, but a link has two ends")
    return addresses


Endpoint = Annotated[str, Field(min_length=1), _written(patterns.ENDPOINT, "`node:interface`")]
InterfaceV4 = Annotated[str, Field(min_length=1), _written(patterns.INTERFACE_V4, "IPv4 address/length")]
InterfaceV6 = Annotated[str, Field(min_length=1), _written(patterns.INTERFACE_V6, "IPv6 address/length")]
_TWO = Field(json_schema_extra={"maxItems": 2})


class LinkKeys(_Keys):
    """A link. `labels` are taken and not used, as containerlab's files have them."""

    endpoints: Annotated[list[Endpoint], AfterValidator(_two_ends)] = Field(
        description="two ends. An interface has any name that the kernel takes; left out, it is `eth1`, `eth2` ..., "
        "on a bridge the other node's name",
        json_schema_extra={"minItems": 2, "maxItems": 2},
    )
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
    labels: dict[str, Any] = Field(default={}, description="accepted and not used")


NODE_KEYS = frozenset(field.alias or name for name, field in NodeKeys.model_fields.items())
"""The keys of a node that every kind has. The others are the kind's own."""
