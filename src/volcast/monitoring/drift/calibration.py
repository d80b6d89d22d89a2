"""Thresholds that a sound market exceeds rarely: what windows of the reference itself show.

Volatility features remember months, so textbook p-values cry wolf. Here each statistic of each
feature is taken for every window of the reference against the rest of it, and its threshold is a
high quantile of those: a block bootstrap whose block is the window.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from volcast.monitoring.drift.panel import Panel
from volcast.monitoring.drift.windows import cvm_distances, ks_distances, psi_distances

__all__ = ["BATCHES", "TESTS", "Calibration", "Lens", "Test", "calibrate", "tenth", "through"]

Floats = NDArray[np.float64]
Lens = Literal["level", "given_vix", "noise"]

LEVEL = 0.97
"""Quantile of the reference's windows that is a test's threshold. With some forty windows' worth
of independent rows at 60 sessions and ten at 250, 5 to 9 % of sound windows exceed it."""

MARGIN = 1.2
"""How far a tenth of the features must be beyond what a tenth of them has ever been."""

_STEP = 5

_DISTANCES: Mapping[str, Callable[[Floats, int, int], Floats]] = {
    "ks": ks_distances,
    "cvm": cvm_distances,
    "psi": psi_distances,
}


@dataclass(frozen=True)
class Test:
    """One statistic, of what is seen through one lens, over windows of these lengths."""

    __test__ = False  # no test of pytest's

    name: str
    lens: Lens
    statistic: str
    windows: tuple[int, ...]


TESTS = (
    Test("ks_level", "level", "ks", (20, 60, 250)),
    Test("cvm_level", "level", "cvm", (60, 250)),
    Test("ks_given_vix", "given_vix", "ks", (60, 250)),
    Test("cvm_given_vix", "given_vix", "cvm", (60, 250)),
    Test("ks_scale", "noise", "ks", (60,)),
    Test("psi", "level", "psi", (250,)),
)
"""Scale over 250 sessions is left out: in the reference the regressions on all other features fit
better than beyond it, and a year shows that."""

BATCHES = {
    "given_vix": (("ks_given_vix", 60), ("ks_given_vix", 250)),
    "scale": (("ks_scale", 60),),
}
"""What drift is: all tests of a line, each on a tenth of the features beyond its bar."""


@dataclass(frozen=True)
class Calibration:
    """Thresholds by ``test/window``.

    Parameters
    ----------
    thresholds : mapping of str to f8[columns of the lens]
    bars : mapping of str to float
        Of the tests in `BATCHES`, for `tenth`.
    """

    thresholds: Mapping[str, Floats]
    bars: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "thresholds": {key: list(map(float, row)) for key, row in self.thresholds.items()},
            "bars": dict(self.bars),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Calibration":
        """Read what `as_dict` gave."""
        thresholds = {key: np.array(row) for key, row in kept["thresholds"].items()}
        return cls(thresholds, kept["bars"])


def calibrate(
    panel: Panel, lenses: tuple[Lens, ...] = ("level", "given_vix", "noise")
) -> Calibration:
    """Find thresholds and bars on the panel's reference.

    Parameters
    ----------
    panel : Panel
    lenses : tuple
        Whose tests are calibrated.
    """
    seen = through(panel, panel.reference)
    thresholds, bars = {}, {}
    batched = {pair for pairs in BATCHES.values() for pair in pairs}
    for test in TESTS:
        if test.lens not in lenses:
            continue
        columns = seen[test.lens]
        for window in test.windows:
            found = np.empty((0, 0))
            if columns.shape[1]:
                measure = _DISTANCES[test.statistic]
                found = np.column_stack([measure(c, window, _STEP) for c in columns.T])
            key = f"{test.name}/{window}"
            thresholds[key] = np.quantile(found, LEVEL, axis=0) if found.size else np.empty(0)
            if (test.name, window) in batched and found.size:
                bars[key] = MARGIN * float(max(map(tenth, found / thresholds[key])))
    return Calibration(thresholds, bars)


def through(panel: Panel, rows: Floats) -> dict[Lens, Floats]:
    """Return ``rows`` of the panel's columns, seen through each lens."""
    lenses = panel.lenses
    return {"level": rows, "given_vix": lenses.given_vix(rows), "noise": lenses.noise(rows)}


def tenth(ratios: Floats) -> float:
    """Return what a tenth of the ratios, and no fewer than one, are at or beyond."""
    count = math.ceil(len(ratios) / 10)
    return float(np.partition(ratios, len(ratios) - count)[len(ratios) - count])
