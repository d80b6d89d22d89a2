"""Residuals of a feature given VIX and the other features, on series built for the test."""

import numpy as np
import pytest

from volcast.monitoring.drift.panel import Residuals

N = 4000


def market(seed: int = 5) -> np.ndarray:
    """Return iv, a feature made of it, two that share a factor, and an independent one."""
    rng = np.random.default_rng(seed)
    iv, shared = rng.normal(-4, 0.5, N), rng.normal(size=N)
    left = rng.normal(size=N)
    made = 2 + 0.5 * iv - 0.3 * iv**2 + 0.1 * left
    twins = shared + 0.1 * rng.normal(size=N), shared + 0.1 * rng.normal(size=N)
    return np.column_stack([iv, made, *twins, rng.normal(size=N)])


def test_residuals_given_vix_are_those_of_the_regression_on_its_powers() -> None:
    rows = market()
    residuals = Residuals.fit(rows, 0)
    powers = np.column_stack([rows[:, 0] ** k for k in range(3)])
    fitted, *_ = np.linalg.lstsq(powers, rows[:, 1], rcond=None)
    assert residuals.given_vix(rows)[:, 0] == pytest.approx(rows[:, 1] - powers @ fitted, abs=1e-8)
    assert fitted == pytest.approx([2, 0.5, -0.3], abs=0.3)


def test_vix_itself_and_its_transforms_are_left_out() -> None:
    rows = market()
    with_transform = np.column_stack([rows, np.exp(rows[:, 0] / 2)])
    assert Residuals.fit(with_transform, 0).left.tolist() == [False, True, True, True, True, False]


def test_without_vix_nothing_is_conditional_on_it() -> None:
    residuals = Residuals.fit(market(), None)
    assert residuals.given_vix(market()).shape == (N, 0)
    assert residuals.noise(market()).shape == (N - 1, 5)


def test_noise_is_relative_to_what_the_other_features_explain() -> None:
    rows = market()
    residuals = Residuals.fit(rows, 0)
    broken = rows.copy()
    broken[-60:, 2] = rows[:60, 3]  # as spread as ever, and no longer its twin's
    usual, noise = residuals.noise(rows)[-60:], residuals.noise(broken)[-60:]
    assert np.median(noise[:, 2]) > 5 * np.median(usual[:, 2])
    assert np.median(noise[:, 4]) == pytest.approx(np.median(usual[:, 4]), rel=0.1)


def test_noise_that_grows_with_vix_is_no_louder_at_a_high_vix() -> None:
    rng = np.random.default_rng(1)
    iv = np.repeat(rng.normal(-4, 0.8, N // 40), 40)
    rows = np.column_stack([iv + 0.01 * rng.normal(size=N), np.exp(iv / 2) * rng.normal(size=N)])
    noise = Residuals.fit(rows, 0).noise(rows)[:, 1]
    high, low = (noise[mask[:-1]] for mask in (iv > -3.5, iv < -4.5))
    raw = np.abs(rows[:, 1])
    assert raw[iv > -3.5].mean() > 1.8 * raw[iv < -4.5].mean()
    assert high.mean() == pytest.approx(low.mean(), rel=0.15)


def test_one_wild_row_is_cut_and_does_not_hide_the_rest() -> None:
    rows = market()
    rows[100, 4] = 1e9
    residuals = Residuals.fit(rows, 0)
    assert np.isfinite(residuals.noise(rows)).all()
