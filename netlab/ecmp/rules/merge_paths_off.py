"""The daemon knows several equal paths and gives its kernel protocol one of them, because it does not merge paths."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.reading import valid_paths
from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.equality import equal_to_best
from netlab.ecmp.rules.mends import merge_paths_mend, path_merge, title
from netlab.ecmp.wording import counted
from netlab.model.verdict import Finding, Severity

NAME = "merge-paths-off"


def merge_paths_off(case: Case) -> Iterator[Finding]:
    bgp, counts = case.router.bgp, case.reading.paths
    merge = path_merge(bgp) if bgp else None
    if bgp is None or merge is None or (counts.multipath, counts.rib) != (1, 1):
        return
    equal = len({path.next_hop for path in equal_to_best(valid_paths(bgp), bgp)})
    if equal < 2:
        return
    daemon = title(bgp)
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"{daemon} knows {equal} equal paths to {bgp.prefix} and gives the kernel 1 of them: `{merge.name}` is off "
            f"in its kernel protocol, which is {daemon}'s default."
        ),
        evidence=(
            f"{daemon}'s table: {counted(case.reading.valid, 'valid path')}, {equal} equal; its route for the kernel: "
            f"{counted(counts.rib, 'next hop')}; kernel: {counted(counts.fib, 'next hop')}"
        ),
        mend=merge_paths_mend(case.router, merge),
    )
