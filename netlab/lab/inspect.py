"""What a lab looks like now: nodes, addresses, sessions, VIPs."""

from __future__ import annotations

from netlab.cluster.paths import kubeconfig
from netlab.lab import routing, state
from netlab.model.errors import LabError
from netlab.model.evidence import BgpSession
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan
from netlab.model.results import ClusterReport, LabReport, NodeReport, VipReport
from netlab.model.routing import RoutingView
from netlab.registry.runtimes import traits
from netlab.runtime.choice import by_name


def inspect(name: str) -> LabReport:
    """Look at a lab, running or dead."""
    try:
        lab = state.load(name)
    except LabError:
        return LabReport(name, "unfinished", "", "", "", str(state.directory(name)), (), (), ())
    return look(lab)


def look(lab: LabRecord) -> LabReport:
    """Look at a finished lab, running or dead."""
    plan = state.load_plan(lab)
    alive = state.is_alive(lab)
    running = by_name(lab.runtime).running(lab) if alive else frozenset()
    restarted = by_name(lab.runtime).restarted(lab) if alive else frozenset()
    views, vips = _ask(lab, plan, running) if alive else ({}, ())
    nodes = tuple(
        NodeReport(
            name=node.name,
            kind=node.kind,
            role=node.role,
            runs_as=f"{node.runs_as} {views[node.name].version}".rstrip() if node.name in views else node.runs_as,
            addresses=tuple(f"{i.name} {address}" for i in node.interfaces for address in i.addresses),
            alive=node.name in running,
            sessions=_sessions(views.get(node.name)),
            problem=_problem(lab, node.name, views.get(node.name), restarted),
        )
        for node in plan.nodes
    )
    status = "unfinished" if state.is_kept(lab) else "running" if alive else "dead"
    clusters = tuple(
        ClusterReport(each.name, each.kind_name, str(kubeconfig(lab.directory, each.name)), each.existing)
        for each in plan.clusters
    )
    return LabReport(
        name=lab.name,
        state=status,
        runtime=lab.runtime,
        topology_file=lab.topology_file,
        created=lab.created,
        directory=lab.directory,
        emulated=plan.emulated,
        nodes=nodes,
        vips=vips,
        clusters=clusters,
    )


def _problem(lab: LabRecord, node: str, view: RoutingView | None, restarted: frozenset[str]) -> str | None:
    if node in restarted:
        return restarted_outside(lab, node)
    return view.error if view else None


def dead(lab: LabRecord, node: str) -> str:
    """What to say of a machine that has died."""
    mend = (
        f"'netlab repair --lab {lab.name}' starts it again"
        if traits(lab.runtime).comes_back
        else "'netlab deploy --reconfigure' mends it"
    )
    return f"{node} is dead, and nothing can be measured with it: {mend}"


def restarted_outside(lab: LabRecord, node: str) -> str:
    """What to say of a machine that somebody else has started again."""
    return (
        f"{node} was restarted outside netlab and has lost its links: 'netlab repair --lab {lab.name}' puts them back"
    )


def _sessions(view: RoutingView | None) -> tuple[BgpSession, ...]:
    return view.bgp.sessions if view and view.bgp else ()


def _ask(
    lab: LabRecord, plan: LabPlan, running: frozenset[str]
) -> tuple[dict[str, RoutingView], tuple[VipReport, ...]]:
    """What the routers that run say; a dead one has no namespace to ask in."""
    routers = [node for node in plan.nodes if node.routing and node.name in running]
    somewhere = str(plan.services[0].vip) if plan.services else "192.0.2.1"
    # One that holds the VIP has no route to it.
    pairs = [(n.name, service) for n in routers for service in plan.services if not service.is_held_by(n.name)]
    with by_name(lab.runtime).agent(lab) as agent:
        views = routing.ask(agent, [(node, somewhere) for node in routers])
        kernels = agent.kernel(tuple((name, str(service.vip)) for name, service in pairs))
    vips = tuple(
        VipReport(
            service=service.name,
            vip=str(service.vip),
            port=service.port,
            router=name,
            next_hops=tuple(sorted(hop.address for hop in kernel.route.next_hops)) if kernel.route else (),
        )
        for (name, service), kernel in zip(pairs, kernels, strict=True)
        if plan.node(name).role == "router"
    )
    return {node.name: view for node, view in zip(routers, views, strict=True)}, vips
