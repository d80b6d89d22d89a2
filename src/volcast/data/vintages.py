"""The market as it was known: one curated history for each moment at which the past changed.

A row first fetched counts as known at its session's close; a restated row, and one that fills a
hole in what was already stored, from the moment it was fetched. Curation writes both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pandas as pd

from volcast.core import calendar
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, CURATED_MARKET_VERSIONS

__all__ = ["Vintage", "macro_versions", "vintages"]

_BEGINNING, _END = pd.Timestamp(0, tz="UTC"), pd.Timestamp.max.tz_localize("UTC")


@dataclass(frozen=True)
class Vintage:
    """A history and the moments, in UTC, between which it was the one known.

    ``curated`` has the columns of curated.market_daily; prices and adjustment alone if there are
    several vintages.
    """

    since: pd.Timestamp
    until: pd.Timestamp
    curated: pd.DataFrame

    def holds(self, moments: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
        """Mark the moments at which this was the history known."""
        return (moments >= self.since) & (moments < self.until)


def vintages(store: Store, as_of: date, symbols: Sequence[str] | None = None) -> list[Vintage]:
    """Return the histories of sessions up to ``as_of``, in the order in which they were known.

    Of ``symbols``, or of all. Where nothing was restated there is one, the curated table itself.
    """
    curated = store.read(CURATED_MARKET_DAILY, symbols=symbols, last=as_of).to_pandas()
    if curated.empty or not _late(curated).any():
        return [Vintage(_BEGINNING, _END, curated)]
    replaced = store.read(CURATED_MARKET_VERSIONS, symbols=symbols, last=as_of).to_pandas()
    versions = pd.concat([replaced, curated[replaced.columns]], ignore_index=True)
    versions = versions.sort_values(["symbol", "session", "known_at"], ignore_index=True)
    late = _late(versions)
    moments = [_BEGINNING, *sorted(versions.loc[late, "known_at"].unique()), _END]
    histories = []
    for since, until in pairwise(moments):
        then = versions[~late | (versions["known_at"] <= since)]
        in_use = then.drop_duplicates(["symbol", "session"], keep="last")
        curated = in_use.drop(columns="known_at").reset_index(drop=True)
        histories.append(Vintage(since, until, curated))
    return histories


def _late(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["known_at"] > calendar.closes(rows["session"])


def macro_versions(raw: pd.DataFrame) -> pd.DataFrame:
    """Return series, observation_date, value and ``known_at`` of raw.macro, sorted by ``known_at``.

    A value of the first fetch of its series is known when it was published; one of a later fetch,
    not before it was fetched.
    """
    # An earlier version may have stored dates that no calendar has.
    first, last = pd.Timestamp(calendar.EARLIEST), pd.Timestamp(calendar.LAST)
    raw = raw[raw["observation_date"].between(first, last)]
    late = raw["ingested_at"] > raw.groupby("series")["ingested_at"].transform("min")
    fetched = raw[["available_at", "ingested_at"]].max(axis=1)
    rows = raw[["series", "observation_date", "value", "available_at"]].assign(
        known_at=raw["available_at"].where(~late, fetched)
    )
    # Of two values that became known together, the one published later is in use.
    rows = rows.sort_values(["series", "known_at", "observation_date", "available_at"])
    return rows.drop(columns="available_at").reset_index(drop=True)
