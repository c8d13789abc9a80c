"""The configuration was written for a kernel that forwards over several next hops in another way than today's."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.mends import mends
from netlab.model.verdict import Finding, Severity

NAME = "forwarding-plane-differs"


def forwarding_plane_differs(case: Case) -> Iterator[Finding]:
    router, k = case.router, case.reading.fib_size
    if router.old_kernel is None or k < 2:
        return
    why = "the nodes translate addresses (DNAT) flow by flow: 0-9% of requests survived in a measurement"
    if router.anycast:
        why = "each node knows its own connections alone, and packets of one flow would have gone to several"
    since = mends(router).newer_kernel
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"The FIB has {k} next hops, and today's kernel keeps a flow on one of them. The original's did not: "
            f"{router.old_kernel.rstrip('.')}. There this configuration would have broken the service, since {why}."
        ),
        evidence=f"{router.runs_as}; kernel: {k} next hops; Linux 3.6 to 4.3 choose a next hop per packet",
        mend=(
            f"for the real router: a version whose kernel is Linux 4.4 or later{f' ({since})' if since else ''}; "
            f"`forwarding: per-packet` at {router.router} in the topology file shows what the original does"
        ),
    )
