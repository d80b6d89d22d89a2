"""Ingestion: what a source fetched, appended to the raw tables with its revisions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ConfigError, ContractError, NotFound
from volcast.core.settings import Universe
from volcast.data.sessions import require_session
from volcast.data.sources.publication_lag import REVISED, is_vintage
from volcast.data.sources.source import MARKET_COLUMNS, Fetched, Source, join
from volcast.store import Store
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["IngestReport", "ingest"]

OVERLAP_DAYS = 22
"""About 15 sessions that a live source is asked for again, to see what it has revised."""

_EXAMPLES = {"sample", "synthetic"}
_KEY = ["symbol", "session"]
_PRICES = ["open", "high", "low", "close"]
_PRICE_NOISE = 1e-7
"""Relative; a price in single precision is known no better."""
_ADJUSTMENT_NOISE = 1e-5


@dataclass(frozen=True)
class IngestReport:
    """What an ingestion brought.

    Parameters
    ----------
    as_of : date
        The session up to which rows were taken.
    added, restated, unchanged : int
        Market rows that are new, that differ from the version stored last, that do not.
    macro_added, macro_restated : int
        The same of macro values.
    dropped : dict of str to int
        Rows not taken, by reason.
    notes : list of str
        What the source says of its data.
    """

    as_of: date
    added: int
    restated: int
    unchanged: int
    macro_added: int = 0
    macro_restated: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def ingest(
    store: Store, source: Source, universe: Universe, *, now: datetime, as_of: date | None,
    also: Sequence[str] = (),
) -> IngestReport:  # fmt: skip
    """Fetch everything, then append what is new or restated; twice the same writes nothing.

    Parameters
    ----------
    store : Store
    source : Source
    universe : Universe
        Its symbols are fetched, and all others that the source lists; only the target must be
        there.
    now : datetime, UTC
        ``ingested_at`` of the rows written; a session that has not closed then is not taken.
    as_of : date or None
        The last date taken; None for the last closed session (live source), else the target's
        newest session.
    also : sequence of str
        Further symbols to fetch.

    Raises
    ------
    RequestError
        If ``as_of`` is no session.
    ConfigError
        If the store holds rows of another source, and either is sample or synthetic.
    SourceUnavailable
        If the source did not answer; nothing is written then.
    NotFound
        If the target symbol has no row.
    ContractError
        If the source's data break their contract, or ``now`` is before a row it would restate.
    """
    if as_of is not None:
        require_session(as_of)
    closed = calendar.last_closed(now)
    stamp = pd.Timestamp(now).tz_convert("UTC").as_unit("us")
    symbols = tuple(dict.fromkeys((*universe.symbols, *also, *source.symbols)))
    stored = _latest_market(store, source, symbols)
    market = _fetch_market(source, symbols, stored, as_of)
    until = as_of or (closed if source.live else _newest(market.rows, universe, closed))
    rows, not_taken = _taken(_without_repeats(market.rows, source), until, closed)
    _refuse_no_target(rows, market, source, universe)
    new, restated = _new_and_restated(rows, stored, stamp)
    macro = source.macro(None, until)
    macro_new, macro_restated = _new_and_revised_macro(macro.rows, store, stamp)

    market_table = RAW_MARKET.conform(_stamped([new, restated], stamp), source.name)
    macro_table = RAW_MACRO.conform(_stamped([macro_new, macro_restated], stamp), source.name)
    store.write(RAW_MARKET, market_table)
    store.write(RAW_MACRO, macro_table)
    return IngestReport(
        as_of=until,
        added=len(new),
        restated=len(restated),
        unchanged=len(rows) - len(new) - len(restated),
        macro_added=len(macro_new),
        macro_restated=len(macro_restated),
        dropped=market.dropped | macro.dropped | not_taken,
        notes=[*market.notes, *macro.notes],
    )


def _latest_market(store: Store, source: Source, symbols: Sequence[str]) -> pd.DataFrame:
    table = store.read(RAW_MARKET, symbols=symbols)
    rows: pd.DataFrame = table.to_pandas(date_as_object=False)
    _refuse_mixture(set(rows["source"]), source, store)
    rows = rows[rows["source"] == source.name].sort_values("ingested_at", kind="stable")
    return rows.drop_duplicates(_KEY, keep="last")


def _refuse_mixture(stored: set[str], source: Source, store: Store) -> None:
    """Raise before an example's prices would stand among real ones, or real among them."""
    others = stored - {source.name}
    if others and _EXAMPLES & {source.name, *others}:
        raise ConfigError(
            found=f"rows of {', '.join(sorted(others))}",
            expected=f"an empty store, or one of {source.name}",
            where=store.uri,
            remedy="Give each example source a store of its own: --store, or STORE= with make.",
        )


def _fetch_market(
    source: Source, symbols: Sequence[str], stored: pd.DataFrame, as_of: date | None
) -> Fetched:
    """Fetch all, or of a live source the sessions since shortly before the newest stored."""
    recent = [s for s in symbols if source.live and (stored["symbol"] == s).any()]
    whole = [s for s in symbols if s not in recent]
    parts = []
    if recent:
        held = stored[stored["symbol"].isin(recent)]
        newest = held.groupby("symbol")["session"].max().min().date()
        first = min(newest, as_of or newest) - timedelta(days=OVERLAP_DAYS)
        part = source.market(recent, first, as_of)
        deep = _restated_at_the_edge(part.rows, stored)
        kept = part.rows[~part.rows["symbol"].isin(deep)]
        parts.append(Fetched(kept, part.dropped, part.notes))
        whole += deep
    if whole:
        parts.append(source.market(whole, None, as_of))
    return join(parts, RAW_MARKET)


