"""The recipe: route, let every kind render its machines, and say what is to be measured."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace

from netlab import kinds
from netlab.kinds.base import HOSTS, AddressedLab, AddressedMachine, Rendered
from netlab.model.plan import DEFAULT_PREFIX, BindPlan, LabPlan, NodePlan, Role, SysctlPlan
from netlab.model.topology import NodeSpec
from netlab.plan import anycast
from netlab.plan.checks import plan_checks, unreachable_vips
from netlab.plan.notes import notes
from netlab.plan.reading import CheckedTopology
from netlab.plan.routes import SegmentGraph, destinations, static_routes
from netlab.topology.problems import Problems


def plan(checked: CheckedTopology) -> LabPlan:
    """The whole lab, ready to be built. Pure. Raises TopologyError with every problem."""
    topology, wired, addressed = checked.topology, checked.wired, checked.addressed
    graph = SegmentGraph(addressed.machines)
    lab = _lab(checked, graph)
    rendered = _render(checked, lab)
    services = (*(service for part in rendered.values() for service in part.services), *anycast.services(lab))
    nodes = {plan.name: _overlay(plan, lab.machines[plan.name].owner) for p in rendered.values() for plan in p.nodes}
    for node in topology.nodes:
        if node.name not in rendered:  # a cluster's node that the file has as an existing container
            nodes[node.name] = _with_commands(nodes[node.name], node)
    return LabPlan(
        name=topology.lab_name,
        topology_file=str(topology.file),
        runtime=topology.runtime.name,
        nodes=tuple(nodes.values()),
        links=wired.links,
        services=services,
        prefix=DEFAULT_PREFIX if topology.prefix is None else topology.prefix,
        checks=plan_checks(lab, graph, services),
        emulated=tuple(sentence for part in rendered.values() for sentence in part.emulated),
        warnings=(
            *notes(topology, [name for name, part in wired.expansions.items() if not part.machines]),
            *addressed.warnings,
            *(warning for part in rendered.values() for warning in part.warnings),
            *unreachable_vips(lab, services),
        ),
        clusters=tuple(part.cluster for part in rendered.values() if part.cluster is not None),
    )


def _lab(checked: CheckedTopology, graph: SegmentGraph) -> AddressedLab:
    machines, expansions = checked.addressed.machines, checked.wired.expansions
    pools = {name: expansion.pools for name, expansion in expansions.items()}
    routes = static_routes(graph, machines, destinations(graph, machines, pools))
    return AddressedLab(
        checked.topology.name,
        checked.topology,
        {machine.name: replace(machine, routes=routes[machine.name]) for machine in machines},
        expansions,
        hosts_file(machines),
    )


def _render(checked: CheckedTopology, lab: AddressedLab) -> Mapping[str, Rendered]:
    problems = Problems()
    rendered = {}
    for node in checked.topology.nodes:
        if not lab.expansions[node.name].machines:
            continue  # a cluster's node, which the cluster renders
        with problems.gather():
            rendered[node.name] = kinds.load(node.kind).render(node, checked.options[node.name], lab)
    problems.raise_any()
    return rendered


def hosts_file(machines: tuple[AddressedMachine, ...]) -> str:
    """/etc/hosts of every machine: each machine of the lab by its first address of each IP version."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    for version in (4, 6):
        for machine in machines:
            address = machine.address(version)
            if address is not None:
                lines.append(f"{address} {machine.name}")
    return "\n".join(lines) + "\n"


def _with_commands(plan: NodePlan, node: NodeSpec) -> NodePlan:
    return replace(plan, exec=(*plan.exec, *(tuple(shlex.split(command)) for command in node.exec)))


def _overlay(plan: NodePlan, node: NodeSpec) -> NodePlan:
    """What the file says of every kind of node, over what the kind made of it. Pods take none of it, and a container
    that somebody else makes takes only what can be done in it."""
    if plan.role is Role.POD:
        return plan
    own = dict(node.sysctls)
    kept = tuple(sysctl for sysctl in plan.sysctls if sysctl.key not in own)
    plan = replace(
        plan,
        env=node.env,
        exec=tuple(tuple(shlex.split(command)) for command in node.exec),
        sysctls=kept + tuple(SysctlPlan(key, value) for key, value in own.items()),
    )
    if plan.container.existing is not None:
        return plan
    said = node.container
    hosts_bound = any(bind.target in ("/etc", HOSTS) for bind in node.binds)
    return replace(
        plan,
        image=node.image,
        files=tuple(file for file in plan.files if not (hosts_bound and file.path == HOSTS)),
        rootfs=str(node.rootfs) if node.rootfs else None,
        container=replace(
            plan.container,
            entrypoint=said.entrypoint or None,
            user=said.user,
            labels=node.labels,
            ports=said.ports if said.management else (),
            management=said.management,
            privileged=plan.container.privileged or said.privileged,
            capabilities=tuple(dict.fromkeys((*plan.container.capabilities, *said.capabilities))),
            limits=said.limits,
        ),
        binds=tuple(BindPlan(str(bind.source), bind.target, bind.read_only) for bind in node.binds),
    )
