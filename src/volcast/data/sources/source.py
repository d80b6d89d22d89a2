"""What a source is, the rows it returns, and what all sources share."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd

from volcast.core.errors import SourceUnavailable, VolcastError
from volcast.data.sources.publication_lag import available_at
from volcast.store.tables import RAW_MACRO, RAW_MARKET, Table

__all__ = [
    "MACRO_COLUMNS", "MARKET_COLUMNS", "PRICES", "Composed", "Fetched", "Source", "adjustments",
    "counts", "join", "macro_series", "market_rows", "nothing", "retried", "unavailable",
]  # fmt: skip

PRICES = ("open", "high", "low", "close", "adj_close")
"""Price columns of a market row."""

MARKET_COLUMNS = [name for name in RAW_MARKET.schema.names if name != "ingested_at"]
MACRO_COLUMNS = [name for name in RAW_MACRO.schema.names if name != "ingested_at"]

_ROUNDING = 2e-5
"""Published prices leave noise up to 2.2e-6 in the ratio; the smallest real dividend 3.9e-4."""

_DECISIVE = 0.05
"""Log; by how much better closes must fit a dividend on the row after one without an adjustment."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Fetched:
    """The rows of one call to a source, the counts of rows it left out, by reason, and its notes.

    Rows have the columns of raw.market or raw.macro except ``ingested_at``, dates as datetime64.
    ``unusable`` has the error of each symbol without daily bars; it may have rows of closes.
    """

    rows: pd.DataFrame
    dropped: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unusable: dict[str, VolcastError] = field(default_factory=dict)


class Source(Protocol):
    """A source of rows; it checks no row: it fetches everything asked for, or raises.

    A symbol that the source does not have is left out with a note. ``first`` and ``last`` bound
    the dates, both inclusive; None is no bound.
    """

    name: str
    live: bool
    """Whether it gets new rows over time, so that only recent ones are fetched again."""
    symbols: tuple[str, ...]
    """Every symbol it has, all of which are ingested; empty if it cannot list them."""

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch market rows in the columns of ``MARKET_COLUMNS``."""

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch macro rows in the columns of ``MACRO_COLUMNS``, bounded by observation date."""


class Composed:
    """Market rows, name and symbols of one source, macro rows of another."""

    def __init__(
        self, market: Source, macro: Callable[[date | None, date | None], Fetched]
    ) -> None:
        self.name, self.live, self.symbols = market.name, market.live, market.symbols
        self.market, self._macro = market.market, macro

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch from the macro source; if it does not answer, return no rows and a note."""
        try:
            return self._macro(first, last)
        except SourceUnavailable as error:
            return nothing(RAW_MACRO, f"No macro rows this time: {error}")


def retried(
    request: Callable[[], _Answer], *, attempts: int, sleep: Callable[[float], None],
    rng: random.Random,
) -> _Answer:  # fmt: skip
    """Return the first answer of ``request``, which is repeated after ``SourceUnavailable`` alone.

    The waits between the attempts are 1, 2, 4, ... seconds times 0.5 to 1.5.
    """
    for attempt in range(attempts - 1):
        try:
            return request()
        except SourceUnavailable:
            sleep(2.0**attempt * rng.uniform(0.5, 1.5))
    return request()


def unavailable(where: str, found: str, expected: str) -> SourceUnavailable:
    """Return the error of a request that may succeed later."""
    return SourceUnavailable(
        found=found, expected=expected, where=where,
        remedy="Run again later; the stored rows are unchanged.",
    )  # fmt: skip


def nothing(table: Table, *notes: str) -> Fetched:
    """Return a fetch without rows of a raw table."""
    empty = table.empty().drop_columns("ingested_at")
    return Fetched(empty.to_pandas(date_as_object=False), notes=notes)


def counts(name: str, dropped: dict[str, int]) -> dict[str, int]:
    """Return the counts that are not zero, by ``"<name>: <reason>"``."""
    return {f"{name}: {reason}": count for reason, count in dropped.items() if count}


def join(parts: Sequence[Fetched], table: Table) -> Fetched:
    """Concatenate fetches of a raw table in order and add up their counts."""
    dropped: Counter[str] = Counter()
    for part in parts:
        dropped.update(part.dropped)
    filled = [part.rows for part in parts if len(part.rows)]
    rows = pd.concat(filled, ignore_index=True) if filled else nothing(table).rows
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    unusable = {symbol: error for part in parts for symbol, error in part.unusable.items()}
    return Fetched(rows, dict(dropped), tuple(notes), unusable)


def market_rows(
    prices: pd.DataFrame, symbol: str, source: str, *, first: date | None, last: date | None
) -> pd.DataFrame:
    """Return one symbol's rows in raw columns; adjustments are computed before the bounds apply.

    ``prices`` has ``session``, the columns of ``PRICES`` and ``volume``, in any order.
    """
    rows = prices.sort_values("session", kind="stable", ignore_index=True)
    rows[[*PRICES, "volume"]] = rows[[*PRICES, "volume"]].astype(np.float64)
    rows["adjustment"] = adjustments(rows["close"], rows["adj_close"])
    rows = rows.assign(symbol=symbol, source=source)[MARKET_COLUMNS]
    return _between(rows, "session", first, last)


def macro_series(
    read: pd.DataFrame, series: str, source: str, *, first: date | None, last: date | None
) -> Fetched:
    """Return the values of one series in raw columns; those without one are dropped and counted.

    ``read`` has date and value; and available_at and lag_rule of each vintage, of which the first
    value of a date and its changes are taken, else they follow from the dates.
    """
    rows = read[read["value"].notna()].reset_index(drop=True)
    dropped = counts(series, {"no value": len(read) - len(rows)})
    if "available_at" in rows:
        rows = rows.sort_values(["date", "available_at"], ignore_index=True)
        before = rows.groupby("date")["value"].shift()
        rows = rows[before.isna() | (rows["value"] != before)]
    else:
        moments, rule = available_at(series, rows["date"])
        rows = rows.assign(available_at=moments, lag_rule=rule)
    rows = rows.rename(columns={"date": "observation_date"}).assign(series=series, source=source)
    return Fetched(_between(rows[MACRO_COLUMNS], "observation_date", first, last), dropped)


def adjustments(close: pd.Series, adj_close: pd.Series) -> pd.Series:
    """Return the gross-up of each session, independent of the scale of ``adj_close``.

    ``(adj_close_t / adj_close_t-1) / (close_t / close_t-1)`` of one symbol in order of session;
    exactly 1 within rounding. ``t-1`` is the last earlier row that has prices; null in the first
    row and wherever a price is null, zero or negative. A single row without an adjusted close has
    the gross-up of the row after it, unless the closes show that it belongs there, as of a split.
    """
    sound = close.where(close > 0)
    factor = adj_close.where(adj_close > 0) / sound
    moves = pd.Series(np.log(sound / sound.shift()), close.index)
    change = pd.Series(np.log(factor.shift(-1) / factor.shift()), close.index)
    following = moves.shift(-1)
    on_it = (moves + change).abs() + following.abs()
    after_it = moves.abs() + (following + change).abs()
    here = factor.isna() & (on_it <= after_it + _DECISIVE)
    factor = factor.fillna(factor.shift(-1).where(here))
    ratio = factor / factor.ffill().shift()
    return ratio.mask((ratio - 1).abs() < _ROUNDING, 1.0)


def _between(
    rows: pd.DataFrame, column: str, first: date | None, last: date | None
) -> pd.DataFrame:
    low, high = pd.Timestamp(first or date.min), pd.Timestamp(last or date.max)
    return rows[rows[column].between(low, high)].reset_index(drop=True)
