"""Rows in the raw contract's columns, with the gross-up that the adjusted close implies."""

from datetime import date

import numpy as np
import pandas as pd

from volcast.data.sources.protocol import MARKET_COLUMNS, PRICES

__all__ = ["adjustments", "between", "changes", "market_rows"]

_ROUNDING = 2e-5
"""Published prices leave noise up to 2.2e-6 in the ratio; the smallest real dividend 3.9e-4."""


def adjustments(close: pd.Series, adj_close: pd.Series) -> pd.Series:
    """Return one session's gross-up each, free of the scale of ``adj_close``.

    ``(adj_close_t / adj_close_t-1) / (close_t / close_t-1)``; exactly 1 within rounding.

    Parameters
    ----------
    close, adj_close : pandas.Series, shape (n,)
        Prices of one symbol in order of session.

    Returns
    -------
    pandas.Series, shape (n,)
        Ratios to the last row before that has prices; NaN in the first row and wherever a price
        is NaN, zero or negative.
    """
    factor = adj_close.where(adj_close > 0) / close.where(close > 0)
    ratio = factor / factor.ffill().shift()
    return ratio.mask((ratio - 1).abs() < _ROUNDING, 1.0)


def market_rows(
    prices: pd.DataFrame, symbol: str, source: str, *, first: date | None, last: date | None
) -> pd.DataFrame:
    """Return one symbol's rows in raw columns.

    Parameters
    ----------
    prices : pandas.DataFrame
        ``session``, the columns of ``PRICES`` and ``volume``, in any order of session.
    first, last : date or None
        Bounds of the rows returned; the adjustment is made before they are cut.
    """
    rows = prices.sort_values("session", kind="stable", ignore_index=True)
    rows[[*PRICES, "volume"]] = rows[[*PRICES, "volume"]].astype(np.float64)
    rows["adjustment"] = adjustments(rows["close"], rows["adj_close"])
    rows = rows.assign(symbol=symbol, source=source)[MARKET_COLUMNS]
    return between(rows, "session", first, last)


def between(rows: pd.DataFrame, column: str, first: date | None, last: date | None) -> pd.DataFrame:
    """Return the rows whose ``column`` lies between two dates, None for no bound."""
    keep = pd.Series(data=True, index=rows.index)
    if first is not None:
        keep &= rows[column] >= pd.Timestamp(first)
    if last is not None:
        keep &= rows[column] <= pd.Timestamp(last)
    return rows[keep].reset_index(drop=True)


def changes(vintages: pd.DataFrame) -> pd.DataFrame:
    """Keep of each date its first vintage and those that changed its value.

    Parameters
    ----------
    vintages : pandas.DataFrame
        ``date``, ``available_at`` and ``value``, in any order.
    """
    rows = vintages.sort_values(["date", "available_at"], ignore_index=True)
    before = rows.groupby("date")["value"].shift()
    return rows[before.isna() | (rows["value"] != before)]
