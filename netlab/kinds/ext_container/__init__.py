"""Kind `ext-container`: a container that somebody else made, called as the node, whose links alone are the lab's."""

from __future__ import annotations

from dataclasses import replace

from netlab.kinds.base import AddressedLab, Expansion, Kind, Machine, Rendered, SourceText
from netlab.kinds.common import OptionModel, machine_plan
from netlab.model.plan import ContainerPlan, Role
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options

KIND_NAME = "ext-container"


class ExtContainerOptions(OptionModel):
    """An existing container has no options of its own."""


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> ExtContainerOptions:  # noqa: ARG001
    """The options of an existing container. Raises TopologyError."""
    return check_options(ExtContainerOptions, node.options, "a node of kind ext-container")


def expand(node: NodeSpec, options: ExtContainerOptions) -> Expansion:  # noqa: ARG001
    """One machine. It gets no routes but those that the file writes for it."""
    return Expansion((Machine(node.name, Role.HOST, routes=False if node.routes == "auto" else None),))


def render(node: NodeSpec, options: ExtContainerOptions, lab: AddressedLab) -> Rendered:  # noqa: ARG001
    """Interfaces, addresses and routes. Its files, sysctls and processes are its owner's."""
    plan = machine_plan(lab, lab.machines[node.name], runs_as="existing container")
    return Rendered((replace(plan, sysctls=(), files=(), container=ContainerPlan(existing=node.name)),))


KIND = Kind(check, expand, render, options=ExtContainerOptions)
