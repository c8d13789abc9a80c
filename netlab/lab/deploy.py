"""Deploy: from a plan to a running lab, as a transaction."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import netlab
from netlab import daemons
from netlab.agent.client import AgentClient
from netlab.lab import converge, startup, state
from netlab.lab.custody import Custody
from netlab.lab.destroy import destroy
from netlab.lab.progress import Progress
from netlab.lab.wired import only, wiring_of
from netlab.model import limits
from netlab.model.errors import ConvergenceError, InputError, NetlabError, Problem
from netlab.model.lab import Lab
from netlab.model.parameters import parameter
from netlab.model.plan import LabPlan, NodePlan
from netlab.model.results import Convergence
from netlab.runtime.base import Build
from netlab.runtime.choice import by_name

if TYPE_CHECKING:  # with the libraries of Kubernetes, which other labs do without
    from netlab.cluster.clusters import Clusters

_BY_DESIGN_OPTIONAL = "net.ipv4.fib_multipath_hash_seed"


@dataclass(frozen=True)
class DeployOptions:
    """`timeout` in seconds, for the processes' start and again for convergence."""

    wait: bool = True
    timeout: float = 60.0
    reconfigure: bool = False
    rootfs: Path | None = None
    """The root file system of every router that FRR runs, over the file's."""
    keep: bool = False
    """Keep a lab whose building failed, as far as it got."""
    reuse_cluster: bool = False
    """Replace the lab if it exists, all but its running Kubernetes clusters."""
    must_converge: bool = False
    """A lab that has not converged in time is a failure too (ConvergenceError)."""
    hold: bool = False
    """The lab lives as long as the deployment is held, and no longer than this process, however that ends."""

    def __post_init__(self) -> None:
        """InputError for a number that makes no sense."""
        limits.TIMEOUT.check("timeout", self.timeout)


@dataclass(frozen=True)
class Deployment:
    """A lab that was built, and how convergence ended; None where nobody waited.

    `held` ends the lab when it is closed, where the options asked for that.
    """

    lab: Lab
    convergence: Convergence | None
    held: ExitStack | None = None


def deploy(plan: LabPlan, options: DeployOptions, progress: Progress) -> Deployment:
    """Build the lab and wait until it has converged. What fails leaves nothing but clusters that were there before."""
    runtime = by_name(plan.runtime)
    if options.rootfs is not None:
        plan = with_rootfs(plan, options.rootfs)
    startup.check(plan, runtime)
    directory = state.directory(plan.name)
    with ExitStack() as stack:
        custody = stack.enter_context(Custody(plan.name, progress))
        plan = _make_way(plan, options, custody, progress)
        progress.step(f"building {len(plan.nodes)} nodes")
        build = stack.enter_context(runtime.build(plan, directory))
        build.launch()
        try:
            _build(plan, build, stack, custody=custody, timeout=options.timeout, progress=progress)
        except NetlabError:
            if options.keep and build.has_nodes:
                _commit(plan, build, directory)
                custody.succeeded()
            raise
        try:
            lab = _commit(plan, build, directory, hold=options.hold)
            convergence = converge.wait(plan, build.agent, options.timeout, progress) if options.wait else None
            if options.must_converge and convergence and not convergence.converged:
                raise ConvergenceError(plan.name, convergence.missing)
            build.agent.close()  # the end of a helper container takes a moment, in which Ctrl-C still means this lab
        except BaseException:  # Ctrl-C above all: it leaves nothing
            if build.committed and not custody.is_ours:
                destroy(plan.name, progress)
            raise
        if options.hold:
            return Deployment(lab, convergence, stack.pop_all())
        custody.succeeded()
        return Deployment(lab, convergence)


def _make_way(plan: LabPlan, options: DeployOptions, custody: Custody, progress: Progress) -> LabPlan:
    """Remove the lab that this one replaces; the plan, with the clusters that it takes over."""
    if not (options.reconfigure or options.reuse_cluster) or plan.name not in state.names():
        return plan
    if options.reuse_cluster:
        return custody.take_over(plan)
    destroy(plan.name, progress)
    return plan


def _build(
    plan: LabPlan, build: Build, stack: ExitStack, *, custody: Custody, timeout: float, progress: Progress
) -> None:
    """Everything until the daemons and the clusters run."""
    others = any(node.container.existing is not None for node in plan.nodes)
    met = build.meet() if others else frozenset()
    if met:  # before anything is made
        build.agent.refuse_taken(only(wiring_of(plan), met))
    directory = state.directory(plan.name)
    clusters = stack.enter_context(_clusters(plan, directory, build, progress)) if plan.clusters else None
    if clusters:
        clusters.wait_for_nodes()
    build.make_nodes()
    if clusters:
        custody.remember(_record(plan, build, directory), plan)
    _wire(plan, build.agent, progress, again=bool(met))
    progress.step("starting daemons")
    build.start_processes(timeout)
    if clusters:
        clusters.finish(build.agent, timeout)


def _clusters(plan: LabPlan, directory: Path, build: Build, progress: Progress) -> Clusters:
    from netlab.cluster.clusters import Clusters

    return Clusters(plan, directory, build.engine_url, progress.step)


def with_rootfs(plan: LabPlan, written: Path) -> LabPlan:
    """The plan with another root file system for every router that FRR runs. InputError where it is no such folder.

    The cluster's speakers stand in for MetalLB, and a router that serves a VIP is a server, which needs more than its
    daemon: they stay what they are.
    """
    try:
        folder = written.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before Python 3.13
        reason = error.strerror if isinstance(error, OSError) else "a loop of symbolic links"
        raise InputError(Problem(f"{parameter('rootfs')} {written}: {reason}")) from None
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(Problem(f"{parameter('rootfs')} {written}: not a folder that you can read"))

    def moved(node: NodePlan) -> NodePlan:
        movable = node.routing is not None and daemons.of(node.routing).in_rootfs
        serves = any(service.is_held_by(node.name) for service in plan.services)
        return replace(node, rootfs=str(folder)) if movable and not serves else node

    return replace(plan, nodes=tuple(moved(node) for node in plan.nodes))


def _wire(plan: LabPlan, agent: AgentClient, progress: Progress, *, again: bool = False) -> None:
    """`again`: machines that were there may still have interfaces of the lab, or of an earlier one of its name."""
    progress.step(f"wiring {len(plan.links)} link{'' if len(plan.links) == 1 else 's'}")
    answer = agent.rewire(wiring_of(plan)) if again else agent.wire(wiring_of(plan))
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


def _commit(plan: LabPlan, build: Build, directory: Path, *, hold: bool = False) -> Lab:
    lab = _record(plan, build, directory)
    state.save(lab, plan)
    if hold:
        build.hold()
    else:
        build.commit()
    return lab


def _record(plan: LabPlan, build: Build, directory: Path) -> Lab:
    init, nodes = build.record()
    return Lab(
        name=plan.name,
        runtime=plan.runtime,
        owner=os.geteuid(),
        boot_id=state.boot_id(),
        version=netlab.__version__,
        directory=str(directory),
        topology_file=plan.topology_file,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        init=init,
        nodes=nodes,
        engine=build.engine_url,
    )
