"""Markets without drift, of `FEATURES` columns of which the first is log implied variance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volcast.monitoring.drift.panel import RECENT, Panel

__all__ = ["FEATURES", "REFERENCE", "Autoregressive", "Resampled", "panel", "scaled", "shifted"]

Floats = NDArray[np.float64]

FEATURES = 35
REFERENCE = 2500
PHI = 0.97
BLOCK = 250
"""Sessions in a row that a resampled market keeps together."""

_BURN_IN = 300


@dataclass(frozen=True)
class Autoregressive:
    """AR(1) series of unit variance; ``shared`` is the share of noise common to all."""

    name: str
    shared: float

    def draw(self, rng: np.random.Generator, rows: int) -> Floats:
        """Draw so many sessions."""
        own = rng.normal(size=(rows + _BURN_IN, FEATURES))
        noise = np.sqrt(1 - self.shared) * own
        noise += np.sqrt(self.shared) * rng.normal(size=(len(own), 1))
        series: Floats = np.empty_like(noise)
        series[0] = noise[0]
        for t in range(1, len(series)):
            series[t] = PHI * series[t - 1] + np.sqrt(1 - PHI**2) * noise[t]
        return series[_BURN_IN:]


@dataclass(frozen=True)
class Resampled:
    """Blocks of `BLOCK` sessions of real features, whole rows, from anywhere in history."""

    name: str
    features: Floats

    def draw(self, rng: np.random.Generator, rows: int) -> Floats:
        """Draw so many sessions."""
        count = rows // BLOCK + 2
        starts = rng.integers(0, len(self.features) - BLOCK, size=count)
        whole = np.concatenate([self.features[start : start + BLOCK] for start in starts])
        phase = int(rng.integers(0, BLOCK))
        return whole[phase : phase + rows]


def scaled(rows: Floats, since: int, hit: NDArray[np.int64], factor: float) -> Floats:
    """Return ``rows`` with some columns' distance from their mean multiplied from a row on."""
    changed, mean = rows.copy(), rows[:REFERENCE, hit].mean(axis=0)
    changed[since:, hit] = mean + factor * (rows[since:, hit] - mean)
    return changed


def shifted(rows: Floats, since: int, hit: NDArray[np.int64], size: float) -> Floats:
    """Return ``rows`` with some columns moved up by ``size`` of their standard deviations."""
    changed = rows.copy()
    changed[since:, hit] += size * rows[:REFERENCE, hit].std(axis=0)
    return changed


def panel(rows: Floats, end: int) -> Panel:
    """Return the panel whose newest row is the one before ``end``."""
    return Panel(
        names=tuple(f"f{column}" for column in range(rows.shape[1])),
        iv=0,
        reference=rows[:REFERENCE],
        recent=rows[end - RECENT : end],
    )
