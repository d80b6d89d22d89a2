"""What is watched: the champion's training rows, and the newest rows that are held to them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.drift.lenses import Lenses
from volcast.features.definitions import market_names

__all__ = ["FEWEST", "KNOWN", "RECENT", "WINDOWS", "Panel", "series", "watched"]

Floats = NDArray[np.float64]

WINDOWS = (20, 60, 250)
"""Sessions: a month, in which a market turns; a quarter; a year."""

STANDS = 3
"""Sessions in a row that a finding must stand for, so that no single day decides."""

RECENT = max(WINDOWS) + STANDS
"""Newest rows kept beside the reference; the noise of a row needs the row before it."""

FEWEST = 1000
"""Complete training rows, under which no threshold can be calibrated."""

_SPAN = 2520
KNOWN = 0.95
"""Share of the newest 2,520 training rows in which a feature must be known to be watched."""


@dataclass(frozen=True)
class Panel:
    """Columns of numbers with the sessions of their rows.

    Parameters
    ----------
    names : tuple of str
        Of the columns.
    iv : int or None
        Which of them is log implied variance.
    reference : f8[n, p]
        Complete rows, in order of time.
    sessions : list of date
        Of the reference's rows.
    recent : f8[m, p]
        The newest rows, the last of which is judged; NaN where a value is missing.
    recent_sessions : list of date
    """

    names: tuple[str, ...]
    iv: int | None
    reference: Floats
    sessions: Sequence[date]
    recent: Floats
    recent_sessions: Sequence[date]

    @cached_property
    def lenses(self) -> Lenses:
        """Fitted on the reference."""
        return Lenses.fit(self.reference, self.iv)

    def before(self, window: int, back: int = 0) -> int:
        """Count the reference's rows that are older than a window, which are all in most cases.

        Parameters
        ----------
        window : int
            Sessions.
        back : int
            Sessions from the newest row to the window's end.
        """
        first = self.recent_sessions[max(len(self.recent_sessions) - window - back, 0)]
        return bisect_left(self.sessions, first)


def watched(rows: pd.DataFrame, trained: date) -> Panel:
    """Lay out the market's features: those known in the training rows, over their complete rows.

    Parameters
    ----------
    rows : pandas.DataFrame
        session and every feature, one row a session up to the one judged, sorted.
    trained : date
        Newest session that the champion was trained on.
    """
    training = rows[rows["session"] <= trained]
    shares = training[market_names()].tail(_SPAN).notna().mean()
    names = tuple(name for name in market_names() if shares[name] >= KNOWN)
    complete = training.dropna(subset=list(names))
    recent = rows.tail(RECENT)
    return Panel(
        names=names,
        iv=names.index("iv") if "iv" in names else None,
        reference=complete[list(names)].to_numpy(dtype=np.float64),
        sessions=list(complete["session"]),
        recent=recent[list(names)].to_numpy(dtype=np.float64),
        recent_sessions=list(recent["session"]),
    )


def series(
    name: str, reference: pd.DataFrame, recent: pd.DataFrame, iv: "pd.Series[float]"
) -> Panel:
    """Lay out one series that is no feature, such as the target, beside VIX.

    Parameters
    ----------
    name : str
    reference, recent : pandas.DataFrame
        session and the column ``name``, sorted.
    iv : pandas.Series
        Log implied variance by session; where it is empty nothing is conditional on it.
    """
    names = (name,) if iv.empty else (name, "iv")
    parts = []
    for rows in (reference, recent.tail(RECENT)):
        joined = rows if iv.empty else rows.assign(iv=rows["session"].map(iv))
        parts.append(joined.dropna(subset=list(names)))
    return Panel(
        names=names,
        iv=None if iv.empty else 1,
        reference=parts[0][list(names)].to_numpy(dtype=np.float64),
        sessions=list(parts[0]["session"]),
        recent=parts[1][list(names)].to_numpy(dtype=np.float64),
        recent_sessions=list(parts[1]["session"]),
    )
