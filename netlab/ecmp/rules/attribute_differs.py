"""A path is valid but loses to the best one by an attribute, so that no `maximum-paths` makes the router use it."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.reading import detours, valid_paths
from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.equality import best_path, first_difference
from netlab.ecmp.wording import counted
from netlab.model.evidence import BgpEvidence, BgpPath
from netlab.model.verdict import Finding, Severity

NAME = "attribute-differs"


def attribute_differs(case: Case) -> Iterator[Finding]:
    bgp = case.router.bgp
    best = best_path(bgp) if bgp else None
    if bgp is None or best is None:
        return
    losers: dict[str, list[tuple[BgpPath, str, str]]] = {}
    aside = detours(case.router)
    for path in valid_paths(bgp):
        difference = None if path.multipath or path.best or path in aside else first_difference(path, best, bgp)
        if difference:
            name, its, bests = difference
            losers.setdefault(name, []).append((path, its, bests))
    for attribute, paths in losers.items():
        yield _finding(case, bgp, attribute, paths, best)


def _finding(
    case: Case, bgp: BgpEvidence, attribute: str, losers: list[tuple[BgpPath, str, str]], best: BgpPath
) -> Finding:
    names = ", ".join(f"{path.next_hop} ({its})" for path, its, _ in losers)
    counts = case.reading.paths
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"{counted(len(losers), 'path')} to {bgp.prefix} lost by {attribute}: {names} against {losers[0][2]} of "
            f"the best path, {best.next_hop}. Only equal paths share the load."
        ),
        evidence=(
            f"BGP table: {counted(case.reading.valid, 'valid path')}, {counts.multipath} chosen; "
            f"the first difference to the best path is the {attribute}"
        ),
        mend=(
            f"let every node announce the VIP with the same {attribute}, or take out the filter of "
            f"{case.router.router} that sets it"
        ),
    )
