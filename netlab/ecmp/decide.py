"""The verdict on one router: which outcome, and the sentence that says why.

Each check looks at one thing and returns None where it does not decide; the first that decides wins. What makes the
measurement void comes before what it measured.
"""

from __future__ import annotations

from netlab.ecmp import statistics
from netlab.ecmp.keys import hashes_flow_label, is_socket_hash
from netlab.ecmp.reading import Reading, detours, route_weights
from netlab.ecmp.wording import counted
from netlab.model.verdict import Outcome

ALPHA = 1e-6
"""Largest p-value that rejects a perfect hash. 600 perfect flows over 3 next hops give p < 0.01 in 1% of runs."""
EFFECT = 0.25
"""How far a share must be off its expectation, relative to it, to be called unbalanced."""
ALL_ON_ONE_KEYS = 8
ALL_ON_ONE_ALPHA = 1e-3
"""All keys on one of several next hops: P(chance) is 5e-4 for 8 keys over 3 next hops. A weaker alpha than ALPHA will
do, since a path that the router does not use at all shows again in any other run."""
KEYS_PER_HOP = 5
"""Cochran's rule: below 5 expected keys per next hop the chi-square approximation does not hold."""
LOST_SHARE = 0.01
"""Share of the flows that a capture may miss, or the router drop, before the counts mean nothing."""

Decision = tuple[Outcome, str]


def decide(reading: Reading, alpha: float = ALPHA) -> Decision:
    """The outcome for one router and its reason in one sentence."""
    for check in (_no_route, _nothing_seen, _fib_changed, _same_mac, _lost_captures, _split_flows, _elsewhere):
        decision = check(reading)
        if decision:
            return decision
    if reading.fib_size == 1:
        return _one_next_hop(reading)
    if reading.paths.used == 1:
        return _all_on_one(reading)
    if reading.paths.used < reading.intended:
        return _fewer_used(reading, alpha)
    return _all_used(reading, alpha)


def _no_route(reading: Reading) -> Decision | None:
    if reading.fib_size:
        return None
    router, valid = reading.router, reading.valid
    known = f"although BGP has {counted(valid, 'valid path')}" if valid else "and BGP has no valid path to it"
    if router.fib_before:
        # Linux answers for an address of `lo` on every link (arp_ignore=0).
        asks = " So it asks that link, and a node that holds the VIP may answer." if router.anycast else ""
        return (
            Outcome.NO_ROUTE,
            f"The FIB has only {router.fib_before.prefix}, without a next hop, for {router.vip}, {known}.{asks}",
        )
    return Outcome.NO_ROUTE, f"The FIB has no route to {router.vip}, {known}."


def _nothing_seen(reading: Reading) -> Decision | None:
    if reading.attributed:
        return None
    sent, elsewhere = len(reading.router.flows), len(reading.elsewhere)
    if not sent and elsewhere:
        return (
            Outcome.INCONCLUSIVE,
            f"None of the {counted(elsewhere, 'flow')} was seen coming to the router: they took another way, or had "
            "another source address here.",
        )
    if not sent:
        return Outcome.INCONCLUSIVE, "No flow was sent."
    answered = sum(flow.answered for flow in reading.router.flows)
    return (
        Outcome.INCONCLUSIVE,
        f"None of the {counted(sent, 'flow')} was seen leaving the router; {answered} of them were answered.",
    )


def _fib_changed(reading: Reading) -> Decision | None:
    router = reading.router
    before, after = (route_weights(route, router.vip) for route in (router.fib_before, router.fib_after))
    if before == after:
        return None
    if set(before) == set(after):
        change = "the same next hops with other weights"
    else:
        gone = sorted(address for address, _ in before.keys() - after.keys())
        new = sorted(address for address, _ in after.keys() - before.keys())
        parts = [f"without {', '.join(gone)}"] if gone else []
        parts += [f"with {', '.join(new)}"] if new else []
        change = f"{counted(len(after), 'next hop')}, {' and '.join(parts)}"
    return (
        Outcome.INCONCLUSIVE,
        f"The FIB changed while the flows ran: {counted(len(before), 'next hop')} before, afterwards {change}.",
    )


