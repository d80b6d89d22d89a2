"""The evidence of one session: what each test, kind of drift and data check measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.features.catalog import STATE_FEATURES
from volcast.monitoring.drift.calibration import (
    DRIFT_KINDS,
    LEVEL,
    STEP,
    TESTS,
    Calibration,
    Test,
    chi2_distances,
    psi,
    upper_tenth,
)
from volcast.monitoring.drift.detectors import Detectors
from volcast.monitoring.drift.panel import MIN_REFERENCE, PERSISTENCE, Panel

__all__ = [
    "Finding",
    "Score",
    "data_faults",
    "drift_scores",
    "findings",
    "regime_findings",
    "share_fired",
]

_ENOUGH = 0.5
"""Share of a window's values, and of the features, that a result needs."""

_FAULT_SESSIONS = 5
"""Newest sessions checked for faults of the data."""

_MISSING = 1.0
"""Missing values among them that are no fault: a single print is late or lost now and then."""

_REPEATS = 4.0
"""Times in a row that a value may repeat; or the longest run in the reference, if longer."""

_BEYOND = 2.0
"""Widths of the reference's range that a value may lie outside of it. March 2020 was less than half
a width outside of 2007 to 2019; after a calm decade, one sound month in fifty is beyond one."""

_REGIME_WINDOWS = (60, 250)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """One test of one subject over ``window`` sessions: ``n`` values against ``reference_n``.

    Statistic and threshold are None with too few values.
    """

    subject: str
    test: str
    window: int
    n: int
    reference_n: int
    statistic: float | None
    threshold: float | None

    @property
    def fired(self) -> bool:
        """Whether the statistic is over its threshold."""
        if self.statistic is None or self.threshold is None:
            return False
        return self.statistic > self.threshold


@dataclass(frozen=True)
class Score:
    """How near all features together are to one kind of drift, of `DRIFT_KINDS`.

    Value is the `upper_tenth` of the features relative to the bar, in the weakest of the kind's
    tests and sessions; over 1 is drift. Share is that of the features beyond their own thresholds
    in that test.
    """

    kind: str
    value: float
    share: float


def findings(panel: Panel, calibration: Calibration, detectors: Detectors) -> Iterator[Finding]:
    """Run every calibrated test on the window that ends with the newest row."""
    for test in TESTS:
        thresholds = calibration.thresholds.get(test.key, [])
        # Thresholds are those of whole windows.
        if not thresholds or len(panel.recent_views[test.view]) < test.window:
            continue
        values, counts = _statistics(panel, detectors, test)
        names, reference_n = panel.names_in(test.view), len(panel.reference_views[test.view])
        for name, value, n, threshold in zip(names, values, counts, thresholds, strict=True):
            statistic = None if np.isnan(value) else float(value)
            yield Finding(name, test.name, test.window, int(n), reference_n, statistic, threshold)


def drift_scores(panel: Panel, calibration: Calibration, detectors: Detectors) -> list[Score]:
    """Score each kind of drift at its weakest in the last `PERSISTENCE` sessions.

    A kind that cannot be tested, without VIX or with too few values, is left out.
    """
    scores = []
    for kind, tests in DRIFT_KINDS.items():
        parts: list[tuple[float, float]] = []
        for test in tests:
            for back in range(PERSISTENCE if test.key in calibration.bars else 0):
                values, _ = _statistics(panel, detectors, test, back)
                ratios = values / calibration.thresholds[test.key]
                finite = ratios[np.isfinite(ratios)]
                if len(finite) >= _ENOUGH * len(values):
                    share = float((finite > 1).mean())
                    parts.append((upper_tenth(finite) / calibration.bars[test.key], share))
        if len(parts) == len(tests) * PERSISTENCE:
            scores.append(Score(kind, *min(parts)))
    return scores


def share_fired(results: Sequence[Finding], test: str, window: int) -> float | None:
    """Return the share of subjects whose test fired; None where too few could be tested."""
    tested = [f for f in results if (f.test, f.window) == (test, window)]
    fired = [f.fired for f in tested if f.statistic is not None]
    return sum(fired) / len(fired) if fired and len(fired) >= _ENOUGH * len(tested) else None


