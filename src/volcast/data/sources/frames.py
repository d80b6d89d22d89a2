"""Prices in memory: a table of the target, and the closes of its implied-volatility index."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from volcast.core.errors import ContractError
from volcast.data.sources.source import PRICES, Fetched, join, market_rows, nothing
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["FrameSource"]

_LOWEST_INDEX = 2.0
"""Points; an index of implied volatility whose median is lower is in decimals."""


class FrameSource:
    """Tables of one target and, optionally, of its index of implied volatility.

    Parameters
    ----------
    symbol : str
        Of the target.
    prices : pandas.DataFrame
        One row a session, indexed by date or with a column ``date``: open, high, low, close, and
        optionally adj_close (else close) and volume; upper and lower case are alike.
    index : str
        Symbol of the implied volatility; empty without.
    levels : pandas.Series or pandas.DataFrame or None
        Its closes in points, or a table with a column ``close``.

    Raises
    ------
    ContractError
        If a column is missing, a date is missing or repeated, or the levels are no points.
    """

    name = "frame"
    live = False

    def __init__(
        self, symbol: str, prices: pd.DataFrame, index: str = "",
        levels: "pd.Series[Any] | pd.DataFrame | None" = None,
    ) -> None:  # fmt: skip
        self._rows = {symbol: _bars(prices)}
        if levels is not None:
            self._rows[index] = _levels(levels)
        self.symbols = tuple(self._rows)

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Return the rows of these symbols; those it does not have are left out."""
        return join(
            [
                Fetched(market_rows(self._rows[symbol], symbol, self.name, first=first, last=last))
                for symbol in symbols
                if symbol in self._rows
            ],
            RAW_MARKET,
        )

    def macro(self, first: date | None, last: date | None) -> Fetched:  # noqa: ARG002
        """Return no rows."""
        return nothing(RAW_MACRO)


def _bars(prices: pd.DataFrame) -> pd.DataFrame:
    rows = _dated(prices, "prices")
    if missing := [name for name in PRICES[:4] if name not in rows]:
        raise ContractError(
            found=f"columns {list(prices.columns)}", expected=f"{', '.join(PRICES[:4])}",
            where="prices", remedy=f"Name the columns so that {', '.join(missing)} are there.",
        )  # fmt: skip
    if "adj_close" not in rows:
        rows["adj_close"] = rows["close"]
    if "volume" not in rows:
        rows["volume"] = np.nan
    return rows[["session", *PRICES, "volume"]]


def _levels(levels: "pd.Series[Any] | pd.DataFrame") -> pd.DataFrame:
    table = levels.to_frame("close") if isinstance(levels, pd.Series) else levels
    rows = _dated(table, "iv").dropna(subset=["close"])
    if not rows["close"].median() >= _LOWEST_INDEX:
        raise ContractError(
            found=f"a median of {rows['close'].median():.4g}", expected="volatility points",
            where="iv", remedy="Multiply decimals by 100: 20 means 20 % a year.",
        )  # fmt: skip
    repeated = {name: rows["close"] for name in ("open", "high", "low", "adj_close")}
    return rows[["session", "close"]].assign(**repeated, volume=np.nan)


def _dated(table: pd.DataFrame, where: str) -> pd.DataFrame:
    rows = table.copy()
    if isinstance(rows.columns, pd.MultiIndex):  # as yfinance returns one symbol
        rows.columns = rows.columns.get_level_values(0)
    rows.columns = pd.Index([str(name).strip().lower().replace(" ", "_") for name in rows.columns])
    for name in ("date", "session"):
        if name in rows:
            rows = rows.set_index(name)
    try:
        days = pd.DatetimeIndex(pd.to_datetime(rows.index))
    except (ValueError, TypeError) as error:
        raise ContractError(
            found=f"an index of {rows.index.dtype}", expected="dates", where=where,
            remedy="Index the table by date, or add a column date.",
        ) from error  # fmt: skip
    rows = rows.reset_index(drop=True).assign(session=days.tz_localize(None).normalize())
    if rows["session"].duplicated().any() or rows["session"].isna().any():
        day = rows.loc[rows["session"].duplicated() | rows["session"].isna(), "session"].iloc[0]
        raise ContractError(
            found=f"{day:%Y-%m-%d} a second time" if pd.notna(day) else "a row without a date",
            expected="one row for each date", where=where, remedy="Remove or fix the row.",
        )  # fmt: skip
    return rows
