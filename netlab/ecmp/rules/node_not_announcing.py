"""A node should announce the VIP, but the router has no valid path from it."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.reading import valid_paths
from netlab.ecmp.rules.case import Case
from netlab.model.evidence import Announcer, BgpEvidence, BgpPath, BgpSession, RouterEvidence
from netlab.model.verdict import Finding, Severity

NAME = "node-not-announcing"


def node_not_announcing(case: Case) -> Iterator[Finding]:
    bgp = case.router.bgp
    if bgp is None:
        return
    valid = valid_paths(bgp)
    heard = {address for path in valid for address in _addresses(path)}
    nearby = heard | {session.neighbor for session in bgp.sessions}
    if valid and not any(announcer.address in nearby for announcer in case.router.announcers):
        return  # a router behind others, which have their own paths from the nodes
    for announcer in case.router.announcers:
        if announcer.expected and announcer.address not in heard:
            yield _finding(announcer, bgp, case.router, any_path=bool(valid))


def _addresses(path: BgpPath) -> tuple[str | None, ...]:
    """The addresses by which a path tells whom it is from."""
    return path.neighbor, path.next_hop, path.global_next_hop


def _finding(announcer: Announcer, bgp: BgpEvidence, router: RouterEvidence, *, any_path: bool) -> Finding:
    session = next((session for session in bgp.sessions if session.neighbor == announcer.address), None)
    state, mend = _cause(announcer, session, bgp, router)
    severity = Severity.WARNING if any_path else Severity.ERROR
    if session and session.expect_down and session.state != "Established":
        state, severity = f"{state}, as the topology expects", Severity.INFO
    return Finding(
        rule=NAME,
        severity=severity,
        message=(
            f"{announcer.node} ({announcer.address}) should announce {router.vip}, but {router.router} has no valid "
            f"path from it: {state}."
        ),
        evidence=f"BGP table: {len(valid_paths(bgp))} valid paths to {bgp.prefix or router.vip}; session: {state}",
        mend=mend,
    )


def _cause(
    announcer: Announcer, session: BgpSession | None, bgp: BgpEvidence, router: RouterEvidence
) -> tuple[str, str]:
    """The state of the session with the node, and what mends it."""
    if session is None:
        neighbors = ", ".join(session.neighbor for session in bgp.sessions) or "none"
        return (
            f"it is no BGP neighbor (configured: {neighbors})",
            f"configure {announcer.address} as a BGP neighbor on {router.router}",
        )
    if session.state != "Established":
        return (
            f"the session is {session.state}",
            f"start the speaker on {announcer.node}, or mend its address and AS number ({router.router} expects AS "
            f"{session.remote_asn}); `netlab logs {router.router}` says why",
        )
    if any(announcer.address in _addresses(path) for path in bgp.paths):
        return (
            "the session is Established and the path is there, but not valid",
            f"give {router.router} a route to the path's next hop",
        )
    return (
        "the session is Established, but brings no path",
        f"see what the speaker on {announcer.node} announces, and which filters {router.router} has for it",
    )
