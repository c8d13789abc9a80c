"""Flows were seen on two or more next hops. Says which of three causes the evidence points to."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.keys import hashes_flow_label, is_socket_hash
from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.mends import hash_mend
from netlab.ecmp.wording import counted
from netlab.model.verdict import PER_PACKET, Finding, Outcome, Severity


def per_packet(case: Case) -> Iterator[Finding]:
    split = len(case.reading.split)
    if not split:
        return
    flows = case.router.flows
    answered = sum(flows[index].answered for index in case.reading.split)
    retransmitted = sum(flows[index].retransmissions > 0 for index in case.reading.split)
    cause, mend = _cause(case, split)
    yield Finding(
        rule=PER_PACKET,
        severity=Severity.ERROR if case.outcome is Outcome.PER_PACKET else Severity.WARNING,
        message=(
            f"{counted(split, 'flow')} of {len(flows)} left by two or more next hops ({answered} of them answered, "
            f"{retransmitted} retransmitted): {cause}."
        ),
        evidence=f"segments at the router's egress by interface and MAC address; hash policy {case.router.hash.policy}",
        mend=mend,
    )


def _cause(case: Case, split: int) -> tuple[str, str]:
    if is_socket_hash(case.router):
        return "hash policy 1 inside one kernel moves a flow when its sender retransmits", hash_mend(case.router)
    if hashes_flow_label(case.router) and case.outcome is not Outcome.PER_PACKET:
        return (
            f"hash policy {case.router.hash.policy} covers IPv6's flow label, which a sender changes when it "
            "retransmits or is sent something twice",
            hash_mend(case.router),
        )
    if case.outcome is not Outcome.PER_PACKET:
        return "the FIB changed while they ran", "run the check again once the routes are steady"
    if split * 2 < len(case.router.flows):
        return (
            "the FIB was the same before and after, but only some flows moved, as they do when a route flaps",
            "run the check again; if it repeats, see `netlab logs` for a flapping session",
        )
    asked = case.router.forwarding == "per-packet"
    why = ", as `forwarding: per-packet` asks of it" if asked else ""
    here = f"; here: remove `forwarding: per-packet` from {case.router.router} in the topology file" if asked else ""
    nodes = "to nodes that do not know each other's connections"
    if not case.router.anycast:
        nodes = "through nodes that translate addresses (DNAT)"
    return (
        f"the router spreads packets, not flows{why}, which breaks TCP {nodes}",
        f"hash per flow: Linux 4.4 and later do; Linux 3.6 to 4.3 cannot{here}",
    )
