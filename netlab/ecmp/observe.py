"""Collecting the evidence: tables before and after, and N new TCP connections followed through each router."""

from __future__ import annotations

import platform
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Protocol

import netlab
from netlab.agent.client import AgentClient
from netlab.agent.messages import FlowGroup, FlowOutcome, FlowsRequest, GroupOutcome, KernelView
from netlab.ecmp import ports
from netlab.ecmp.options import CheckOptions
from netlab.ecmp.ports import SourcePorts
from netlab.ecmp.silence import known
from netlab.lab import emulated, routing
from netlab.lab.announcers import announcers
from netlab.model import limits
from netlab.model.cluster import ClusterPlan
from netlab.model.endpoint import endpoint
from netlab.model.errors import InputError, LabError, NetlabError, Problem
from netlab.model.evidence import (
    Announcer,
    ArpEntry,
    ClusterEvidence,
    Evidence,
    FlowEvidence,
    PodInfo,
    RouterEvidence,
    SegmentCount,
    ServiceFacts,
)
from netlab.model.parameters import parameter
from netlab.model.plan import CheckPlan, LabPlan, ServicePlan
from netlab.model.routing import RoutingView
from netlab.registry.runtimes import traits


class FactsReader(Protocol):
    """Asks a real cluster's API about services of its own, as they are now."""

    def __call__(self, cluster: ClusterPlan, services: tuple[ServicePlan, ...]) -> tuple[ServiceFacts, ...]:
        """The facts of each service, in their order. Called from a thread, while flows are under way.

        LabError, HostError where the cluster cannot be asked; the measurement goes on without it.
        """


@dataclass(frozen=True)
class _Seen:
    """What belongs together about one router and one VIP."""

    check: CheckPlan
    service: ServicePlan
    group: FlowGroup
    view: RoutingView
    before: KernelView
    after: KernelView
    outcome: GroupOutcome


def observe(
    plan: LabPlan,
    agent: AgentClient,
    options: CheckOptions,
    meanwhile: Callable[[], None],
    read_facts: FactsReader | None = None,
) -> Evidence:
    """Send flows from the client behind each router and record everything seen.

    `meanwhile` runs in a thread while the flows are under way, and so does `read_facts`, which the real clusters of
    the lab are asked with.
    """
    checks = choose(plan, options)
    services = tuple(_service(plan, check) for check in checks)
    facts = _emulated_facts(plan, agent, services)
    seed = random.SystemRandom().randint(1, int(limits.SEED.most)) if options.seed is None else options.seed
    questions = [(plan.node(check.router), str(check.vip)) for check in checks]
    views = routing.ask(agent, questions)
    before = agent.kernel(tuple((node.name, vip) for node, vip in questions))
    groups = tuple(map(_group, checks, ports.draw(checks, options.flows, seed)))
    agent.start_flows(FlowsRequest(groups, options.timeout))
    workers = [threading.Thread(target=meanwhile, daemon=True)]  # Ctrl-C need not wait for it
    if read_facts:
        workers.append(threading.Thread(target=_read_facts, args=(plan, services, read_facts, facts), daemon=True))
    for worker in workers:
        worker.start()
    outcomes = agent.finish_flows()
    for worker in workers:
        worker.join()
    _refuse_unsent(groups, outcomes)
    after = agent.kernel(tuple((node.name, vip) for node, vip in questions))
    seen = (_Seen(*parts) for parts in zip(checks, services, groups, views, before, after, outcomes, strict=True))
    return Evidence(
        lab=plan.name,
        runtime=plan.runtime,
        emulated=plan.emulated,
        versions=_versions(views),
        seed=seed,
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        routers=tuple(_router_evidence(plan, parts, facts.get(parts.service)) for parts in seen),
    )


def choose(plan: LabPlan, options: CheckOptions) -> tuple[CheckPlan, ...]:
    """The routers and VIPs to check. InputError for a router, VIP or number of flows that makes no sense."""
    if not plan.checks:
        raise LabError("this lab has no router between a client and a VIP, so there is nothing to check")
    vip, port = options.target()
    known = tuple(dict.fromkeys(check.router for check in plan.checks))
    for router in options.routers:
        if router not in known:
            message = f"{parameter('routers')} {router}: no VIP is checked there"
            raise InputError(Problem(message, hint=f"there is {', '.join(known)}"))
    chosen = tuple(
        check
        for check in plan.checks
        if (not options.routers or check.router in options.routers)
        and vip in (None, str(check.vip))
        and port in (None, check.port)
    )
    if not chosen:
        vips = ", ".join(dict.fromkeys(endpoint(check.vip, check.port) for check in plan.checks))
        wanted = vip if vip is None or port is None else endpoint(vip, port)
        raise InputError(Problem(f"{parameter('vip')} {wanted}: no such VIP to check", hint=f"there is {vips}"))
    ports.refuse_too_many(chosen, options.flows)
    return chosen


def _service(plan: LabPlan, check: CheckPlan) -> ServicePlan:
    return next(service for service in plan.services if service.vip == check.vip and service.port == check.port)


def _emulated_facts(
    plan: LabPlan, agent: AgentClient, services: tuple[ServicePlan, ...]
) -> dict[ServicePlan, ServiceFacts]:
    real = {cluster.name for cluster in plan.clusters}
    wanted = tuple(dict.fromkeys(service for service in services if service.cluster and service.cluster not in real))
    return dict(zip(wanted, emulated.service_facts(plan, agent, wanted), strict=True)) if wanted else {}


