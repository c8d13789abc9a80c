"""What the kinds share: option models, sysctls, the plan of a machine, interface names."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Literal
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from netlab.kinds.base import HOSTS, AddressedLab, AddressedMachine
from netlab.model.errors import Problem, TopologyError
from netlab.model.plan import (
    ContainerPlan,
    FilePlan,
    InterfacePlan,
    NodePlan,
    ProcessPlan,
    Role,
    RoutePlan,
    RoutingPlan,
    StartupCheck,
    SysctlPlan,
)
from netlab.model.topology import Key, NodeSpec

INTERFACE_NAME_MAX = 15
"""IFNAMSIZ - 1 (linux/if.h)."""

FORWARDING_ROLES = frozenset({Role.ROUTER, Role.WORKER, Role.CONTROL_PLANE})


ServiceName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$")]
"""A name that can be part of a machine's."""


class OptionModel(BaseModel):
    """A mapping in the topology file: keys in kebab-case, none unknown."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"), validate_by_name=False
    )


def one_of(*keys: str) -> dict[str, JsonValue]:
    """For a model's JSON Schema: exactly one of the keys has a value. The kind's own check says so to the user."""
    return {"oneOf": [{"required": [key], "properties": {key: {"not": {"type": "null"}}}} for key in keys]}


def together(*keys: str) -> dict[str, JsonValue]:
    """For a model's JSON Schema: all of the keys have a value, or none."""
    some: JsonValue = {key: {"not": {"type": "null"}} for key in keys}
    none: JsonValue = {key: {"type": "null"} for key in keys}
    return {"anyOf": [{"required": list(keys), "properties": some}, {"properties": none}]}


def base_sysctls(role: Role) -> tuple[SysctlPlan, ...]:
    """The settings that every machine relies on.

    All are written, because a new network namespace copies the host's: with Docker's ip_forward=1 on the host,
    hosts of the lab would forward. accept_dad=0 makes IPv6 addresses usable at once instead of after 1.6 s; with
    accept_ra=0 no host takes a default route that a router offers.
    """
    forward = "1" if role in FORWARDING_ROLES else "0"
    return (
        SysctlPlan("net.ipv4.ip_forward", forward),
        SysctlPlan("net.ipv4.conf.all.rp_filter", "0"),
        SysctlPlan("net.ipv4.conf.default.rp_filter", "0"),
        *(
            SysctlPlan(f"net.ipv6.conf.{which}.{name}", "0", required=False)
            for name in ("disable_ipv6", "accept_dad", "accept_ra")
            for which in ("all", "default")
        ),
        SysctlPlan("net.ipv6.conf.all.forwarding", forward, required=False),
    )


def machine_plan(
    lab: AddressedLab,
    machine: AddressedMachine,
    *,
    runs_as: str,
    bridges: tuple[str, ...] = (),
    routes: tuple[RoutePlan, ...] = (),
    sysctls: tuple[SysctlPlan, ...] = (),
    files: tuple[FilePlan, ...] = (),
    processes: tuple[ProcessPlan, ...] = (),
    start_after: tuple[str, ...] = (),
    routing: RoutingPlan | None = None,
    container: ContainerPlan = ContainerPlan(),  # noqa: B008  frozen
    startup_check: StartupCheck | None = None,
    forwarding: Literal["per-flow", "per-packet"] = "per-flow",
    old_kernel: str | None = None,
) -> NodePlan:
    """The plan of a machine: what every machine has, and what its kind adds (see NodePlan's fields)."""
    owner = machine.owner
    return NodePlan(
        name=machine.name,
        kind=owner.kind,
        role=machine.machine.role,
        owner=owner.name,
        runs_as=runs_as,
        interfaces=tuple(
            InterfacePlan(port.interface, port.addresses, port.mtu, mac=port.mac, dummy=port.dummy)
            for port in machine.ports
        ),
        bridges=bridges,
        routes=machine.routes + routes,
        sysctls=base_sysctls(machine.machine.role) + sysctls,
        files=(FilePlan(HOSTS, lab.hosts), *files),
        processes=processes,
        start_after=start_after,
        routing=routing,
        container=container,
        startup_check=startup_check,
        node=machine.machine.node,
        forwarding=forwarding,
        old_kernel=old_kernel,
    )


def option_error(message: str, node: NodeSpec, *path: Key, hint: str | None = None) -> TopologyError:
    """A problem of one of the node's own options."""
    return TopologyError(Problem(message, node.options.at(*path), hint))


def interface_name(wanted: str, taken: Container[str]) -> str:
    """`wanted` as a name that the kernel takes (15 characters) and that is not in `taken`.

    A longer name ends with a checksum of the whole, so that it does not depend on what else there is.
    """
    name = wanted
    if len(name) > INTERFACE_NAME_MAX:
        name = f"{wanted[: INTERFACE_NAME_MAX - 9]}-{crc32(wanted.encode()):08x}"
    number = 2
    candidate = name
    while candidate in taken:
        suffix = f"-{number}"
        candidate = name[: INTERFACE_NAME_MAX - len(suffix)] + suffix
        number += 1
    return candidate
