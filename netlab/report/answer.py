"""The question that the whole check is about, answered in one sentence: do the flows spread over the nodes?

Where flows went unanswered, another comes before it: flows that spread evenly over dead servers serve nobody.
"""

from __future__ import annotations

from netlab.model.verdict import UNANSWERED, Outcome, RouterVerdict, Severity, Verdict, failing


def answer(verdict: Verdict) -> str:
    """A plain sentence over all routers; before it, where flows went unanswered, another."""
    if not verdict.routers:
        return "No router was checked."
    names = [router.router for router in verdict.routers]
    routers = [(router, _name(router, names.count(router.router) > 1)) for router in verdict.routers]
    sentence = "; ".join(f"on {name} {_clause(router)}" for router, name in routers)
    spread = f"Do the flows spread over the nodes? {sentence[0].upper()}{sentence[1:]}."
    silent = [(router, name) for router, name in routers if _unanswered(router)]
    if not silent:
        return spread
    how = "Not always" if any(router.flows.answered for router in verdict.routers) else "No"
    return f"Does the service answer? {how}: {', '.join(_answers(router, name) for router, name in silent)}. {spread}"


def _name(router: RouterVerdict, several: bool) -> str:
    """`several`: the router has a verdict for more than one VIP."""
    return f"{router.router} to {router.endpoint}" if several else router.router


def _unanswered(router: RouterVerdict) -> bool:
    return any(finding.rule == UNANSWERED for finding in failing(router.findings, router.expected))


def _answers(router: RouterVerdict, name: str) -> str:
    flows = router.flows
    said = f"on {name} {flows.answered} of {flows.sent} flows were answered"
    return f"{said}, whatever their next hop" if not flows.answered and router.paths.used > 1 else said


def _clause(router: RouterVerdict) -> str:
    used, of = router.paths.used, max(router.paths.announced, router.paths.fib)
    nodes = "nodes" if any(hop.node for hop in router.next_hops) else "next hops"
    match router.verdict:
        case Outcome.ECMP:
            said = f"yes, over all {of} {nodes}"
        case Outcome.SINGLE_PATH:
            said = f"no, all go to {used} of {of} {nodes}{_busiest(router)}"
        case Outcome.PARTIAL:
            said = f"only over {used} of {of} {nodes}"
        case Outcome.UNBALANCED:
            said = f"over all {of} {nodes}, but unevenly: {_flows(router)}"
        case Outcome.PER_PACKET:
            survived = f"{router.flows.answered} of {router.flows.sent} requests survive that"
            said = f"no, packets of one flow go to several {nodes}, and {survived}"
        case Outcome.NO_ROUTE:
            said = f"no, it has no route to {router.vip}"
        case Outcome.INCONCLUSIVE:
            said = "this run cannot tell"
    errors = dict.fromkeys(finding.rule for finding in router.findings if finding.severity is Severity.ERROR)
    caution = f" (see {', '.join(errors)})" if errors else ""
    return f"{said}{caution}"


def _busiest(router: RouterVerdict) -> str:
    hop = max(router.next_hops, key=lambda hop: hop.flows, default=None)
    return f" ({hop.node or hop.address})" if hop else ""


def _flows(router: RouterVerdict) -> str:
    return "/".join(str(hop.flows) for hop in router.next_hops)
