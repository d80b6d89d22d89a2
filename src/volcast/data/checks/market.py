"""Checks of the market as a whole: of raw rows, and of the rows to be published."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.checks import history
from volcast.data.checks.moves import (
    CONTRADICTED,
    TORN,
    WINDOW,
    contradicted,
    growth_by_symbol,
    measure_moves,
    unexplained,
)
from volcast.data.checks.rows import RANGE_TOLERANCE, range_measures
from volcast.data.checks.suite import Check, Fact, Verdict, judge, newest_days, table_check
from volcast.data.curate import USUAL_SHARE, Curated
from volcast.store.tables import RAW_MARKET, Table

__all__ = [
    "MARKET", "columns_differ", "count_rows", "judge_market", "judge_moves", "torn_companions",
]  # fmt: skip

_PRICES = ["open", "high", "low", "close"]
_MONTH = 22
INDEX_STILL = 2
"""Sessions in a row with one close of an index: VIX had three twice in 8,060, VIX3M once."""

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
    Check("curated", "adjustment_missing", "warning", "adjustment_missing flagged", at_most=0),
    Check("curated", "suspicious_jump", "warning", "suspicious_jump flagged", at_most=0),
    Check("curated", "stale_repeat", "warning", "stale_repeat flagged", at_most=0),
    Check("curated", "move_contradicted", "warning", "move of target", at_most=CONTRADICTED),
    Check("curated", "move_unexplained", "warning", "unexplained move", at_most=0),
    Check("curated", "price_reverted", "warning", "price_reverted flagged", at_most=0),
    table_check("curated", "missing_sessions", "critical", 5),
    table_check("curated", "others_missing_sessions", "warning", 0),
    table_check("curated", "newest_contradicted", "critical", 0),
    table_check("curated", "newest_stale", "critical", 0),
    table_check("curated", "index_still", "warning", INDEX_STILL),
    table_check("curated", "history_restated", "critical", 0.1),
    table_check("curated", "history_torn", "critical", 0),
    table_check("curated", "others_torn", "warning", 0),
)


def judge_market(  # noqa: PLR0913, PLR0917
    raw: pa.Table, curated: Curated, published: pd.DataFrame, moves: pd.DataFrame,
    macro: pd.DataFrame, universe: Universe, as_of: date,
) -> Verdict:  # fmt: skip
    """Run the checks of `MARKET`.

    Parameters
    ----------
    raw : pyarrow.Table
        raw.market up to ``as_of``, all versions.
    curated : Curated
        The rows to be published.
    published, macro : pandas.DataFrame
        Rows of curated.market_daily already published, and of raw.macro of the second sources.
    moves : pandas.DataFrame
        Of `judge_moves`.
    """
    rows, target = _dated(curated.rows), universe.target
    own, own_moves = _of(rows, target), _of(moves, target).set_index("session")
    newest_move = own_moves["contradicted"].get(pd.Timestamp(as_of), np.nan)
    tears = own_moves.loc[own_moves["torn"], "growth"]
    newest_tears = ", ".join(f"{t:%Y-%m-%d} {np.expm1(g):+.1%}" for t, g in tears.tail(3).items())
    raw_rows = raw.select(["symbol", "session", "ingested_at"]).to_pandas(date_as_object=False)
    torn = torn_companions(moves, universe)
    facts = {
        "columns_differ": columns_differ(RAW_MARKET, raw.schema),
        **_freshness(raw_rows, universe, as_of),
        **_soundness(_of(raw_rows, target), _of(curated.quarantined, target), as_of),
        **_completeness(raw_rows, rows, universe, as_of),
        "second_source_differs": history.second_source(
            _of(rows, universe.iv), macro, universe, as_of
        ),
        "newest_contradicted": Fact(
            newest_move > CONTRADICTED, f"{as_of} moves {newest_move:.1f} sd, the index does not"
        ),
        "newest_stale": _newest_stale(own, as_of),
        "index_still": _indices_still(rows, universe),
        "history_restated": history.restated(own, _of(_dated(published), target)),
        "history_torn": Fact(len(tears), f"newest returns {newest_tears}"),
        "others_torn": Fact(len(torn), ", ".join(torn)),
    }
    return judge(MARKET, _measured(rows, moves, universe, as_of), facts)


def judge_moves(rows: pd.DataFrame, published: pd.DataFrame, universe: Universe) -> pd.DataFrame:
    """Compare the returns of new rows with the published ones, and with what may explain them.

    Parameters
    ----------
    rows, published : pandas.DataFrame
        Rows of curated.market_daily of all symbols, sorted by its key.

    Returns
    -------
    pandas.DataFrame
        A row for each of ``rows``: symbol, session, growth, and

        - new: bool, whether that return is not the published one,
        - torn: bool, whether the return grows beyond .18 in logs, and by as much, or looks like a
          split or a dividend without a record (`unexplained`) and is new, over .18 unless nothing
          of its symbol was published,
        - doubtful: bool, other such returns: new ones, and published ones that look torn,
        - contradicted: deviations, null for indices.
    """
    rows, published = _dated(rows), _dated(published)
    growth = growth_by_symbol(rows)
    before = growth_by_symbol(published).reindex(growth.index)
    moves = measure_moves(rows, universe)
    found = pd.concat([moves[["symbol", "session"]], unexplained(moves)], axis=1)
    found = found.assign(contradicted=contradicted(moves))
    judged = rows[["symbol", "session"]].merge(found, on=["symbol", "session"], how="left")
    size, leap = growth.abs().to_numpy(), (growth.abs() - before.abs()).to_numpy()
    new = ~((growth - before).abs().to_numpy() <= history.SAME)
    odd = judged["torn"].eq(True)
    # Of a published history `newest_contradicted` stops the smaller moves, for a day.
    first = ~rows["symbol"].isin(published["symbol"])
    stops = odd & new & (first.to_numpy() | (size > TORN))
    return judged.assign(
        growth=growth.to_numpy(),
        new=new,
        torn=((size > TORN) & (leap > TORN)) | stops,
        doubtful=(judged["doubtful"].eq(True) & new) | (odd & ~stops),
    )


def torn_companions(moves: pd.DataFrame, universe: Universe) -> list[str]:
    """Return the symbols other than the target whose history is torn."""
    torn = moves.loc[moves["torn"], "symbol"]
    return sorted(set(torn) - {universe.target})


def columns_differ(table: Table, schema: pa.Schema) -> Fact:
    """Count the columns in which a schema differs from a contract."""
    types = {field.name: field.type for field in schema}
    odd = [c.name for c in table.columns if types.get(c.name) != c.type]
    odd += sorted(set(types) - {c.name for c in table.columns})
    return Fact(len(odd), ", ".join(odd))


def count_rows(quarantined: pd.DataFrame) -> int:
    """Count raw rows; one row may be quarantined for several reasons."""
    return len(quarantined.drop_duplicates(["symbol", "session", "source", "ingested_at"]))


def _of(rows: pd.DataFrame, symbol: str) -> pd.DataFrame:
    return rows[rows["symbol"] == symbol]


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(session=pd.to_datetime(rows["session"]).astype("datetime64[ns]"))


def _newest_stale(own: pd.DataFrame, as_of: date) -> Fact:
    """Judge whether the target's newest bar has no range, or is the one before once more.

    A history of which half of the last 22 bars have no range is one of closes alone.
    """
    newest, earlier = own[own["session"] == pd.Timestamp(as_of)], own.iloc[-1 - _MONTH : -1]
    has_range = (earlier["high"] > earlier["low"]).mean()
    if newest.empty or not has_range >= USUAL_SHARE:
        return Fact(np.nan, "no newest bar, or a history of closes alone")
    repeats = (newest[_PRICES].to_numpy() == earlier[_PRICES].tail(1).to_numpy()).all()
    flat = (newest["high"] <= newest["low"]).all()
    return Fact(
        float(flat or repeats), f"{as_of} has no range, or is the bar of the session before"
    )


def _indices_still(rows: pd.DataFrame, universe: Universe) -> Fact:
    """Count the newest sessions of which an index of the target has one and the same close."""
    closes = {symbol: _of(rows, symbol)["close"] for symbol in universe.implied}
    counts = {
        symbol: int((own[::-1] == own.iloc[-1]).cummin().sum())
        for symbol, own in closes.items() if len(own)
    }  # fmt: skip
    still = [
        f"{symbol} has been at {closes[symbol].iloc[-1]:g} for {count} sessions"
        for symbol, count in counts.items() if count > INDEX_STILL
    ]  # fmt: skip
    return Fact(max(counts.values(), default=np.nan), ", ".join(still))


def _measured(
    rows: pd.DataFrame, moves: pd.DataFrame, universe: Universe, as_of: date
) -> pd.DataFrame:
    days = rows["session"]
    sessions = _sessions(days.min(), days.max()) if len(days) else pd.DatetimeIndex([])
    close_at = days.map(pd.Series(calendar.closes(list(sessions)), sessions))
    asset = ~rows["symbol"].isin(universe.indices)
    recent = days >= pd.Timestamp(calendar.after(as_of, 1 - WINDOW))
    of_target, judged = rows["symbol"] == universe.target, moves.set_index(rows.index)
    new = judged["new"]
    raised = rows.loc[rows["flags"].map(len) > 0, "flags"]
    flagged = {
        f"{flag} flagged": raised.map(lambda flags, flag=flag: float(flag in flags)).reindex(
            rows.index, fill_value=0.0
        )
        for flag in ("adjustment_missing", "suspicious_jump", "stale_repeat", "price_reverted")
    }
    return rows.assign(
        row=np.arange(len(rows)),
        **{
            "is a session": days.isin(sessions).astype(float),
            "seconds known after close": (rows["known_at"] - close_at).dt.total_seconds(),
            "lowest price": rows[_PRICES].min(axis=1),
            "range of assets": pd.DataFrame(range_measures(rows)).min(axis=1).where(asset),
            **{name: values.where(recent | new) for name, values in flagged.items()},
            "move of target": judged["contradicted"].where(of_target & recent),
            "unexplained move": judged["growth"].abs().where(judged["doubtful"]),
        },
    )


def _sessions(first: date, last: date) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(calendar.sessions(first, last))).as_unit("ns")


def _freshness(raw: pd.DataFrame, universe: Universe, as_of: date) -> dict[str, Fact]:
    """Count the sessions from each symbol's newest raw row to as_of."""
    newest = raw.groupby("symbol")["session"].max().dt.date
    newest = newest[newest.index.isin(universe.symbols)]
    behind = {str(name): calendar.sessions_between(day, as_of) for name, day in newest.items()}
    target = universe.target
    up_to = f"{target} up to {newest[target]}" if target in behind else ""
    return {
        "target_missing": Fact(target not in behind, f"no row of {target} up to {as_of}"),
        "sessions_behind": Fact(behind.get(target, np.nan), up_to),
        "others_behind": _of_others(behind, target),
    }


