"""Thresholds that a sound market exceeds rarely, from the reference's own windows.

Volatility features remember months, so textbook p-values fire daily. Here the threshold of each
statistic of each feature is a high quantile of its values over every window of the reference
against the rest: a block bootstrap whose block is the window. The statistics are alibi-detect's,
for thousands of windows at once.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.monitoring.drift.panel import Panel, View

__all__ = [
    "DRIFT_KINDS",
    "LEVEL",
    "MARGIN",
    "STEP",
    "TESTS",
    "Calibration",
    "Test",
    "calibrate",
    "chi2_distances",
    "cvm_distances",
    "ks_distances",
    "psi",
    "psi_distances",
    "upper_tenth",
]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEVEL = 0.97
"""Quantile of the reference's windows that is a test's threshold. With some forty windows' worth
of independent rows at 60 sessions and ten at 250, 5 to 9 % of sound windows exceed it."""

MARGIN = 1.2
"""How far a tenth of the features must be beyond the maximum that a tenth of them reached."""

STEP = 5
"""Sessions from one window of the reference to the next."""

_BINS = 10


def _ordered(reference: Floats, window: int, step: int) -> tuple[Floats, Counts]:
    """Return the values in order, and the places of each window's, in order, u[windows, window].

    Places are integers as small as can be, which NumPy sorts in a tenth of the time.
    """
    n, by_value = len(reference), np.argsort(reference, kind="stable")
    places = np.empty(n, np.min_scalar_type(n))
    places[by_value] = np.arange(n)
    inside = np.arange(0, n + 1 - window, step)[:, None] + np.arange(window)
    return reference[by_value], np.sort(places[inside], axis=1, kind="stable")


def _counts(members: Floats, window: int, step: int) -> Floats:
    """Return the sums of the columns over each window."""
    totals = np.pad(members.cumsum(axis=0), ((1, 0), (0, 0)))
    starts = np.arange(0, len(members) + 1 - window, step)
    return np.asarray(totals[starts + window] - totals[starts], dtype=np.float64)


def ks_distances(reference: Floats, window: int, step: int) -> Floats:
    """Kolmogorov-Smirnov distance of each window of ``reference`` to the rows outside of it.

    ``reference`` is f8[n] in order of time without NaN, and the windows end ``step`` rows apart.
    With G the distribution of all n rows, F of the window's w and R of the rest, G - F equals
    (1 - w/n) (R - F), so the distance to the rest follows from ranks among all.
    """
    n = len(reference)
    ordered, places = _ordered(reference, window, step)
    high = (np.searchsorted(ordered, ordered, "right") / n)[places]
    low = (np.searchsorted(ordered, ordered, "left") / n)[places]
    grid = np.arange(1, window + 1) / window
    reach = np.maximum((grid - high).max(axis=1), (low - (grid - 1 / window)).max(axis=1))
    return np.asarray(reach / (1 - window / n), dtype=np.float64)


def cvm_distances(reference: Floats, window: int, step: int) -> Floats:
    """Two-sample Cramer-von Mises statistic of each window of ``reference`` and the other rows.

    With mid-ranks r among all n = w + m rows, and i and j the places of a row in its own sample,
    ``T = (w sum (r_i - i)^2 + m sum (r_j - j)^2) / (w m n) - (4 w m - 1) / (6 n)``. The places of
    the rows outside follow from those of the window.

    References
    ----------
    Anderson (1962), "On the distribution of the two-sample Cramer-von Mises criterion"; Conover
    (1999), section 6.3, for repeated values.
    """
    n, m = len(reference), len(reference) - window
    ordered, places = _ordered(reference, window, step)
    ranks, inside = pd.Series(ordered).rank().to_numpy(), places.astype(np.int64) + 1
    own, nth = ranks[inside - 1], np.arange(1, window + 1)
    total = np.concatenate([[0.0], np.cumsum(ranks)])
    ends = np.pad(inside[:, 1:], ((0, 0), (0, 1)), constant_values=n + 1)
    behind = (nth * (total[ends - 1] - total[inside - 1])).sum(axis=1)
    # Sum of j r over the rows outside: j is the place among all, less the window's rows so far.
    products = (np.arange(1, n + 1) * ranks).sum() - behind - ((inside - nth) * own).sum(axis=1)
    squares = m * (m + 1) * (2 * m + 1) / 6
    outside = (ranks**2).sum() - (own**2).sum(axis=1) - 2 * products + squares
    spread = window * ((own - nth) ** 2).sum(axis=1) + m * outside
    result = spread / (window * m * n) - (4 * window * m - 1) / (6 * n)
    return np.asarray(result, dtype=np.float64)


def chi2_distances(reference: Counts, window: int, step: int) -> Floats:
    """Chi-square statistic of each window's counts by category, from 0 on, against the rest's."""
    n = len(reference)
    members = np.eye(int(reference.max()) + 1)[reference]
    total = members.sum(axis=0)
    inside = _counts(members, window, step)
    observed = np.stack([inside, total - inside])
    expected = np.array([window, n - window])[:, None, None] * total / n
    squares = (observed - expected) ** 2
    parts = np.divide(squares, expected, out=np.zeros_like(observed), where=expected > 0)
    return np.asarray(parts.sum(axis=(0, 2)), dtype=np.float64)


def psi(reference: Floats, values: Floats) -> float:
    """Return the population stability index, ``sum (q - p) log(q / p)`` over bins.

    p and q are the shares of ``reference``, f8[n], and ``values``, f8[w], in `_BINS` bins of
    equal shares of the reference; one is added to each count (Laplace).
    """
    return float(_psi(*(_binned(reference, rows).sum(axis=0) for rows in (reference, values))))


def psi_distances(reference: Floats, window: int, step: int) -> Floats:
    """Return the PSI of each window of ``reference`` against the other rows."""
    members = _binned(reference, reference)
    inside = _counts(members, window, step)
    return _psi(members.sum(axis=0) - inside, inside)


def _psi(reference: Floats, window: Floats) -> Floats:
    p, q = ((n + 1) / (n + 1).sum(axis=-1, keepdims=True) for n in (reference, window))
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=-1), dtype=np.float64)


def _binned(reference: Floats, values: Floats) -> Floats:
    """Return membership of each value in the bins of equal shares of ``reference``."""
    edges = np.quantile(reference, np.arange(1, _BINS) / _BINS)
    return np.eye(_BINS)[np.searchsorted(edges, values, "left")]


_DISTANCES: Mapping[str, Callable[[Floats, int, int], Floats]] = {
    "ks": ks_distances,
    "cvm": cvm_distances,
    "psi": psi_distances,
}


@dataclass(frozen=True)
class Test:
    """One statistic of one view of the features over a window of sessions."""

    __test__ = False  # pytest collects classes of this name

    name: str
    view: View
    statistic: str
    window: int

    @property
    def key(self) -> str:
        """The name of its thresholds."""
        return f"{self.name}/{self.window}"


_TESTS: tuple[tuple[str, View, str, tuple[int, ...]], ...] = (
    ("ks_level", "level", "ks", (20, 60, 250)),
    ("cvm_level", "level", "cvm", (60, 250)),
    ("ks_given_vix", "given_vix", "ks", (60, 250)),
    ("cvm_given_vix", "given_vix", "cvm", (60, 250)),
    # No 250: the regressions on all other features fit better in the reference than beyond it.
    ("ks_scale", "noise", "ks", (60,)),
    ("psi", "level", "psi", (250,)),
)
TESTS = tuple(
    Test(name, view, statistic, window)
    for name, view, statistic, windows in _TESTS
    for window in windows
)
DRIFT_KINDS: Mapping[str, tuple[Test, ...]] = {
    kind: tuple(test for test in TESTS if test.name == name)
    for kind, name in (("given_vix", "ks_given_vix"), ("scale", "ks_scale"))
}
"""Drift of a kind: in each of its tests a tenth of the features is beyond the bar."""


@dataclass(frozen=True)
class Calibration:
    """By the key of the test: a threshold a column of its view, and for `DRIFT_KINDS` a bar."""

    thresholds: Mapping[str, list[float]]
    bars: Mapping[str, float]


def calibrate(panel: Panel, views: tuple[View, ...] = get_args(View)) -> Calibration:
    """Compute thresholds and bars on the panel's reference, for the tests of these views."""
    with_bar = {test for tests in DRIFT_KINDS.values() for test in tests}
    thresholds, bars = {}, {}
    for test in TESTS:
        columns = panel.reference_views[test.view].T
        if test.view not in views or not len(columns):
            continue
        measure = _DISTANCES[test.statistic]
        distances = np.column_stack([measure(c, test.window, STEP) for c in columns])
        quantiles = np.quantile(distances, LEVEL, axis=0)
        thresholds[test.key] = quantiles.tolist()
        if test in with_bar:
            bars[test.key] = MARGIN * max(map(upper_tenth, distances / quantiles))
    return Calibration(thresholds, bars)


def upper_tenth(ratios: Floats) -> float:
    """Return the value that a tenth of the ratios, rounded up to whole ones, reach or exceed."""
    position = len(ratios) - math.ceil(len(ratios) / 10)
    return float(np.partition(ratios, position)[position])
