"""More equal paths are valid than `maximum-paths` lets BGP choose."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.daemons.base import PathMerge, Peers
from netlab.ecmp.reading import valid_paths
from netlab.ecmp.rules.case import Case, external_paths, internal_paths
from netlab.ecmp.rules.equality import equal_to_best
from netlab.ecmp.rules.ibgp_knob_on_ebgp_peers import ibgp_knob_on_ebgp_peers
from netlab.ecmp.rules.mends import limit_line, maximum_paths_mend, merge_paths_mend, path_merge, title
from netlab.ecmp.wording import counted
from netlab.model.evidence import BgpEvidence, BgpPath
from netlab.model.verdict import Finding, Severity

NAME = "max-paths-below-announced"


def max_paths_below_announced(case: Case) -> Iterator[Finding]:
    bgp = case.router.bgp
    if bgp is None or any(ibgp_knob_on_ebgp_peers(case)):
        return
    merge = path_merge(bgp)
    if merge:
        yield from _merge_limit(case, bgp, merge)
        return
    counts = case.reading.paths
    limits: tuple[tuple[Peers, int | None, tuple[BgpPath, ...]], ...] = (
        ("ebgp", bgp.maximum_paths, external_paths(bgp)),
        ("ibgp", bgp.maximum_paths_ibgp, internal_paths(bgp)),
    )
    for peers, limit, paths in limits:
        equal = len({path.next_hop for path in equal_to_best(paths, bgp)})
        if limit is None or equal <= limit:
            continue
        knob = limit_line(bgp, peers, limit)
        yield Finding(
            rule=NAME,
            severity=Severity.WARNING,
            message=(
                f"`{knob}` of the IPv6 address family, which BGP counts for itself, lets it choose {limit} of {equal} "
                f"equal paths to {bgp.prefix}."
                if ":" in case.router.vip
                else f"`{knob}` lets BGP choose {limit} of {equal} equal paths to {bgp.prefix}."
            ),
            evidence=(
                f"running configuration: {knob}; BGP table: {counted(case.reading.valid, 'valid path')}, "
                f"{equal} equal, {counts.multipath} chosen; kernel: {counted(counts.fib, 'next hop')}"
            ),
            mend=maximum_paths_mend(case.router, bgp, equal, peers),
        )


def _merge_limit(case: Case, bgp: BgpEvidence, merge: PathMerge) -> Iterator[Finding]:
    """The limit is seen by what its kernel protocol gets: some of the equal paths, but not only one of them."""
    counts, daemon = case.reading.paths, title(bgp)
    equal = len({path.next_hop for path in equal_to_best(valid_paths(bgp), bgp)})
    if not 1 < counts.rib < equal:
        return
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=f"The limit of `{merge.name}` lets {daemon} take {counts.rib} of {equal} equal paths to {bgp.prefix}.",
        evidence=(
            f"{daemon}'s table: {counted(case.reading.valid, 'valid path')}, {equal} equal; its route for the kernel: "
            f"{counted(counts.rib, 'next hop')}; kernel: {counted(counts.fib, 'next hop')}"
        ),
        mend=merge_paths_mend(case.router, merge, equal),
    )