def _restated_at_the_edge(rows: pd.DataFrame, stored: pd.DataFrame) -> list[str]:
    """Return symbols whose oldest row fetched is restated: a split restates all before it too."""
    edge = rows.sort_values("session").drop_duplicates("symbol")
    matched = _matched(edge, stored)
    return sorted(matched.loc[_differs(matched) & matched["held"], "symbol"])


def _without_repeats(rows: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Drop rows given twice; of two that differ one would pass for a restatement of the other."""
    kept = rows.drop_duplicates([*_KEY, *_PRICES, "volume"])
    twice = kept.duplicated(_KEY)
    if twice.any():
        row = kept[twice].iloc[0]
        raise ContractError(
            found=f"{row['symbol']} of {row['session'].date()} twice, with other values",
            expected="one row a symbol and date",
            where=f"source {source.name}",
            remedy="Look at what the source sends; nothing of this fetch was stored.",
        )
    return kept


def _newest(rows: pd.DataFrame, universe: Universe, closed: date) -> date:
    sessions = rows.loc[rows["symbol"] == universe.target, "session"]
    # Without a row of the target the next check names the fault.
    newest = sessions[sessions <= pd.Timestamp(closed)].max()
    return closed if pd.isna(newest) else newest.date()


def _taken(rows: pd.DataFrame, until: date, closed: date) -> tuple[pd.DataFrame, dict[str, int]]:
    open_still = rows["session"] > pd.Timestamp(closed)
    late = (rows["session"] > pd.Timestamp(until)) & ~open_still
    dropped = {
        "session not closed yet": int(open_still.sum()),
        "after as_of": int(late.sum()),
    }
    return rows[~open_still & ~late], {why: n for why, n in dropped.items() if n}


def _refuse_no_target(
    rows: pd.DataFrame, market: Fetched, source: Source, universe: Universe
) -> None:
    if not (rows["symbol"] == universe.target).any():
        raise NotFound(
            found=" ".join([f"no row of {universe.target}.", *market.notes]),
            expected="at least one of the target symbol",
            where=f"source {source.name}",
            remedy="Choose another target (VOLCAST_UNIVERSE__TARGET), source or as_of.",
            field="target",
        )


def _matched(rows: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Join each row with the version stored last, in columns ``*_held``."""
    held = stored[[*_KEY, *_PRICES, "volume", "adjustment", "ingested_at"]].assign(held=True)
    held["session"] = held["session"].astype(rows["session"].dtype)
    matched = rows.merge(held, on=_KEY, how="left", suffixes=("", "_held"))
    return matched.assign(held=matched["held"].eq(True))


def _differs(matched: pd.DataFrame) -> "pd.Series[bool]":
    differs = pd.Series(data=False, index=matched.index)
    for name in (*_PRICES, "volume"):
        differs |= ~np.isclose(
            matched[name], matched[f"{name}_held"], rtol=_PRICE_NOISE, atol=0.0, equal_nan=True
        )
    # A null on either side is the first row of a fetch, which knows no adjustment.
    moved = (matched["adjustment"] - matched["adjustment_held"]).abs() > _ADJUSTMENT_NOISE
    return differs | moved


def _new_and_restated(
    rows: pd.DataFrame, stored: pd.DataFrame, stamp: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    matched = _matched(rows, stored)
    new, restated = matched[~matched["held"]], matched[matched["held"] & _differs(matched)]
    if (restated["ingested_at"] >= stamp).any():
        raise ContractError(
            found=f"now {stamp}, and a row stored at {restated['ingested_at'].max()}",
            expected="a time after that of every row that is restated",
            where="ingest",
            remedy="Set the clock right, or pass a later time.",
        )
    return new[MARKET_COLUMNS], restated[MARKET_COLUMNS]


def _new_and_revised_macro(
    rows: pd.DataFrame, store: Store, stamp: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split macro rows; a changed value of a series without vintages counts from now on."""
    if rows.empty:
        return rows, rows
    table = store.read(RAW_MACRO, symbols=sorted(rows["series"].unique()))
    stored = table.to_pandas(date_as_object=False).sort_values("available_at")
    stored["observation_date"] = stored["observation_date"].astype(rows["observation_date"].dtype)
    of_vintage = is_vintage(rows["lag_rule"])
    key = ["series", "observation_date"]
    published = _with_held(rows[of_vintage], stored, [*key, "available_at"])
    _refuse_changed(published)
    plain = _with_held(rows[~of_vintage], stored.drop_duplicates(key, keep="last"), key)
    new = pd.concat([part[~part["held"]] for part in (published, plain)])
    revised = plain[_changed(plain)]
    later = revised["available_at_held"] + pd.Timedelta(microseconds=1)
    revised = revised.assign(available_at=later.where(later > stamp, stamp), lag_rule=REVISED)
    return new[list(rows.columns)], revised[list(rows.columns)]


def _changed(matched: pd.DataFrame) -> "pd.Series[bool]":
    return matched["held"] & (matched["value"] != matched["value_held"])


def _refuse_changed(published: pd.DataFrame) -> None:
    changed = published[_changed(published)]
    if len(changed):
        row = changed.iloc[0]
        raise ContractError(
            found=f"{row['series']} of {row['observation_date'].date()}: {row['value']}",
            expected=f"{row['value_held']}, as published by {row['available_at']}",
            where="ingest",
            remedy="A vintage never changes; give the new value its own vintage.",
        )


def _with_held(rows: pd.DataFrame, stored: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    wanted = [*dict.fromkeys([*key, "available_at", "value"])]
    held = stored[wanted].assign(held=True)
    matched = rows.merge(held, on=key, how="left", suffixes=("", "_held"))
    return matched.assign(held=matched["held"].eq(True))


def _stamped(parts: list[pd.DataFrame], stamp: pd.Timestamp) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True).assign(ingested_at=stamp)
