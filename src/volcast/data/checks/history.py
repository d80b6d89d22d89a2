"""A history compared with itself, its index, its second source, and its published version."""

from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.checks.suite import Fact, newest_days
from volcast.data.vintages import macro_versions

__all__ = [
    "CONTRADICTED", "SECOND_SOURCES", "WINDOW", "contradicted_moves", "log_growth", "restated",
    "second_source", "torn",
]  # fmt: skip

WINDOW = 252
"""Sessions up to as_of in which gaps and doubtful rows are counted."""

SECOND_SOURCES = {"VIX": "VIXCLS"}
"""Series of raw.macro that publish an index of raw.market a second time."""

SOURCE_TOLERANCE = 0.02
"""Volatility points. Cboe's 8,060 closes since 1990 and FRED's agree to the last digit, both with
two decimals; Yahoo's were up to 1.0 off (2014-10-15: 25.27 for 26.25)."""

CONTRADICTED = 5.0
"""Daily standard deviations that a return may reach while the index does not move. The largest
1993-2021: SPY 2.95, QQQ, IWM, EFA, HYG, TLT, IEF and LQD 4.61, simulated 3.4."""

_STILL = 0.1
"""Absolute log change of the index up to which it has not moved."""

_TIED = -0.5
"""Rank correlation of returns and index changes above which the index does not measure the risk:
SPY -.75, QQQ -.68, IWM -.70, EFA -.67, HYG -.55, simulated -.58, but LQD .02 and TLT .28."""

_SAME = 1e-4
"""Log difference up to which a return or the shape of a bar is the same: a cent on 100."""

_TORN = 0.18
"""Log; under the smallest usual split (6 for 5, .182), over any restated tick of a fund so far."""

_OWN_WINDOW, _OWN_FEWEST = 66, 22


def log_growth(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return log of ``close_t / close_t-1 * adjustment_t`` by session of one symbol's rows."""
    own = rows.set_index("session")
    return _log(own["close"] / own["close"].shift() * own["adjustment"])


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
    moved = (new.loc[common] - old.loc[common]).abs().gt(_SAME).any(axis=1)
    return Fact(moved.sum() / max(len(common), WINDOW), _listed(common[moved]))


def torn(now: pd.DataFrame, before: pd.DataFrame, moves: "pd.Series[float]") -> Fact:
    """Count the sessions at which the history is torn, as by a split of only a part of it.

    For published rows, those whose return grows beyond .18 in logs and by as much; if nothing was
    published yet, returns of that size that the index contradicts (`contradicted_moves`).
    """
    growth = log_growth(now)
    if before.empty:
        doubtful = moves.reindex(growth.index).gt(CONTRADICTED)
    else:
        doubtful = growth.abs() - log_growth(before).reindex(growth.index).abs() > _TORN
    at = growth.index[(growth.abs() > _TORN) & doubtful]
    return Fact(len(at), _listed(at))


def contradicted_moves(target: pd.DataFrame, index: pd.DataFrame) -> "pd.Series[float]":
    """Return each session's return as a multiple of what its index implied.

    ``|r_t| / max(iv_t-1 / 100 / sqrt(252), sd_66(r)_t-1)`` if the index moved by less than .1 in
    logs; otherwise, and if the index does not measure the symbol's risk, null.
    """
    growth = log_growth(target)
    points = index.set_index("session")["close"].reindex(growth.index)
    change = _log(points / points.shift())
    both = growth.notna() & change.notna()
    if both.sum() < WINDOW or growth[both].rank().corr(change[both].rank()) > _TIED:
        return pd.Series(np.nan, index=growth.index)
    own = growth.rolling(_OWN_WINDOW, min_periods=_OWN_FEWEST).std().shift()
    implied = points.shift() / 100 / np.sqrt(252)
    scale = implied.where(own.isna() | (implied > own), own)
    measured: pd.Series[float] = (growth.abs() / scale).where(change.abs() < _STILL)
    return measured


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
    shape = {name: _log(own[name] / own["close"]) for name in ("open", "high", "low")}
    return pd.DataFrame(shape | {"growth": log_growth(rows)})


def _log(values: "pd.Series[float]") -> "pd.Series[float]":
    return pd.Series(np.log(values.to_numpy(dtype=float)), values.index)


def _listed(days: pd.Index) -> str:
    return f"{len(days)} sessions, newest {newest_days(days)}" if len(days) else ""
