"""Curation: from all versions of raw rows to one row in use a symbol and session."""

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.core.settings import Universe
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    CURATED_MARKET_VERSIONS,
    MONITORING_QUARANTINE,
    RAW_MARKET,
)

if TYPE_CHECKING:
    from volcast.data.checks.suite import Outcome

__all__ = ["SUSPICIOUS_JUMP", "Curated", "curate"]

SUSPICIOUS_JUMP = 0.5
"""Absolute log return above which an asset is flagged; SPY, TLT, HYG have stayed below 0.14."""

_PRICES = ["open", "high", "low", "close"]
_VERSIONED = [*_PRICES, "adjustment"]
_KEY = ["symbol", "session"]


@dataclass(frozen=True)
class Curated:
    """What curation made of raw rows.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns of curated.market_daily, sorted by symbol and session.
    replaced : pandas.DataFrame
        Columns of curated.market_versions: the earlier values of restated rows.
    quarantined : pandas.DataFrame
        Columns of monitoring.quarantine, one row a broken raw row and reason.
    dropped : dict of str to int
        Rows left out that are no fault of anyone, ``"VIX off_calendar"`` to their count.
    outcomes : list of volcast.data.checks.suite.Outcome
        One a row check.
    results : tuple
        Great Expectations' own, for its page.
    """

    rows: pd.DataFrame
    replaced: pd.DataFrame
    quarantined: pd.DataFrame
    dropped: dict[str, int]
    outcomes: list["Outcome"]
    results: tuple[Any, ...] = field(repr=False, compare=False)


def curate(raw: pd.DataFrame, universe: Universe, as_of: date) -> Curated:
    """Judge every version of every row and keep the one in use.

    In use is the latest version of a (symbol, session) that is not broken: a broken restatement
    leaves the earlier good version standing. Rows after ``as_of`` are not looked at.

    Parameters
    ----------
    raw : pandas.DataFrame
        Rows of raw.market, any order, all versions.
    universe : Universe
        Its indices are judged by their close alone, and off-calendar rows of its target are
        quarantined, where those of other symbols (indices are printed on some holidays) are
        dropped.
    as_of : date
        The last session to curate.

    Raises
    ------
    ContractError
        If a column of raw.market is missing.
    """
    # Imported here because volcast.data.checks is itself built on this module.
    from volcast.data.checks.raw_rows import judge_rows

    rows, dropped = _in_scope(raw, universe, as_of)
    verdict = judge_rows(rows)
    good = _fill_index_ranges(rows[~rows["row"].isin(verdict.faults["row"])])
    versions = _with_known_at(good, rows).drop_duplicates(["of", "known_at"], keep="last")
    replaced = versions["of"].duplicated(keep="last")
    return Curated(
        rows=_flagged(versions[~replaced])[CURATED_MARKET_DAILY.schema.names],
        replaced=versions.loc[replaced, CURATED_MARKET_VERSIONS.schema.names],
        quarantined=_quarantined(rows, verdict.faults),
        dropped=dropped,
        outcomes=verdict.outcomes,
        results=verdict.results,
    )


