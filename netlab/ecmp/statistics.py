"""The statistics of balance. Pure functions of counts and weights; `weights` are relative and need no sum of 1.

scipy.special costs 0.2-0.4 s to import, so it is imported where it is needed: whoever measures warms it up meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log, sqrt

from netlab.model.verdict import Statistics

CONFIDENCE = 0.95


def proportions(weights: Sequence[float]) -> tuple[float, ...]:
    """The share of the traffic that each weight asks for."""
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def chi_square(counts: Sequence[int], weights: Sequence[float]) -> tuple[float, float]:
    """Pearson's chi-square of the counts against the weights, and its p-value with len(counts) - 1 degrees of freedom.

    Needs two counts or more and at least one observation.
    """
    from scipy import special

    n = sum(counts)
    expected = [n * share for share in proportions(weights)]
    chi2 = sum((seen - mean) ** 2 / mean for seen, mean in zip(counts, expected, strict=True))
    return chi2, float(special.chdtrc(len(counts) - 1, chi2))


def confidence_interval(count: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The Clopper-Pearson interval of the share count/n: exact for binomial counts, so never too narrow."""
    from scipy import special

    tail = (1 - confidence) / 2
    low = float(special.betaincinv(count, n - count + 1, tail)) if count > 0 else 0.0
    high = float(special.betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return low, high


def balance(counts: Sequence[int], weights: Sequence[float]) -> Statistics:
    """How even the counts are. All None with fewer than two next hops or no observation."""
    n = sum(counts)
    if len(counts) < 2 or n == 0:
        return Statistics(chi2=None, p_value=None, max_over_mean=None, cv=None, expected_cv=None)
    shares = proportions(weights)
    chi2, p_value = chi_square(counts, weights)
    # Relative to its expectation each ratio is 1 under a perfect hash, with variance (1 - share) / (n share). With
    # equal weights these are the plain max/mean, the population CV and sqrt((k - 1) / n).
    ratios = [seen / (n * share) for seen, share in zip(counts, shares, strict=True)]
    return Statistics(
        chi2=chi2,
        p_value=p_value,
        max_over_mean=max(ratios),
        cv=sqrt(_mean([(ratio - 1) ** 2 for ratio in ratios])),
        expected_cv=sqrt(_mean([(1 - share) / (n * share) for share in shares])),
    )


def largest_deviation(counts: Sequence[int], weights: Sequence[float]) -> float:
    """How far the worst share is off its expectation, relative to that: 0.25 is 25% too much or too little."""
    n = sum(counts)
    return max(abs(seen / (n * share) - 1) for seen, share in zip(counts, proportions(weights), strict=True))


def p_all_on_one(weights: Sequence[float], n: int) -> float:
    """P(n keys all take one next hop | perfect hash), exact: the sum of share^n."""
    return float(sum(share**n for share in proportions(weights)))


def p_some_unused(weights: Sequence[float], n: int) -> float:
    """P(some next hop gets none of n keys | perfect hash), bounded from above by the sum of (1 - share)^n."""
    return min(1.0, float(sum((1 - share) ** n for share in proportions(weights))))


def keys_to_prove_unused(weights: Sequence[float], alpha: float) -> int:
    """The fewest keys for which `p_some_unused` is below alpha, so that an unused next hop is proven."""
    shares = proportions(weights)
    n = max(1, ceil(log(alpha) / log(1 - min(shares)))) if len(shares) > 1 else 1
    while p_some_unused(weights, n) >= alpha:
        n += 1
    return n


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
