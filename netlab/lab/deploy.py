"""Deploy: from a plan to a running lab, as a transaction. Destroy: until nothing is left."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import netlab
from netlab.agent.client import AgentClient
from netlab.agent.messages import NodeWiring, WireRequest
from netlab.lab import converge, state
from netlab.lab.converge import Convergence
from netlab.lab.progress import Progress
from netlab.model.errors import HostError, InputError, LabError, NetlabError, Problem
from netlab.model.lab import Lab
from netlab.model.plan import LabPlan
from netlab.runtime.netns import runtime
from netlab.runtime.netns.build import Build

_BY_DESIGN_OPTIONAL = "net.ipv4.fib_multipath_hash_seed"


@dataclass(frozen=True)
class DeployOptions:
    """`timeout` in seconds, for the processes' start and again for convergence. `runtime` overrides the file's."""

    runtime: str | None = None
    wait: bool = True
    timeout: float = 60.0
    reconfigure: bool = False
    keep: bool = False
    """Keep a lab whose building failed, as far as it got."""


@dataclass(frozen=True)
class Deployment:
    """A lab that was built, and how convergence ended; None where nobody waited."""

    lab: Lab
    convergence: Convergence | None


def deploy(plan: LabPlan, options: DeployOptions, progress: Progress) -> Deployment:
    """Build the lab and wait until it has converged. What fails before it is built leaves nothing."""
    plan = _with_runtime(plan, options.runtime)
    if options.reconfigure and plan.name in state.names():
        destroy(plan.name, progress)
    progress.step(f"building {len(plan.nodes)} nodes")
    with runtime.build(plan, state.directory(plan.name)) as build:
        build.launched()
        agent = runtime.start_agent(build.init_pid, {}, wiring=True)
        with agent:
            try:
                build.make_nodes()
                _wire(plan, agent, build, progress)
                progress.step("starting daemons")
                build.start_processes(options.timeout)
            except NetlabError:
                if options.keep and build.node_pids:
                    _commit(plan, build)
                raise
            lab = _commit(plan, build)
            if not options.wait:
                return Deployment(lab, None)
            try:
                return Deployment(lab, converge.wait(plan, agent, options.timeout, progress))
            except BaseException:  # Ctrl-C above all: it leaves nothing
                destroy(plan.name, progress)
                raise


def _with_runtime(plan: LabPlan, name: str | None) -> LabPlan:
    chosen = name or plan.runtime
    if chosen not in ("netns", "docker"):
        raise InputError(Problem(f"--runtime {chosen}: no such runtime", hint="there is netns"))
    if chosen == "docker":
        raise HostError("this version of netlab has no docker runtime yet", "deploy with --runtime netns")
    return replace(plan, runtime="netns")


def _wire(plan: LabPlan, agent: AgentClient, build: Build, progress: Progress) -> None:
    progress.step(f"wiring {len(plan.links)} links")
    agent.hello(build.node_pids)
    nodes = tuple(NodeWiring(n.name, n.interfaces, n.bridges, n.routes, n.sysctls) for n in plan.nodes)
    missing = agent.wire(WireRequest(nodes, plan.links)).missing
    unseeded = [node for node, key in missing if key == _BY_DESIGN_OPTIONAL]
    if unseeded:
        progress.note(
            f"this kernel has no {_BY_DESIGN_OPTIONAL} (Linux 6.11 has): {', '.join(unseeded)} share one hash seed, "
            "so routers behind one another polarise"
        )
    for node, key in missing:
        if key != _BY_DESIGN_OPTIONAL and not key.startswith("net.ipv6."):
            progress.note(f"{node}: this kernel has no {key}")


def _commit(plan: LabPlan, build: Build) -> Lab:
    init, nodes = runtime.built_nodes(build)
    lab = Lab(
        name=plan.name,
        runtime=plan.runtime,
        owner=os.geteuid(),
        boot_id=state.boot_id(),
        version=netlab.__version__,
        directory=str(build.directory),
        topology_file=plan.topology_file,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        init=init,
        nodes=nodes,
    )
    state.save(lab, plan)
    build.commit()
    return lab


def destroy(name: str, progress: Progress) -> None:
    """Remove a lab, running, dead or half-built. Nothing of it is left."""
    progress.step(f"destroying {name}")
    if state.has_record(name):
        lab = state.load(name)
        if lab.boot_id == state.boot_id():
            runtime.destroy(lab)
    elif state.is_locked(name):
        raise LabError(f"lab {name} is being built by another netlab: wait for it, or interrupt it there")
    state.remove(name)
