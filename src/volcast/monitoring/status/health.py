"""How fresh the data is, and the newest results of the checks of data and model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from volcast.core import calendar
from volcast.core.names import LIVE_SOURCES
from volcast.core.settings import Universe
from volcast.data.sessions import present_session
from volcast.features.catalog import FEATURES_DAILY
from volcast.inference.selection import numbers_in_service, select_official
from volcast.monitoring.status.words import Missing
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

_OWN_TABLES = (FEATURES_DAILY, PREDICTIONS_DAILY, LABELS_DAILY)


@dataclass(frozen=True)
class Newest:
    """The newest session of one symbol in a table, and how many sessions it is behind.

    Both are None if there is no row.
    """

    table: str
    symbol: str
    session: date | None
    behind: int | None


@dataclass(frozen=True)
class Health:
    """The state of one symbol's data and model.

    Parameters
    ----------
    expected : date or None
        The session that everything should be at: the one looked back from, if there is one, else
        the last that closed where the source is live, else the newest there is.
    live : bool
        Whether the source goes on.
    overdue : int
        Sessions that the newest forecast is behind the newest that should be there by now: one is
        due at 08:00 in New York on the session after. 0 if there is none at all.
    drift, performance, retrain : dict or Missing
        The newest row of each monitoring table; ``fired`` are the subjects that fired for drift's.
    checks, failed : int, tuple of dict
        Quality checks in the last run of each suite, and those that did not pass.
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
    """Return the state of ``symbol`` by the newest years of the store's tables.

    Parameters
    ----------
    now : datetime
        UTC; decides what a live source should have by now.
    last : date, optional
        Session to look back from: rows of later ones are left out.
    """
    symbols = list(dict.fromkeys([*universe.symbols, symbol]))
    market = _rows(store, CURATED_MARKET_DAILY, symbols, last)
    prices = [row for row in market if row["symbol"] == symbol]
    live = bool(prices) and prices[-1]["source"] in LIVE_SOURCES
    expected = last
    if last is None and prices:
        expected = present_session(prices[-1]["session"], prices[-1]["source"], now)
    own = {table: _rows(store, table, [symbol], last) for table in _OWN_TABLES}
    tables = [_newest(store, CURATED_MARKET_DAILY, n, market, expected, last) for n in symbols]
    tables += [_newest(store, table, symbol, own[table], expected, last) for table in own]
    behind = next(one.behind or 0 for one in tables if one.table == PREDICTIONS_DAILY.name)
    # After the close the forecast of a live source has until the next morning.
    waits = live and expected is not None and now < calendar.deadline(expected)
    drift = _rows(store, MONITORING_DRIFT_DAILY, [symbol], last)
    verdicts = [row for row in drift if row["subject"] == "verdict"]
    quality = _rows(store, MONITORING_QUALITY, [symbol], last)
    last_run = {row["suite"]: row["session"] for row in quality}
    checks = [row for row in quality if row["session"] == last_run[row["suite"]]]
    performance = _rows(store, MONITORING_PERFORMANCE, [symbol], last)
    retrain = _rows(store, MONITORING_RETRAIN, [symbol], last)
    return Health(
        expected=expected,
        live=live,
        overdue=max(behind - waits, 0),
        tables=tuple(tables),
        drift=_last_row(verdicts, "Drift has not been looked for", last, "volcast drift"),
        performance=_last_row(performance, "No forecast has been scored", last, "make run"),
        retrain=_last_row(retrain, "Retraining has not been decided", last, "make run"),
        fired=_fired(drift, verdicts[-1]) if verdicts else (),
        checks=len(checks),
        failed=tuple(row for row in checks if not row["passed"]),
        jobs=_jobs(store, last),
    )


def _rows(
    store: Store, table: Table, symbols: Sequence[str] | None, last: date | None
) -> list[Row]:
    """Return the rows of the newest years up to ``last``, sorted by symbol and session."""
    if last is None:
        stored = store.read_newest(table, symbols=symbols)
    else:
        stored = store.read(table, symbols=symbols, first=_first(last), last=last)
    if table is PREDICTIONS_DAILY:
        stored = select_official(stored, numbers_in_service(store, symbols or ()))
    if table is CURATED_MARKET_DAILY:
        stored = stored.select(["symbol", "session", "source"])
    elif table in _OWN_TABLES:
        stored = stored.select(["symbol", "session"])
    rows: list[Row] = stored.to_pylist()
    return rows


def _first(last: date) -> date:
    """Return the day from which a session is looked back on."""
    return date(last.year - 1, 1, 1)


def _newest(
    store: Store, table: Table, symbol: str, rows: Sequence[Row], expected: date | None,
    last: date | None,
) -> Newest:  # fmt: skip
    sessions = [row["session"] for row in rows if row["symbol"] == symbol]
    if not sessions and last is not None:
        # It may have ended years before.
        sessions = store.read(table, symbols=[symbol], last=last).column("session").to_pylist()
    newest = max(sessions, default=None)
    if newest is None or expected is None:
        return Newest(table.name, symbol, newest, None)
    # A label ends five sessions after its own.
    due = calendar.after(expected, -calendar.HORIZON) if table is LABELS_DAILY else expected
    return Newest(table.name, symbol, newest, calendar.sessions_between(newest, due))


def _last_row(rows: Sequence[Row], never: str, last: date | None, command: str) -> Row | Missing:
    if rows:
        return rows[-1]
    when = "" if last is None else f" from {_first(last)} to {last}"
    return Missing(f"{never}{when}.", f"Run `{command}`.")


def _fired(drift: Sequence[Row], verdict: Row) -> tuple[str, ...]:
    subjects = {
        row["subject"]
        for row in drift
        if row["fired"] and row["subject"] != "verdict"
        and all(row[key] == verdict[key] for key in ("session", "reference_sha256"))
    }  # fmt: skip
    return tuple(sorted(subjects))


def _jobs(store: Store, last: date | None) -> tuple[Row, ...]:
    newest: dict[str, Row] = {}
    # By the session they were for: an archive's are run long after.
    for row in sorted(_rows(store, MONITORING_JOBS, None, None), key=lambda row: row["ended_at"]):
        if last is None or (row["as_of"] or row["day"]) <= last:
            newest[row["job"]] = row
    return tuple(sorted(newest.values(), key=lambda row: row["ended_at"], reverse=True))
