"""Residuals of a feature given VIX, and its noise given all other features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXPLAINED", "Residuals"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

EXPLAINED = 0.999
"""Share of its variance that VIX explains above which a feature is not tested: VIX itself and its
transforms."""

RIDGE = 0.02
"""Of the regression of each feature on all others, in variances: some features are sums of others,
and without it rounding would be tested."""

_FARTHEST = 20.0
"""Standard deviations at which a value is clipped, so that one wild row does not set the scale."""

_SMALLEST = 1e-3
"""Floor of a noise under a logarithm, as a share of its standard deviation."""


@dataclass(frozen=True)
class Residuals:
    """Regressions fitted on the reference alone, and applied to reference and window."""

    iv: int | None  # column of log implied variance; without it nothing is conditional on VIX
    mean: Floats
    spread: Floats
    on_iv: Floats  # f8[3, p], of each column on 1, iv and iv squared
    left: Flags  # columns that VIX does not explain
    others: Floats  # f8[p, p], from standardized columns to their residuals given the others
    memory: Floats  # first-order autoregression of those residuals
    loudness: Floats  # f8[2, p], log of the noise's size on 1 and the iv of the session before

    @classmethod
    def fit(cls, reference: Floats, iv: int | None) -> "Residuals":
        """Fit on ``reference``, f8[n, p], complete rows in order of time."""
        mean = np.asarray(reference.mean(axis=0), dtype=np.float64)
        spread = np.asarray(reference.std(axis=0), dtype=np.float64)
        on_iv: Floats = np.zeros((3, reference.shape[1]))
        left: Flags = np.zeros(len(mean), dtype=bool)
        if iv is not None:
            powers = _powers(reference[:, iv])
            on_iv = np.asarray(np.linalg.lstsq(powers, reference, rcond=None)[0])
            unexplained = reference - powers @ on_iv
            left = unexplained.var(axis=0) > (1 - EXPLAINED) * spread**2
        standard = _standard(reference, mean, spread)
        precision = np.linalg.inv(standard.T @ standard / len(standard) + RIDGE * np.eye(len(mean)))
        others = precision / np.diag(precision)
        rest = standard @ others
        memory = (rest[:-1] * rest[1:]).sum(axis=0) / (rest[:-1] ** 2).sum(axis=0)
        noise = np.abs(rest[1:] - memory * rest[:-1])
        logs = np.log(noise + _SMALLEST * noise.std(axis=0))
        loudness = np.linalg.lstsq(_lines(reference, iv), logs, rcond=None)[0]
        return cls(iv, mean, spread, on_iv, left, others, memory, loudness)

    def given_vix(self, rows: Floats) -> Floats:
        """Return the residuals given VIX of the columns in ``left``, f8[n, left.sum()]."""
        if self.iv is None:
            return np.empty((len(rows), 0))
        rest: Floats = rows - _powers(rows[:, self.iv]) @ self.on_iv
        return rest[:, self.left]

    def noise(self, rows: Floats) -> Floats:
        """Return the size of each column's unforeseen move, f8[n - 1, p].

        The absolute AR(1) residual of ``others``, relative to its usual size at that level of VIX.
        """
        rest = _standard(rows, self.mean, self.spread) @ self.others
        size = np.exp(_lines(rows, self.iv) @ self.loudness)
        return np.abs(rest[1:] - self.memory * rest[:-1]) / size


def _standard(rows: Floats, mean: Floats, spread: Floats) -> Floats:
    return np.clip((rows - mean) / spread, -_FARTHEST, _FARTHEST)


def _powers(iv: Floats) -> Floats:
    return np.column_stack([np.ones_like(iv), iv, iv**2])


def _lines(rows: Floats, iv: int | None) -> Floats:
    before = np.zeros(len(rows) - 1) if iv is None else rows[:-1, iv]
    return np.column_stack([np.ones_like(before), before])
