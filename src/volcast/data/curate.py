"""Curation: from all versions of raw rows to one row in use per symbol and session."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.checks.prints import reverts, wide
from volcast.data.checks.rows import judge_rows
from volcast.data.checks.suite import Verdict
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    CURATED_MARKET_VERSIONS,
    MONITORING_QUARANTINE,
)

__all__ = ["SUSPICIOUS_JUMP", "USUAL_SHARE", "Curated", "curate"]

SUSPICIOUS_JUMP = 0.5
"""Absolute log return above which an asset is flagged; SPY, TLT, HYG have stayed below 0.14."""

USUAL_SHARE = 0.5
"""Of the bars of the month before; where fewer have a range, one without is not stale."""

_MONTH = 22
_PRICES = ["open", "high", "low", "close"]
_VERSIONED = [*_PRICES, "adjustment"]
_KEY = ["symbol", "session"]


@dataclass(frozen=True)
class Curated:
    """Rows of curated.market_daily, curated.market_versions and monitoring.quarantine.

    ``replaced`` are the earlier values of restated rows; ``quarantined`` has one row per broken raw
    row and reason; ``dropped`` counts the rows left out that are not broken, by
    ``"VIX off_calendar"``; ``verdict`` is of the row checks.
    """

    rows: pd.DataFrame
    replaced: pd.DataFrame
    quarantined: pd.DataFrame
    dropped: dict[str, int]
    verdict: Verdict


def curate(raw: pd.DataFrame, universe: Universe, as_of: date) -> Curated:
    """Check every version of every row and choose the one in use.

    In use is the latest version of a (symbol, session) that is not broken: a broken restatement
    leaves the earlier good version in use. Rows after ``as_of`` are ignored.

    Parameters
    ----------
    raw : pandas.DataFrame
        Rows of raw.market, any order, all versions.
    universe : Universe
        Only the close of its indices is checked. Off-calendar rows of its target are quarantined;
        those of other symbols (indices are published on some holidays) are dropped.
    """
    rows, dropped = _in_scope(raw, universe, as_of)
    verdict = judge_rows(rows)
    good = _fill_index_ranges(rows[~rows["row"].isin(verdict.faults["row"])])
    versions = _with_known_at(good, rows).drop_duplicates(["of", "known_at"], keep="last")
    replaced = versions["of"].duplicated(keep="last")
    quarantined = verdict.faults.merge(rows, on="row")[MONITORING_QUARANTINE.schema.names]
    key = list(MONITORING_QUARANTINE.key)
    return Curated(
        rows=_flagged(versions[~replaced])[CURATED_MARKET_DAILY.schema.names],
        replaced=versions.loc[replaced, CURATED_MARKET_VERSIONS.schema.names],
        quarantined=quarantined.drop_duplicates(key).sort_values(key, ignore_index=True),
        dropped=dropped,
        verdict=verdict,
    )


def _in_scope(
    raw: pd.DataFrame, universe: Universe, as_of: date
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows to check, sorted by version and numbered, and counts of those dropped.

    ``row`` numbers the rows, and ``of`` the (symbol, session) that they are versions of.
    """
    rows = raw.drop(columns="adj_close").assign(
        session=pd.to_datetime(raw["session"]).astype("datetime64[ns]"),
        ingested_at=pd.to_datetime(raw["ingested_at"], utc=True).astype("datetime64[us, UTC]"),
        without_adj_close=~(raw["adj_close"] > 0),
        **raw[_VERSIONED].astype("float64"),
    )
    rows = rows[rows["session"] <= pd.Timestamp(as_of)]
    rows = rows.sort_values([*_KEY, "ingested_at", "source"], kind="stable", ignore_index=True)
    rows["on_calendar"] = rows["session"].isin(_sessions_of(rows["session"]))
    rows["kind"] = np.where(rows["symbol"].isin(universe.indices), "index", "asset")
    holiday = ~rows["on_calendar"] & (rows["symbol"] != universe.target)
    # Two different rows of one version are for the checks; exact copies are dropped here.
    repeat = rows.duplicated([*_KEY, "ingested_at", *_VERSIONED]) & ~holiday
    dropped = _count(rows, holiday, "off_calendar") | _count(rows, repeat, "repeated")
    rows = rows[~(holiday | repeat)].reset_index(drop=True)
    rows["row"], rows["of"] = np.arange(len(rows)), (~rows.duplicated(_KEY)).cumsum()
    rows["repeats"] = _repeats_the_bar_before(rows)
    return rows, dropped


def _sessions_of(days: "pd.Series[pd.Timestamp]") -> pd.DatetimeIndex:
    if days.empty:
        return pd.DatetimeIndex([])
    return pd.DatetimeIndex(calendar.sessions(days.min().date(), days.max().date()))


