"""A drawn market laid out as the check takes it."""

import numpy as np
from numpy.typing import NDArray

from bench.drift.nulls import REFERENCE
from volcast.monitoring.drift.panel import RECENT, Panel

__all__ = ["panel"]


def panel(rows: NDArray[np.float64], end: int) -> Panel:
    """Return the panel whose newest row is the one before ``end``; the first column is VIX's."""
    return Panel(
        names=tuple(f"f{column}" for column in range(rows.shape[1])),
        iv=0,
        reference=rows[:REFERENCE],
        recent=rows[end - RECENT : end],
    )
