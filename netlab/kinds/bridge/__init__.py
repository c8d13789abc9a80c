"""Kind `bridge`: a switch inside the lab, never a bridge of the host."""

from __future__ import annotations

from dataclasses import replace

from netlab.kinds.base import AddressedLab, Expansion, Kind, Machine, Rendered, SourceText
from netlab.kinds.common import OptionModel, machine_plan
from netlab.model.errors import Problem, TopologyError
from netlab.model.plan import InterfacePlan, Role
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options

DEVICE = "br0"
"""The Linux bridge in the bridge's namespace; every interface of the node is a port of it."""


class BridgeOptions(OptionModel):
    """A bridge has no options of its own."""


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> BridgeOptions:  # noqa: ARG001
    """The options of a bridge. Raises TopologyError."""
    options = check_options(BridgeOptions, node.options, "a node of kind bridge")
    if isinstance(node.routes, tuple) and node.routes:
        raise TopologyError(Problem("a bridge has no routes", node.routes[0].position, "its ports have no addresses"))
    return options


def expand(node: NodeSpec, options: BridgeOptions) -> Expansion:  # noqa: ARG001
    """One machine."""
    return Expansion((Machine(node.name, Role.BRIDGE, routes=False),))


def render(node: NodeSpec, options: BridgeOptions, lab: AddressedLab) -> Rendered:  # noqa: ARG001
    """One bridge device with every interface as its port."""
    plan = machine_plan(lab, lab.machines[node.name], runs_as="Linux bridge", bridges=(DEVICE,))
    ports = tuple(replace(port, master=DEVICE) for port in plan.interfaces)
    return Rendered((replace(plan, interfaces=(InterfacePlan(DEVICE), *ports)),))


KIND = Kind(check, expand, render, options=BridgeOptions)
