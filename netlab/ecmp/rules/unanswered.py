"""Flows that were not answered, by the next hop that they left by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from netlab.ecmp.rules.case import Case
from netlab.ecmp.wording import counted
from netlab.model.verdict import UNANSWERED, Finding, Outcome, Severity


def unanswered(case: Case) -> Iterator[Finding]:
    reading, flows = case.reading, case.router.flows
    silent = [index for index, flow in enumerate(flows) if not flow.answered]
    if not silent:
        return
    by_hop = Counter(reading.flow_hop[index] for index in silent)
    total = Counter(reading.flow_hop)
    parts = [
        f"{by_hop[index]} of the {total[index]} by {hop.name}"
        for index, hop in enumerate(reading.hops)
        if by_hop[index]
    ]
    away = sum(flows[index].arrived is False and reading.flow_hop[index] is None for index in silent)
    if by_hop[None] - away:
        parts.append(f"{by_hop[None] - away} that were not seen leaving the router")
    if away:
        parts.append(f"{away} that never came to the router")
    # Where packets are spread, a flow has no next hop of its own to blame.
    where = "" if case.outcome is Outcome.PER_PACKET else f": {', '.join(parts)}"
    errors = Counter(flows[index].error or "no error reported" for index in silent)
    yield Finding(
        rule=UNANSWERED,
        severity=Severity.ERROR,
        message=f"{counted(len(silent), 'flow')} of {len(flows) + len(reading.elsewhere)} got no answer{where}.",
        evidence="the client's errors: " + ", ".join(f"{error} ({number})" for error, number in sorted(errors.items())),
        mend=_mend(case, by_hop, total),
    )


def _mend(case: Case, by_hop: Counter[int | None], total: Counter[int | None]) -> str:
    reading = case.reading
    if case.outcome is Outcome.PER_PACKET:
        return "spread flows, not packets (per-packet, above)"
    dead = [hop for index, hop in enumerate(reading.hops) if by_hop[index] and by_hop[index] == total[index]]
    if dead and len(dead) < sum(flows > 0 for flows in reading.flow_counts):
        names = " and ".join(hop.node or hop.address for hop in dead)
        within = "what answers on the VIP" if case.router.anycast else "kube-proxy's rules, ready pods"
        return f"look at {names}: a route back to the client {_client(case)}, {within}"
    if by_hop[None] == sum(by_hop.values()):
        return (
            f"look at {case.router.router}: its neighbour table, forwarding, filters, and the client's route to the VIP"
        )
    within = "what answers on each node" if case.router.anycast else "ready pods"
    return f"look at the service behind {case.router.vip}: {within}, and the nodes' routes back to {_client(case)}"


def _client(case: Case) -> str:
    sources = sorted({flow.source for flow in case.router.flows})
    return sources[0] if len(sources) == 1 else case.router.client