def _in_scope(
    raw: pd.DataFrame, universe: Universe, as_of: date
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows to judge, sorted by version and numbered, and counts of those dropped.

    ``row`` numbers the rows, and ``of`` the (symbol, session) that they are versions of.
    """
    missing = [c.name for c in RAW_MARKET.columns if c.name not in raw.columns]
    if missing:
        raise ContractError(
            found=f"missing columns {missing}",
            expected=f"the columns of {RAW_MARKET.name}",
            where=RAW_MARKET.name,
            remedy="Ingest again, or read the table through its contract.",
        )
    rows = raw.drop(columns="adj_close").assign(
        session=pd.to_datetime(raw["session"]).astype("datetime64[ns]"),
        ingested_at=pd.to_datetime(raw["ingested_at"], utc=True).astype("datetime64[us, UTC]"),
        **raw[_VERSIONED].astype("float64"),
    )
    rows = rows[rows["session"] <= pd.Timestamp(as_of)]
    rows = rows.sort_values([*_KEY, "ingested_at", "source"], kind="stable", ignore_index=True)
    rows["on_calendar"] = rows["session"].isin(_sessions_of(rows["session"]))
    rows["kind"] = np.where(rows["symbol"].isin(universe.indices), "index", "asset")
    holiday = ~rows["on_calendar"] & (rows["symbol"] != universe.target)
    repeat = _says_the_same_twice(rows) & ~holiday
    dropped = _count(rows, holiday, "off_calendar") | _count(rows, repeat, "repeated")
    rows = rows[~(holiday | repeat)].reset_index(drop=True)
    rows["row"], rows["of"] = np.arange(len(rows)), (~rows.duplicated(_KEY)).cumsum()
    rows["repeats"] = _repeats_the_bar_before(rows)
    return rows, dropped


def _sessions_of(days: "pd.Series[pd.Timestamp]") -> pd.DatetimeIndex:
    if days.empty:
        return pd.DatetimeIndex([])
    return pd.DatetimeIndex(calendar.sessions(days.min().date(), days.max().date()))


def _says_the_same_twice(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Mark second copies of a row in one version; copies that differ are for the checks."""
    version = [*_KEY, "ingested_at"]
    repeat = rows.duplicated(version)
    if repeat.any():
        repeat = rows.duplicated([*version, *_VERSIONED])
    return repeat


def _repeats_the_bar_before(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Mark bars that are, volume and all, the one of the session before as known when fetched.

    A bar without a range may well be the next one's too, as where an index has closes alone.
    """
    bar = [*_PRICES, "volume"]
    versions = rows[["symbol", "ingested_at", *bar]].assign(
        at=_sessions_of(rows["session"]).get_indexer(pd.DatetimeIndex(rows["session"]))
    )
    versions = versions[rows["on_calendar"]].sort_values("ingested_at", kind="stable")
    known = pd.merge_asof(
        versions, versions.assign(at=versions["at"] + 1),
        on="ingested_at", by=["symbol", "at"], suffixes=("", "_before"),
    )  # fmt: skip
    same = (known[bar].to_numpy() == known[[f"{name}_before" for name in bar]].to_numpy()).all(1)
    repeats = pd.Series(same, versions.index).reindex(rows.index, fill_value=False)
    return repeats & (rows["high"] > rows["low"])


def _count(rows: pd.DataFrame, mask: "pd.Series[bool]", reason: str) -> dict[str, int]:
    counts = rows.loc[mask, "symbol"].value_counts().sort_index()
    return {f"{symbol} {reason}": int(count) for symbol, count in counts.items()}


def _fill_index_ranges(good: pd.DataFrame) -> pd.DataFrame:
    """Give indices that lack an open, high or low their close, the one price of them in use."""
    prices = good[_PRICES]
    lacking = ~((prices > 0) & np.isfinite(prices)) & (good["kind"] == "index").to_numpy()[:, None]
    filled = prices.mask(lacking, good["close"], axis=0)
    return good.assign(**filled, range_filled=lacking.any(axis=1))


def _with_known_at(good: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Add ``close_at`` and ``known_at``, when the values of each good version became known.

    That is the close for a first version, unless it corrects a broken one or fills a hole between
    rows fetched before it; else the moment its values, or the equal ones before, were fetched.
    """
    again = good["of"].duplicated(keep=False)
    # A later fetch may begin on this session and so know no gross-up: the earlier one stands.
    earlier = good[again].groupby("of")["adjustment"].ffill()
    good = good.assign(adjustment=good["adjustment"].fillna(earlier).fillna(1.0))

    second = good["of"].duplicated()
    first_of_all = ~rows["of"].duplicated()[good.index]
    changed = (good[_VERSIONED] != good[_VERSIONED].shift()).any(axis=1)
    # Where the first version was broken the first good one is a correction of it.
    anew = np.where(second, changed, ~first_of_all | good["of"].isin(_late(rows)))
    days = pd.DatetimeIndex(good["session"].unique())
    close_of = pd.Series(calendar.closes(list(days)), days, dtype="datetime64[us, UTC]")
    close_at = good["session"].map(close_of)
    moment = good["ingested_at"].where(anew, close_at.where(~second))
    known_at = moment.groupby(good["of"]).ffill()
    return good.assign(close_at=close_at, known_at=known_at.where(known_at > close_at, close_at))


def _late(rows: pd.DataFrame) -> "pd.Series[int]":
    """Return ``of`` of the rows that fill a hole: both sides of them were fetched before."""
    firsts = rows[~rows["of"].duplicated()]
    fetched = firsts["ingested_at"].astype("int64")
    before = fetched.groupby(firsts["symbol"]).cummin()
    after = fetched[::-1].groupby(firsts["symbol"][::-1]).cummin()[::-1]
    late: pd.Series[int] = firsts.loc[(before < fetched) & (after < fetched), "of"]
    return late


def _flagged(in_use: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``flags``; a row's flags rest on it and on the rows before it alone."""
    asset = in_use["kind"] == "asset"
    before = in_use[_PRICES].shift()
    follows = in_use["symbol"] == in_use["symbol"].shift()
    growth = in_use["close"] / before["close"] * in_use["adjustment"]
    leap = np.exp(SUSPICIOUS_JUMP)
    flags = {
        "close_outside_range": ~asset & _outside_range(in_use, "close"),
        "open_outside_range": ~asset & _outside_range(in_use, "open"),
        "range_filled": in_use["range_filled"],
        "restated": in_use["known_at"] > in_use["close_at"],
        "stale_repeat": asset & follows & (in_use[_PRICES] == before).all(axis=1),
        "suspicious_jump": asset & follows & ~growth.between(1 / leap, leap),
    }
    raised: list[tuple[str, ...]] = [()] * len(in_use)
    for name, mask in flags.items():
        for position in np.flatnonzero(mask):
            raised[position] += (name,)
    return in_use.assign(flags=pd.Series(raised, in_use.index)).reset_index(drop=True)


def _outside_range(rows: pd.DataFrame, column: str) -> "pd.Series[bool]":
    return (rows[column] > rows["high"]) | (rows[column] < rows["low"])


def _quarantined(rows: pd.DataFrame, faults: pd.DataFrame) -> pd.DataFrame:
    columns = [column.name for column in MONITORING_QUARANTINE.columns]
    joined = faults.merge(rows, on="row", how="left")[columns]
    kept = joined.drop_duplicates(list(MONITORING_QUARANTINE.key))
    return kept.sort_values(list(MONITORING_QUARANTINE.key), ignore_index=True)
