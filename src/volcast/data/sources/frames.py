"""Prices in memory: a table of the target, and the closes of implied-volatility indices."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from volcast.core.errors import ContractError
from volcast.data.sources.formats import fault_of, prices_of, tabulate, unique
from volcast.data.sources.source import Fetched, join, market_rows, nothing
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["FrameSource"]

_LOWEST_INDEX = 2.0
"""Points; an index of implied volatility whose median is lower is in decimals."""


class FrameSource:
    """Tables of one target and, optionally, of its indices of implied volatility.

    Parameters
    ----------
    symbol : str
        Of the target.
    prices : pandas.DataFrame
        One row a session, indexed by date or with a column ``date``: open, high, low, close, and
        optionally adj_close (else close) and volume, by the names that a file may have.
    indices : mapping of str to pandas.Series or pandas.DataFrame, optional
        By symbol, the closes in points, or a table with a column ``close``.

    Raises
    ------
    ContractError
        If a column is missing, a date is missing or has two different rows, a value is no number,
        or the levels are no points.
    """

    name = "frame"
    live = False

    def __init__(
        self, symbol: str, prices: pd.DataFrame,
        indices: "Mapping[str, pd.Series[Any] | pd.DataFrame] | None" = None,
    ) -> None:  # fmt: skip
        self._rows = {symbol: _bars(prices)}
        self._rows |= {name: _levels(levels, name) for name, levels in (indices or {}).items()}
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
    table, _ = unique(tabulate(prices, "prices"), ["date"], "prices")
    fault = fault_of(table, "prices")
    if fault is not None:
        raise fault
    return prices_of(table)


def _levels(levels: "pd.Series[Any] | pd.DataFrame", name: str) -> pd.DataFrame:
    table = levels.to_frame("close") if isinstance(levels, pd.Series) else levels
    table, _ = unique(tabulate(table, name), ["date"], name)
    rows = prices_of(table).dropna(subset=["close"])
    if not rows["close"].median() >= _LOWEST_INDEX:
        raise ContractError(
            found=f"a median of {rows['close'].median():.4g}", expected="volatility points",
            where=name, remedy="Multiply decimals by 100: 20 means 20 % a year.",
        )  # fmt: skip
    repeated = {name: rows["close"] for name in ("open", "high", "low", "adj_close")}
    return rows.assign(**repeated, volume=np.nan)
