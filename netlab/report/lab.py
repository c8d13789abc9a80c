"""A deployment and a lab's state, for a terminal or as JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from netlab.model import codec
from netlab.model.endpoint import endpoint
from netlab.model.plan import LabPlan
from netlab.model.results import Convergence, LabReport, NodeReport, Repair
from netlab.model.text import printable, printable_parts


def print_repair(done: Repair) -> None:
    """What a repair has put back, and what is missing still."""
    if not done.nodes and not done.links:
        print(f"lab {done.lab.name} is whole: nothing to repair")
        return
    links = f"{done.links} link{'' if done.links == 1 else 's'} made again"
    print(f"lab {done.lab.name} is repaired: {', '.join(done.nodes) or 'no node'} started again, {links}")
    if done.convergence and not done.convergence.converged:
        for missing in done.convergence.missing:
            print(f"netlab: {printable(missing)}", file=sys.stderr)


def print_deployment(plan: LabPlan, converged: Convergence | None, *, as_json: bool) -> None:
    """How a deploy ended: the nodes that a user named, the VIPs, and what is missing."""
    if as_json:
        document = {
            "schema": 1,
            "lab": plan.name,
            "runtime": plan.runtime,
            "emulated": plan.emulated,
            "nodes": [node.name for node in plan.nodes],
            "vips": [{"service": s.name, "vip": str(s.vip), "port": s.port} for s in plan.services],
            "converged": converged.converged if converged else None,
            "seconds": round(converged.seconds, 3) if converged else None,
            "missing": converged.missing if converged else (),
        }
        print(codec.encode(document, indent=2).decode())
        return
    for sentence in plan.emulated:
        print(f"emulated: {printable(sentence)}")
    vips = ", ".join(endpoint(service.vip, service.port) for service in plan.services)
    word = "VIP" if len(plan.services) == 1 else "VIPs"
    about = f"{len(plan.nodes)} nodes{f', {word} {vips}' if vips else ''}"
    if converged is None:
        print(f"lab {plan.name} is built: {about}")
    elif converged.converged:
        print(f"lab {plan.name} has converged: {about}")
        measures = "'netlab ecmp-check' measures it, " if plan.checks else ""
        print(f"next: {measures}'netlab inspect' shows it, 'netlab destroy --lab {plan.name}' removes it")
    else:
        waited = f"{converged.seconds:.0f}" if converged.seconds >= 1 else f"{converged.seconds:.1f}"
        print(f"lab {plan.name} is built but has not converged after {waited} s: {about}")
        for missing in converged.missing:
            print(f"netlab: {printable(missing)}", file=sys.stderr)
        print(
            f"netlab: the lab is kept: look with 'netlab inspect', 'netlab logs NODE'; "
            f"'netlab destroy --lab {plan.name}' removes it",
            file=sys.stderr,
        )


def print_reports(reports: tuple[LabReport, ...], *, as_json: bool) -> None:
    """Labs with their nodes, sessions and VIPs."""
    if as_json:
        labs: list[dict[str, Any]] = [asdict(report) for report in reports]
        print(codec.encode({"schema": 1, "labs": labs}, indent=2).decode())
        return
    console = Console(highlight=False, soft_wrap=False, markup=False)
    if not reports:
        print("no lab is deployed: 'netlab deploy FILE' builds one")
    for report in reports:
        _print_report(console, printable_parts(report))


def _print_report(console: Console, report: LabReport) -> None:
    style = {"running": "green", "dead": "red", "unfinished": "yellow"}[report.state]
    about = f" ({report.runtime}, {report.topology_file}, since {report.created})" if report.runtime else ""
    heading = Text.assemble((f"lab {report.name}", "bold"), ": ", (report.state, style), about)
    console.print(heading, soft_wrap=True)
    if report.state != "running":
        console.print(f"'netlab destroy --lab {report.name}' removes what is left of it", soft_wrap=True)
    if report.nodes:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("node", no_wrap=True)
        table.add_column("addresses", no_wrap=True)
        table.add_column("runs", overflow="fold", min_width=12)
        for node in report.nodes:
            table.add_row(*map(Text, _cells(node, report.state)))
        console.print(table)
        console.print()
    for node in report.nodes:
        if node.problem:
            console.print(node.problem, style="red", soft_wrap=True)
        for session in node.sessions:
            console.print(
                f"{node.name}: BGP neighbor {session.neighbor}, AS {session.remote_asn}: {session.state}",
                soft_wrap=True,
            )
    for vip in report.vips:
        hops = ", ".join(vip.next_hops) or "no route"
        console.print(f"{vip.router}: VIP {endpoint(vip.vip, vip.port)} ({vip.service}) -> {hops}", soft_wrap=True)
    for cluster in report.clusters:
        whose = "somebody else's" if cluster.existing else "the lab's own"
        about = f"{cluster.name}: kind cluster {cluster.kind_name}, {whose}; KUBECONFIG={cluster.kubeconfig}"
        console.print(about, soft_wrap=True)
    for sentence in report.emulated:
        console.print(f"emulated: {sentence}", soft_wrap=True)


def _cells(node: NodeReport, state: str) -> tuple[str, str, str]:
    name = node.name if node.alive or state != "running" else f"{node.name} (dead)"
    return name, "\n".join(node.addresses), node.runs_as
