"""What a source is, and the shape of what it fetches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import pandas as pd

from volcast.contracts import RAW_MACRO, RAW_MARKET

__all__ = ["MACRO_COLUMNS", "MARKET_COLUMNS", "PRICES", "Fetched", "Source", "join", "nothing"]

PRICES = ("open", "high", "low", "close", "adj_close")
"""Price columns of a market row."""

MARKET_COLUMNS = tuple(c.name for c in RAW_MARKET.columns if c.name != "ingested_at")
MACRO_COLUMNS = tuple(c.name for c in RAW_MACRO.columns if c.name != "ingested_at")


@dataclass(frozen=True)
class Fetched:
    """What one call to a source brought.

    Parameters
    ----------
    rows : pandas.DataFrame
        The columns of raw.market or raw.macro but ``ingested_at``; dates as datetime64 at
        midnight, ``available_at`` in UTC.
    dropped : dict of str to int
        Reasons, and how many rows the source left out for each.
    notes : tuple of str
        What a reader of the figures must know about the data.
    """

    rows: pd.DataFrame
    dropped: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """Where rows come from. A source judges no row: it fetches a whole, or raises.

    A symbol that the source does not have is left out with a note; ``first`` and ``last`` bound
    the dates, both inclusive, None for no bound.
    """

    name: str
    live: bool
    """Whether time brings it new rows, so that it is asked for the recent ones only."""

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch market rows in the columns of ``MARKET_COLUMNS``."""
        ...

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch macro rows in the columns of ``MACRO_COLUMNS``, bounded by observation date."""
        ...


def nothing(columns: Sequence[str], notes: tuple[str, ...] = ()) -> Fetched:
    """Return a fetch without rows."""
    return Fetched(pd.DataFrame({name: [] for name in columns}), notes=notes)


def join(parts: Sequence[Fetched], columns: Sequence[str]) -> Fetched:
    """Put fetches together in order; their counts add up."""
    dropped: dict[str, int] = {}
    for part in parts:
        for reason, count in part.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    filled = [part.rows for part in parts if len(part.rows)]
    rows = pd.concat(filled, ignore_index=True) if filled else nothing(columns).rows
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Fetched(rows[list(columns)], dropped, tuple(notes))
