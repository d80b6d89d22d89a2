"""What each test found on the newest window, a row a subject, test and window."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from volcast.monitoring.drift.calibration import BATCHES, TESTS, Calibration, Lens, tenth, through
from volcast.monitoring.drift.detectors import Detectors
from volcast.monitoring.drift.panel import STANDS, Panel
from volcast.monitoring.drift.windows import ks_distance, psi, reference_bins

__all__ = ["ENOUGH", "Batch", "Finding", "batches", "findings", "fired"]

ENOUGH = 0.5
"""Share of a window's values, and of the features, that must be known to say anything."""

Floats = NDArray[np.float64]
Measure = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Finding:
    """One test of one subject.

    Parameters
    ----------
    subject, test : str
    window, n, reference_n : int
        Sessions asked for, values tested, values tested against.
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
        return (
            self.statistic is not None
            and self.threshold is not None
            and self.statistic > self.threshold
        )


@dataclass(frozen=True)
class Batch:
    """A kind of drift over all features.

    Parameters
    ----------
    kind : str
        Of `BATCHES`.
    reach : float
        How far a tenth of the features are beyond their bars, of the test that is nearest to
        holding back; over 1 is drift.
    share : float
        Share of the features beyond their own thresholds, in that test.
    """

    kind: str
    reach: float
    share: float


def findings(panel: Panel, calibration: Calibration, detectors: Detectors) -> Iterator[Finding]:
    """Run every calibrated test on the window that ends with the newest row."""
    seen = _Seen(panel)
    for test in TESTS:
        for window in test.windows:
            thresholds = calibration.thresholds.get(f"{test.name}/{window}")
            if thresholds is None or not len(thresholds):
                continue
            reference, rows = seen.pair(test.lens, window)
            if len(rows) < window:
                continue  # thresholds are those of whole windows
            measure = (
                _psis if test.statistic == "psi" else partial(detectors.distances, test.statistic)
            )
            values = _each(measure, reference, rows)
            names = panel.names if test.lens != "given_vix" else _left(panel)
            for name, column, value, threshold in zip(
                names, rows.T, values, thresholds, strict=True
            ):
                known = np.isfinite(column)
                yield Finding(
                    name, test.name, window, int(known.sum()), len(reference),
                    None if np.isnan(value) else float(value), float(threshold),
                )  # fmt: skip


def batches(panel: Panel, calibration: Calibration) -> list[Batch]:
    """Say for each kind of drift how far it reaches, at its weakest in the last sessions.

    A kind that could not be tested, for want of VIX or of known values, is left out.
    """
    found = []
    seen = _Seen(panel)
    for kind, pairs in BATCHES.items():
        weakest: list[tuple[float, float]] = []
        for name, window in pairs:
            key = f"{name}/{window}"
            lens = next(test.lens for test in TESTS if test.name == name)
            for back in range(STANDS if key in calibration.bars else 0):
                values = _each(_ks, *seen.pair(lens, window, back))
                ratios = values / calibration.thresholds[key]
                ratios = ratios[np.isfinite(ratios)]
                if len(ratios) < ENOUGH * len(values):
                    continue
                weakest.append((tenth(ratios) / calibration.bars[key], float((ratios > 1).mean())))
        if len(weakest) == len(pairs) * STANDS:
            found.append(Batch(kind, *min(weakest)))
    return found


def fired(found: Sequence[Finding], test: str, window: int) -> float | None:
    """Return the share of subjects whose test fired; None where too few could be tested."""
    asked = [f for f in found if (f.test, f.window) == (test, window)]
    hits = [f.fired for f in asked if f.statistic is not None]
    return sum(hits) / len(hits) if hits and len(hits) >= ENOUGH * len(asked) else None


class _Seen:
    """Reference and newest rows through each lens."""

    def __init__(self, panel: Panel) -> None:
        self._reference = through(panel, panel.reference)
        self._recent = through(panel, panel.recent)

    def pair(self, lens: Lens, window: int, back: int = 0) -> tuple[Floats, Floats]:
        """Return the reference, and the window that ends so many sessions back."""
        recent = self._recent[lens]
        end = len(recent) - back
        return self._reference[lens], recent[max(end - window, 0) : end]


def _left(panel: Panel) -> tuple[str, ...]:
    return tuple(n for n, left in zip(panel.names, panel.lenses.left, strict=True) if left)


def _each(measure: Measure, reference: Floats, rows: Floats) -> Floats:
    """Return the statistic of each column; NaN where fewer than half of its values are known."""
    values = np.full(rows.shape[1], np.nan)
    known = np.isfinite(rows)
    whole = known.all(axis=0)
    if whole.any():
        values[whole] = measure(reference[:, whole], rows[:, whole])
    for column in np.flatnonzero(~whole & (known.mean(axis=0) >= ENOUGH)):
        part = rows[known[:, column], column]
        values[[column]] = measure(reference[:, [column]], part[:, None])
    return values


def _ks(reference: Floats, rows: Floats) -> Floats:
    return np.array([ks_distance(r, w) for r, w in zip(reference.T, rows.T, strict=True)])


def _psis(reference: Floats, rows: Floats) -> Floats:
    pairs = zip(reference.T, rows.T, strict=True)
    return np.array([psi(reference_bins(r), r, w) for r, w in pairs])
