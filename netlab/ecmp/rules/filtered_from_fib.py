"""BGP has a best path, but its prefix never became a route of the kernel: a filter between BGP, RIB and FIB."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.equality import best_path
from netlab.ecmp.rules.mends import knobs
from netlab.ecmp.wording import counted
from netlab.model.verdict import Finding, Severity

NAME = "filtered-from-fib"


def filtered_from_fib(case: Case) -> Iterator[Finding]:
    bgp, fib = case.router.bgp, case.router.fib_before
    if bgp is None or bgp.prefix is None or best_path(bgp) is None or case.reading.fib_size:
        return
    if fib and fib.prefix == bgp.prefix:
        return
    counts, its = case.reading.paths, knobs(bgp)
    instead = f"only {fib.prefix}" if fib else "nothing for it"
    yield Finding(
        rule=NAME,
        severity=Severity.ERROR,
        message=(
            f"BGP chose {counted(counts.multipath, 'path')} to {bgp.prefix}, but {case.router.router} does not forward "
            f"by them: the kernel has {instead}."
        ),
        evidence=(
            f"BGP table: {counted(case.reading.valid, 'valid path')}, {counts.multipath} chosen; kernel: no route to "
            f"{bgp.prefix}"
        ),
        mend=(
            its.kernel_filters
            if its
            else "look for a filter between its BGP and the kernel, and for another route to the same prefix"
        ),
    )
