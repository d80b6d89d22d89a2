"""What is watched: the champion's training rows, and the newest rows that are held to them."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.features.catalog import market_names
from volcast.monitoring.drift.lenses import Lenses

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
        Complete rows, in order of time, all older than ``recent``: thresholds found on the very
        rows that are judged would hide what has changed in them, with every refit anew.
    recent : f8[m, p]
        The newest rows, the last of which is judged; NaN where a value is missing.
    """

    names: tuple[str, ...]
    iv: int | None
    reference: Floats
    recent: Floats

    @cached_property
    def lenses(self) -> Lenses:
        """Fitted on the reference."""
        return Lenses.fit(self.reference, self.iv)


def watched(rows: pd.DataFrame, trained: date) -> Panel:
    """Lay out the market's features: those known in the training rows, over their complete rows.

    Parameters
    ----------
    rows : pandas.DataFrame
        session and every feature, one row a session up to the one judged, sorted.
    trained : date
        Newest session that the champion was trained on.
    """
    recent = rows.tail(RECENT)
    training = rows.iloc[: len(rows) - len(recent)]
    training = training[training["session"] <= trained]
    shares = training[market_names()].tail(_SPAN).notna().mean()
    names = tuple(name for name in market_names() if shares[name] >= KNOWN)
    complete = training.dropna(subset=list(names))
    return Panel(
        names=names,
        iv=names.index("iv") if "iv" in names else None,
        reference=complete[list(names)].to_numpy(dtype=np.float64),
        recent=recent[list(names)].to_numpy(dtype=np.float64),
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
    newest, parts = recent.tail(RECENT), []
    if len(newest):
        reference = reference[reference["session"] < newest["session"].iloc[0]]
    for rows in (reference, newest):
        joined = rows if iv.empty else rows.assign(iv=rows["session"].map(iv))
        parts.append(joined.dropna(subset=list(names)))
    return Panel(
        names=names,
        iv=None if iv.empty else 1,
        reference=parts[0][list(names)].to_numpy(dtype=np.float64),
        recent=parts[1][list(names)].to_numpy(dtype=np.float64),
    )
