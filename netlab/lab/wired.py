"""What the agent is asked to make of a plan, or to look at, or to take away again. Pure."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from netlab.agent.messages import NodeWiring, WireRequest
from netlab.model.plan import InterfacePlan, LabPlan, NodePlan
from netlab.registry.runtimes import traits


def wiring_of(plan: LabPlan) -> WireRequest:
    """What the agent is asked to make of a plan."""
    nodes = tuple(
        NodeWiring(n.name, _steady(plan, n), n.bridges, n.routes, n.sysctls, others=n.container.existing is not None)
        for n in plan.nodes
    )
    return WireRequest(nodes, plan.links, f"netlab:{plan.name}")


def _steady(plan: LabPlan, node: NodePlan) -> tuple[InterfacePlan, ...]:
    """The machine's interfaces. Where it can be restarted they have the same MAC addresses again, as a machine's have:
    to others, who remember it for seconds, it would be unreachable until then. Locally administered (IEEE 802)."""
    if not traits(plan.runtime).comes_back:
        return node.interfaces
    names = (f"{plan.name}/{node.name}/{interface.name}" for interface in node.interfaces)
    macs = (f"02:{sha256(name.encode()).digest()[:5].hex(':')}" for name in names)
    return tuple(replace(each, mac=each.mac or mac) for each, mac in zip(node.interfaces, macs, strict=True))


def only(request: WireRequest, machines: frozenset[str]) -> WireRequest:
    """The part of a request that is of these machines."""
    return replace(request, nodes=tuple(node for node in request.nodes if node.name in machines), links=())


def outliving(plan: LabPlan) -> WireRequest:
    """The machines of somebody else's in which interfaces of the lab's outlive its containers: those that lead nowhere,
    and links from one such machine to another. Every other link goes with the lab's own end."""
    made = {node.machine for cluster in plan.clusters if not cluster.existing for node in cluster.nodes}
    others = {node.name for node in plan.nodes if node.container.existing is not None} - made
    stay = {node.name for node in plan.nodes if node.name in others and any(each.dummy for each in node.interfaces)}
    stay |= {link.a.node for link in plan.links if {link.a.node, link.b.node} <= others}
    return only(wiring_of(plan), frozenset(stay))
