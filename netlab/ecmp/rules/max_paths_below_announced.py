"""More equal paths are valid than `maximum-paths` lets BGP choose."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.rules.case import Case, external_paths, internal_paths, maximum_paths_mend
from netlab.ecmp.rules.equality import first_difference, same_as
from netlab.ecmp.rules.ibgp_knob_on_ebgp_peers import ibgp_knob_on_ebgp_peers
from netlab.ecmp.wording import counted
from netlab.model.evidence import BgpEvidence, BgpPath
from netlab.model.verdict import Finding, Severity

NAME = "max-paths-below-announced"


def max_paths_below_announced(case: Case) -> Iterator[Finding]:
    bgp = case.router.bgp
    if bgp is None or any(ibgp_knob_on_ebgp_peers(case)):
        return
    for family, limit, paths in (
        ("ebgp", bgp.maximum_paths, external_paths(bgp)),
        ("ibgp", bgp.maximum_paths_ibgp, internal_paths(bgp)),
    ):
        equal = len({path.next_hop for path in _equal_to_best(paths, bgp)})
        if limit is None or equal <= limit:
            continue
        knob = f"maximum-paths {'ibgp ' if family == 'ibgp' else ''}{limit}"
        counts = case.reading.paths
        yield Finding(
            rule=NAME,
            severity=Severity.WARNING,
            message=f"`{knob}` lets BGP choose {limit} of {equal} equal paths to {bgp.prefix}.",
            evidence=(
                f"running configuration: {knob}; BGP table: {counted(counts.announced, 'valid path')}, {equal} equal, "
                f"{counts.multipath} chosen; kernel: {counted(counts.fib, 'next hop')}"
            ),
            mend=maximum_paths_mend(case.router, bgp, equal, family),
        )


def _equal_to_best(paths: tuple[BgpPath, ...], bgp: BgpEvidence) -> list[BgpPath]:
    """The paths that tie with the best one, so that only the limit keeps them out."""
    best = next((path for path in paths if path.best), None)
    if best is None:
        return []
    same = [path for path in paths if bgp.multipath_relax or same_as(path, best, bgp)]
    return [path for path in same if first_difference(path, best, bgp) is None]
