"""Checks of the market as a whole: of raw rows, and of the rows to be published."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.checks import history
from volcast.data.checks.history import CONTRADICTED, WINDOW
from volcast.data.checks.rows import RANGE_TOLERANCE, range_measures
from volcast.data.checks.suite import Check, Fact, Verdict, judge, newest_days, table_check
from volcast.data.curate import Curated
from volcast.store.tables import RAW_MARKET, Table

__all__ = ["MARKET", "Market", "columns_differ", "count_rows", "judge_market", "torn_companions"]

_PRICES = ["open", "high", "low", "close"]

MARKET = (
    table_check("raw", "columns_differ", "critical", 0),
    table_check("raw", "target_missing", "critical", 0),
    table_check("raw", "sessions_behind", "critical", 0),
    table_check("raw", "others_behind", "warning", 0),
    table_check("raw", "newest_broken", "critical", 0),
    table_check("raw", "quarantined_share", "critical", 0.01),
    table_check("raw", "second_source_differs", "warning", 0),
    Check("curated", "key_repeated", "critical", key=("symbol", "session")),
    Check("curated", "off_calendar", "critical", "is a session", 1),
    Check("curated", "known_before_close", "critical", "seconds known after close", 0),
    Check("curated", "price_not_positive", "critical", "lowest price", 0, above=True),
    Check("curated", "range_contradicts", "critical", "range of assets", -RANGE_TOLERANCE),
    Check("curated", "adjustment_not_positive", "critical", "adjustment", 0, above=True),
    Check("curated", "suspicious_jump", "warning", "suspicious_jump flagged", at_most=0),
    Check("curated", "stale_repeat", "warning", "stale_repeat flagged", at_most=0),
    Check("curated", "move_contradicted", "warning", "move of target", at_most=CONTRADICTED),
    table_check("curated", "missing_sessions", "critical", 5),
    table_check("curated", "others_missing_sessions", "warning", 0),
    table_check("curated", "newest_contradicted", "critical", 0),
    table_check("curated", "history_restated", "critical", 0.1),
    table_check("curated", "history_torn", "critical", 0),
    table_check("curated", "others_torn", "warning", 0),
)


@dataclass(frozen=True)
class Market:
    """The input of the checks: raw.market up to as_of, all versions, and what follows from it.

    ``published`` are the rows of curated.market_daily already published, ``macro`` those of
    raw.macro of the second sources.
    """

    raw: pa.Table
    curated: Curated
    published: pd.DataFrame
    macro: pd.DataFrame
    universe: Universe
    as_of: date


def judge_market(market: Market) -> Verdict:
    """Run the checks of `MARKET`."""
    universe, as_of = market.universe, market.as_of
    rows = _dated(market.curated.rows)
    target, index = (_of(rows, name) for name in (universe.target, universe.iv))
    published = _of(_dated(market.published), universe.target)
    moves = history.contradicted_moves(target, index)
    raw = market.raw.select(["symbol", "session", "ingested_at"]).to_pandas(date_as_object=False)
    companions = torn_companions(market.curated.rows, market.published, universe)
    facts = {
        "columns_differ": columns_differ(RAW_MARKET, market.raw.schema),
        **_freshness(raw, market),
        **_soundness(raw, market),
        **_completeness(raw, rows, market),
        "second_source_differs": history.second_source(index, market.macro, universe, as_of),
        "newest_contradicted": _newest_contradicted(moves, as_of),
        "history_restated": history.restated(target, published),
        "history_torn": history.torn(target, published, moves),
        "others_torn": Fact(float(len(companions)), ", ".join(companions)),
    }
    return judge(MARKET, _measured(rows, moves, market), facts)


def torn_companions(rows: pd.DataFrame, published: pd.DataFrame, universe: Universe) -> list[str]:
    """Return the symbols other than the target whose published history new rows would tear."""
    now, before, no_moves = _dated(rows), _dated(published), pd.Series(dtype=float)
    others = [name for name in universe.symbols if name != universe.target]
    return [n for n in others if history.torn(_of(now, n), _of(before, n), no_moves).value]


def columns_differ(table: Table, schema: pa.Schema) -> Fact:
    """Count the columns in which a schema differs from a contract."""
    types = {field.name: field.type for field in schema}
    odd = [c.name for c in table.columns if types.get(c.name) != c.type]
    odd += sorted(set(types) - {c.name for c in table.columns})
    return Fact(float(len(odd)), ", ".join(odd))


def count_rows(quarantined: pd.DataFrame) -> int:
    """Count raw rows; one row may be quarantined for several reasons."""
    return len(quarantined.drop_duplicates(["symbol", "session", "source", "ingested_at"]))


def _of(rows: pd.DataFrame, symbol: str) -> pd.DataFrame:
    return rows[rows["symbol"] == symbol]


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(session=pd.to_datetime(rows["session"]).astype("datetime64[ns]"))


def _measured(rows: pd.DataFrame, moves: "pd.Series[float]", market: Market) -> pd.DataFrame:
    days = rows["session"]
    sessions = _sessions(min(days), max(days)) if len(days) else pd.DatetimeIndex([])
    close_at = days.map(pd.Series(calendar.closes(list(sessions)), sessions))
    asset = ~rows["symbol"].isin(market.universe.indices)
    recent = days >= pd.Timestamp(calendar.after(market.as_of, 1 - WINDOW))
    of_target = rows["symbol"] == market.universe.target
    flagged = {
        f"{flag} flagged": rows["flags"].map(lambda flags, flag=flag: float(flag in flags))
        for flag in ("suspicious_jump", "stale_repeat")
    }
    return rows.assign(
        row=np.arange(len(rows)),
        **{
            "is a session": days.isin(sessions).astype(float),
            "seconds known after close": (rows["known_at"] - close_at).dt.total_seconds(),
            "lowest price": rows[_PRICES].min(axis=1),
            "range of assets": pd.DataFrame(range_measures(rows)).min(axis=1).where(asset),
            **{name: values.astype(float).where(recent) for name, values in flagged.items()},
            "move of target": days.map(moves).where(of_target & recent),
        },
    )


def _sessions(first: date, last: date) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(calendar.sessions(first, last))).as_unit("ns")


def _freshness(raw: pd.DataFrame, market: Market) -> dict[str, Fact]:
    """Count the sessions from each symbol's newest raw row to as_of."""
    newest = raw.groupby("symbol")["session"].max()
    behind = {
        name: calendar.sessions_between(newest[name].date(), market.as_of)
        for name in market.universe.symbols
        if name in newest.index
    }
    target = market.universe.target
    own = behind.pop(target, None)
    late = {name: count for name, count in behind.items() if count}
    return {
        "target_missing": Fact(float(own is None), f"no row of {target} up to {market.as_of}"),
        "sessions_behind": Fact(
            np.nan if own is None else float(own),
            "" if own is None else f"{target} up to {newest[target].date()}",
        ),
        "others_behind": Fact(float(max(late.values(), default=0)), _listed(late)),
    }


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} by {count}" for name, count in sorted(counts.items()))


