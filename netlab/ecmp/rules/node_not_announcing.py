"""A node should announce the VIP, but the router has no valid path from it."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.reading import announcing, path_addresses, valid_paths
from netlab.ecmp.rules.case import Case
from netlab.ecmp.silence import KUBECTL, silence
from netlab.model.evidence import Announcer, BgpEvidence, BgpSession, ClusterEvidence, RouterEvidence
from netlab.model.verdict import Finding, Severity

NAME = "node-not-announcing"


def node_not_announcing(case: Case) -> Iterator[Finding]:
    bgp = case.router.bgp
    if bgp is None:
        return
    heard = announcing(case.router)
    for announcer in case.router.announcers:
        if announcer.expected and not heard.get(announcer.node, True):
            yield _finding(announcer, bgp, case.router)


def _finding(announcer: Announcer, bgp: BgpEvidence, router: RouterEvidence) -> Finding:
    session = next((session for session in bgp.sessions if session.neighbor == announcer.address), None)
    state, mend = _kubernetes_cause(announcer, session, bgp, router.cluster) or _cause(announcer, session, bgp, router)
    severity = Severity.WARNING if valid_paths(bgp) else Severity.ERROR
    if session and session.expect_down and session.state != "Established":
        state, severity = f"{state}, as the topology expects", Severity.INFO
    return Finding(
        rule=NAME,
        severity=severity,
        message=(
            f"{announcer.node} ({announcer.address}) should announce {router.vip}, but {router.router} has no valid "
            f"path from it: {state}."
        ),
        evidence=_evidence(announcer, session, bgp, router),
        mend=mend,
    )


def _evidence(announcer: Announcer, session: BgpSession | None, bgp: BgpEvidence, router: RouterEvidence) -> str:
    parts = [
        f"BGP table: {len(valid_paths(bgp))} valid paths to {bgp.prefix or router.vip}",
        f"session: {session.state if session else 'none, it is no BGP neighbor'}",
    ]
    cluster = router.cluster
    node = cluster.find(announcer.node) if cluster else None
    if cluster and node:
        said = "by the plan" if cluster.emulated else "by Kubernetes"
        pods = f"{node.ready_endpoints} of {node.ready_endpoints + node.unready_endpoints} pods ready on it"
        parts.append(f"{said}: externalTrafficPolicy {cluster.policy}, {pods}, speaker {node.speaker}")
    return "; ".join(parts)


def _kubernetes_cause(
    announcer: Announcer, session: BgpSession | None, bgp: BgpEvidence, cluster: ClusterEvidence | None
) -> tuple[str, str] | None:
    """What Kubernetes or MetalLB says that explains it, and what mends that."""
    node = cluster.find(announcer.node) if cluster else None
    if cluster is None or node is None:
        return None
    found = silence(cluster, node)
    if found:
        return found.reason, found.mend
    metallb = f"{KUBECTL} -n metallb-system"
    if cluster.configuration is not None:
        return (
            f"MetalLB refuses its configuration (ConfigurationState): {cluster.configuration}",
            f"`{metallb} get configurationstates -o yaml` says what it refuses, `{metallb} edit` with the object's "
            "kind and name mends it",
        )
    arrived = any(announcer.address in path_addresses(path) for path in bgp.paths)
    if arrived or session is None or session.state != "Established" or node.peers is None:
        return None
    if node.peers:
        return (
            f"MetalLB says that it announces the service there to {', '.join(node.peers)} (ServiceBGPStatus) and the "
            "session is Established, but no path has come of it",
            f"see which filters the router has for {announcer.address}, and whether one of these peers is the router",
        )
    return (
        "the session is Established, but MetalLB says that it announces the service there to no peer "
        "(ServiceBGPStatus)",
        f"`{metallb} get bgpadvertisements -o yaml` shows which peers, pools and services they are for",
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
    if any(announcer.address in path_addresses(path) for path in bgp.paths):
        return (
            "the session is Established and the path is there, but not valid",
            f"give {router.router} a route to the path's next hop",
        )
    return (
        "the session is Established, but brings no path",
        f"see what the speaker on {announcer.node} announces, and which filters {router.router} has for it",
    )
