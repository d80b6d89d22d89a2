"""Ingestion: rows of a source appended to the raw tables, revisions included."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from volcast.core import calendar
from volcast.core.errors import ContractError, NotFound
from volcast.core.settings import Universe
from volcast.data.guards import (
    require_assets,
    require_dates,
    require_new_york,
    require_one_market,
    require_reached,
)
from volcast.data.sessions import require_session
from volcast.data.sources.publication_lag import REVISED, is_vintage
from volcast.data.sources.source import MARKET_COLUMNS, Fetched, Source, join
from volcast.store import Store
from volcast.store.tables import RAW_MACRO, RAW_MARKET
from volcast.store.universe import remember

__all__ = ["IngestReport", "ingest"]

OVERLAP_DAYS = 22
"""About 15 sessions that are fetched from a live source again, to detect revisions."""

_KEY = ["symbol", "session"]
_VALUES = ["open", "high", "low", "close", "volume"]
_MACRO_KEY = ["series", "observation_date"]
_PRICE_NOISE = 1e-7
"""Relative precision of a price in single precision."""
_ADJUSTMENT_NOISE = 1e-5


@dataclass(frozen=True)
class IngestReport:
    """The counts of an ingestion up to the session ``as_of``, and the notes of the source.

    A restated row differs from its latest stored version; ``dropped`` is by reason; ``warnings``
    name the symbols that have no daily bars.
    """

    as_of: date
    added: int
    restated: int
    unchanged: int
    macro_added: int = 0
    macro_restated: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def ingest(  # noqa: PLR0913
    store: Store, source: Source, universe: Universe, *, now: datetime, as_of: date | None,
    also: Sequence[str] = (), switch_target: bool = False,
) -> IngestReport:  # fmt: skip
    """Fetch and check everything, then append new and restated rows and remember the universe.

    The symbols of the universe, of ``also`` and of the source's list are fetched; only the target
    must have rows. A repetition writes nothing, nor does a call that raises.

    Parameters
    ----------
    now : datetime, UTC
        ``ingested_at`` of the rows written; sessions that have not closed by then are not taken.
    as_of : date or None
        The last date taken; None for the last closed session (live source), or the target's newest
        session (archive).
    switch_target : bool
        Whether the store may have forecast another target before.

    Raises
    ------
    RequestError
        If ``as_of`` is not a session.
    ConfigError
        If the target or a symbol of ``also`` is a volatility index; if the store has rows of
        another source, and either is sample or synthetic; or if it forecasts another target.
    StaleInput
        If an archive ends before ``as_of``.
    SourceUnavailable
        If the source did not answer, or has nothing of the target; nothing is written then.
    NotFound
        If the target symbol has no row.
    ContractError
        If the source's data break their contract, as by a date after tomorrow, the target or a
        symbol of ``also`` does not follow New York's calendar, or ``now`` is before a row it would
        restate.
    StoreUnavailable
        If another ingestion stored other values meanwhile; a repetition compares with them.
    """
    require_assets(universe, also)
    if as_of is not None:
        require_session(as_of)
    closed = calendar.last_closed(now)
    stamp = pd.Timestamp(now).tz_convert("UTC").as_unit("us")
    symbols = tuple(dict.fromkeys((*universe.symbols, *also, *source.symbols)))
    raw = store.read(RAW_MARKET, first=calendar.FIRST, last=calendar.LAST)
    require_one_market(store, raw, source.name, universe, switch_target=switch_target)
    stored = _latest_market(raw, source, symbols)
    fetched = _fetch_market(source, symbols, stored, as_of)
    market, left_out = _usable(fetched, universe, also)
    require_dates(market.rows, _KEY, now, source.name)
    rows, until, dropped = _taken(_unique(market.rows, source), source, universe, closed, as_of)
    if _of(rows, universe.target).empty:
        raise NotFound(
            found=" ".join([f"no row of {universe.target}.", *market.notes]),
            expected="at least one row of the target symbol", where=f"source {source.name}",
            remedy="Choose another target (VOLCAST_UNIVERSE__TARGET), source or as_of.",
            field="target",
        )  # fmt: skip
    if as_of is not None and _of(market.rows, universe.target)["session"].max().date() < as_of:
        require_reached(source, universe.target, as_of)
    _require_new_york(rows, stored, (universe.target, *also), source)
    new, restated = _new_and_restated(rows, stored, stamp)
    macro = source.macro(None, until if source.live else None)
    require_dates(macro.rows, _MACRO_KEY, now, source.name)
    published = macro.rows[macro.rows["observation_date"] <= pd.Timestamp(until)]
    macro_new, macro_restated = _new_and_revised_macro(published, store, stamp)
    # Both tables are checked before one is written, and first the one that another ingestion can
    # have made refuse these rows: if it does, nothing is stored.
    written = [
        (table, table.conform(pd.concat(parts).assign(ingested_at=stamp), source.name))
        for table, parts in (
            (RAW_MACRO, [macro_new, macro_restated]), (RAW_MARKET, [new, restated]),
        )
    ]  # fmt: skip
    *_, market_report = [store.write(table, content) for table, content in written]
    remember(store, universe)
    # What another ingestion stored meanwhile, with the same values, is neither new nor restated.
    restated_count = max(len(restated) - market_report.unchanged, 0)
    return IngestReport(
        as_of=until,
        added=market_report.added - restated_count,
        restated=restated_count,
        unchanged=len(rows) - market_report.added,
        macro_added=len(macro_new),
        macro_restated=len(macro_restated),
        dropped=market.dropped | macro.dropped | dropped,
        notes=[*market.notes, *_unadjusted(rows, universe), *macro.notes],
        warnings=left_out,
    )


def _usable(market: Fetched, universe: Universe, also: Sequence[str]) -> tuple[Fetched, list[str]]:
    """Leave out symbols without daily bars, and name them; of an index, closes are enough."""
    for symbol in (universe.target, *also):
        if symbol in market.unusable:
            raise market.unusable[symbol]
    closes = universe.indices & set(market.rows.loc[market.rows["close"].notna(), "symbol"])
    out = {s: error for s, error in market.unusable.items() if s not in closes}
    rows = market.rows[~market.rows["symbol"].isin(list(out))]
    left_out = [f"{symbol} is left out: {error}" for symbol, error in out.items()]
    return replace(market, rows=rows), left_out


def _unadjusted(rows: pd.DataFrame, universe: Universe) -> list[str]:
    """Return a note for each asset with rows whose adjusted close is null, zero or negative."""
    odd = (rows["close"] > 0) & ~(rows["adj_close"] > 0) & ~rows["symbol"].isin(universe.indices)
    return [
        f"{symbol}: {len(own)} rows have no adj_close above 0, {own['session'].min():%Y-%m-%d} "
        f"first. A dividend on {own['adjustment'].isna().sum()} of them counts at the next row "
        "that has one, or is lost."
        for symbol, own in rows[odd].groupby("symbol")
    ]


def _of(rows: pd.DataFrame, symbol: str) -> pd.DataFrame:
    return rows[rows["symbol"] == symbol]


def _latest_market(raw: pa.Table, source: Source, symbols: Sequence[str]) -> pd.DataFrame:
    """Return the latest stored version of each row of these symbols and the source."""
    own = pc.field("symbol").isin(list(symbols)) & (pc.field("source") == source.name)
    rows: pd.DataFrame = raw.filter(own).to_pandas(date_as_object=False)
    rows = rows.sort_values("ingested_at", kind="stable")
    return rows.drop_duplicates(_KEY, keep="last")


def _fetch_market(
    source: Source, symbols: Sequence[str], stored: pd.DataFrame, as_of: date | None
) -> Fetched:
    """Fetch all sessions, or for stored symbols of a live source only the recent ones."""
    recent = [s for s in symbols if source.live and (stored["symbol"] == s).any()]
    whole = [s for s in symbols if s not in recent]
    parts = []
    if recent:
        newest = stored[stored["symbol"].isin(recent)].groupby("symbol")["session"].max()
        oldest = newest.min().date()
        first = min(oldest, as_of or oldest) - timedelta(days=OVERLAP_DAYS)
        part = source.market(recent, first, as_of)
        # A split, which restates the oldest fetched row, restates earlier ones too.
        edge = part.rows.sort_values("session").drop_duplicates("symbol")
        matched = _with_stored(edge, stored, _KEY)
        deep = sorted(matched.loc[_differs(matched) & matched["stored"], "symbol"])
        parts.append(replace(part, rows=part.rows[~part.rows["symbol"].isin(deep)]))
        whole += deep
    if whole:
        parts.append(source.market(whole, None, as_of))
    return join(parts, RAW_MARKET)


def _unique(rows: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Drop exact repeats; of two different rows one would look like a restatement of the other."""
    rows = rows.drop_duplicates([*_KEY, *_VALUES])
    repeated = rows[rows.duplicated(_KEY)]
    if len(repeated):
        row = repeated.iloc[0]
        raise ContractError(
            found=f"{row['symbol']} of {row['session'].date()} twice, with different values",
            expected="one row per symbol and date", where=f"source {source.name}",
            remedy="Check the source's answer; nothing of this fetch was stored.",
        )  # fmt: skip
    return rows


