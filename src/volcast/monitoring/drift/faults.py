"""Faults of the data themselves, in the newest sessions: they are looked for before any test.

A detector that is given NaN finds nothing, and a value that stands still or lies far outside of all
history is no news of the market.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from volcast.monitoring.drift.evidence import Finding
from volcast.monitoring.drift.panel import Panel

__all__ = ["SESSIONS", "faults"]

Floats = NDArray[np.float64]

SESSIONS = 5
"""Newest sessions looked at."""

MISSING = 1.0
"""Of them, values missing that are still no fault: a single print is late or lost now and then."""

REPEATS = 4.0
"""Times in a row that a value may repeat, or as often as it ever did in the reference."""

BEYOND = 2.0
"""Widths of the reference's whole range that a value may lie outside of it. March 2020 lay less
than half of one outside of 2007 to 2019; a decade without a crash makes a narrow range, beyond one
width of which a sound month lies in one of fifty trials."""


def faults(panel: Panel) -> Iterator[Finding]:
    """Count missing values, repeats, and the distance outside of the reference's range.

    Yields
    ------
    Finding
        Of the tests missing, frozen and beyond, for every column.
    """
    newest, held = panel.recent[-SESSIONS:], len(panel.reference)
    low, high = panel.reference.min(axis=0), panel.reference.max(axis=0)
    for column, name in enumerate(panel.names):
        values, history = newest[:, column], panel.reference[:, column]
        known = values[np.isfinite(values)]
        width = max(high[column] - low[column], np.finfo(float).tiny)
        outside = np.maximum(known - high[column], low[column] - known) / width
        counted = (
            ("missing", float(len(values) - len(known)), MISSING),
            ("frozen", _run(panel.recent[:, column]), max(REPEATS, _longest(history))),
            ("beyond", float(max(outside, default=0.0)), BEYOND),
        )
        for test, statistic, threshold in counted:
            yield Finding(name, test, SESSIONS, len(known), held, statistic, threshold)


def _run(values: Floats) -> float:
    """Count how often the last value stands in a row, at the end."""
    differs = np.flatnonzero(values != values[-1])
    return float(len(values) - 1 - differs[-1]) if len(differs) else float(len(values))


def _longest(values: Floats) -> float:
    """Return the length of the longest run of one value."""
    changes = np.flatnonzero(np.diff(values) != 0)
    edges = np.concatenate([[-1], changes, [len(values) - 1]])
    return float(np.diff(edges).max())
