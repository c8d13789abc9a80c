"""BGP chose more paths than the RIB makes active: zebra's own limit (`-e`, or its compile-time one) holds."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.rules.case import Case
from netlab.ecmp.wording import counted
from netlab.model.verdict import Finding, Severity

NAME = "zebra-multipath-limit"


def zebra_multipath_limit(case: Case) -> Iterator[Finding]:
    rib, counts = case.router.rib, case.reading.paths
    active = [hop for hop in rib if hop.active]
    # A next hop on a link that others of the route use is inactive for no other reason than the limit.
    links = {hop.interface for hop in active}
    cut = [hop for hop in rib if not hop.active and hop.interface in links]
    if not cut or counts.multipath <= len(active):
        return
    limit = len(active)
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"BGP chose {counts.multipath} paths, but zebra makes only {limit} of the route's next hops active: its "
            f"limit is {limit}."
        ),
        evidence=(
            f"RIB: {counted(len(rib), 'next hop')}, {limit} active, without "
            f"{', '.join(hop.address for hop in cut)}; kernel: {counted(counts.fib, 'next hop')}"
        ),
        mend=f"start zebra with `-e {counts.multipath}` or more, or without -e (in /etc/frr/daemons: zebra_options)",
    )
