"""Restarting a node, and putting back what nodes lost that were restarted or died: the docker runtime's labs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netlab.lab import converge, state
from netlab.lab.inside import unknown_node
from netlab.lab.progress import Progress
from netlab.lab.wired import wiring_of
from netlab.model import limits
from netlab.model.lab import Lab
from netlab.model.plan import LabPlan
from netlab.model.results import Repair
from netlab.runtime.base import Build
from netlab.runtime.choice import by_name

_STOP_TIMEOUT = 5.0


def repair(wanted: Lab | str | None, progress: Progress, *, timeout: float = 60.0, wait: bool = True) -> Repair:
    """Start the nodes that are dead, and give back links, addresses, routes and processes to those that were started
    again. A whole lab stays as it is. LabError where the lab's runtime cannot do that."""
    limits.TIMEOUT.check("timeout", timeout)
    lab = state.choose(wanted, dead_too=True)
    runtime = by_name(lab.runtime)
    if state.is_alive(lab) and runtime.running(lab) == {node.name for node in lab.nodes}:
        return Repair(lab, (), 0, None)
    plan = state.load_plan(lab)
    progress.step(f"repairing {lab.name}")
    with runtime.build(plan, Path(lab.directory), lab) as build:
        build.launch()
        build.make_nodes()
        fresh = tuple(node.name for node in plan.nodes if node.name in build.fresh)
        progress.step(f"started {', '.join(fresh)}" if fresh else "wiring")
        links = build.agent.rewire(wiring_of(plan)).links
        for node in _neighbors_with_commands(plan, fresh):
            progress.note(
                f"{node} has lost a link for a moment; what its `exec` did to that interface is not done again"
            )
        progress.step("starting daemons")
        build.start_processes(timeout)
        if plan.clusters:
            from netlab.cluster import clusters

            clusters.repair(lab, plan, build.agent, fresh, say=progress.step, timeout=timeout)
        lab = _record(lab, plan, build)
        convergence = converge.wait(plan, build.agent, timeout, progress) if wait else None
    return Repair(lab, fresh, links, convergence)


def _neighbors_with_commands(plan: LabPlan, fresh: tuple[str, ...]) -> tuple[str, ...]:
    """Machines that went on, whose interface ended with the other end of its link, and which have commands."""
    ends = {(a.node, b.node) for link in plan.links for a, b in ((link.a, link.b), (link.b, link.a))}
    lost = {node for node, other in ends if other in fresh and node not in fresh}
    return tuple(node.name for node in plan.nodes if node.name in lost and node.exec)


def _record(lab: Lab, plan: LabPlan, build: Build) -> Lab:
    init, nodes = build.record()
    repaired = replace(lab, init=init, nodes=nodes, boot_id=state.boot_id())
    state.save(repaired, plan)
    build.commit()
    return repaired


def restart(
    node: str, wanted: Lab | str | None, progress: Progress, *, timeout: float = 60.0, wait: bool = True
) -> Repair:
    """End a node and start it again, whole. InputError for an unknown node, LabError as `repair`."""
    limits.TIMEOUT.check("timeout", timeout)
    lab = state.choose(wanted, dead_too=True)
    try:
        found = lab.node(node)
    except KeyError:
        raise unknown_node(node, [known.name for known in lab.nodes], lab) from None
    progress.step(f"restarting {node}")
    by_name(lab.runtime).restart(lab, found, _STOP_TIMEOUT)
    return repair(lab, progress, timeout=timeout, wait=wait)