def _same_mac(reading: Reading) -> Decision | None:
    router = reading.router
    fib = {(hop.address, hop.interface) for hop in reading.fib_hops}
    owners: dict[tuple[str, str], set[str]] = {}
    for near in (*router.neighbours_before, *router.neighbours_after):
        if near.mac and (near.address, near.interface) in fib:
            owners.setdefault((near.mac, near.interface), set()).add(near.address)
    for (mac, interface), addresses in sorted(owners.items()):
        if len(addresses) > 1:
            return (
                Outcome.INCONCLUSIVE,
                f"The next hops {' and '.join(sorted(addresses))} have one MAC address, {mac} on {interface}: "
                "on the wire their flows look the same.",
            )
    return None


def _lost_captures(reading: Reading) -> Decision | None:
    router, sent = reading.router, len(reading.router.flows)
    unseen = sent - reading.attributed
    if router.capture_drops and unseen:
        return (
            Outcome.INCONCLUSIVE,
            f"The capture lost {counted(router.capture_drops, 'packet')}, and {unseen} of {counted(sent, 'flow')} "
            "could not be attributed to a next hop.",
        )
    if reading.lost > LOST_SHARE * sent:
        return (
            Outcome.INCONCLUSIVE,
            f"{reading.lost} of {counted(sent, 'flow')} were answered but not seen leaving the router: "
            "the capture missed them, or another router carried them.",
        )
    # A next hop that took none of the flows explains those that never left: its neighbour does not resolve. With one
    # next hop there is no other way that they could have taken.
    every_hop_took_some = all(reading.flow_counts[: reading.fib_size])
    if reading.never_left > LOST_SHARE * sent and reading.fib_size > 1 and every_hop_took_some:
        return (
            Outcome.INCONCLUSIVE,
            f"{reading.never_left} of {counted(sent, 'flow')} were neither answered nor seen leaving the router, "
            "although every next hop took others.",
        )
    return None


def _split_flows(reading: Reading) -> Decision | None:
    split = len(reading.split)
    if split and is_socket_hash(reading.router):
        return (
            Outcome.INCONCLUSIVE,
            f"{counted(split, 'flow')} moved to another next hop, which hash policy 1 does to a retransmitting sender "
            "inside one kernel: this says nothing about the router.",
        )
    flows = reading.router.flows
    several = sum(sum(segment.count for segment in flow.segments) > 1 for flow in flows)
    # A label changes with the sender's luck, flow by flow; a router that spreads packets splits nearly every flow: of
    # three packets over two next hops, one flow in four stays together.
    labels = hashes_flow_label(reading.router) and split * 2 <= several
    if split and not labels:
        answered = sum(flow.answered for flow in flows)
        return (
            Outcome.PER_PACKET,
            f"{split} of the {counted(several, 'flow')} with several segments seen left by two or more next hops each, "
            f"while the FIB was the same before and after; {answered} of {len(flows)} requests survived.",
        )
    if reading.split_keys:
        return (
            Outcome.INCONCLUSIVE,
            f"{reading.split_keys} of {counted(reading.keys, 'hash key')} went to two or more next hops, flow by flow: "
            "the router does not hash what its settings say.",
        )
    return None


def _elsewhere(reading: Reading) -> Decision | None:
    flows = sum(reading.flow_counts[reading.fib_size :])
    if not flows:
        return None
    names = ", ".join(hop.name for hop in reading.hops[reading.fib_size :])
    return (
        Outcome.INCONCLUSIVE,
        f"{counted(flows, 'flow')} left by a next hop that the FIB does not have ({names}): "
        "another route, or a neighbour that could not be named.",
    )


