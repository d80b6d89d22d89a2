"""Adaptive conformal intervals on residuals of log volatility."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOUNDS", "Calibration", "Offsets"]

Floats = NDArray[np.float64]
Offsets = dict[str, float]
"""What to add to log volatility, for each of `BOUNDS`."""

BOUNDS = {"lo80": 0.10, "hi80": 0.90, "lo95": 0.025, "hi95": 0.975}
"""Each bound by the share of outcomes that should fall below it."""

_REACH = {"lo80": (0.06, 0.25), "hi80": (0.75, 0.94), "lo95": (0.002, 0.05), "hi95": (0.95, 0.998)}
"""How far each level may adapt; apart, so that the bounds can never cross."""

_WINDOW = 756
_FEWEST = 252
_RATE = 0.005


@dataclass
class Calibration:
    """Learns the offsets from residuals as they become known, in order.

    Each bound is a quantile of the last 756 residuals; its level moves by .005 times the
    excess of misses, so that coverage holds when the world changes, within the reach of each.

    References
    ----------
    Gibbs and Candes (2021), "Adaptive conformal inference under distribution shift".
    """

    residuals: list[float] = field(default_factory=list)
    levels: dict[str, float] = field(default_factory=lambda: dict(BOUNDS))

    def learn(self, residual: float, in_force: Offsets | None) -> None:
        """Take the residual of one forecast, and the offsets it was published with, if any."""
        self.residuals.append(residual)
        if in_force is None:
            return
        for name, share in BOUNDS.items():
            below = float(residual < in_force[name])
            lowest, highest = _REACH[name]
            level = self.levels[name] + _RATE * (share - below)
            self.levels[name] = min(max(level, lowest), highest)

    def offsets(self) -> Offsets | None:
        """Return the offsets now, or None with fewer than 252 residuals."""
        if len(self.residuals) < _FEWEST:
            return None
        window = np.asarray(self.residuals[-_WINDOW:])
        return {name: float(np.quantile(window, level)) for name, level in self.levels.items()}