def _of_others(counts: Mapping[str, int], target: str) -> Fact:
    """Return the largest of the counts by symbol, without the target's."""
    others = {name: n for name, n in sorted(counts.items()) if n and name != target}
    listed = ", ".join(f"{name} by {n}" for name, n in others.items())
    return Fact(max(others.values(), default=0), listed)


def _soundness(own: pd.DataFrame, broken: pd.DataFrame, as_of: date) -> dict[str, Fact]:
    """Measure whether the target's newest row is broken, and the share of its rows that are.

    The newest session counts as broken if its latest version is, even if an earlier version is
    good: a forecast must not use a price that the source has since contradicted.
    """
    newest, newest_broken = (
        rows.loc[rows["session"] == pd.Timestamp(as_of), "ingested_at"] for rows in (own, broken)
    )
    newest_faults = broken.tail(3).itertuples()
    detail = "; ".join(f"{row.session:%Y-%m-%d} {row.reason}" for row in newest_faults)
    return {
        "newest_broken": Fact((newest_broken == newest.max()).any(), detail),
        "quarantined_share": Fact(count_rows(broken) / len(own) if len(own) else np.nan, detail),
    }


def _completeness(
    raw: pd.DataFrame, rows: pd.DataFrame, universe: Universe, as_of: date
) -> dict[str, Fact]:
    """Count the missing sessions of the window between each symbol's first and newest raw row."""
    start, target = calendar.after(as_of, 1 - WINDOW), universe.target
    missing = {}
    for name in universe.symbols:
        days = _of(raw, name)["session"]
        if len(days):
            expected = _sessions(max(days.min().date(), start), days.max().date())
            missing[name] = expected.difference(pd.DatetimeIndex(_of(rows, name)["session"]))
    counts = {name: len(days) for name, days in missing.items()}
    return {
        "missing_sessions": Fact(counts.get(target, np.nan), newest_days(missing.get(target, []))),
        "others_missing_sessions": _of_others(counts, target),
    }
