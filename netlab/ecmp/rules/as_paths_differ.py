"""Paths tie but come from different autonomous systems, and the router has no multipath-relax."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.reading import valid_paths
from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.equality import best_path, first_difference, same_as
from netlab.ecmp.rules.mends import mends
from netlab.ecmp.wording import counted
from netlab.model.evidence import BgpEvidence, RouterEvidence
from netlab.model.verdict import Finding, Severity

NAME = "as-paths-differ"


def as_paths_differ(case: Case) -> Iterator[Finding]:
    bgp = case.router.bgp
    best = best_path(bgp) if bgp else None
    if bgp is None or best is None or bgp.multipath_relax:
        return
    kept_out = [
        path
        for path in valid_paths(bgp)
        if not (path.multipath or path.best or same_as(path, best, bgp)) and not first_difference(path, best, bgp)
    ]
    if not kept_out:
        return
    seen = "; ".join(f"{path.next_hop} by AS {_words(path.as_path)}" for path in (best, *kept_out))
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"{counted(len(kept_out), 'path')} to {bgp.prefix} tie with the best one but come by another AS path of "
            f"the same length, and without multipath-relax {case.router.router} does not use them together."
        ),
        evidence=f"BGP table: {seen}; running configuration: no multipath-relax",
        mend=_mend(case.router, bgp),
    )


def _words(as_path: tuple[int, ...]) -> str:
    return " ".join(map(str, as_path)) or "(empty)"


def _mend(router: RouterEvidence, bgp: BgpEvidence) -> str:
    of_kind = mends(router).relax_as_paths
    if of_kind:
        return of_kind(router, bgp)
    return "let the router's BGP relax the comparison of AS paths, or give all speakers one AS number"
