"""What answered did so evenly although the next hops did not: counting answers would have hidden it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from netlab.ecmp import statistics
from netlab.ecmp.decide import EFFECT, KEYS_PER_HOP
from netlab.ecmp.rules.case import Case
from netlab.model.verdict import Finding, Outcome, Severity

NAME = "only-pods-balanced"
_POD_ALPHA = 1e-3
"""To call pods even is the claim here, so a smaller oddity than the verdict's alpha already speaks against it."""


def only_pods_balanced(case: Case) -> Iterator[Finding]:
    reading, router = case.reading, case.router
    if reading.intended < 2 or not _next_hops_uneven(case):
        return
    answers = Counter(flow.pod for flow in router.flows if flow.answered and flow.pod)
    pods = sorted({pod.name for pod in router.pods} | set(answers))
    counts = [answers[pod] for pod in pods]
    if not _even(counts):
        return
    hops = "/".join(str(flows) for flows in reading.flow_counts)
    what, again, here = "pod", "kube-proxy on the nodes", ""
    if router.anycast:
        what, again, here = "endpoint", "a router behind it", f" on {router.router}"
    yield Finding(
        rule=NAME,
        severity=Severity.INFO,
        message=(
            f"The {len(pods)} {what}s answered evenly ({'/'.join(map(str, counts))}) although the flows used "
            f"{reading.paths.used} of {reading.intended} next hops ({hops}): {again} "
            f"spreads them a second time, so answers by {what} say nothing about ECMP{here}."
        ),
        evidence=f"answers by {what}: {', '.join(f'{pod} {answers[pod]}' for pod in pods)}; flows by next hop: {hops}",
        mend=f"count at the router's next hops, as this check does, never by {what}",
    )


def _next_hops_uneven(case: Case) -> bool:
    if case.outcome is Outcome.INCONCLUSIVE:
        # Too few keys to prove it, but every flow was seen to take the same next hop.
        return case.reading.paths.used == 1 and case.reading.attributed == len(case.router.flows)
    return case.outcome in (Outcome.SINGLE_PATH, Outcome.PARTIAL, Outcome.UNBALANCED)


def _even(counts: list[int]) -> bool:
    if len(counts) < 2 or sum(counts) < KEYS_PER_HOP * len(counts):
        return False
    equal = [1] * len(counts)
    _, p_value = statistics.chi_square(counts, equal)
    return p_value >= _POD_ALPHA and statistics.largest_deviation(counts, equal) <= EFFECT
