"""A history compared with its second source and with its published version."""

from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.checks.moves import WINDOW, log_growth
from volcast.data.checks.suite import Fact, newest_days
from volcast.data.vintages import macro_versions

__all__ = ["SAME", "SECOND_SOURCES", "restated", "second_source"]

SECOND_SOURCES = {"VIX": "VIXCLS"}
"""Series of raw.macro that publish an index of raw.market a second time."""

SOURCE_TOLERANCE = 0.02
"""Volatility points. Cboe's 8,060 closes since 1990 and FRED's agree to the last digit, both with
two decimals; Yahoo's were up to 1.0 off (2014-10-15: 25.27 for 26.25)."""

SAME = 1e-4
"""Log difference up to which a return or the shape of a bar is the same: a cent on 100."""


def restated(now: pd.DataFrame, before: pd.DataFrame) -> Fact:
    """Return the share of a symbol's published rows that the new history changes.

    A row changes if its return or the shape of its bar does. Neither a new scale of the adjusted
    close, as after each dividend, nor a split of the whole history changes them. The share is of
    at least `WINDOW` rows: a live source restates a few recent bars at once.
    """
    if before.empty:
        return Fact(np.nan, "nothing was published before")
    new, old = _described(now), _described(before)
    common = new.index.intersection(old.index)
    moved = (new.loc[common] - old.loc[common]).abs().gt(SAME).any(axis=1)
    return Fact(moved.sum() / max(len(common), WINDOW), _listed(common[moved]))


def second_source(
    index: pd.DataFrame, macro: pd.DataFrame, universe: Universe, as_of: date
) -> Fact:
    """Count the sessions of the window in which an index and its second source differ.

    Values of the second source, raw.macro, that were not public at the close of ``as_of`` are
    ignored.
    """
    series = SECOND_SOURCES.get(universe.iv)
    rows = macro[macro["series"] == series] if series else macro.iloc[:0]
    if rows.empty or index.empty:
        return Fact(np.nan, f"no second source of {universe.iv or 'an index'}")
    versions = macro_versions(rows)
    public = versions[versions["known_at"] <= calendar.closes([as_of])[0]]
    second = public.drop_duplicates("observation_date", keep="last").set_index("observation_date")
    own = index.set_index("session")["close"]
    own = own[own.index >= pd.Timestamp(calendar.after(as_of, 1 - WINDOW))]
    gap = (own - second["value"].reindex(own.index)).dropna().abs()
    apart = gap[gap > SOURCE_TOLERANCE]
    if gap.empty:
        return Fact(np.nan, f"no session in both {universe.iv} and {series}")
    newest = ", ".join(f"{day:%Y-%m-%d} by {by:.2f}" for day, by in apart.tail(3).items())
    return Fact(len(apart), f"{universe.iv} against {series}: {newest}" if newest else "")


def _described(rows: pd.DataFrame) -> pd.DataFrame:
    own = rows.set_index("session")
    shape = {name: np.log(own[name] / own["close"]) for name in ("open", "high", "low")}
    return pd.DataFrame(shape | {"growth": log_growth(rows)})


def _listed(days: pd.Index) -> str:
    return f"{len(days)} sessions, newest {newest_days(days)}" if len(days) else ""