def _taken(
    rows: pd.DataFrame, source: Source, universe: Universe, closed: date, as_of: date | None
) -> tuple[pd.DataFrame, date, dict[str, int]]:
    """Return the rows up to the last date taken, that date, and counts of the others."""
    still_open = rows["session"] > pd.Timestamp(closed)
    ended = rows.loc[~still_open & (rows["symbol"] == universe.target), "session"]
    until = as_of or (closed if source.live or ended.empty else ended.max().date())
    late = ~still_open & (rows["session"] > pd.Timestamp(until))
    early = rows["session"] < pd.Timestamp(calendar.FIRST)
    dropped = {
        "session not closed yet": int(still_open.sum()), "after as_of": int(late.sum()),
        f"before {calendar.FIRST}, where the calendar starts": int(early.sum()),
    }  # fmt: skip
    taken = rows[~still_open & ~late & ~early]
    return taken, until, {reason: count for reason, count in dropped.items() if count}


def _require_new_york(
    rows: pd.DataFrame, stored: pd.DataFrame, symbols: Sequence[str], source: Source
) -> None:
    """Check the dates that each symbol has with the stored ones, of which some may be older."""
    dates = pd.concat([rows[_KEY], stored[_KEY]]).groupby("symbol")["session"].unique()
    for symbol in dates.index.intersection(list(symbols)):
        require_new_york(symbol, pd.DatetimeIndex(dates[symbol]).as_unit("ns"), source.name)


