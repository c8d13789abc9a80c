from math import factorial, sqrt

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.ecmp import statistics
from netlab.ecmp.decide import is_unbalanced

EVEN = (1, 1, 1)
counts_and_n = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def draws(n: int, shares: tuple[float, ...], runs: int) -> list[list[int]]:
    return numpy.random.default_rng(7).multinomial(n, shares, runs).tolist()


def p_value(counts: list[int]) -> float:
    return statistics.chi_square(counts, EVEN)[1]


def test_chi_square_of_known_counts() -> None:
    chi2, p = statistics.chi_square([300, 150, 150], EVEN)
    assert chi2 == pytest.approx(75.0)
    assert p == pytest.approx(5.17e-17, rel=0.01)


def test_clients_behind_a_layer_3_hash_count_as_keys_not_as_flows() -> None:
    assert p_value([160, 60, 90]) == pytest.approx(9e-12, rel=0.1)
    assert p_value([16, 6, 9]) == pytest.approx(0.078, abs=0.001)


def test_chi_square_knows_weights() -> None:
    assert statistics.chi_square([400, 200], [2, 1]) == (0.0, 1.0)


def test_a_perfect_hash_looks_odd_in_one_run_of_a_hundred_but_is_never_unbalanced() -> None:
    runs = draws(600, (1 / 3, 1 / 3, 1 / 3), 2000)
    odd = sum(p_value(counts) < 0.01 for counts in runs) / len(runs)
    assert 0.004 < odd < 0.02
    assert not any(is_unbalanced(p_value(counts), statistics.largest_deviation(counts, EVEN)) for counts in runs)


@pytest.mark.parametrize(
    ("n", "shares"),
    [(35, (0.5, 0.5, 0.0)), (140, (0.5, 0.25, 0.25)), (872, (0.4, 0.3, 0.3))],
)
def test_flows_needed_for_power_of_90_percent_at_alpha_1_percent(n: int, shares: tuple[float, ...]) -> None:
    runs = draws(n, shares, 1500)
    assert sum(p_value(counts) < 0.01 for counts in runs) / len(runs) > 0.87


def test_50_25_25_at_600_flows_is_found() -> None:
    runs = draws(600, (0.5, 0.25, 0.25), 1000)
    found = sum(is_unbalanced(p_value(counts), statistics.largest_deviation(counts, EVEN)) for counts in runs)
    assert found / len(runs) > 0.995


def test_a_large_sample_of_a_small_effect_is_not_unbalanced() -> None:
    counts = [11_000, 10_000, 9_000]
    assert p_value(counts) < 1e-40
    assert not is_unbalanced(p_value(counts), statistics.largest_deviation(counts, EVEN))


def test_largest_deviation_is_relative_to_the_expectation() -> None:
    assert statistics.largest_deviation([300, 150, 150], EVEN) == pytest.approx(0.5)
    assert statistics.largest_deviation([210, 210, 180], EVEN) == pytest.approx(0.1)
    assert statistics.largest_deviation([300, 150, 150], (2, 1, 1)) == 0


def test_all_on_one() -> None:
    assert statistics.p_all_on_one(EVEN, 3) == pytest.approx(0.11, abs=0.002)
    assert statistics.p_all_on_one(EVEN, 8) == pytest.approx(5e-4, rel=0.1)
    assert statistics.p_all_on_one([3, 1], 2) == pytest.approx(0.75**2 + 0.25**2)


@pytest.mark.parametrize("n", [3, 5, 12, 40])
def test_some_unused_is_an_upper_bound_of_the_exact_probability(n: int) -> None:
    onto = sum((-1) ** j * factorial(3) // (factorial(j) * factorial(3 - j)) * (3 - j) ** n for j in range(4))
    exact = 1 - onto / 3**n
    assert exact <= statistics.p_some_unused(EVEN, n) <= max(1.3 * exact, exact + 0.12)


def test_three_different_of_three_is_chance() -> None:
    different = factorial(3) / 3**3
    assert different == pytest.approx(0.22, abs=0.003)
    assert statistics.p_some_unused(EVEN, 3) >= 1 - different


@pytest.mark.parametrize("weights", [(1, 1), (1, 1, 1), (1,) * 10, (5, 1)])
def test_keys_to_prove_unused_is_the_smallest_number(weights: tuple[int, ...]) -> None:
    n = statistics.keys_to_prove_unused(weights, 1e-6)
    assert statistics.p_some_unused(weights, n) < 1e-6 <= statistics.p_some_unused(weights, n - 1)


def test_clopper_pearson_of_known_counts() -> None:
    assert statistics.confidence_interval(1, 1) == pytest.approx((0.025, 1.0))
    assert statistics.confidence_interval(8, 20) == pytest.approx((0.1912, 0.6395), abs=1e-4)
    assert statistics.confidence_interval(0, 0) == (0.0, 1.0)


@given(counts_and_n)
def test_the_interval_contains_the_share(sample: tuple[int, int]) -> None:
    count, n = sample
    low, high = statistics.confidence_interval(count, n)
    assert 0 <= low <= count / n <= high <= 1


def test_the_interval_covers_the_true_share_in_95_percent_of_runs() -> None:
    runs = [counts[0] for counts in draws(600, (1 / 3, 2 / 3), 1500)]
    covered = 0
    for count in runs:
        low, high = statistics.confidence_interval(count, 600)
        covered += low <= 1 / 3 <= high
    assert covered / len(runs) > 0.935


def test_balance_of_equal_weights_is_the_textbook_one() -> None:
    counts = [220, 200, 180]
    numbers = statistics.balance(counts, EVEN)
    assert numbers.max_over_mean == pytest.approx(220 / 200)
    assert numbers.cv == pytest.approx(float(numpy.std(counts)) / 200)
    assert numbers.expected_cv == pytest.approx(sqrt(2 / 600))


def test_cv_of_a_perfect_hash_is_the_expected_one() -> None:
    squares = [statistics.balance(counts, (2, 1, 1)).cv ** 2 for counts in draws(600, (0.5, 0.25, 0.25), 1500)]
    assert sqrt(sum(squares) / len(squares)) == pytest.approx(
        statistics.balance([300, 150, 150], (2, 1, 1)).expected_cv, rel=0.05
    )


@pytest.mark.parametrize(("k", "n", "p99"), [(3, 100, 1.38), (3, 300, 1.23), (3, 3000, 1.07), (10, 300, 1.57)])
def test_max_over_mean_of_a_perfect_hash(k: int, n: int, p99: float) -> None:
    worst = [statistics.balance(counts, (1,) * k).max_over_mean for counts in draws(n, (1 / k,) * k, 1500)]
    assert float(numpy.quantile(worst, 0.99)) == pytest.approx(p99, abs=0.06)


@pytest.mark.parametrize("counts", [[], [5], [0, 0, 0]])
def test_balance_of_nothing_to_compare_is_none(counts: list[int]) -> None:
    numbers = statistics.balance(counts, [1] * len(counts))
    assert {numbers.chi2, numbers.p_value, numbers.max_over_mean, numbers.cv, numbers.expected_cv} == {None}