def _statistics(
    panel: Panel, detectors: Detectors, test: Test, back: int = 0
) -> tuple[Floats, NDArray[np.int64]]:
    """Return each column's statistic and number of values, ``back`` sessions before the newest.

    A statistic is NaN where fewer than half of the window's values are present. The panel keeps
    them, since a kind of drift and its tests need the same.
    """
    key = (detectors, test, back)
    if key not in panel.statistics:
        panel.statistics[key] = _measured(panel, detectors, test, back)
    return panel.statistics[key]


def _measured(
    panel: Panel, detectors: Detectors, test: Test, back: int
) -> tuple[Floats, NDArray[np.int64]]:
    reference, recent = panel.reference_views[test.view], panel.recent_views[test.view]
    end = len(recent) - back
    rows = recent[max(end - test.window, 0) : end]
    present = np.isfinite(rows)
    whole = present.all(axis=0)
    values = np.full(rows.shape[1], np.nan)
    if whole.any():
        values[whole] = _distances(detectors, test, reference[:, whole], rows[:, whole])
    for column in np.flatnonzero(~whole & (present.mean(axis=0) >= _ENOUGH)):
        part = rows[present[:, column], column][:, None]
        values[[column]] = _distances(detectors, test, reference[:, [column]], part)
    return values, present.sum(axis=0)


def _distances(detectors: Detectors, test: Test, reference: Floats, rows: Floats) -> Floats:
    if test.statistic == "psi":
        return np.array([psi(*pair) for pair in zip(reference.T, rows.T, strict=True)])
    return detectors.distances(test.statistic, reference, rows)


def data_faults(panel: Panel) -> Iterator[Finding]:
    """Count missing values, repeats, and the distance outside of the reference's range.

    These precede any test: a detector that gets NaN reports nothing, and a value that repeats or is
    far outside of all history is not a change of the market.
    """
    for column, name in enumerate(panel.names):
        recent, history = panel.recent[:, column], panel.reference[:, column]
        newest, low, high = recent[-_FAULT_SESSIONS:], history.min(), history.max()
        finite = newest[np.isfinite(newest)]
        outside = np.maximum(finite - high, low - finite) / max(high - low, np.finfo(float).tiny)
        limit = max(_REPEATS, float(_run_lengths(history).max()))
        for test, statistic, threshold in (
            ("missing", float(len(newest) - len(finite)), _MISSING),
            ("frozen", float(_run_lengths(recent)[-1]), limit),
            ("beyond", float(max(outside, default=0.0)), _BEYOND),
        ):
            n, reference_n = len(finite), len(history)
            yield Finding(name, test, _FAULT_SESSIONS, n, reference_n, statistic, threshold)


def _run_lengths(values: Floats) -> NDArray[np.int64]:
    """Return the lengths of the runs of one value, in order."""
    edges = np.flatnonzero(np.diff(values) != 0)
    return np.diff(np.concatenate([[-1], edges, [len(values) - 1]]))


def regime_findings(rows: pd.DataFrame, trained: date, detectors: Detectors) -> list[Finding]:
    """Test the most probable state of each session by chi-square, calibrated like every test.

    ``rows`` have session and the filtered probabilities hmm_*, up to the session tested; with too
    few of them there is no finding.
    """
    states = list(STATE_FEATURES)
    complete = rows.dropna(subset=states)
    in_reference = np.asarray(complete["session"] <= trained, dtype=bool)
    if len(complete) < max(_REGIME_WINDOWS) or in_reference.sum() < MIN_REFERENCE:
        return []
    codes = complete[states].to_numpy(dtype=np.float64).argmax(axis=1)
    reference, names = codes[in_reference], [states[code] for code in codes]
    results = []
    for window in _REGIME_WINDOWS:
        threshold = float(np.quantile(chi2_distances(reference, window, STEP), LEVEL))
        older = names[: min(len(reference), len(names) - window)]
        statistic = detectors.chi2(older, names[-window:])
        results.append(Finding("regime", "chi2", window, window, len(older), statistic, threshold))
    return results
