"""`maximum-paths ibgp` was raised, but the peers are in another AS, where the eBGP limit of 1 holds."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.rules.case import Case, external_paths, internal_paths
from netlab.ecmp.rules.mends import limit_line, maximum_paths_mend
from netlab.ecmp.wording import counted
from netlab.model.verdict import Finding, Severity

NAME = "ibgp-knob-on-ebgp-peers"


def ibgp_knob_on_ebgp_peers(case: Case) -> Iterator[Finding]:
    bgp = case.router.bgp
    if bgp is None or bgp.maximum_paths != 1:
        return
    ibgp = bgp.maximum_paths_ibgp or 1
    if ibgp < 2:
        return
    external = external_paths(bgp)
    if len(external) < 2 or internal_paths(bgp):
        return
    remote = {session.neighbor: session.remote_asn for session in bgp.sessions}
    asns = ", ".join(str(asn) for asn in sorted({remote[path.neighbor] for path in external}))
    paths = case.reading.paths
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"`{limit_line(bgp, 'ibgp', ibgp)}` does not apply here: the peers are in AS {asns}, the router in AS "
            f"{bgp.local_asn}, so all {len(external)} paths are eBGP and the eBGP limit of 1 holds."
        ),
        evidence=(
            f"running configuration: {limit_line(bgp, 'ebgp', 1)} (eBGP), ibgp {ibgp}; BGP table: "
            f"{counted(case.reading.valid, 'valid path')} to {bgp.prefix}, {paths.multipath} chosen; "
            f"kernel: {counted(paths.fib, 'next hop')}"
        ),
        mend=maximum_paths_mend(case.router, bgp, paths.announced),
    )