def _read_facts(
    plan: LabPlan, services: tuple[ServicePlan, ...], read: FactsReader, facts: dict[ServicePlan, ServiceFacts]
) -> None:
    """Add what the real clusters say to `facts`; of one that does not answer, that."""
    for cluster in plan.clusters:
        wanted = tuple(dict.fromkeys(service for service in services if service.cluster == cluster.name))
        if not wanted:
            continue
        try:
            found = read(cluster, wanted)
        except NetlabError as error:
            found = tuple(_unknown(service, str(error)) for service in wanted)
        facts.update(zip(wanted, found, strict=True))


def _unknown(service: ServicePlan, why: str) -> ServiceFacts:
    cluster = ClusterEvidence(service.cluster or "", service.name, service.policy or "Cluster", (), unknown=why)
    return ServiceFacts(cluster, ())


def _refuse_unsent(groups: tuple[FlowGroup, ...], outcomes: tuple[GroupOutcome, ...]) -> None:
    """LabError where the client itself could not open flows: that says nothing of the network."""
    for group, outcome in zip(groups, outcomes, strict=True):
        unsent = [flow for flow in outcome.flows if flow.refused]
        if unsent:
            raise LabError(
                f"{group.client} cannot open {len(unsent)} of {len(outcome.flows)} flows from {group.client_address} "
                f"to {endpoint(group.vip, group.port)} ({unsent[0].error}), so nothing was measured: see that it has "
                f"the address ('netlab exec {group.client} -- ip address') and that little else there holds ports "
                f"('netlab exec {group.client} -- ss -tan'), or send fewer ({parameter('flows')})"
            )


def _group(check: CheckPlan, drawn: SourcePorts) -> FlowGroup:
    return FlowGroup(
        client=check.client,
        client_address=str(check.client_address),
        vip=str(check.vip),
        port=check.port,
        source_ports=drawn.ports,
        router=check.router,
        router_interface=check.router_interface,
        spare_ports=drawn.spare,
    )


def _versions(views: tuple[RoutingView, ...]) -> tuple[tuple[str, str], ...]:
    daemons: dict[str, dict[str, None]] = {}
    for view in views:
        if view.version:
            daemons.setdefault(view.daemon, {})[view.version] = None
    return (
        ("netlab", netlab.__version__),
        *((daemon, ", ".join(versions)) for daemon, versions in daemons.items()),
        ("Linux", platform.release()),
    )


def _router_evidence(plan: LabPlan, seen: _Seen, facts: ServiceFacts | None) -> RouterEvidence:
    check, view, before, after = seen.check, seen.view, seen.before, seen.after
    if view.error:
        raise LabError(f"{view.error} ('netlab logs {check.router}' may say why)")
    node = plan.node(check.router)
    planned = tuple(
        Announcer(a.node, str(a.address), a.expected, a.reason) for a in announcers(plan, seen.service, node)
    )
    by_mac = _addresses_by_mac(before, after, check.vip.version)
    return RouterEvidence(
        router=check.router,
        kind=node.kind,
        runs_as=f"{node.runs_as} {view.version}",
        client=check.client,
        vip=str(check.vip),
        port=check.port,
        expected=check.expect,
        announcers=known(planned, facts.cluster) if facts else planned,
        pods=facts.pods if facts else _holders(seen.service),
        bgp=view.bgp,
        rib=view.rib,
        fib_before=before.route,
        fib_after=after.route,
        neighbours_before=before.arp,
        neighbours_after=after.arp,
        hash=before.hash,
        flows=tuple(_flow(seen.group, flow, by_mac) for flow in seen.outcome.flows),
        capture_packets=seen.outcome.capture_packets,
        capture_drops=seen.outcome.capture_drops,
        forwarding=node.forwarding,
        one_kernel=traits(plan.runtime).one_kernel,
        old_kernel=node.old_kernel,
        cluster=facts.cluster if facts else None,
    )


def _holders(service: ServicePlan) -> tuple[PodInfo, ...]:
    """What answers where no cluster does: the machines that hold the VIP."""
    return tuple(PodInfo(pod, pod) for pod in service.pods if not service.cluster)


def _addresses_by_mac(before: KernelView, after: KernelView, version: int) -> dict[tuple[str, str], str]:
    """Which next hop a frame to (interface, MAC) went to, by the ARP or ND entries.

    Where a MAC has several addresses, the one that the FIB names as a next hop counts, else the first of the flows' IP
    version.
    """
    in_fib = {hop.address for view in (before, after) if view.route for hop in view.route.next_hops}
    found: dict[tuple[str, str], ArpEntry] = {}
    for entry in (*before.arp, *after.arp):
        if entry.mac is None:
            continue
        key = (entry.interface, entry.mac)
        if _rank(entry, in_fib, version) > _rank(found.get(key), in_fib, version):
            found[key] = entry
    return {key: entry.address for key, entry in found.items()}


def _rank(entry: ArpEntry | None, in_fib: set[str], version: int) -> int:
    if entry is None:
        return 0
    return 3 if entry.address in in_fib else 2 if ip_address(entry.address).version == version else 1


def _flow(group: FlowGroup, flow: FlowOutcome, by_mac: dict[tuple[str, str], str]) -> FlowEvidence:
    answer = dict(line.partition(": ")[::2] for line in flow.body.splitlines())
    return FlowEvidence(
        source=group.client_address,
        source_port=flow.source_port,
        answered=flow.answered,
        error=flow.error,
        pod=answer.get("pod"),
        client_seen=answer.get("client"),
        retransmissions=flow.retransmissions,
        predicted=flow.predicted,
        segments=tuple(
            SegmentCount(seen.interface, seen.mac, by_mac.get((seen.interface, seen.mac)), seen.count)
            for seen in flow.segments
        ),
        arrived=flow.arrived,
    )
