"""Statistics of every window of a series against the rest of it, from which thresholds come.

The detectors' statistics, for thousands of windows at once; a test pins them to alibi-detect's.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "chi2_distances",
    "cvm_distances",
    "ends_of",
    "ks_distances",
    "psi",
    "psi_distances",
    "reference_bins",
]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

PSI_BINS = 10


def ends_of(rows: int, window: int, step: int) -> Counts:
    """Return the ends (exclusive) of the windows of a series, ``step`` rows apart."""
    return np.arange(window, rows + 1, step)


def ks_distances(reference: Floats, window: int, step: int) -> Floats:
    """Kolmogorov-Smirnov distance of each window of ``reference`` to the rows outside of it.

    With G the distribution of all n rows, F of the window's w and R of the rest, G - F equals
    (1 - w/n) (R - F), so the distance to the rest follows from ranks among all.

    Parameters
    ----------
    reference : f8[n]
        In order of time, without NaN.
    window, step : int
        Rows of a window; rows between the ends of two windows.

    Returns
    -------
    f8[number of windows]
    """
    n = len(reference)
    ordered, inside = np.sort(reference), _inside(n, window, step)
    rows = np.zeros(n, dtype=bool)
    rows[inside] = True
    at_most, below = np.empty(n), np.empty(n)
    at_most[rows] = np.searchsorted(ordered, reference[rows], "right") / n
    below[rows] = np.searchsorted(ordered, reference[rows], "left") / n
    high, low = np.sort(at_most[inside], axis=1), np.sort(below[inside], axis=1)
    grid = np.arange(1, window + 1) / window
    reach = np.maximum((grid - high).max(axis=1), (low - (grid - 1 / window)).max(axis=1))
    return reach / (1 - window / n)  # type: ignore[no-any-return]


def cvm_distances(reference: Floats, window: int, step: int) -> Floats:
    """Two-sample Cramer-von Mises statistic of each window of ``reference`` and the other rows.

    With mid-ranks r among all n = w + m rows, and i and j the places of a row in its own sample,
    ``T = (w sum (r_i - i)^2 + m sum (r_j - j)^2) / (w m n) - (4 w m - 1) / (6 n)``. The places of
    the rows outside follow from those of the window, between two of which they are in a row.

    Parameters and result are those of `ks_distances`.

    References
    ----------
    Anderson (1962), "On the distribution of the two-sample Cramer-von Mises criterion"; Conover
    (1999), section 6.3, for repeated values.
    """
    n, m = len(reference), len(reference) - window
    order = np.argsort(reference, kind="stable")
    ranks = _mid_ranks(reference[order])
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(1, n + 1)
    inside = np.sort(place[_inside(n, window, step)], axis=1)
    own, nth = ranks[inside - 1], np.arange(1, window + 1)
    total, passed = np.concatenate([[0.0], np.cumsum(ranks)]), np.arange(1, n + 1)
    ends = np.pad(inside[:, 1:], ((0, 0), (0, 1)), constant_values=n + 1)
    behind = (nth * (total[ends - 1] - total[inside - 1])).sum(axis=1)
    # Sum of j r over the rows outside: j is the place among all, less the window's rows so far.
    products = (passed * ranks).sum() - behind - ((inside - nth) * own).sum(axis=1)
    outside = (ranks**2).sum() - (own**2).sum(axis=1) - 2 * products + _sum_of_squares(m)
    spread = window * ((own - nth) ** 2).sum(axis=1) + m * outside
    return spread / (window * m * n) - (4 * window * m - 1) / (6 * n)  # type: ignore[no-any-return]


def _mid_ranks(ordered: Floats) -> Floats:
    """Return ranks from 1 on of sorted values; equal ones share their mean."""
    first = np.searchsorted(ordered, ordered, "left")
    last = np.searchsorted(ordered, ordered, "right")
    return (first + last + 1) / 2


def _sum_of_squares(k: int) -> float:
    return k * (k + 1) * (2 * k + 1) / 6


def chi2_distances(reference: Counts, window: int, step: int) -> Floats:
    """Chi-square statistic of each window's counts by category against the other rows'.

    Parameters
    ----------
    reference : i8[n]
        Category of each row, from 0 on.
    """
    n = len(reference)
    members = np.eye(int(reference.max()) + 1)[reference]
    inside = members[_inside(n, window, step)].sum(axis=1)
    outside = members.sum(axis=0) - inside
    shares = members.sum(axis=0) / n
    observed = np.stack([inside, outside])
    expected = np.stack(
        [np.outer(np.full(len(inside), size), shares) for size in (window, n - window)]
    )
    parts = np.divide(
        (observed - expected) ** 2, expected, out=np.zeros_like(observed), where=expected > 0
    )
    return parts.sum(axis=(0, 2))  # type: ignore[no-any-return]


def reference_bins(reference: Floats) -> Floats:
    """Return the inner edges of `PSI_BINS` bins that hold equal shares of ``reference``."""
    return np.quantile(reference, np.arange(1, PSI_BINS) / PSI_BINS)


def psi(bins: Floats, reference: Floats, values: Floats) -> float:
    """Return the population stability index, ``sum (q - p) log(q / p)`` over bins.

    Parameters
    ----------
    bins : f8[PSI_BINS - 1]
        Inner edges.
    reference, values : f8[n], f8[w]
        Rows whose shares a bin are p and q; one is added to each count (Laplace).
    """
    p, q = (_shares(_binned(bins, rows).sum(axis=0)) for rows in (reference, values))
    return float(((q - p) * np.log(q / p)).sum())


def psi_distances(reference: Floats, window: int, step: int) -> Floats:
    """Return the PSI of each window of ``reference`` against the other rows."""
    members = _binned(reference_bins(reference), reference)
    inside = members[_inside(len(reference), window, step)].sum(axis=1)
    q, p = _shares(inside), _shares(members.sum(axis=0) - inside)
    return ((q - p) * np.log(q / p)).sum(axis=1)  # type: ignore[no-any-return]


def _binned(bins: Floats, values: Floats) -> Floats:
    return np.eye(PSI_BINS)[np.searchsorted(bins, values, "left")]


def _shares(counts: Floats) -> Floats:
    smoothed = counts + 1
    return smoothed / smoothed.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]


def _inside(n: int, window: int, step: int) -> Counts:
    return (ends_of(n, window, step) - window)[:, None] + np.arange(window)
