"""Faults of the data in the newest sessions, which come before any test.

A detector that gets NaN finds nothing, and a value that repeats or lies far outside of all history
is no news of the market.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from volcast.monitoring.drift.evidence import Finding
from volcast.monitoring.drift.panel import Panel

__all__ = ["SESSIONS", "data_faults"]

Floats = NDArray[np.float64]

SESSIONS = 5
"""Newest sessions checked."""

MISSING = 1.0
"""Of them, missing values that are still no fault: a single print is late or lost now and then."""

REPEATS = 4.0
"""Times in a row that a value may repeat, or as often as it ever did in the reference."""

BEYOND = 2.0
"""Widths of the reference's whole range that a value may lie outside of it. March 2020 lay less
than half of one outside of 2007 to 2019; a decade without a crash makes a narrow range, beyond one
width of which a sound month lies in one of fifty trials."""


def data_faults(panel: Panel) -> Iterator[Finding]:
    """Count missing values, repeats, and the distance outside of the reference's range.

    Yields
    ------
    Finding
        Of the tests missing, frozen and beyond, for every column.
    """
    for column, name in enumerate(panel.names):
        recent, history = panel.recent[:, column], panel.reference[:, column]
        newest, low, high = recent[-SESSIONS:], history.min(), history.max()
        known = newest[np.isfinite(newest)]
        outside = np.maximum(known - high, low - known) / max(high - low, np.finfo(float).tiny)
        limit = max(REPEATS, float(_run_lengths(history).max()))
        for test, statistic, threshold in (
            ("missing", float(len(newest) - len(known)), MISSING),
            ("frozen", float(_run_lengths(recent)[-1]), limit),
            ("beyond", float(max(outside, default=0.0)), BEYOND),
        ):
            yield Finding(name, test, SESSIONS, len(known), len(history), statistic, threshold)


def _run_lengths(values: Floats) -> NDArray[np.int64]:
    """Return the lengths of the runs of one value, in order."""
    edges = np.flatnonzero(np.diff(values) != 0)
    return np.diff(np.concatenate([[-1], edges, [len(values) - 1]]))
