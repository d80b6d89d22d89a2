"""Losses and statistics of forecasts, compared with their formulas in plain arithmetic."""

import math
from math import cos, pi, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_1samp

from volcast.evaluation.losses import log_r2, qlike_losses
from volcast.evaluation.statistics import confidence_set, diebold_mariano, mincer_zarnowitz


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    forecast = np.exp(rng.normal(-1.8, 0.4, 400))
    return forecast * np.exp(rng.normal(0, 0.3, 400)), forecast


def test_qlike_is_zero_for_a_perfect_forecast_and_punishes_low_ones_more():
    variance = np.full(3, 0.04)
    perfect, low, high = qlike_losses(variance, np.array([0.04, 0.02, 0.08]))
    assert perfect == 0
    assert low == pytest.approx(2 - math.log(2) - 1)
    assert high == pytest.approx(0.5 - math.log(0.5) - 1)
    assert low > high


def cosine_p(ours: np.ndarray, theirs: np.ndarray, cosines: int = 24) -> float:
    """The Diebold-Mariano p-value in plain loops."""
    d, squares = (ours - theirs).tolist(), []
    n = len(d)
    for k in range(1, cosines + 1):
        wave = sum(value * cos(pi * k * (i + 0.5) / n) for i, value in enumerate(d))
        squares.append(2 / n * wave**2)
    statistic = sum(d) / n / sqrt(sum(squares) / cosines / n)
    return t.cdf(statistic, cosines)


def test_diebold_mariano_is_students_t_on_the_24_slowest_cosines():
    rng = np.random.default_rng(4)
    ours, theirs = rng.gamma(2, 0.2, 300), rng.gamma(2, 0.21, 300)
    p = diebold_mariano(ours, theirs)
    assert p == pytest.approx(cosine_p(ours, theirs), rel=1e-10)
    assert p == pytest.approx(0.48368370599547267, rel=1e-9)
    assert diebold_mariano(theirs, ours) == pytest.approx(1 - p, rel=1e-10)
    assert diebold_mariano(ours, ours) == 0.5


def test_on_few_rows_diebold_mariano_is_the_t_test_of_a_mean():
    d = np.random.default_rng(4).normal(0.1, 1, 20)
    expected = ttest_1samp(d, 0, alternative="less").pvalue
    assert diebold_mariano(d, np.zeros(20)) == pytest.approx(expected, rel=1e-10)
    assert diebold_mariano(d[:1], np.zeros(1)) == 0.5


def test_overlapping_losses_of_equal_forecasts_are_seldom_called_different():
    rng, called = np.random.default_rng(5), 0
    for _ in range(400):
        d = np.convolve(rng.normal(size=1004), np.ones(5) / 5, "valid")
        called += min(diebold_mariano(d, 0 * d), diebold_mariano(-d, 0 * d)) < 0.025
    assert 8 <= called <= 32  # 20 intended


def test_log_r2_is_one_less_the_share_of_squares_left(pair):
    rv, forecast = pair
    mean = sum(math.log(v) for v in rv) / len(rv)
    left = sum((math.log(v) - math.log(f)) ** 2 for v, f in zip(rv, forecast, strict=True))
    whole = sum((math.log(v) - mean) ** 2 for v in rv)
    assert log_r2(rv, forecast) == pytest.approx(1 - left / whole)
    assert log_r2(rv, 2 * forecast) < log_r2(rv, forecast)


def test_mincer_zarnowitz_is_least_squares_with_a_hac_covariance(pair):
    rv, forecast = pair
    x, y = np.column_stack([np.ones(400), forecast**2]), rv**2
    beta = np.linalg.solve(x.T @ x, x.T @ y)
    scores = x * (y - x @ beta)[:, None]
    meat = scores.T @ scores
    for lag in range(1, 11):
        cross = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / 11) * (cross + cross.T)
    bread = np.linalg.inv(x.T @ x)
    errors = np.sqrt(np.diag(bread @ meat @ bread))
    fit = mincer_zarnowitz(rv, forecast)
    assert (fit["intercept"], fit["slope"]) == pytest.approx(tuple(beta))
    assert (fit["intercept_error"], fit["slope_error"]) == pytest.approx(tuple(errors))
    apart = beta - np.array([0.0, 1.0])
    wald = apart @ np.linalg.solve(bread @ meat @ bread, apart)
    assert fit["p_unbiased"] == pytest.approx(math.exp(-wald / 2))
    assert mincer_zarnowitz(rv, 0.8 * forecast)["p_unbiased"] < 0.001
    residual = y - x @ beta
    assert fit["r2"] == pytest.approx(1 - residual @ residual / ((y - y.mean()) @ (y - y.mean())))


def test_a_model_that_is_worse_by_far_is_out_and_its_equals_stay():
    rng = np.random.default_rng(4)
    base, noise = rng.gamma(2, 0.2, 600), rng.normal(0, 0.05, 600)
    # a and b err in turn and are equal on the whole.
    losses = pd.DataFrame({"a": base + noise, "b": base - noise + 2 * noise.mean()})
    losses["worse"] = base + 0.2 + rng.normal(0, 0.05, 600)
    p = confidence_set(losses)
    assert [p[name] > 0.10 for name in losses] == [True, True, False]
    assert max(p.values()) == 1.0
    assert confidence_set(losses) == p


def test_models_with_the_same_losses_share_their_fate():
    losses = pd.DataFrame({"a": np.random.default_rng(5).gamma(2, 0.2, 100)})
    assert confidence_set(losses.assign(b=losses["a"])) == {"a": 1.0, "b": 1.0}
    three = confidence_set(losses.assign(b=losses["a"], worse=losses["a"] + 1))
    assert three["a"] == three["b"] == 1.0
    assert three["worse"] <= 0.10
