import math
import random

import pytest
from scipy.stats import binomtest

from eval.interval import mean, proportion


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 44), (7, 44), (22, 44), (44, 44), (900, 2021)])
def test_a_proportion_has_wilsons_interval(successes: int, n: int):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    found = proportion(successes, n)
    assert (found.value, found.n) == (successes / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [40, 160])
def test_about_95_of_100_intervals_of_a_proportion_hold_the_truth(share: float, n: int):
    held = [successes for successes in range(n + 1) if _holds(proportion(successes, n), share)]
    coverage = sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in held)
    assert 0.92 <= coverage <= 0.99


def test_about_95_of_100_intervals_of_a_mean_hold_the_truth():
    dice = random.Random(1)
    held = sum(_holds(mean([dice.expovariate(1.0) for _ in range(100)]), 1.0) for _ in range(200))
    assert 0.88 <= held / 200 <= 0.99


def test_a_mean_has_about_the_interval_of_the_normal_approximation():
    dice = random.Random(2)
    values = [dice.gauss(3.0, 2.0) for _ in range(1000)]
    found = mean(values)
    assert found.value == pytest.approx(sum(values) / 1000)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 2.0 / math.sqrt(1000), rel=0.1)


def test_the_interval_of_a_mean_is_the_same_at_every_call():
    values = [0.0, 1.0, 0.25, 0.5] * 10
    assert mean(values) == mean(values)


def test_values_that_are_all_equal_have_no_interval_around_them():
    found = mean([0.5] * 9)
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.5, 0.5, 9)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (2, 1), (-1, 3)])
def test_a_proportion_of_nothing_or_of_more_than_all_is_refused(successes: int, n: int):
    with pytest.raises(ValueError, match="expected 0 to n"):
        proportion(successes, n)


def test_a_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        mean([])


def _holds(interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high
