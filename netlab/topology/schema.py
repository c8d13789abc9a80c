"""The generic schema: containerlab's, as far as netlab has it, and netlab's own generic keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from netlab.model.topology import Expect

Text = Annotated[str, Field(min_length=1)]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_kebab)


class SectionKeys(_Keys):
    """What stands below `topology`. The nodes and links are checked one by one."""

    defaults: dict[str, Any] | None = None
    kinds: dict[str, dict[str, Any] | None] | None = None
    groups: dict[str, dict[str, Any] | None] | None = None
    nodes: Annotated[dict[str, dict[str, Any] | None], Field(min_length=1)]
    links: list[dict[str, Any]] | None = None


class FileKeys(_Keys):
    """The top of the file."""

    name: Text
    runtime: Literal["netns", "docker"] = "netns"
    topology: SectionKeys


class RouteKeys(_Keys):
    """A static route."""

    to: Text
    via: Text


class NodeKeys(_Keys):
    """The keys that every kind of node has. `env`, `sysctls` and `labels` take any scalar as it is written."""

    kind: Text | None = None
    image: Text | None = None
    group: Text | None = None
    startup_config: Text | None = None
    exec: list[Text] = []
    binds: list[Text] = []
    env: dict[str, str] = {}
    sysctls: dict[str, str] = {}
    labels: dict[str, str] = {}
    routes: Literal["auto", "none"] | list[RouteKeys] = "auto"
    expect: Expect = Expect.ANY


def _two_ends(ends: list[str]) -> list[str]:
    if len(ends) != 2:
        raise ValueError('must name two ends, as in ["a:eth1", "b:eth1"]')
    return ends


def _at_most_two(addresses: list[str | None]) -> list[str | None]:
    if len(addresses) > 2:
        raise ValueError("has more than two addresses, but a link has two ends")
    return addresses


Addresses = Annotated[list[Text | None], AfterValidator(_at_most_two)]


class LinkKeys(_Keys):
    """A link. `labels` are taken and not used, as containerlab's files have them."""

    endpoints: Annotated[list[Text], AfterValidator(_two_ends)]
    mtu: Annotated[int, Field(ge=68, le=65535)] | None = None
    ipv4: Literal["auto"] | Addresses | None = None
    ipv6: Addresses | None = None
    labels: dict[str, Any] = {}


NODE_KEYS = frozenset(field.alias or name for name, field in NodeKeys.model_fields.items())
"""The keys of a node that every kind has. The others are the kind's own."""
