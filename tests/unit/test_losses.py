"""Losses and tests of their difference, re-derived by plain loops."""

import math

import numpy as np
import pytest

from volcast.evaluation.losses import diebold_mariano, qlike_losses, rmse_points


def test_qlike_is_zero_for_a_perfect_forecast_and_punishes_low_ones_more():
    variance = np.full(3, 0.04)
    perfect, low, high = qlike_losses(variance, np.array([0.04, 0.02, 0.08]))
    assert perfect == 0
    assert low == pytest.approx(2 - math.log(2) - 1)
    assert high == pytest.approx(0.5 - math.log(0.5) - 1)
    assert low > high


def test_rmse_is_in_volatility_points():
    assert rmse_points(np.array([0.10, 0.20]), np.array([0.13, 0.24])) == pytest.approx(
        math.sqrt((9 + 16) / 2)
    )


def test_diebold_mariano_equals_newey_west_in_plain_loops():
    rng = np.random.default_rng(3)
    a, b = rng.gamma(2, 1, 300), rng.gamma(2, 1.1, 300)
    d = [x - y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    mean = sum(d) / len(d)
    long_run = sum((x - mean) ** 2 for x in d) / len(d)
    for lag in range(1, 11):
        cross = sum((d[i] - mean) * (d[i - lag] - mean) for i in range(lag, len(d))) / len(d)
        long_run += 2 * (1 - lag / 11) * cross
    statistic = mean / math.sqrt(long_run / len(d))
    test = diebold_mariano(a, b)
    assert test.statistic == pytest.approx(statistic)
    below = 0.5 * (1 + math.erf(statistic / math.sqrt(2)))
    assert test.p_better == pytest.approx(below)
    assert test.p_two_sided == pytest.approx(2 * min(below, 1 - below))


def test_the_lower_loss_is_the_better_and_the_test_is_symmetric():
    rng = np.random.default_rng(4)
    a = rng.gamma(2, 1, 500)
    b = a + rng.normal(0.3, 0.5, 500)
    assert diebold_mariano(a, b).p_better < 0.001
    assert diebold_mariano(b, a).p_better == pytest.approx(1 - diebold_mariano(a, b).p_better)


def test_equal_losses_say_nothing():
    same = np.ones(50)
    assert diebold_mariano(same, same).p_better == 0.5


def test_overlapping_losses_of_equal_forecasts_are_seldom_called_different():
    rng = np.random.default_rng(5)
    called = 0
    for _ in range(200):
        noise = rng.normal(size=1004)
        d = np.convolve(noise, np.ones(5) / 5, "valid")
        called += diebold_mariano(d, np.zeros(1000)).p_two_sided < 0.05
    # 5 % intended; lags of ten leave some 7 %. Without them over 30 % would be called.
    assert called < 30
