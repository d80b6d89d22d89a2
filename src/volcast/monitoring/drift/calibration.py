"""Thresholds that a sound market exceeds rarely, from the reference's own windows.

Volatility features remember months, so textbook p-values fire daily. Here each statistic of each
feature is taken for every window of the reference against the rest of it, and its threshold is a
high quantile of those: a block bootstrap whose block is the window.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from volcast.monitoring.drift.panel import Panel, View
from volcast.monitoring.drift.windows import cvm_distances, ks_distances, psi_distances

__all__ = [
    "DRIFT_KINDS",
    "LEVEL",
    "MARGIN",
    "STEP",
    "TESTS",
    "Calibration",
    "Test",
    "calibrate",
    "upper_tenth",
]

Floats = NDArray[np.float64]

LEVEL = 0.97
"""Quantile of the reference's windows that is a test's threshold. With some forty windows' worth
of independent rows at 60 sessions and ten at 250, 5 to 9 % of sound windows exceed it."""

MARGIN = 1.2
"""How far a tenth of the features must be beyond what a tenth of them has ever been."""

STEP = 5
"""Sessions from one window of the reference to the next."""

_DISTANCES: Mapping[str, Callable[[Floats, int, int], Floats]] = {
    "ks": ks_distances,
    "cvm": cvm_distances,
    "psi": psi_distances,
}


@dataclass(frozen=True)
class Test:
    """One statistic of one view of the features, over windows of these lengths."""

    __test__ = False  # pytest collects classes of this name

    name: str
    view: View
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

DRIFT_KINDS: Mapping[str, tuple[tuple[Test, int], ...]] = {
    "given_vix": ((TESTS[2], 60), (TESTS[2], 250)),
    "scale": ((TESTS[4], 60),),
}
"""Drift is all tests of a line, each with a tenth of the features beyond its bar."""


@dataclass(frozen=True)
class Calibration:
    """Thresholds by ``test/window``.

    Parameters
    ----------
    thresholds : mapping of str to f8[columns of the view]
    bars : mapping of str to float
        Of the tests in `DRIFT_KINDS`, for `upper_tenth`.
    """

    thresholds: Mapping[str, Floats]
    bars: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        thresholds = {key: row.tolist() for key, row in self.thresholds.items()}
        return {"thresholds": thresholds, "bars": dict(self.bars)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Calibration":
        """Read the result of `as_dict`."""
        thresholds = {key: np.array(row) for key, row in content["thresholds"].items()}
        return cls(thresholds, content["bars"])


def calibrate(panel: Panel, views: tuple[View, ...] = get_args(View)) -> Calibration:
    """Compute thresholds and bars on the panel's reference, for the tests of these views."""
    columns = panel.views(panel.reference)
    in_batch = {(test.name, window) for pairs in DRIFT_KINDS.values() for test, window in pairs}
    thresholds, bars = {}, {}
    for test in TESTS:
        if test.view not in views:
            continue
        for window in test.windows:
            key = f"{test.name}/{window}"
            measure = _DISTANCES[test.statistic]
            each = [measure(column, window, STEP) for column in columns[test.view].T]
            distances = np.column_stack(each) if each else np.empty((0, 0))
            thresholds[key] = np.empty(0)
            if distances.size:
                thresholds[key] = np.quantile(distances, LEVEL, axis=0)
                if (test.name, window) in in_batch:
                    bars[key] = MARGIN * max(map(upper_tenth, distances / thresholds[key]))
    return Calibration(thresholds, bars)


def upper_tenth(ratios: Floats) -> float:
    """Return what a tenth of the ratios, and no fewer than one, are at or beyond."""
    position = len(ratios) - math.ceil(len(ratios) / 10)
    return float(np.partition(ratios, position)[position])
