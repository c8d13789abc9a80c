"""Deploy: from a plan to a running lab, as a transaction. Destroy: until nothing is left."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import netlab
from netlab.agent.client import AgentClient
from netlab.agent.messages import NodeWiring, WireRequest
from netlab.lab import converge, startup, state
from netlab.lab.converge import Convergence
from netlab.lab.progress import Progress
from netlab.model import limits
from netlab.model.errors import HostError, InputError, LabError, NetlabError, Problem
from netlab.model.lab import Lab
from netlab.model.plan import InterfacePlan, LabPlan, NodePlan
from netlab.runtime.base import Build
from netlab.runtime.choice import by_name

if TYPE_CHECKING:  # with the libraries of Kubernetes, which other labs do without
    from netlab.cluster.clusters import Clusters

_DETACH_TIMEOUT = 15.0
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
    """Build the lab and wait until it has converged. What fails before it is built leaves nothing."""
    runtime = by_name(plan.runtime)
    if options.rootfs is not None:
        plan = with_rootfs(plan, options.rootfs)
    startup.check(plan, runtime)
    directory = state.directory(plan.name)
    if (options.reconfigure or options.reuse_cluster) and plan.name in state.names():
        if options.reuse_cluster:
            plan = _hand_over(plan)
        destroy(plan.name, progress)
    progress.step(f"building {len(plan.nodes)} nodes")
    with ExitStack() as stack:
        build = stack.enter_context(runtime.build(plan, directory))
        build.launch()
        try:
            clusters = stack.enter_context(_clusters(plan, directory, build, progress)) if plan.clusters else None
            if clusters:
                clusters.wait_for_nodes()
            build.make_nodes()
            _wire(plan, build.agent, progress)
            progress.step("starting daemons")
            build.start_processes(options.timeout)
            if clusters:
                clusters.finish(build.agent, options.timeout)
        except NetlabError:
            if options.keep and build.has_nodes:
                _commit(plan, build, directory)
            raise
        try:
            lab = _commit(plan, build, directory, hold=options.hold)
            convergence = converge.wait(plan, build.agent, options.timeout, progress) if options.wait else None
            build.agent.close()  # the end of a helper container takes a moment, in which Ctrl-C still means this lab
        except BaseException:  # Ctrl-C above all: it leaves nothing
            if build.committed:
                destroy(plan.name, progress)
            raise
        if not options.hold:
            return Deployment(lab, convergence)
        return Deployment(lab, convergence, stack.pop_all())


def _hand_over(plan: LabPlan) -> LabPlan:
    """The plan with the clusters of the lab that it replaces. LabError where that cannot be."""
    from netlab.cluster import reuse

    lab = state.load(plan.name)
    return reuse.hand_over(state.load_plan(lab), plan, lab.engine, Path(lab.directory))


def _clusters(plan: LabPlan, directory: Path, build: Build, progress: Progress) -> Clusters:
    from netlab.cluster.clusters import Clusters

    return Clusters(plan, directory, build.engine_url, progress.step)


def with_rootfs(plan: LabPlan, written: Path) -> LabPlan:
    """The plan with another root file system for every router that FRR runs. InputError where it is no such folder.

    The cluster's speakers stand in for MetalLB, and a router that serves a VIP is a server, which needs more than FRR:
    they stay what they are.
    """
    try:
        folder = written.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before Python 3.13
        reason = error.strerror if isinstance(error, OSError) else "a loop of symbolic links"
        raise InputError(Problem(f"--rootfs {written}: {reason}")) from None
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(Problem(f"--rootfs {written}: not a folder that you can read"))

    def moved(node: NodePlan) -> NodePlan:
        runs_frr = node.routing is not None and node.routing.daemon == "frr"
        serves = any(service.is_held_by(node.name) for service in plan.services)
        return replace(node, rootfs=str(folder)) if runs_frr and not serves else node

    return replace(plan, nodes=tuple(moved(node) for node in plan.nodes))


def wiring_of(plan: LabPlan) -> WireRequest:
    """What the agent is asked to make of a plan."""
    nodes = tuple(NodeWiring(n.name, _steady(plan, n), n.bridges, n.routes, n.sysctls) for n in plan.nodes)
    return WireRequest(nodes, plan.links)


def _steady(plan: LabPlan, node: NodePlan) -> tuple[InterfacePlan, ...]:
    """The machine's interfaces. Where it can be restarted they have the same MAC addresses again, as a machine's have:
    to others, who remember it for seconds, it would be unreachable until then. Locally administered (IEEE 802)."""
    if plan.runtime != "docker":
        return node.interfaces
    names = (f"{plan.name}/{node.name}/{interface.name}" for interface in node.interfaces)
    macs = (f"02:{sha256(name.encode()).digest()[:5].hex(':')}" for name in names)
    return tuple(replace(each, mac=each.mac or mac) for each, mac in zip(node.interfaces, macs, strict=True))


def _wire(plan: LabPlan, agent: AgentClient, progress: Progress) -> None:
    progress.step(f"wiring {len(plan.links)} link{'' if len(plan.links) == 1 else 's'}")
    taken_over = any(cluster.existing or cluster.reused for cluster in plan.clusters)
    # The nodes of a cluster that was there may still have interfaces of an earlier lab.
    answer = agent.rewire(wiring_of(plan)) if taken_over else agent.wire(wiring_of(plan))
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
    init, nodes = build.record()
    lab = Lab(
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
    state.save(lab, plan)
    if hold:
        build.hold()
    else:
        build.commit()
    return lab


def destroy(name: str, progress: Progress) -> None:
    """Remove a lab, running, dead or half-built. Nothing of it is left."""
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
            if lab.boot_id == state.boot_id() or lab.engine:
                _detach(lab, progress)
                by_name(lab.runtime).destroy(lab)
    elif state.is_locked(name):
        raise LabError(f"lab {name} is being built by another netlab: wait for it, or interrupt it there")
    else:
        _sweep(name, progress)
    state.remove(name)


def _detach(lab: Lab, progress: Progress) -> None:
    """Take what netlab has applied away from clusters that are somebody else's."""
    if not lab.engine:
        return
    try:
        clusters = [cluster for cluster in state.load_plan(lab).clusters if cluster.existing]
    except LabError:  # a damaged plan: there is nothing to go by
        return
    if not clusters:
        return
    from netlab.cluster import install
    from netlab.cluster.clusters import connected
    from netlab.cluster.paths import kubeconfig

    for cluster in clusters:
        try:
            with connected(kubeconfig(lab.directory, cluster.name), _DETACH_TIMEOUT) as client:
                install.detach(client, lab.name)
        except NetlabError as error:  # it is gone, or does not answer: the lab must go all the same
            progress.note(f"{cluster.name}: what was applied to kind cluster {cluster.kind_name} may be left: {error}")


def _sweep(name: str, progress: Progress) -> bool:
    """Remove what a container engine still has of a lab without a record. Whether there was any."""
    try:
        swept = by_name("docker").sweep(name, state.directory(name))
    except HostError:  # no engine, or none that this user may use
        return False
    if swept:
        progress.note(f"containers of {name} were left, without its record; they are removed")
    return swept