def _one_next_hop(reading: Reading) -> Decision:
    hop, announced = reading.hops[0], reading.paths.announced
    of = f" of {announced} announced" if announced > 1 else ""
    seen = counted(reading.attributed, "flow")
    return (
        Outcome.SINGLE_PATH,
        f"The FIB has 1 next hop{of}, {hop.name}, and all {seen} seen left by it.{_left_out(reading)}",
    )


def _all_on_one(reading: Reading) -> Decision:
    n, k = reading.keys, reading.fib_size
    p = statistics.p_all_on_one(reading.weights, n)
    hop = reading.hops[next(index for index, count in enumerate(reading.flow_counts) if count)]
    test = f"a perfect hash does that with p = {p:.2g}"
    if n >= ALL_ON_ONE_KEYS and p < ALL_ON_ONE_ALPHA:
        return (
            Outcome.SINGLE_PATH,
            f"All {counted(n, 'hash key')} went to {hop.name}, one of {k} next hops in the FIB: {test}.",
        )
    return (
        Outcome.INCONCLUSIVE,
        f"Too few hash keys: {counted(reading.attributed, 'flow')} with {counted(n, 'hash key')} went to {hop.name}, "
        f"one of {k} next hops in the FIB; {test}, and it takes {ALL_ON_ONE_KEYS} keys and p < {ALL_ON_ONE_ALPHA:g}.",
    )


def _fewer_used(reading: Reading, alpha: float) -> Decision:
    n, paths = reading.keys, reading.paths
    if paths.fib < paths.announced:
        used = "all" if paths.used == paths.fib else str(paths.used)
        return (
            Outcome.PARTIAL,
            f"The FIB has {paths.fib} of {paths.announced} announced next hops, and {counted(n, 'hash key')} used "
            f"{used} of them.",
        )
    p = statistics.p_some_unused(reading.weights, n)
    seen = f"{counted(n, 'hash key')} used {paths.used} of {paths.fib} next hops"
    test = f"a perfect hash leaves one unused with p <= {p:.2g} (union bound)"
    if p < alpha:
        return Outcome.PARTIAL, f"{seen}: {test}."
    needed = statistics.keys_to_prove_unused(reading.weights, alpha)
    return Outcome.INCONCLUSIVE, f"Too few hash keys: {seen}; {test}, and {needed} keys are needed to prove it."


def _all_used(reading: Reading, alpha: float) -> Decision:
    n, k = reading.keys, reading.fib_size
    shares = statistics.proportions(reading.weights)
    if n * min(shares) < KEYS_PER_HOP:
        return (
            Outcome.INCONCLUSIVE,
            f"Too few hash keys: {n} over {k} next hops, and chi-square needs {KEYS_PER_HOP} expected on each.",
        )
    chi2, p = statistics.chi_square(reading.fib_keys, reading.weights)
    worst = statistics.largest_deviation(reading.fib_keys, reading.weights)
    test = f"chi-square {chi2:.2f}, p = {p:.2g}, worst share {worst:.0%} off its expectation"
    if is_unbalanced(p, worst, alpha):
        return Outcome.UNBALANCED, f"{counted(n, 'hash key')} used all {k} next hops, but unevenly: {test}."
    which = "announced next hops" if reading.paths.announced else "next hops of the FIB"
    return Outcome.ECMP, f"{counted(n, 'hash key')} used all {k} {which} evenly: {test}.{_left_out(reading)}"


def _left_out(reading: Reading) -> str:
    """What BGP has and the verdict does not ask for."""
    longer = detours(reading.router)
    if not longer:
        return ""
    ways = ", ".join(f"{path.next_hop} (AS path {' '.join(map(str, path.as_path))})" for path in longer)
    return f" Not counted: a longer way to the same, by {ways}."


def is_unbalanced(p_value: float, deviation: float, alpha: float = ALPHA) -> bool:
    """Both significant and large: with many keys a harmless 1% would be significant, with few a chance 30% is large."""
    return p_value < alpha and deviation > EFFECT
