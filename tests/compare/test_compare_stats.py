"""The formulas, against scipy.stats, exact cases and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import bdtr, betainc, ndtr

from perf_action.compare import stats


def tail(t: float, df: float) -> float:
    """P(T_df > t) for t > 0, by the incomplete beta function."""
    return float(betainc(df / 2, 0.5, df / (df + t * t))) / 2


def test_the_mean_is_tested_with_students_t():
    values = np.random.default_rng(1).normal(0.02, 0.02, 12)
    ours = stats.of_mean(values.tolist())
    se = values.std(ddof=1) / math.sqrt(12)
    assert ours.p_greater == pytest.approx(tail(values.mean() / se, 11))
    assert ours.p_less == pytest.approx(1 - ours.p_greater)
    low, high = ours.interval(0.99)
    assert (low + high) / 2 == pytest.approx(values.mean())
    assert tail((high - values.mean()) / se, 11) == pytest.approx(0.005)


def test_the_difference_is_welchs():
    rng = np.random.default_rng(2)
    base, head = rng.normal(0, 1, 7), rng.normal(3, 3, 12)
    ours = stats.of_difference(base.tolist(), head.tolist())
    v = [base.var(ddof=1) / 7, head.var(ddof=1) / 12]
    df = sum(v) ** 2 / (v[0] ** 2 / 6 + v[1] ** 2 / 11)
    assert ours.df == pytest.approx(df)
    assert ours.p_greater == pytest.approx(tail((head.mean() - base.mean()) / math.sqrt(sum(v)), df))


def test_two_counts_differ_by_as_many_errors_as_the_likelihood_says():
    """Against the exact test, which is binomial: given both together, each sample is of head by one half."""
    for x_b, x_h in ((0, 8), (0, 30), (5, 25), (40, 90), (300, 380)):
        b, h = np.array([x_b + 0.5]), np.array([x_h + 0.5])
        log, wald = np.log(h / b), 1 / b + 1 / h
        z = float((log / np.sqrt(stats.log_ratio_variance(log, b, h, wald)))[0])
        exact = float(bdtr(x_b, x_b + x_h, 0.5))
        assert 0.35 * exact < float(ndtr(-z)) <= exact, (x_b, x_h)  # which counts the count itself in full
        assert z >= float((log / np.sqrt(wald))[0]) * 0.999


def test_a_part_of_the_variance_and_another_exposure_stay():
    b, h = np.array([1000.0]), np.array([2400.0])
    log, wald = np.log(h / b / 2), 0.7 * (1 / b + 1 / h)  # head ran twice as long
    assert stats.log_ratio_variance(log, b, h, wald) == pytest.approx(wald, rel=0.05)
    same = np.array([0.0])
    assert stats.log_ratio_variance(same, b, b, wald) == pytest.approx(wald)


def test_a_scatter_that_all_values_share_does_not_shrink():
    rng = np.random.default_rng(3)
    base, head = (rng.normal(0, 0.001, 10_000).tolist() for _ in range(2))
    assert stats.of_difference(base, head, between_sd=0.01).se == pytest.approx(0.01 * math.sqrt(2), rel=0.01)


def test_the_detectable_effect_is_found_with_the_power_it_promises():
    rng = np.random.default_rng(4)
    n, sd, alpha = 12, 0.02, 0.01
    effect = stats.Estimate(mean=0, se=sd / math.sqrt(n), df=n - 1).detectable(alpha)
    found = [stats.of_mean(rng.normal(effect, sd, n).tolist()).p_greater < alpha for _ in range(2000)]
    assert 0.75 < np.mean(found) < 0.85


def test_launches_needed_are_the_fewest_that_do():
    n = stats.launches_needed(0.02, 0.03, 0.001, at_least=3)
    assert n is not None
    enough = stats.Estimate(mean=0, se=0.02 / math.sqrt(n), df=n - 1).detectable(0.001)
    fewer = stats.Estimate(mean=0, se=0.02 / math.sqrt(n - 1), df=n - 2).detectable(0.001)
    assert enough <= 0.03 < fewer
    assert stats.launches_needed(1.0, 0.01, 0.001, at_least=3) is None


def test_theil_sen_ignores_outliers_and_is_exact_on_a_line():
    t = list(range(20))
    y = [3.0 * x + 1 for x in t]
    y[5] = 1e9
    assert stats.theil_sen(t, y) == pytest.approx(3.0)
    assert stats.theil_sen([1.0, 1.0], [2.0, 5.0]) == 0.0


def test_mann_kendall_on_a_rise_a_fall_and_ties():
    rising = stats.mann_kendall([list(range(10))])
    z = (45 - 1) / math.sqrt(10 * 9 * 25 / 18)  # all 45 pairs rise; continuity takes one off
    assert rising == pytest.approx(math.erfc(z / math.sqrt(2)) / 2)
    assert stats.mann_kendall([list(range(10))[::-1]]) == 1.0
    assert stats.mann_kendall([[5.0] * 10]) == 1.0
    assert stats.mann_kendall([[1, 1, 2, 2, 3, 3]]) < stats.mann_kendall([[1, 2, 1, 2, 3, 3]])
    assert stats.mann_kendall([list(range(8)), list(range(8))]) < stats.mann_kendall([list(range(8))])


def test_the_bootstrap_repeats_itself_and_knows_its_error():
    values = np.random.default_rng(5).normal(10, 2, 100).tolist()
    first, second = stats.bootstrap_means(values, block=2), stats.bootstrap_means(values, block=2)
    assert (first == second).all()
    low, high = stats.central(first, 0.95)
    assert low < np.mean(values) < high
    assert high - low == pytest.approx(2 * 1.96 * 2 / 10, rel=0.3)


def test_blocks_keep_neighbours_together():
    alternating = [1.0, -1.0] * 20
    single, pairs = stats.bootstrap_means(alternating, block=1), stats.bootstrap_means(alternating, block=2)
    assert pairs.std() == 0
    assert single.std() > 0.1
