"""The evidence of one session: what each test, each kind of drift and each data check measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volcast.monitoring.drift.calibration import DRIFT_KINDS, TESTS, Calibration, Test, upper_tenth
from volcast.monitoring.drift.detectors import Detectors
from volcast.monitoring.drift.panel import PERSISTENCE, Panel
from volcast.monitoring.drift.windows import psi, reference_bins

__all__ = ["ENOUGH", "Finding", "Score", "drift_scores", "findings", "share_fired"]

ENOUGH = 0.5
"""Share of a window's values, and of the features, that must be known for a result."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """One test of one subject.

    Parameters
    ----------
    subject, test : str
    window, n, reference_n : int
        Sessions of the window, values tested, values in the reference.
    statistic, threshold : float or None
        None where too few values are known.
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
    """How near all features together are to one kind of drift.

    Parameters
    ----------
    kind : str
        Of `DRIFT_KINDS`.
    value : float
        What a tenth of the features reach of their bar, in the weakest of the kind's tests and
        sessions; over 1 is drift.
    share : float
        Share of the features beyond their own thresholds, in that test.
    """

    kind: str
    value: float
    share: float


def findings(panel: Panel, calibration: Calibration, detectors: Detectors) -> Iterator[Finding]:
    """Run every calibrated test on the window that ends with the newest row."""
    statistics = _Statistics(panel, detectors)
    for test in TESTS:
        for window in test.windows:
            thresholds = calibration.thresholds.get(f"{test.name}/{window}")
            # Thresholds are those of whole windows.
            if thresholds is None or not len(thresholds) or statistics.rows(test) < window:
                continue
            values, counts = statistics.of(test, window)
            for name, value, count, threshold in zip(
                panel.names_in(test.view), values, counts, thresholds, strict=True
            ):
                yield Finding(
                    name, test.name, window, int(count), statistics.reference_rows(test),
                    None if np.isnan(value) else float(value), float(threshold),
                )  # fmt: skip


def drift_scores(panel: Panel, calibration: Calibration, detectors: Detectors) -> list[Score]:
    """Score each kind of drift at its weakest in the last `PERSISTENCE` sessions.

    A kind that could not be tested, for want of VIX or of known values, is left out.
    """
    statistics, scores = _Statistics(panel, detectors), []
    for kind, tests in DRIFT_KINDS.items():
        parts: list[tuple[float, float]] = []
        for test, window in tests:
            key = f"{test.name}/{window}"
            for back in range(PERSISTENCE if key in calibration.bars else 0):
                values, _ = statistics.of(test, window, back)
                ratios = values / calibration.thresholds[key]
                known = ratios[np.isfinite(ratios)]
                if len(known) >= ENOUGH * len(values):
                    share = float((known > 1).mean())
                    parts.append((upper_tenth(known) / calibration.bars[key], share))
        if len(parts) == len(tests) * PERSISTENCE:
            scores.append(Score(kind, *min(parts)))
    return scores


def share_fired(results: Sequence[Finding], test: str, window: int) -> float | None:
    """Return the share of subjects whose test fired; None where too few could be tested."""
    tested = [f for f in results if (f.test, f.window) == (test, window)]
    fired = [f.fired for f in tested if f.statistic is not None]
    return sum(fired) / len(fired) if fired and len(fired) >= ENOUGH * len(tested) else None


class _Statistics:
    """The detectors' statistics of a panel's newest windows, column by column."""

    def __init__(self, panel: Panel, detectors: Detectors) -> None:
        self._reference = panel.views(panel.reference)
        self._recent = panel.views(panel.recent)
        self._detectors = detectors

    def rows(self, test: Test) -> int:
        return len(self._recent[test.view])

    def reference_rows(self, test: Test) -> int:
        return len(self._reference[test.view])

    def of(self, test: Test, window: int, back: int = 0) -> tuple[Floats, NDArray[np.int64]]:
        """Return each column's statistic and number of known values.

        The window ends ``back`` sessions before the newest. A statistic is NaN where fewer than
        half of the window's values are known.
        """
        recent = self._recent[test.view]
        end = len(recent) - back
        rows = recent[max(end - window, 0) : end]
        values = _by_column(self._measure(test), self._reference[test.view], rows)
        return values, np.isfinite(rows).sum(axis=0)

    def _measure(self, test: Test) -> Callable[[Floats, Floats], Floats]:
        if test.statistic == "psi":
            return _psi_by_column
        return lambda reference, rows: self._detectors.distances(test.statistic, reference, rows)


def _by_column(
    measure: Callable[[Floats, Floats], Floats], reference: Floats, rows: Floats
) -> Floats:
    values = np.full(rows.shape[1], np.nan)
    known = np.isfinite(rows)
    whole = known.all(axis=0)
    if whole.any():
        values[whole] = measure(reference[:, whole], rows[:, whole])
    for column in np.flatnonzero(~whole & (known.mean(axis=0) >= ENOUGH)):
        part = rows[known[:, column], column]
        values[[column]] = measure(reference[:, [column]], part[:, None])
    return values


def _psi_by_column(reference: Floats, rows: Floats) -> Floats:
    pairs = zip(reference.T, rows.T, strict=True)
    return np.array([psi(reference_bins(r), r, w) for r, w in pairs])
