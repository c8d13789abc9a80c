"""What a rule is given, and what the rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netlab.ecmp.reading import Reading, valid_paths
from netlab.model.evidence import BgpEvidence, BgpPath, RouterEvidence
from netlab.model.verdict import Finding, Outcome


@dataclass(frozen=True)
class Case:
    """One router's evidence as read, the verdict on it, and the other routers of the same run."""

    reading: Reading
    outcome: Outcome
    others: tuple[RouterEvidence, ...] = ()

    @property
    def router(self) -> RouterEvidence:
        return self.reading.router


Rule = Callable[[Case], Iterator[Finding]]


def external_paths(bgp: BgpEvidence) -> tuple[BgpPath, ...]:
    """The valid paths that were learned from another AS (eBGP)."""
    remote = {session.neighbor: session.remote_asn for session in bgp.sessions}
    return tuple(path for path in valid_paths(bgp) if remote.get(path.neighbor, bgp.local_asn) != bgp.local_asn)


def internal_paths(bgp: BgpEvidence) -> tuple[BgpPath, ...]:
    """The valid paths that were learned from the router's own AS (iBGP)."""
    external = external_paths(bgp)
    return tuple(path for path in valid_paths(bgp) if path not in external)
