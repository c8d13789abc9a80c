"""Kind `linux`: a host, a client of the lab's services."""

from __future__ import annotations

import shlex

from pydantic import Field

from netlab.kinds.base import AddressedLab, Expansion, Kind, Machine, Rendered, SourceText
from netlab.kinds.common import OptionModel, machine_plan
from netlab.model.errors import Problem, TopologyError
from netlab.model.plan import ProcessPlan, Role
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options


class LinuxOptions(OptionModel):
    """A host has one key of its own."""

    cmd: str | None = Field(
        default=None,
        description="a program that it runs from the start on, without a shell",
        json_schema_extra={"pattern": r"\S"},
    )


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> LinuxOptions:  # noqa: ARG001
    """The options of a host. Raises TopologyError."""
    options = check_options(LinuxOptions, node.options, "a node of kind linux")
    if options.cmd is not None:
        try:
            words = shlex.split(options.cmd)
        except ValueError as error:
            raise TopologyError(Problem(f"cmd: {error}", node.options.at("cmd"), "close the quotes")) from None
        if not words:
            raise TopologyError(Problem("cmd is empty", node.options.at("cmd"), "leave the key out"))
    return options


def expand(node: NodeSpec, options: LinuxOptions) -> Expansion:  # noqa: ARG001
    """One machine."""
    return Expansion((Machine(node.name, Role.HOST),))


def render(node: NodeSpec, options: LinuxOptions, lab: AddressedLab) -> Rendered:
    """A network namespace with its own process tree and file system."""
    cmd = (ProcessPlan("cmd", tuple(shlex.split(options.cmd)), is_command=True),) if options.cmd else ()
    plan = machine_plan(lab, lab.machines[node.name], runs_as="Linux network namespace", processes=cmd)
    return Rendered((plan,))


KIND = Kind(check, expand, render, options=LinuxOptions)
