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

_REACH = (0.001, 0.45)
"""How far a level may adapt, from its own end: a lower bound never reaches an upper one."""

_STEP = 0.01
"""Least distance of neighbouring bounds, in log volatility."""

_WINDOW = 756
_FEWEST = 252
_RATE = 0.005


@dataclass
class Calibration:
    """Learns the offsets from residuals as they become known, in order.

    Each bound is a quantile of the last 756 residuals; its level moves by .005 times the
    excess of misses, so that coverage holds when the world changes.

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
            level = self.levels[name] + _RATE * (share - below)
            nearest, farthest = _REACH if share < 0.5 else (1 - _REACH[1], 1 - _REACH[0])
            self.levels[name] = min(max(level, nearest), farthest)

    def offsets(self) -> Offsets | None:
        """Return the offsets now, or None with fewer than 252 residuals."""
        if len(self.residuals) < _FEWEST:
            return None
        window = np.asarray(self.residuals[-_WINDOW:])
        offsets = {name: float(np.quantile(window, level)) for name, level in self.levels.items()}
        # The levels adapt each by itself; what is published must still be in order.
        offsets["hi80"] = max(offsets["hi80"], offsets["lo80"] + _STEP)
        offsets["lo95"] = min(offsets["lo95"], offsets["lo80"] - _STEP)
        offsets["hi95"] = max(offsets["hi95"], offsets["hi80"] + _STEP)
        return offsets
