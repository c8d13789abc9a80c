"""What is concluded from the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from netlab.model.endpoint import endpoint
from netlab.model.evidence import HashSettings
from netlab.model.topology import Expect


class Outcome(StrEnum):
    """The verdict on one router and one VIP."""

    ECMP = "ecmp"
    SINGLE_PATH = "single-path"
    PARTIAL = "partial"
    UNBALANCED = "unbalanced"
    PER_PACKET = "per-packet"
    INCONCLUSIVE = "inconclusive"
    NO_ROUTE = "no-route"


class Severity(StrEnum):
    """How much a finding matters: an `error` makes the measurement invalid or the service fail."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """A rule that applies: what it says, the evidence it rests on, and how to mend it."""

    rule: str
    severity: Severity
    message: str
    evidence: str
    mend: str


UNANSWERED, PER_PACKET = "unanswered", "per-packet"
"""Rules that are an expectation's own business: where packets are spread, requests fail."""


def meets(outcome: Outcome, expected: Expect) -> bool:
    """Whether the outcome by itself is the expected one."""
    if expected is Expect.ANY:
        return outcome not in (Outcome.INCONCLUSIVE, Outcome.NO_ROUTE)
    return outcome.value == expected.value


def failing(findings: Iterable[Finding], expected: Expect) -> tuple[Finding, ...]:
    """The findings that no outcome makes up for: every error, but for the failed requests that `per-packet` expects."""
    excused = (UNANSWERED, PER_PACKET) if expected is Expect.PER_PACKET else ()
    return tuple(found for found in findings if found.severity is Severity.ERROR and found.rule not in excused)


@dataclass(frozen=True)
class PathCounts:
    """How many paths or next hops each layer has. `announced` leaves detours out (docs/ecmp-check.md), `used` counts
    next hops that carried at least one flow."""

    announced: int
    multipath: int
    rib: int
    fib: int
    used: int


@dataclass(frozen=True)
class FlowCounts:
    """`keys` counts distinct hash keys under the router's hash policy, the unit of every statistic."""

    sent: int
    answered: int
    keys: int
    retransmitted: int
    capture_drops: int
    answered_share: float | None
    """The part of the requests that survived; None where none was sent."""
    elsewhere: int = 0
    """Flows that were answered and never came to this router: what lies before it sent them another way."""


@dataclass(frozen=True)
class NextHopShare:
    """Flows that went to one next hop. `ci95` is the 95% confidence interval of `share`.

    For the verdict per-packet, `share` is one of segments, and a flow counts for the next hop with most of its own.
    """

    address: str
    node: str | None
    weight: int
    flows: int
    expected_flows: float
    share: float
    ci95: tuple[float, float]
    segments: int
    """Client-to-VIP segments that were seen leaving to it."""


@dataclass(frozen=True)
class PodShare:
    """Answers that came from one pod, or from a node that holds the VIP itself."""

    name: str
    node: str | None
    flows: int
    client_addresses_seen: tuple[str, ...]


@dataclass(frozen=True)
class ServiceNode:
    """A node of the cluster behind the VIP. `reason` is why it does not announce, where that is known."""

    node: str
    ready_endpoints: int
    speaker: Literal["ready", "not ready", "absent"]
    announces: bool | None
    """Whether the router has a valid path from it; None where the node does not announce to this router."""
    reason: str


@dataclass(frozen=True)
class ServiceState:
    """The cluster's service behind the VIP, as Kubernetes and MetalLB have it. `unknown`: why they could not be asked;
    `configuration`: why MetalLB refuses its own."""

    cluster: str
    service: str
    external_traffic_policy: Literal["Cluster", "Local"]
    nodes: tuple[ServiceNode, ...]
    configuration: str | None
    emulated: bool
    unknown: str | None


@dataclass(frozen=True)
class Statistics:
    """Balance over the next hops, by hash key. None where it cannot be computed (fewer than two next hops)."""

    chi2: float | None
    p_value: float | None
    max_over_mean: float | None
    cv: float | None
    expected_cv: float | None
    """sqrt((k-1)/n): the coefficient of variation that a perfect hash gives."""


@dataclass(frozen=True)
class Prediction:
    """Flows whose next hop was the one that the kernel's own route look-up named."""

    agree: int
    of: int


