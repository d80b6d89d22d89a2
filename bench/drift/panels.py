"""A drawn market laid out as the check takes it."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from bench.drift.nulls import REFERENCE
from volcast import calendar
from volcast.drift.panel import RECENT, Panel

__all__ = ["panel"]

_DAYS = calendar.sessions(date(2000, 1, 3), date(2015, 12, 31))


def panel(rows: NDArray[np.float64], end: int) -> Panel:
    """Return the panel whose newest row is the one before ``end``; the first column is VIX's."""
    return Panel(
        names=tuple(f"f{column}" for column in range(rows.shape[1])),
        iv=0,
        reference=rows[:REFERENCE],
        sessions=_DAYS[:REFERENCE],
        recent=rows[end - RECENT : end],
        recent_sessions=_DAYS[end - RECENT : end],
    )
