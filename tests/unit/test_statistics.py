"""Statistics of forecasts, against their formulas in plain arithmetic."""

import math

import numpy as np
import pandas as pd
import pytest

from volcast.evaluation.statistics import confidence_set, log_r2, mincer_zarnowitz


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    forecast = np.exp(rng.normal(-1.8, 0.4, 400))
    return forecast * np.exp(rng.normal(0, 0.3, 400)), forecast


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
    found = mincer_zarnowitz(rv, forecast)
    assert (found.intercept, found.slope) == pytest.approx(tuple(beta))
    assert (found.intercept_error, found.slope_error) == pytest.approx(tuple(errors))
    apart = beta - np.array([0.0, 1.0])
    wald = apart @ np.linalg.solve(bread @ meat @ bread, apart)
    assert found.p_unbiased == pytest.approx(math.exp(-wald / 2))
    residual = y - x @ beta
    assert found.r2 == pytest.approx(1 - residual @ residual / ((y - y.mean()) @ (y - y.mean())))


def test_a_biased_forecast_is_found_out(pair):
    rv, forecast = pair
    assert mincer_zarnowitz(rv, 0.8 * forecast).p_unbiased < 0.001


def test_a_model_that_is_worse_by_far_is_out_and_its_equals_stay():
    rng = np.random.default_rng(4)
    base, noise = rng.gamma(2, 0.2, 600), rng.normal(0, 0.05, 600)
    # a and b err in turn and are equal on the whole.
    losses = pd.DataFrame({"a": base + noise, "b": base - noise + 2 * noise.mean()})
    losses["worse"] = base + 0.2 + rng.normal(0, 0.05, 600)
    found = confidence_set(losses)
    assert [found.holds(name, 0.10) for name in losses] == [True, True, False]
    assert max(found.p_values.values()) == 1.0
    assert confidence_set(losses).p_values == found.p_values


def test_models_with_the_same_losses_share_their_fate():
    losses = pd.DataFrame({"a": np.random.default_rng(5).gamma(2, 0.2, 100)})
    assert confidence_set(losses.assign(b=losses["a"])).p_values == {"a": 1.0, "b": 1.0}
    three = confidence_set(losses.assign(b=losses["a"], worse=losses["a"] + 1))
    assert three.p_values["a"] == three.p_values["b"] == 1.0
    assert not three.holds("worse", 0.10)
