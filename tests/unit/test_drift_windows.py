"""Statistics of windows against the rest of their series equal those of one window at a time."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency, cramervonmises_2samp, ks_2samp

from volcast.monitoring.drift.calibration import (
    chi2_distances,
    cvm_distances,
    ks_distances,
    psi,
    psi_distances,
)

ROWS, WINDOW, STEP = 400, 60, 37
ENDS = range(WINDOW, ROWS + 1, STEP)


def series(seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=ROWS)) / 10


def split(values: np.ndarray, end: int) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([values[: end - WINDOW], values[end:]]), values[end - WINDOW : end]


@pytest.mark.parametrize(
    ("distances", "of_two"), [(ks_distances, ks_2samp), (cvm_distances, cramervonmises_2samp)]
)
@pytest.mark.parametrize("decimals", [9, 1, 0])
def test_the_statistic_of_every_window_is_that_against_the_rows_outside(
    distances: Callable[..., np.ndarray], of_two: Callable[..., Any], decimals: int
) -> None:
    values = np.round(series(), decimals)
    expected = [of_two(*split(values, end)).statistic for end in ENDS]
    assert len(expected) == 10
    assert distances(values, WINDOW, STEP) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_chi_square_of_every_window_is_that_of_the_two_by_k_table() -> None:
    codes = np.random.default_rng(3).integers(0, 3, ROWS)
    expected = []
    for end in ENDS:
        outside, inside = split(codes, end)
        table = [[int((part == k).sum()) for k in range(3)] for part in (outside, inside)]
        expected.append(chi2_contingency(table, correction=False).statistic)
    assert chi2_distances(codes, WINDOW, STEP) == pytest.approx(expected, rel=1e-9)


def index(edges: np.ndarray, reference: np.ndarray, window: np.ndarray) -> float:
    total = 0.0
    for low, high in zip([-math.inf, *edges], [*edges, math.inf], strict=True):
        p = (sum(low < x <= high for x in reference) + 1) / (len(reference) + 10)
        q = (sum(low < x <= high for x in window) + 1) / (len(window) + 10)
        total += (q - p) * math.log(q / p)
    return total


def test_stability_index_is_the_smoothed_sum_over_bins_of_the_reference() -> None:
    reference, window = series(1), series(2)[:80]
    edges = np.quantile(reference, np.arange(1, 10) / 10)
    assert psi(reference, window) == pytest.approx(index(edges, reference, window), rel=1e-9)


def test_stability_index_of_every_window_takes_the_bins_of_the_whole_series() -> None:
    values = series()
    edges = np.quantile(values, np.arange(1, 10) / 10)
    expected = [index(edges, *split(values, end)) for end in ENDS]
    assert psi_distances(values, WINDOW, STEP) == pytest.approx(expected, rel=1e-9)
