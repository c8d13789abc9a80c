"""Restarting a node, and putting back what nodes lost that were restarted or died: the docker runtime's labs."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from netlab.lab import converge, state
from netlab.lab.commands import unknown_node
from netlab.lab.progress import Progress
from netlab.lab.recipe import Context, commit, follow
from netlab.model import limits
from netlab.model.lab import LabRecord
from netlab.model.results import Repair
from netlab.runtime.choice import by_name

_STOP_TIMEOUT = 5.0


def repair(wanted: LabRecord | str | None, progress: Progress, *, timeout: float = 60.0, wait: bool = True) -> Repair:
    """Start the nodes that are dead, and give back links, addresses, routes and processes to those that were started
    again. A whole lab stays as it is. LabError where the lab's runtime cannot do that."""
    limits.TIMEOUT.check("timeout", timeout)
    lab = state.choose(wanted, dead_too=True)
    runtime = by_name(lab.runtime)
    if state.is_alive(lab) and runtime.running(lab) == {node.name for node in lab.nodes}:
        return Repair(lab, (), 0, None)
    plan = state.load_plan(lab)
    progress.step(f"repairing {lab.name}")
    directory = Path(lab.directory)
    with ExitStack() as stack:
        build = stack.enter_context(runtime.build(plan, directory, lab))
        context = Context(plan, directory, build, stack, timeout, progress, repaired=lab)
        follow(context)
        repaired = commit(context)
        convergence = converge.wait(plan, build.agent, timeout, progress) if wait else None
    return Repair(repaired, context.fresh, context.links, convergence)


def restart(
    node: str, wanted: LabRecord | str | None, progress: Progress, *, timeout: float = 60.0, wait: bool = True
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
