"""Kind `nat`: a router that hides the clients behind it: what leaves by `outside` has the router's own address."""

from __future__ import annotations

from pydantic import Field

from netlab.kinds.base import AddressedLab, Expansion, Kind, Machine, Rendered, SourceText
from netlab.kinds.common import OptionModel, machine_plan, option_error
from netlab.model.plan import FilePlan, ProcessPlan, Role
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options, did_you_mean

RULES = "/run/nat.nft"


class NatOptions(OptionModel):
    """The keys of a node of kind nat."""

    outside: str = Field(description="the interface whose address the clients behind the others get")


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> NatOptions:  # noqa: ARG001
    """The options, with every problem at its place in the file."""
    options = check_options(NatOptions, node.options, "a node of kind nat")
    interfaces = [end.interface for link in topology.links for end in link.endpoints if end.node == node.name]
    known = [name for name in interfaces if name is not None]
    if options.outside not in known:
        message = f"{node.name} has no interface {options.outside}"
        raise option_error(message, node, "outside", hint=did_you_mean(options.outside, known))
    return options


def expand(node: NodeSpec, options: NatOptions) -> Expansion:  # noqa: ARG001
    """One machine that forwards."""
    return Expansion((Machine(node.name, Role.ROUTER),))


def render(node: NodeSpec, options: NatOptions, lab: AddressedLab) -> Rendered:
    """A file with nftables rules, and the process that loads it."""
    rules = FilePlan(
        RULES,
        "table ip nat {\n"
        "    chain postrouting {\n"
        "        type nat hook postrouting priority 100;\n"
        f'        oifname "{options.outside}" masquerade fully-random\n'
        "    }\n"
        "}\n",
    )
    load = ProcessPlan("nat", ("/usr/sbin/nft", "-f", RULES), oneshot=True)
    plan = machine_plan(
        lab, lab.machines[node.name], runs_as="Linux router, nftables masquerading", files=(rules,), processes=(load,)
    )
    return Rendered((plan,))


KIND = Kind(check, expand, render, options=NatOptions)
