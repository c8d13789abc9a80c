"""A next hop in the FIB does not answer on its link: what is hashed to it is lost."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.reading import Hop
from netlab.ecmp.rules.case import Case
from netlab.ecmp.wording import counted
from netlab.model.verdict import Finding, Severity

NAME = "neighbour-failed"


def neighbour_failed(case: Case) -> Iterator[Finding]:
    reading = case.reading
    for hop, flows in zip(reading.fib_hops, reading.flow_counts, strict=False):
        state = _state(case, hop)
        if state in ("FAILED", "INCOMPLETE") or (state == "missing" and not flows):
            yield _finding(case, hop, state)


def _state(case: Case, hop: Hop) -> str | None:
    """The neighbour's state after the flows; `missing` where only others are there, None where the table is empty."""
    after = case.router.neighbours_after
    for near in after:
        if (near.address, near.interface) == (hop.address, hop.interface):
            return near.state
    return "missing" if after else None


def _finding(case: Case, hop: Hop, state: str) -> Finding:
    predicted = sum(flow.predicted == hop.address for flow in case.router.flows)
    entry = "has no neighbour entry" if state == "missing" else f"is {state} in the neighbour table"
    machine = hop.node or hop.address
    return Finding(
        rule=NAME,
        severity=Severity.ERROR,
        message=(
            f"The FIB has {hop.name} as 1 of {case.reading.fib_size} next hops, but it {entry} of {hop.interface}: "
            f"{counted(predicted, 'flow')} would take it and cannot leave."
        ),
        evidence=(
            f"kernel: neighbour {hop.address} on {hop.interface} {state}; its route look-up names this next hop for "
            f"{counted(predicted, 'flow')}"
        ),
        mend=f"bring up {machine} and its link; until then let BGP withdraw the path sooner (BFD, shorter hold time)",
    )
