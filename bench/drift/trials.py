"""Trials: thresholds are calibrated on a drawn market's past, and its future is checked daily."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.drift.nulls import (
    FEATURES,
    REFERENCE,
    Autoregressive,
    Resampled,
    panel,
    scaled,
    shifted,
)
from volcast.monitoring.drift.calibration import Calibration, calibrate, cvm_distances, ks_distances
from volcast.monitoring.drift.evidence import data_faults, drift_scores, findings
from volcast.monitoring.drift.panel import RECENT

__all__ = ["SCALES", "SHIFTS", "NumpyDetectors", "Trial", "run"]

Floats = NDArray[np.float64]

MONTH = 21
HITS = 5
SHIFTS = (1.0, 2.0, 3.0, 4.0, 6.0)
SCALES = (1.5, 2.0, 3.0)
_YEAR = 250
_LOOKS = (10, 20, 30, 40, 50, 60, 120, 180, 250)


class NumpyDetectors:
    """alibi-detect's statistics by the calibration's functions, so that a trial takes seconds."""

    def distances(self, statistic: str, reference: Floats, window: Floats) -> Floats:
        """Return the statistic of each column."""
        measure = {"ks": ks_distances, "cvm": cvm_distances}[statistic]
        # The last window of the two concatenated, against the rest.
        return np.array(
            [
                measure(np.concatenate([r, w]), len(w), len(r))[-1]
                for r, w in zip(reference.T, window.T, strict=True)
            ]
        )

    def chi2(self, _: Sequence[str], __: Sequence[str]) -> float:
        """Raise, since no market here has regimes."""
        raise NotImplementedError


@dataclass
class Trial:
    """The results of one market.

    Parameters
    ----------
    raw : dict
        Share of features for which a test fired in the null, by ``test/window``.
    alert, retrain : bool
        Whether a month of daily checks of the null reported drift or a data fault; reported drift.
    seen : dict
        Sessions from the onset of a change to the first report of drift; absent if never.
    level : dict
        Share of the shifted features whose level test fired, by size and window.
    """

    raw: dict[str, float] = field(default_factory=dict)
    alert: bool = False
    retrain: bool = False
    seen: dict[str, int] = field(default_factory=dict)
    level: dict[tuple[float, int], float] = field(default_factory=dict)


def run(null: Autoregressive | Resampled, seed: int, only: str | None = None) -> Trial:
    """Run one trial, of every change or of the one named."""
    rng = np.random.default_rng([seed, *null.name.encode()])
    onset = REFERENCE + RECENT + MONTH
    rows = null.draw(rng, onset + _YEAR)
    trial = Trial()
    calibration = calibrate(panel(rows, onset))
    tested: dict[str, list[bool]] = {}
    for finding in findings(panel(rows, onset), calibration, NumpyDetectors()):
        tested.setdefault(f"{finding.test}/{finding.window}", []).append(finding.fired)
    trial.raw = {key: float(np.mean(hits)) for key, hits in tested.items()}
    month = [onset - day for day in range(MONTH)]
    trial.retrain = any(_drifts(rows, end, calibration) for end in month)
    trial.alert = trial.retrain or any(
        fault.fired for end in month for fault in data_faults(panel(rows, end))
    )
    hit = rng.choice(np.arange(1, FEATURES), HITS, replace=False)
    for name, changed in _changes(rows, onset, hit):
        if only in (None, name):
            looks = (look for look in _LOOKS if _drifts(changed, onset + look, calibration))
            first = next(looks, None)
            if first is not None:
                trial.seen[name] = first
    for size in SHIFTS:
        changed = shifted(rows, onset, hit, size)
        for window in (60, _YEAR):
            laid = panel(changed, onset + window)
            values = NumpyDetectors().distances(
                "ks", laid.reference[:, hit], laid.recent[-window:][:, hit]
            )
            fired = values > np.array(calibration.thresholds[f"ks_level/{window}"])[hit]
            trial.level[size, window] = float(fired.mean())
    return trial


def _changes(rows: Floats, onset: int, hit: NDArray[np.int64]) -> Iterator[tuple[str, Floats]]:
    everywhere = np.arange(1, FEATURES)
    for factor in SCALES:
        yield f"scale {factor:g}, 5 of 35", scaled(rows, onset, hit, factor)
    for size in SHIFTS:
        yield f"level {size:g}, 5 of 35", shifted(rows, onset, hit, size)
        yield f"level {size:g}, all but VIX", shifted(rows, onset, everywhere, size)


def _drifts(rows: Floats, end: int, calibration: Calibration) -> bool:
    scores = drift_scores(panel(rows, end), calibration, NumpyDetectors())
    return any(score.value > 1 for score in scores)