def _soundness(raw: pd.DataFrame, market: Market) -> dict[str, Fact]:
    """Measure whether the target's newest row is broken, and the share of its rows that are.

    The newest session counts as broken if its latest version is, even if an earlier version is
    good: a forecast must not use a price that the source has since contradicted.
    """
    target, newest_day = market.universe.target, pd.Timestamp(market.as_of)
    own, broken = _of(raw, target), _of(market.curated.quarantined, target)
    newest = own.loc[own["session"] == newest_day, "ingested_at"].max()
    at_newest = broken.loc[broken["session"] == newest_day, "ingested_at"]
    newest_faults = broken.tail(3).itertuples()
    detail = "; ".join(f"{row.session:%Y-%m-%d} {row.reason}" for row in newest_faults)
    share = count_rows(broken) / len(own) if len(own) else np.nan
    return {
        "newest_broken": Fact(float((at_newest == newest).any()), detail),
        "quarantined_share": Fact(share, detail),
    }


def _completeness(raw: pd.DataFrame, rows: pd.DataFrame, market: Market) -> dict[str, Fact]:
    """Count the missing sessions of the window between each symbol's first and newest raw row."""
    start = calendar.after(market.as_of, 1 - WINDOW)
    missing: dict[str, pd.DatetimeIndex] = {}
    for name in market.universe.symbols:
        days = _of(raw, name)["session"]
        if len(days):
            expected = _sessions(max(days.min().date(), start), days.max().date())
            missing[name] = expected.difference(pd.DatetimeIndex(_of(rows, name)["session"]))
    own = missing.pop(market.universe.target, None)
    others = {name: len(days) for name, days in missing.items() if len(days)}
    return {
        "missing_sessions": Fact(
            np.nan if own is None else float(len(own)), "" if own is None else newest_days(own)
        ),
        "others_missing_sessions": Fact(float(max(others.values(), default=0)), _listed(others)),
    }


def _newest_contradicted(moves: "pd.Series[float]", as_of: date) -> Fact:
    """Return whether the target's newest move is one that its index contradicts."""
    move = moves.get(pd.Timestamp(as_of), np.nan)
    doubtful = move > CONTRADICTED
    detail = f"{as_of} moves {move:.1f} sd, the index does not" if doubtful else ""
    return Fact(float(doubtful), detail)
