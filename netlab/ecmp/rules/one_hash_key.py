"""Every flow has the same hash key, so several next hops cannot share them."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.ecmp.rules.case import Case
from netlab.ecmp.rules.mends import hash_mend, mends
from netlab.ecmp.wording import counted
from netlab.model.verdict import Finding, Severity

NAME = "one-hash-key"


def one_hash_key(case: Case) -> Iterator[Finding]:
    reading, settings = case.reading, case.router.hash
    if reading.fib_size < 2 or reading.keys != 1 or reading.attributed < 2:
        return
    fields = f" with fields {settings.fields:#x}" if settings.policy == 3 and settings.fields is not None else ""
    sources = len({flow.source for flow in case.router.flows})
    yield Finding(
        rule=NAME,
        severity=Severity.WARNING,
        message=(
            f"All {reading.attributed} flows share one hash key: hash policy {settings.policy}{fields} does not look "
            f"at ports, and {counted(sources, 'client address')} talks to one VIP, so they take one of "
            f"{reading.fib_size} next hops whatever the router could do."
        ),
        evidence=f"kernel: fib_multipath_hash_policy {settings.policy}{fields}; FIB: {reading.fib_size} next hops",
        mend=f"{_mend(case)}, or send from many client addresses",
    )


def _mend(case: Case) -> str:
    statement = mends(case.router).hash_ports
    return (statement(case.router) if statement else None) or hash_mend(case.router)