def _repeats_the_bar_before(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Mark bars equal, volume included, to that of the session before, as known when fetched.

    A bar without a range may repeat, as for an index that has only closes.
    """
    bar = [*_PRICES, "volume"]
    versions = rows[["symbol", "ingested_at", *bar]].assign(
        at=_sessions_of(rows["session"]).get_indexer(pd.DatetimeIndex(rows["session"]))
    )
    versions = versions[rows["on_calendar"]].sort_values("ingested_at", kind="stable")
    pairs = pd.merge_asof(
        versions, versions.assign(at=versions["at"] + 1),
        on="ingested_at", by=["symbol", "at"], suffixes=("", "_before"),
    )  # fmt: skip
    same = (pairs[bar].to_numpy() == pairs[[f"{name}_before" for name in bar]].to_numpy()).all(1)
    repeats = pd.Series(same, versions.index).reindex(rows.index, fill_value=False)
    return repeats & (rows["high"] > rows["low"])


def _count(rows: pd.DataFrame, mask: "pd.Series[bool]", reason: str) -> dict[str, int]:
    counts = rows.loc[mask, "symbol"].value_counts().sort_index()
    return {f"{symbol} {reason}": int(count) for symbol, count in counts.items()}


def _fill_index_ranges(good: pd.DataFrame) -> pd.DataFrame:
    """Fill the missing open, high or low of an index with its close."""
    prices = good[_PRICES]
    missing = ~((prices > 0) & np.isfinite(prices)) & (good["kind"] == "index").to_numpy()[:, None]
    filled = prices.mask(missing, good["close"], axis=0)
    return good.assign(**filled, range_filled=missing.any(axis=1))


def _with_known_at(good: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Add ``close_at`` and ``known_at``, when the values of each good version became known.

    That is the close for a first version, unless it corrects a broken one or fills a hole between
    rows fetched before it; else the moment its values, or the equal ones before, were fetched.
    """
    # A later fetch may begin on this session and so have no gross-up: the earlier one applies.
    adjustment = good.groupby("of")["adjustment"].ffill()
    unadjusted = adjustment.isna() | good["without_adj_close"]
    good = good.assign(adjustment=adjustment.fillna(1.0), unadjusted=unadjusted)
    second = good["of"].duplicated()
    first_of_all = ~rows["of"].duplicated()[good.index]
    changed = (good[_VERSIONED] != good[_VERSIONED].shift()).any(axis=1)
    # If the first version was broken, the first good one is a correction.
    fetched = np.where(second, changed, ~first_of_all | good["of"].isin(_late(rows)))
    close_at = pd.Series(calendar.closes(good["session"]), good.index)
    moment = good["ingested_at"].where(fetched, close_at.where(~second))
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


def _reverted(in_use: pd.DataFrame) -> "pd.Series[bool]":
    """Mark the assets' rows of which a price reverts within the session."""
    assets = in_use[in_use["kind"] == "asset"]
    if assets.empty:
        return pd.Series(False, in_use.index)
    prices = wide(assets)
    marks = reverts(*(prices[name] for name in ("high", "low", "close", "adjustment"))).stack()
    marked = marks.reindex(pd.MultiIndex.from_frame(in_use[["session", "symbol"]]))
    return pd.Series(marked.eq(True).to_numpy(), in_use.index)


def _flagged(in_use: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``flags``; a row's flags depend only on it and on earlier rows."""
    asset = in_use["kind"] == "asset"
    before = in_use[_PRICES].shift()
    follows = in_use["symbol"] == in_use["symbol"].shift()
    growth = in_use["close"] / before["close"] * in_use["adjustment"]
    leap = np.exp(SUSPICIOUS_JUMP)
    low, high = in_use["low"], in_use["high"]
    has_range = high > low
    ranges = has_range.astype(float).groupby(in_use["symbol"])
    usual = ranges.transform(lambda one: one.rolling(_MONTH, min_periods=1).mean().shift())
    still = asset & ~has_range & (in_use["close"] == before["close"]) & (usual >= USUAL_SHARE)
    repeats = has_range & (in_use[_PRICES] == before).all(axis=1)
    flags = {
        "adjustment_missing": asset & follows & in_use["unadjusted"],
        "close_outside_range": ~asset & ~in_use["close"].between(low, high),
        "open_outside_range": ~asset & ~in_use["open"].between(low, high),
        "price_reverted": _reverted(in_use),
        "range_filled": in_use["range_filled"],
        "restated": in_use["known_at"] > in_use["close_at"],
        "stale_repeat": follows & (repeats | still),
        "suspicious_jump": asset & follows & ~growth.between(1 / leap, leap),
    }
    raised: list[tuple[str, ...]] = [()] * len(in_use)
    for name, mask in flags.items():
        for position in np.flatnonzero(mask):
            raised[position] += (name,)
    return in_use.assign(flags=pd.Series(raised, in_use.index)).reset_index(drop=True)
