"""How fresh the data is, and what the watch over data and model says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.sessions import LIVE_SOURCES, present_session
from volcast.features.catalog import FEATURES_DAILY
from volcast.inference.selection import champion_number, select_official
from volcast.monitoring.status.missing import Missing
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    LABELS_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    Table,
)

__all__ = ["Health", "Newest", "health"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Newest:
    """How far a table of one symbol goes.

    Parameters
    ----------
    table, symbol : str
    session : date or None
        The newest; None if there is no row.
    behind : int or None
        Sessions that it is behind the session it should have; None if there is no row.
    """

    table: str
    symbol: str
    session: date | None
    behind: int | None


@dataclass(frozen=True)
class Health:
    """What the watch says of one symbol.

    Parameters
    ----------
    expected : date or None
        The session that everything should be at: the one looked back from, if there is one, else
        the last that closed where the source is live, else the newest there is.
    live : bool
        Whether the source goes on.
    overdue : int
        Sessions that the newest forecast is behind the newest that should stand by now: one is
        due at 08:00 in New York on the session after. 0 if there is none at all.
    tables : tuple of Newest
    drift, performance, retrain : dict or Missing
        The newest row of each: the drift verdict, the track record's judgement, whether training
        was asked for.
    fired : tuple of str
        Subjects whose drift tests fired for that verdict.
    checks : int
        Quality checks of the last run of each suite.
    failed : tuple of dict
        Those of them that did not pass.
    jobs : tuple of dict
        The last run of each pipeline, newest first.
    """

    expected: date | None
    live: bool
    overdue: int
    tables: tuple[Newest, ...]
    drift: Row | Missing
    performance: Row | Missing
    retrain: Row | Missing
    fired: tuple[str, ...]
    checks: int
    failed: tuple[Row, ...]
    jobs: tuple[Row, ...]


def health(
    store: Store, universe: Universe, symbol: str, now: datetime, last: date | None = None
) -> Health:
    """Return what the newest years of the store's tables say of ``symbol``.

    Parameters
    ----------
    now : datetime
        UTC; decides what a live source should have by now.
    last : date, optional
        Session to look back from: rows of later ones are left out.
    """
    market = _rows(store, CURATED_MARKET_DAILY, last)
    own = [row for row in market if row["symbol"] == symbol]
    live = bool(own) and own[-1]["source"] in LIVE_SOURCES
    present = present_session(own[-1]["session"], own[-1]["source"], now) if own else None
    expected = last or present
    watched = [(CURATED_MARKET_DAILY, name, market) for name in universe.symbols]
    if symbol not in universe.symbols:
        watched.append((CURATED_MARKET_DAILY, symbol, market))
    ours = (FEATURES_DAILY, PREDICTIONS_DAILY, LABELS_DAILY)
    watched.extend((table, symbol, _rows(store, table, last)) for table in ours)
    checks = _last_checks(_own(store, MONITORING_QUALITY, symbol, last))
    drift = [row for row in _rows(store, MONITORING_DRIFT_DAILY, last) if row["symbol"] == symbol]
    verdict = _newest([row for row in drift if row["subject"] == "verdict"])
    tables = tuple(
        _age(table, name, _newest_session(store, table, name, rows, last), expected)
        for table, name, rows in watched
    )
    return Health(
        expected,
        live,
        _overdue(tables, expected, now) if live else _behind(tables),
        tables,
        verdict or _never("Drift has not been looked for", last, "volcast drift"),
        _newest(_own(store, MONITORING_PERFORMANCE, symbol, last))
        or _never("No forecast has been scored", last, "make run"),
        _newest(_own(store, MONITORING_RETRAIN, symbol, last))
        or _never("Retraining has not been decided", last, "make run"),
        _fired(drift, verdict),
        len(checks),
        tuple(row for row in checks if not row["passed"]),
        _jobs(store, last),
    )


def _newest_session(
    store: Store, table: Table, symbol: str, rows: Sequence[Row], last: date | None
) -> date | None:
    newest = max((row["session"] for row in rows if row["symbol"] == symbol), default=None)
    if newest is None and last is not None:
        # It may have ended years before.
        earlier = store.read(table, symbols=[symbol], last=last).column("session").to_pylist()
        newest = max(earlier, default=None)
    return newest


def _age(table: Table, symbol: str, newest: date | None, expected: date | None) -> Newest:
    if newest is None or expected is None:
        return Newest(table.name, symbol, newest, None)
    # A label ends five sessions after its own.
    due = calendar.after(expected, -calendar.HORIZON) if table is LABELS_DAILY else expected
    return Newest(table.name, symbol, newest, calendar.sessions_between(newest, due))


def _behind(tables: Sequence[Newest]) -> int:
    return next((one.behind or 0 for one in tables if one.table == PREDICTIONS_DAILY.name), 0)


def _overdue(tables: Sequence[Newest], expected: date | None, now: datetime) -> int:
    behind = _behind(tables)
    # After the close the forecast has until the next morning.
    waits = expected is not None and now < calendar.deadline(expected)
    return max(behind - waits, 0)


def _rows(store: Store, table: Table, last: date | None) -> list[Row]:
    if last is None:
        found = store.read_newest(table)
    else:
        found = store.read(table, first=_first(last), last=last)
    if table is PREDICTIONS_DAILY:
        found = select_official(found, champion_number(store))
    keep = [name for name in ("symbol", "session", "source") if name in found.column_names]
    wide = table in (CURATED_MARKET_DAILY, FEATURES_DAILY, PREDICTIONS_DAILY, LABELS_DAILY)
    rows: list[Row] = (found.select(keep) if wide else found).to_pylist()
    return rows


def _first(last: date) -> date:
    """Return the day from which a session is looked back on."""
    return date(last.year - 1, 1, 1)


def _own(store: Store, table: Table, symbol: str, last: date | None) -> list[Row]:
    return [row for row in _rows(store, table, last) if row["symbol"] == symbol]


def _newest(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row["session"], default=None)


def _never(what: str, last: date | None, command: str) -> Missing:
    when = "" if last is None else f" from {_first(last)} to {last}"
    return Missing(f"{what}{when}.", f"Run `{command}`.")


def _fired(drift: Sequence[Row], verdict: Row | None) -> tuple[str, ...]:
    if verdict is None:
        return ()
    same = ("session", "reference_sha256")
    found = {
        row["subject"]
        for row in drift
        if row["fired"] and row["subject"] != "verdict" and all(row[k] == verdict[k] for k in same)
    }
    return tuple(sorted(found))


def _last_checks(checks: Sequence[Row]) -> list[Row]:
    last: dict[str, date] = {}
    for row in checks:
        last[row["suite"]] = max(row["session"], last.get(row["suite"], row["session"]))
    return [row for row in checks if row["session"] == last[row["suite"]]]


def _jobs(store: Store, last: date | None) -> tuple[Row, ...]:
    newest: dict[str, Row] = {}
    # By the session they were for: an archive's are run long after.
    for row in sorted(_rows(store, MONITORING_JOBS, None), key=lambda row: row["ended_at"]):
        if last is None or (row["as_of"] or row["day"]) <= last:
            newest[row["job"]] = row
    return tuple(sorted(newest.values(), key=lambda row: row["ended_at"], reverse=True))
