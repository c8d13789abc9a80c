"""The hash does not mean what it would on separate machines: the sender's socket hash, or one seed on two routers."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.keys import is_socket_hash
from netlab.ecmp.reading import route_weights
from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.mends import hash_mend
from netlab.model.evidence import RouterEvidence
from netlab.model.verdict import Finding, Severity

NAME = "socket-hash"


def socket_hash(case: Case) -> Iterator[Finding]:
    if case.reading.fib_size < 2:
        return
    if is_socket_hash(case.router):
        yield _policy_1(case)
    twins = dict.fromkeys(other.router for other in case.others if _polarises(case.router, other))
    if twins:
        yield _equal_seeds(case.router, list(twins))


def _policy_1(case: Case) -> Finding:
    settings = case.router.hash
    return Finding(
        rule=NAME,
        severity=Severity.ERROR,
        message=(
            "The measurement does not carry over to a real network: with hash policy 1 inside one kernel the router "
            "hashes the sender's socket, not the packet, so equal 5-tuples take different next hops, a retransmission "
            "may move a flow, and predictions agree by chance."
        ),
        evidence=f"kernel: fib_multipath_hash_policy {settings.policy}, and all machines of the lab share that kernel",
        mend=hash_mend(case.router),
    )


def _polarises(router: RouterEvidence, other: RouterEvidence) -> bool:
    """Whether both choose alike: several next hops, one kernel, one seed. Seed 0 or none is the kernel's own."""
    if router.router == other.router:  # its other VIP
        return False
    several = len(route_weights(other.fib_before, other.vip)) > 1
    same_seed = (router.hash.seed or 0) == (other.hash.seed or 0)
    return router.one_kernel and other.one_kernel and several and same_seed


def _equal_seeds(router: RouterEvidence, twins: list[str]) -> Finding:
    seed = router.hash.seed
    names = ", ".join(twins)
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"{router.router} and {names} hash with the same seed: where the flows of one reach the other, they all "
            "take the same of its next hops."
        ),
        evidence=f"kernel: fib_multipath_hash_seed {'missing (needs Linux 6.11)' if seed is None else seed} on each",
        mend=(
            "a kernel from Linux 6.11 on, where every router can have a seed of its own"
            if seed is None
            else hash_mend(router, "seed: N") + ", with an N of its own"
        ),
    )