def _new_and_restated(
    rows: pd.DataFrame, stored: pd.DataFrame, stamp: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    matched = _with_stored(rows, stored, _KEY)
    new, restated = matched[~matched["stored"]], matched[matched["stored"] & _differs(matched)]
    if (restated["ingested_at"] >= stamp).any():
        raise ContractError(
            found=f"now {stamp}, and a row stored at {restated['ingested_at'].max()}",
            expected="a time after that of every row that is restated", where="ingest",
            remedy="Correct the clock, or pass a later time.",
        )  # fmt: skip
    return new[MARKET_COLUMNS], restated[MARKET_COLUMNS]


def _differs(matched: pd.DataFrame) -> "pd.Series[bool]":
    stored = matched[[f"{name}_stored" for name in _VALUES]]
    same = np.isclose(matched[_VALUES], stored, rtol=_PRICE_NOISE, atol=0.0, equal_nan=True)
    # A null on either side is the first row of a fetch, which has no adjustment.
    moved = (matched["adjustment"] - matched["adjustment_stored"]).abs() > _ADJUSTMENT_NOISE
    return moved | pd.Series(~same.all(axis=1), matched.index, dtype=bool)


def _new_and_revised_macro(
    rows: pd.DataFrame, store: Store, stamp: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split macro rows; a changed value of a series without vintages counts from now on."""
    if rows.empty:
        return rows, rows
    table = store.read(RAW_MACRO, symbols=sorted(rows["series"].unique()))
    stored = table.to_pandas(date_as_object=False).sort_values("available_at")
    stored = stored[[*_MACRO_KEY, "available_at", "value"]]
    dated = is_vintage(rows["lag_rule"])
    published = _with_stored(rows[dated], stored, [*_MACRO_KEY, "available_at"])
    newest = stored.drop_duplicates(_MACRO_KEY, keep="last")
    plain = _with_stored(rows[~dated], newest, _MACRO_KEY)
    changed = published[published["stored"] & published["value"].ne(published["value_stored"])]
    if len(changed):
        row = changed.iloc[0]
        raise ContractError(
            found=f"{row['series']} of {row['observation_date'].date()}: {row['value']}",
            expected=f"{row['value_stored']}, as published by {row['available_at']}",
            where="ingest",
            remedy="A vintage never changes; date the new value with its own vintage.",
        )
    new = pd.concat([part[~part["stored"]] for part in (published, plain)])
    revised = plain[plain["stored"] & plain["value"].ne(plain["value_stored"])]
    later = revised["available_at_stored"] + pd.Timedelta(microseconds=1)
    revised = revised.assign(available_at=later.where(later > stamp, stamp), lag_rule=REVISED)
    return new[list(rows.columns)], revised[list(rows.columns)]


def _with_stored(rows: pd.DataFrame, stored: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Join each row with its stored version in columns ``*_stored``; ``stored`` marks a match."""
    day = key[1]
    stored = stored.assign(**{day: stored[day].astype(rows[day].dtype)}, stored=True)
    matched = rows.merge(stored, on=key, how="left", suffixes=("", "_stored"))
    return matched.assign(stored=matched["stored"].eq(True))
