"""What a source is, and the shape of what it fetches."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import pandas as pd

from volcast.store.tables import RAW_MACRO, RAW_MARKET, Table

__all__ = ["MACRO_COLUMNS", "MARKET_COLUMNS", "PRICES", "Fetched", "Source", "join", "nothing"]

PRICES = ("open", "high", "low", "close", "adj_close")
"""Price columns of a market row."""

MARKET_COLUMNS = [c.name for c in RAW_MARKET.columns if c.name != "ingested_at"]
MACRO_COLUMNS = [c.name for c in RAW_MACRO.columns if c.name != "ingested_at"]


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
    symbols: tuple[str, ...]
    """Every symbol it holds, all of which are ingested; empty where it cannot list them."""

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch market rows in the columns of ``MARKET_COLUMNS``."""
        ...

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch macro rows in the columns of ``MACRO_COLUMNS``, bounded by observation date."""
        ...


def nothing(table: Table, *notes: str) -> Fetched:
    """Return a fetch of no rows of a raw table."""
    empty = table.empty().drop_columns("ingested_at")
    return Fetched(empty.to_pandas(date_as_object=False), notes=notes)


def join(parts: Sequence[Fetched], table: Table) -> Fetched:
    """Put fetches of a raw table together in order; their counts add up."""
    dropped: Counter[str] = Counter()
    for part in parts:
        dropped.update(part.dropped)
    filled = [part.rows for part in parts if len(part.rows)]
    rows = pd.concat(filled, ignore_index=True) if filled else nothing(table).rows
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Fetched(rows, dict(dropped), tuple(notes))
