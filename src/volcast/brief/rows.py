"""The system's own tables as passages: a row, or a few that belong together, in words."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from volcast.brief import words
from volcast.brief.citations import cite, cite_line
from volcast.brief.corpus import Passage
from volcast.brief.macro import releases, series_words
from volcast.core import calendar
from volcast.monitoring import status as facts
from volcast.monitoring.status import Missing
from volcast.store import Store
from volcast.store.tables import (
    FEATURES_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_REALIZED_ERROR,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    RAW_MACRO,
    Table,
)

__all__ = ["row_passages"]

Row = Mapping[str, Any]

_RELEASES = 260
"""Newest releases of each series that can be asked for: a year of a daily one."""


def row_passages(store: Store, now: datetime) -> dict[str, Iterator[Passage]]:
    """Return what the store's tables say, in words, by what it is read from.

    Forecasts that count and what came of them, regimes as they changed, verdicts on drift and
    on the track record, failed checks, decisions to train anew, the champion's skill, and the
    newest releases of each macro series.

    Parameters
    ----------
    now : datetime
        UTC; macro values public by then are taken.

    Returns
    -------
    dict of str to iterator of Passage
        Each raises, as it is read, if its table cannot be.
    """
    told = {
        MONITORING_REALIZED_ERROR: _realized,
        MONITORING_PERFORMANCE: _performance,
        MONITORING_DRIFT_DAILY: _drift,
        MONITORING_QUALITY: _failed,
        MONITORING_RETRAIN: _retrain,
    }
    return {
        PREDICTIONS_DAILY.name: _forecasts(store),
        **{table.name: _each(store, table, say) for table, say in told.items()},
        FEATURES_DAILY.name: _regimes(store),
        "registry": _skill(store),
        RAW_MACRO.name: _macro(store, now),
    }


def _forecasts(store: Store) -> Iterator[Passage]:
    for symbol in facts.forecast_symbols(store):
        for row in facts.champions(store, symbol):
            title = f"Forecast of {symbol}, {words.day(row['session'])}"
            said = tuple(_forecast(row))
            yield Passage(cite(PREDICTIONS_DAILY, row), "row", title, said, row["session"])


def _each(store: Store, table: Table, told: Any) -> Iterator[Passage]:
    for row in store.read(table).to_pylist():
        found = told(row)
        if found is not None:
            title, sentences = found
            # What came of a forecast is known when its last session ends.
            known = row.get("label_end_session", row["session"])
            titled = f"{title}, {words.day(row['session'])}"
            yield Passage(cite(table, row), "row", titled, tuple(sentences), known)


_Told = tuple[str, Iterable[str]] | None


def _forecast(row: Row) -> Iterator[str]:
    yield words.forecast(row)
    yield words.wide(row)
    if words.beside(row):
        yield words.beside(row)
    yield words.drivers(row)
    if row["regime"] is not None:
        yield f"The regime of the market was {row['regime']}."
    if facts.is_hindsight(row):
        yield words.hindsight(row)


def _realized(row: Row) -> _Told:
    return f"Outcome of the forecast of {row['symbol']}", [words.realized(row)]


def _performance(row: Row) -> _Told:
    return f"Track record of {row['symbol']}", [words.performance(row)]


def _drift(row: Row) -> _Told:
    if row["subject"] != "verdict":
        return None
    return f"Drift of data and model of {row['symbol']}", [words.drift(row, ())]


def _failed(row: Row) -> _Told:
    return None if row["passed"] else (f"Data quality of {row['symbol']}", [words.failed(row)])


def _retrain(row: Row) -> _Told:
    return f"Retraining of the model of {row['symbol']}", [words.retrain(row)]


def _regimes(store: Store) -> Iterator[Passage]:
    for symbol in facts.forecast_symbols(store):
        rows = facts.ribbon(store, symbol)
        if isinstance(rows, Missing):
            continue
        known = rows[rows["regime"].notna()].reset_index(drop=True)
        if not len(known):
            continue
        turns = known.index[known["regime"] != known["regime"].shift()]
        stamps = _stamps(store, symbol)
        ends = [*turns[1:], len(known)]
        for start, end in zip(turns, ends, strict=True):
            span = known.iloc[start:end]
            first, last = span["session"].iloc[0], span["session"].iloc[-1]
            state = span["regime"].iloc[0]
            # That it turned is known at once, how long it lasted only afterwards.
            turned = words.turned(symbol, state, first)
            yield _regime(symbol, first, stamps, f"since {words.day(first)}", turned)
            if last > first:
                lasted = words.regime_span(symbol, state, span["session"])
                title = f"{words.day(first)} to {words.day(last)}"
                yield _regime(symbol, last, stamps, title, lasted)


def _regime(
    symbol: str, day: date, stamps: Mapping[date, datetime], when: str, text: str
) -> Passage:
    key = {"symbol": symbol, "session": day, "created_timestamp": stamps[day]}
    title = f"Market regime of {symbol}, {when}"
    return Passage(cite(FEATURES_DAILY, key), "row", title, (text,), day)


def _stamps(store: Store, symbol: str) -> dict[date, datetime]:
    """Return the stamp of each session's features as they were known at its close."""
    found = store.read(FEATURES_DAILY, symbols=[symbol])
    columns = ("session", "created_timestamp", "event_timestamp")
    rows = zip(*(found.column(name).to_pylist() for name in columns), strict=True)
    return {day: created for day, created, close in rows if created <= close}


def _skill(store: Store) -> Iterator[Passage]:
    card = facts.model_card(store)
    if isinstance(card, Missing):
        return
    for line in words.BESIDE:
        part = words.part_with(card, line)
        if part is not None:
            text = words.walked(card, line, part)
            title = f"Skill of the champion on {card.champion.target} against {words.BESIDE[line]}"
            day = date.fromisoformat(card.champion.as_of)
            cited = cite_line(card.champion.run_id, part, line)
            yield Passage(cited, "row", title, (text,), day)


def _macro(store: Store, now: datetime) -> Iterator[Passage]:
    for one in releases(store, now, _RELEASES):
        called, _ = series_words(one.row["series"])
        title = f"{called}, {one.period}"
        yield Passage(cite(RAW_MACRO, one.row), "row", title, (one.words,), _known(one.row))


def _known(row: Row) -> date:
    """Return the first day whose close, if it has one, comes after the value was public."""
    public: datetime = row["available_at"]
    day = public.date()
    late = calendar.is_session(day) and public > calendar.closes([day])[0]
    return day + timedelta(days=1) if late else day
