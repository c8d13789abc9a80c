"""Deploy: from a plan to a running lab, as a transaction around the recipe."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from netlab import daemons
from netlab.lab import converge, startup_configs, state
from netlab.lab.custody import Custody
from netlab.lab.destroy import destroy
from netlab.lab.progress import Progress
from netlab.lab.recipe import Context, commit, follow
from netlab.model import limits
from netlab.model.errors import ConvergenceError, InputError, NetlabError, Problem
from netlab.model.lab import LabRecord
from netlab.model.parameters import parameter
from netlab.model.plan import LabPlan, NodePlan
from netlab.model.results import Convergence
from netlab.runtime.choice import by_name


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

    lab: LabRecord
    convergence: Convergence | None
    held: ExitStack | None = None


def deploy(plan: LabPlan, options: DeployOptions, progress: Progress) -> Deployment:
    """Build the lab and wait until it has converged. What fails leaves nothing but clusters that were there before."""
    runtime = by_name(plan.runtime)
    if options.rootfs is not None:
        plan = with_rootfs(plan, options.rootfs)
    startup_configs.check(plan, runtime)
    directory = state.directory(plan.name)
    with ExitStack() as stack:
        custody = stack.enter_context(Custody(plan.name, progress))
        plan = _make_way(plan, options, custody, progress)
        progress.step(f"building {len(plan.nodes)} nodes")
        build = stack.enter_context(runtime.build(plan, directory))
        context = Context(plan, directory, build, stack, options.timeout, progress, custody)
        try:
            follow(context)
        except NetlabError:
            if options.keep and build.has_nodes:
                commit(context)
                custody.succeeded()
            raise
        try:
            lab = commit(context, hold=options.hold)
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
