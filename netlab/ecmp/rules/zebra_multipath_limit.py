"""BGP chose more paths than the RIB makes active: the limit of the daemon's RIB holds."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.mends import knobs
from netlab.ecmp.wording import counted
from netlab.model.verdict import Finding, Severity

NAME = "zebra-multipath-limit"


def zebra_multipath_limit(case: Case) -> Iterator[Finding]:
    bgp, rib, counts = case.router.bgp, case.router.rib, case.reading.paths
    active = [hop for hop in rib if hop.active]
    # A next hop on a link that others of the route use is inactive for no other reason than the limit.
    links = {hop.interface for hop in active}
    cut = [hop for hop in rib if not hop.active and hop.interface in links]
    if bgp is None or not cut or counts.multipath <= len(active):
        return
    limit, its = len(active), knobs(bgp)
    known = its.rib_limit if its else None
    program = known.program if known else "the RIB"
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"BGP chose {counts.multipath} paths, but {program} makes only {limit} of the route's next hops active: "
            f"its limit is {limit}."
        ),
        evidence=(
            f"RIB: {counted(len(rib), 'next hop')}, {limit} active, without "
            f"{', '.join(hop.address for hop in cut)}; kernel: {counted(counts.fib, 'next hop')}"
        ),
        mend=known.mend(counts.multipath) if known else f"let the daemon's RIB use {counts.multipath} next hops",
    )
