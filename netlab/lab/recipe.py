"""How a lab is built, and how one is repaired: the same steps in the same order, over one context."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import netlab
from netlab.lab import state
from netlab.lab.custody import Custody
from netlab.lab.progress import Progress
from netlab.lab.wired import only, wiring_of
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan
from netlab.runtime.base import Build

if TYPE_CHECKING:  # with the libraries of Kubernetes, which other labs do without
    from netlab.cluster.clusters import Clusters

_BY_DESIGN_OPTIONAL = "net.ipv4.fib_multipath_hash_seed"


@dataclass
class Context:
    """What the steps share. `timeout` in seconds, for the processes' start and for the clusters'.

    `stack` is left when the lab is complete, or has failed. `repaired` is the record of the lab that is there already;
    a new lab has `custody` of the clusters that were there before it.
    """

    plan: LabPlan
    directory: Path
    build: Build
    stack: ExitStack
    timeout: float
    progress: Progress
    custody: Custody | None = None
    repaired: LabRecord | None = None
    clusters: Clusters | None = None
    """Those of a new lab, which come up meanwhile."""
    met: frozenset[str] = frozenset()
    """Somebody else's machines that are nodes of the lab."""
    fresh: tuple[str, ...] = ()
    """Of a repair, the machines that were started."""
    links: int = 0
    """Of a repair, how many were put back."""


Step = Callable[[Context], None]


def launch(context: Context) -> None:
    """Take the state folder, start the lab's init and its agent."""
    context.build.launch()


def meet(context: Context) -> None:
    """Look at the machines that are somebody else's, before anything is made. LabError where a name is taken there."""
    if context.repaired is None and any(node.container.existing is not None for node in context.plan.nodes):
        context.met = context.build.meet()
    if context.met:
        context.build.agent.refuse_taken(only(wiring_of(context.plan), context.met))


def begin_clusters(context: Context) -> None:
    """Have kind make the clusters, as far as their nodes run: Kubernetes starts while the routers do."""
    if context.plan.clusters and context.repaired is None:
        from netlab.cluster.clusters import Clusters

        made = Clusters(context.plan, context.directory, context.build.engine_url, context.progress.step)
        context.clusters = context.stack.enter_context(made)
        context.clusters.wait_for_nodes()


def make_machines(context: Context) -> None:
    """Make the machines, or start those that are dead."""
    context.build.make_nodes()


def remember_clusters(context: Context) -> None:
    """Record the clusters that were there, before anything is done in them."""
    if context.clusters and context.custody:
        context.custody.remember(record(context), context.plan)


def wire(context: Context) -> None:
    """Make the links, with addresses, routes and sysctls, or what is missing of them."""
    if context.repaired is None:
        _wire_new(context)
    else:
        _wire_again(context)


def start_daemons(context: Context) -> None:
    """Start the machines' processes and wait until they are ready."""
    context.progress.step("starting daemons")
    context.build.start_processes(context.timeout)


def finish_clusters(context: Context) -> None:
    """Give the clusters MetalLB and the services, or what their restarted nodes lack, and wait for these."""
    if context.clusters:
        context.clusters.finish(context.build.agent, context.timeout)
    elif context.plan.clusters and context.repaired:
        from netlab.cluster import clusters

        agent, say = context.build.agent, context.progress.step
        clusters.repair(context.repaired, context.plan, agent, context.fresh, say=say, timeout=context.timeout)


RECIPE: tuple[Step, ...] = (
    launch,
    meet,
    begin_clusters,
    make_machines,
    remember_clusters,
    wire,
    start_daemons,
    finish_clusters,
)


def follow(context: Context) -> None:
    """Take every step. What raises leaves the lab to the build's own block."""
    for step in RECIPE:
        step(context)


def commit(context: Context, *, hold: bool = False) -> LabRecord:
    """Record the lab, and let it live on without its builder; with `hold`, as long as that holds it."""
    lab = record(context)
    state.save(lab, context.plan)
    if hold:
        context.build.hold()
    else:
        context.build.commit()
    return lab


def record(context: Context) -> LabRecord:
    """The lab as it runs now. LabError where one of its machines is dead already."""
    init, nodes = context.build.record()
    if context.repaired is not None:
        return replace(context.repaired, init=init, nodes=nodes, boot_id=state.boot_id())
    return LabRecord(
        name=context.plan.name,
        runtime=context.plan.runtime,
        owner=os.geteuid(),
        boot_id=state.boot_id(),
        version=netlab.__version__,
        directory=str(context.directory),
        topology_file=context.plan.topology_file,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        init=init,
        nodes=nodes,
        engine=context.build.engine_url,
    )


def _wire_new(context: Context) -> None:
    plan, agent, progress = context.plan, context.build.agent, context.progress
    progress.step(f"wiring {len(plan.links)} link{'' if len(plan.links) == 1 else 's'}")
    # Machines that were there may still have interfaces of the lab, or of an earlier one of its name.
    answer = agent.rewire(wiring_of(plan)) if context.met else agent.wire(wiring_of(plan))
    missing = answer.missing
    if answer.stand_ins:
        named = ", ".join(f"{node}:{interface}" for node, interface in answer.stand_ins)
        progress.note(f"{named}: this kernel has no dummy interfaces, so an ifb interface stands in")
    unseeded = [node for node, key in missing if key == _BY_DESIGN_OPTIONAL]
    if unseeded:
        progress.note(
            f"this kernel has no {_BY_DESIGN_OPTIONAL} (Linux 6.11 has): {', '.join(unseeded)} share one hash seed, "
            "so routers behind one another polarise"
        )
    for node, key in missing:
        if key != _BY_DESIGN_OPTIONAL and not key.startswith("net.ipv6."):
            progress.note(f"{node}: this kernel has no {key}")


def _wire_again(context: Context) -> None:
    plan, progress = context.plan, context.progress
    fresh = context.fresh = tuple(node.name for node in plan.nodes if node.name in context.build.fresh)
    progress.step(f"started {', '.join(fresh)}" if fresh else "wiring")
    context.links = context.build.agent.rewire(wiring_of(plan)).links
    for node in _neighbors_with_commands(plan, fresh):
        progress.note(f"{node} has lost a link for a moment; what its `exec` did to that interface is not done again")


def _neighbors_with_commands(plan: LabPlan, fresh: tuple[str, ...]) -> tuple[str, ...]:
    """Machines that went on, whose interface ended with the other end of its link, and which have commands."""
    ends = {(a.node, b.node) for link in plan.links for a, b in ((link.a, link.b), (link.b, link.a))}
    lost = {node for node, other in ends if other in fresh and node not in fresh}
    return tuple(node.name for node in plan.nodes if node.name in lost and node.exec)