@dataclass(frozen=True, repr=False)
class RouterVerdict:
    """The verdict on one router and one VIP, with the numbers it rests on."""

    router: str
    kind: str
    runs_as: str
    client: str
    vip: str
    port: int
    verdict: Outcome
    reason: str
    """One sentence: why this verdict, with the test that decided it."""
    expected: Expect
    matches: bool
    """Whether the verdict is the expected one and no finding is an error; an unanswered flow is one. Where per-packet
    is expected, unanswered flows are too."""
    paths: PathCounts
    flows: FlowCounts
    next_hops: tuple[NextHopShare, ...]
    pods: tuple[PodShare, ...]
    statistics: Statistics
    prediction: Prediction
    hash: HashSettings
    forwarding: Literal["per-flow", "per-packet"]
    findings: tuple[Finding, ...]
    service: ServiceState | None = None
    """Of a cluster's VIP; None where machines hold the VIP themselves."""

    def __repr__(self) -> str:
        return f"<{self._conclusion}>"

    @property
    def _conclusion(self) -> str:
        return f"{self.router}, VIP {self.endpoint}: {self.outcome}"

    @property
    def failure(self) -> str:
        """What fails whatever the verdict, in words: `0 of 600 flows answered`. Empty where nothing does."""
        answered = f"{self.flows.answered} of {self.flows.sent} flows answered"
        return ", ".join(answered if rule == UNANSWERED else rule for rule in self.failure_rules)

    @property
    def failure_rules(self) -> tuple[str, ...]:
        """The rules of the errors that fail whatever the verdict, `unanswered` first: the service before the hash."""
        rules = dict.fromkeys(finding.rule for finding in failing(self.findings, self.expected))
        return tuple(sorted(rules, key=UNANSWERED.__ne__))

    @property
    def outcome(self) -> str:
        """The verdict beside what was expected, after what fails whatever the verdict."""
        matched = "as expected" if meets(self.verdict, self.expected) else f"expected {self.expected}"
        return "; ".join(part for part in (self.failure, f"{self.verdict}, {matched}") if part)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that found something."""
        return tuple(finding.rule for finding in self.findings)

    @property
    def summary(self) -> str:
        """What was concluded and why, in a few lines of plain text."""
        lines = [f"{self._conclusion}: {self.reason}"]
        for finding in self.findings:
            lines.append(f"  {finding.severity} {finding.rule}: {finding.message}")
            lines.append(f"    to mend it: {finding.mend}")
        return "\n".join(lines)

    @property
    def endpoint(self) -> str:
        """VIP and port: 172.16.7.192:80 or [2001:db8::1]:80."""
        return endpoint(self.vip, self.port)


@dataclass(frozen=True, repr=False)
class Verdict:
    """The verdict of one run of ecmp-check over all its routers."""

    lab: str
    runtime: str
    emulated: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    seed: int
    alpha: float
    routers: tuple[RouterVerdict, ...]
    schema: int = 1

    @property
    def matches(self) -> bool:
        """Whether every router did what was expected of it, and nothing failed."""
        return all(router.matches for router in self.routers)

    def __repr__(self) -> str:
        return f"<lab {self.lab}: {'; '.join(router._conclusion for router in self.routers)}>"

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Of each router that did anything else, or behind which something fails: which, what, why, how to mend it."""
        return tuple(router.summary for router in self.routers if not router.matches)

    def router(self, name: str, vip: str | None = None) -> RouterVerdict:
        """The verdict on a router; where it has several VIPs, on the one of that address. KeyError otherwise."""
        found = [router for router in self.routers if router.router == name and vip in (None, router.vip)]
        if len(found) != 1:
            known = ", ".join(f"{router.router} for {router.vip}:{router.port}" for router in self.routers)
            raise KeyError(f"{name}{f' for {vip}' if vip else ''}: {len(found)} verdicts; there is {known}")
        return found[0]

    def assert_expected(self) -> Verdict:
        """AssertionError, with causes and remedies, unless every router did what was expected and nothing failed."""
        __tracebackhide__ = True  # pytest shows the line that called this
        if not self.matches:
            raise AssertionError("\n".join(self.mismatches))
        return self
