"""The market as it was known: one curated history for each moment at which the past changed.

A row first fetched counts as known at its session's close; a restated row, and one that fills a
hole in what was already stored, from the moment it was fetched.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pandas as pd

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.curate import known_versions
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_QUARANTINE, RAW_MARKET

__all__ = ["Vintage", "vintages"]

_BEGINNING, _END = pd.Timestamp(0, tz="UTC"), pd.Timestamp.max.tz_localize("UTC")
"""Before and after every session."""


@dataclass(frozen=True)
class Vintage:
    """A history and the moment since which it was the one known.

    Parameters
    ----------
    since, until : pandas.Timestamp, UTC
        The next vintage's ``since`` is this one's ``until``.
    curated : pandas.DataFrame
        Columns of curated.market_daily.
    """

    since: pd.Timestamp
    until: pd.Timestamp
    curated: pd.DataFrame

    def holds(self, moments: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
        """Mark the moments at which this was the history known."""
        return (moments >= self.since) & (moments < self.until)


def vintages(store: Store, universe: Universe, as_of: date) -> list[Vintage]:
    """Return the histories of sessions up to ``as_of``, in the order in which they were known.

    Where nothing was restated there is one, the curated table itself.
    """
    curated = store.read(CURATED_MARKET_DAILY, last=as_of).to_pandas()
    if curated.empty or (curated["known_at"] <= calendar.closes(list(curated["session"]))).all():
        return [Vintage(_BEGINNING, _END, curated)]
    raw = store.read(RAW_MARKET, last=as_of).to_pandas(date_as_object=False)
    broken = store.read(MONITORING_QUARANTINE).to_pandas(date_as_object=False)
    versions = known_versions(raw, broken, universe, as_of)
    late = versions["known_at"] > versions["close_at"]
    moments = [_BEGINNING, *sorted(versions.loc[late, "known_at"].unique()), _END]
    return [
        Vintage(since, until, _known_at(versions[~late | (versions["known_at"] <= since)]))
        for since, until in pairwise(moments)
    ]


def _known_at(versions: pd.DataFrame) -> pd.DataFrame:
    in_use = versions[~versions["of"].duplicated(keep="last")]
    rows = in_use[["symbol", "session", "open", "high", "low", "close", "adjustment"]]
    return rows.assign(session=pd.DatetimeIndex(rows["session"]).date).reset_index(drop=True)
