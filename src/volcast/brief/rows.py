"""The system's own tables as passages: a row, or a few that belong together, in words."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from volcast import facts
from volcast.brief import words
from volcast.brief.citations import cite, cite_line
from volcast.brief.macro import releases, series_words
from volcast.contracts import (
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
from volcast.corpus import Passage
from volcast.facts import Missing, Outlook
from volcast.storage import Store

__all__ = ["row_passages"]

Row = Mapping[str, Any]

_RELEASES = 260
"""Newest releases of each series that can be asked for: a year of a daily one."""


def row_passages(store: Store, now: datetime) -> list[Passage]:
    """Return what the store's tables say, in words.

    Forecasts of champions and what came of them, regimes as they changed, verdicts on drift and
    on the track record, failed checks, decisions to train anew, the champion's skill, and the
    newest releases of each macro series.

    Parameters
    ----------
    now : datetime
        UTC; macro values public by then are taken.
    """
    return [
        *_each(store, PREDICTIONS_DAILY, _forecast),
        *_each(store, MONITORING_REALIZED_ERROR, _realized),
        *_each(store, MONITORING_PERFORMANCE, _performance),
        *_each(store, MONITORING_DRIFT_DAILY, _drift),
        *_each(store, MONITORING_QUALITY, _failed),
        *_each(store, MONITORING_RETRAIN, _retrain),
        *_regimes(store),
        *_skill(store),
        *_macro(store, now),
    ]


def _each(store: Store, table: Table, told: Any) -> Iterator[Passage]:
    for row in store.read(table).to_pylist():
        found = told(row)
        if found is not None:
            title, sentences = found
            day = row["session"]
            yield Passage(
                cite(table, row), "row", f"{title}, {words.day(day)}", tuple(sentences), day
            )


_Told = tuple[str, Iterable[str]] | None


def _forecast(row: Row) -> _Told:
    if row["role"] != "champion":
        return None
    said = [words.forecast(row), words.wide(row), words.beside(row), words.drivers(row)]
    if row["regime"] is not None:
        said.append(f"The regime of the market was {row['regime']}.")
    if Outlook(row, None).hindsight:
        said.append(words.hindsight(row))
    return f"Forecast of {row['symbol']}", [one for one in said if one]


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
        turns = known.index[known["regime"] != known["regime"].shift()]
        stamps = _stamps(store, symbol)
        ends = [*turns[1:], len(known)]
        for start, end in zip(turns, ends, strict=True):
            span = known.iloc[start:end]
            first, last = span["session"].iloc[0], span["session"].iloc[-1]
            text = words.regime_span(symbol, span["regime"].iloc[0], span["session"])
            key = {"symbol": symbol, "session": first, "created_timestamp": stamps[first]}
            title = f"Market regime of {symbol}, {words.day(first)} to {words.day(last)}"
            yield Passage(cite(FEATURES_DAILY, key), "row", title, (text,), last)


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
        text = words.walked(card, line)
        if text:
            title = f"Skill of the champion on {card.champion.target} against {words.BESIDE[line]}"
            day = date.fromisoformat(card.champion.as_of)
            yield Passage(cite_line(card.champion.run_id, "all", line), "row", title, (text,), day)


def _macro(store: Store, now: datetime) -> Iterator[Passage]:
    for one in releases(store, now, _RELEASES):
        called, _ = series_words(one.row["series"])
        title = f"{called}, {one.period}"
        day = one.row["available_at"].date()
        yield Passage(cite(RAW_MACRO, one.row), "row", title, (one.words,), day)
