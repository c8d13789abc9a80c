"""Destroy: until nothing is left of a lab, and of it in clusters that are somebody else's."""

from __future__ import annotations

from pathlib import Path

from netlab.lab import state
from netlab.lab.progress import Progress
from netlab.lab.wired import only, outliving
from netlab.model.errors import HostError, LabError, NetlabError
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan
from netlab.registry.runtimes import RUNTIMES, traits
from netlab.runtime.base import Runtime
from netlab.runtime.choice import by_name


def destroy(name: str, progress: Progress) -> None:
    """Remove a lab, running, dead or half-built. Nothing of it is left.

    LabError where a cluster of somebody else's has still what was applied to it: with that, the lab stays to be found.
    """
    if not state.directory(name).exists() and _sweep(name, progress):
        return
    finished = state.has_record(name)
    progress.step(f"destroying {name}")
    if finished:
        try:
            lab = state.load(name)
        except LabError:  # a damaged record names no process; a dead lab can go without
            if state.is_locked(name):
                raise
        else:
            if lab.boot_id == state.boot_id() or traits(lab.runtime).comes_back:
                _remove(lab)
    elif state.is_locked(name):
        raise LabError(f"lab {name} is being built by another netlab: wait for it, or interrupt it there")
    else:
        _sweep(name, progress)
    state.remove(name)


def _remove(lab: LabRecord) -> None:
    """Its containers or processes, and what it has in clusters of others; what cannot be had there stays recorded."""
    plan = _plan(lab) if traits(lab.runtime).images else None
    left = detach(lab, plan) if plan else ()
    if plan is None or not left:
        by_name(lab.runtime).destroy(lab)
        return
    from netlab.runtime import kept

    kept.write(Path(lab.directory), kept.of(lab, plan, own=False))
    by_name(lab.runtime).destroy(lab)
    kept.reduce(Path(lab.directory))
    raise LabError(f"{'; '.join(left)}: 'netlab destroy --lab {lab.name}' takes it away once the cluster answers")


def _plan(lab: LabRecord) -> LabPlan | None:
    try:
        return state.load_plan(lab)
    except LabError:  # damaged: there is nothing to go by
        return None


def detach(lab: LabRecord, plan: LabPlan) -> tuple[str, ...]:
    """Take what netlab has applied away from clusters that are somebody else's, and its interfaces out of their nodes;
    what could not be, one sentence each."""
    left = []
    clusters = [cluster for cluster in plan.clusters if cluster.existing]
    if clusters:
        from netlab.cluster import attached

        for cluster in clusters:
            try:
                attached.detach(lab, cluster)
            except NetlabError as error:
                left.append(f"{cluster.name}: what was applied to kind cluster {cluster.kind_name} is left: {error}")
    machines = outliving(plan)
    runtime = by_name(lab.runtime)
    if machines.nodes and (running := runtime.running(lab)):
        try:
            with runtime.agent(lab) as agent:
                agent.remove_marked(only(machines, running))
        except NetlabError as error:
            left.append(f"interfaces in {', '.join(node.name for node in machines.nodes)} are left: {error}")
    return tuple(left)


def _sweep(name: str, progress: Progress) -> bool:
    """Remove what any runtime still has of a lab without a record. Whether there was any."""
    swept = [_swept(by_name(runtime), name, progress) for runtime in RUNTIMES.usable()]
    return any(swept)


def _swept(runtime: Runtime, name: str, progress: Progress) -> bool:
    try:
        swept = runtime.sweep(name, state.directory(name))
    except HostError:  # no engine, or none that this user may use
        return False
    if swept:
        progress.note(f"containers of {name} were left, without its record; they are removed")
    return swept
