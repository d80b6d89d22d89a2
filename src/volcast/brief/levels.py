"""Levels: closes, realized volatility and macro values, of a day or over a period."""

import re
from datetime import date
from operator import itemgetter
from statistics import fmean
from typing import Any

from volcast.brief.answer import Sentence
from volcast.brief.citations import cite
from volcast.brief.facts import Facts, Part
from volcast.brief.macro import NAMES, releases
from volcast.brief.period import EVER, Span, span_of, statistics_of
from volcast.brief.question import Question
from volcast.core import calendar
from volcast.features.catalog import FEATURES_DAILY
from volcast.monitoring.status import Missing
from volcast.monitoring.status.words import day_words, percent, session_words
from volcast.store.tables import CURATED_MARKET_DAILY, RAW_MACRO

__all__ = ["REALIZED", "change", "level"]

REALIZED = "realized volatility"
"""The series of the target's own trailing volatility; others are symbols and macro series."""

_RELEASES = 260
"""Releases of a series that are searched."""

_NO_CLOSE = re.compile(
    r"(?i)\b(?:rise|rose|risen|fall|fell|fallen|drop\w*|climb\w*|jump\w*|gain\w*|chang\w*"
    r"|increas\w*|decreas\w*|open(?:ed|ing)?|intraday|(?:more|less|\w+er) than (?!\d)"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|easter|thanksgiving|ago|earlier|night|morning"
    r"|noon|midday|eighties|nineties|typical\w*|usual\w*|normal\w*|trend\w*|sum|total|number|count)\b"
)
"""What no close is: a change, another time of day, or a time that is not one day."""


def level(series: str, question: Question, facts: Facts) -> Part:
    """Yield the level of a series on the day of a question, or its statistics over a period.

    Raises
    ------
    RequestError
        If the period has no first and last day.
    """
    day, statistics = question.day, statistics_of(question.text)
    span = span_of(question.replace_days(), facts.today)
    if series in NAMES and not statistics:
        yield from _release(series, facts, Span(day, day) if day else span)
        return
    if series == REALIZED and span and span.relative and not statistics:
        span = None  # the newest is over the past week and month
    of_one_day = bool(statistics) and day is not None and span is None
    computed = statistics <= {"max", "min", "mean", "range"} and not of_one_day
    if series in NAMES or _NO_CLOSE.search(question.text) or not computed:
        what = "A level can be asked of one day"
        more = "" if series in NAMES else ", or its highest, lowest or mean over a period"
        yield Missing(f"{what}{more}.", "Name the day, as in 24 December 2018, or the year.")
    elif span or statistics:
        yield from _over(series, facts, span or EVER, statistics)
    else:
        yield from _close(series, facts, day or facts.as_of)


def change(series: str, facts: Facts) -> Part:
    """Yield the newest level of a series and that of the session before."""
    if series in NAMES:
        yield from _release(series, facts)
    else:
        yield from _close(series, facts, facts.as_of)
        yield from _close(series, facts, calendar.after(facts.as_of, -1))


def _release(series: str, facts: Facts, span: Span | None = None) -> Part:
    """Yield the value for the one month or day of a span, or the newest."""
    public = calendar.closes([facts.as_of])[0].to_pydatetime()
    for one in releases(facts.store, public, _RELEASES, series):
        if span is None or one.is_of(span):
            yield Sentence(one.words, (cite(RAW_MACRO, one.row),))
            return
    days = dict.fromkeys((span.first, span.last) if span else ())
    when = f" for {' to '.join(map(day_words, days))}" if span else ""
    what = f"No one value of {NAMES[series][0]}{when} was public by {day_words(facts.as_of)}."
    yield Missing(what, "Name another month of a monthly series, or day of another.")


def _close(series: str, facts: Facts, day: date) -> Part:
    rows = _rows(series, facts, Span(day, day))
    if rows and series == REALIZED:
        week, month = percent(rows[0]["rv_5"]), percent(rows[0]["rv_22"])
        text = (
            f"Realized volatility of {facts.symbol} at the close of {day_words(day)} was {week} "
            f"over five sessions and {month} over 22."
        )
        yield Sentence(text, (cite(FEATURES_DAILY, rows[0]),))
    elif rows:
        text = f"{series} closed at {rows[0]['close']:,.2f} on {day_words(day)}."
        yield Sentence(text, (cite(CURATED_MARKET_DAILY, rows[0]),))
    else:
        closed = "" if calendar.is_session(day) else ", on which XNYS was closed"
        reason = closed or f" up to {facts.as_of}"
        yield Missing(f"The store has no value of {series} for {day}{reason}.", "Name another.")


def _over(series: str, facts: Facts, span: Span, statistics: frozenset[str]) -> Part:
    """Yield the highest, lowest and mean over a span, or those of them that are asked for."""
    rows = _rows(series, facts, span)
    if not rows:
        what = f"The store has no value of {series} from {span.first} to {span.last}"
        yield Missing(f"{what} up to {facts.as_of}.", "Name another period.")
        return
    table, column = _SOURCES.get(series, _CLOSES)
    name = f"{series} closed" if table is CURATED_MARKET_DAILY else (
        f"Realized volatility of {facts.symbol} over five sessions was"
    )  # fmt: skip
    first, last = rows[0], rows[-1]
    days = f"{day_words(first['session'])} to {day_words(last['session'])}"
    within = f"{session_words(len(rows))}, {days}"
    chosen = statistics or {"range", "mean"}
    for kind, word, choose in (("max", "highest", max), ("min", "lowest", min)):
        if chosen & {kind, "range"}:
            row = choose(rows, key=itemgetter(column))
            value, day = _shown(series, row[column]), day_words(row["session"])
            yield Sentence(f"{name} {word} at {value} on {day}, of {within}.", (cite(table, row),))
    if "mean" in chosen:
        value = _shown(series, fmean(row[column] for row in rows))
        text = f"{name} on average at {value} over {within}."
        yield Sentence(text, tuple(cite(table, row) for row in (first, last)))


_CLOSES = (CURATED_MARKET_DAILY, "close")
_SOURCES = {REALIZED: (FEATURES_DAILY, "rv_5")}
"""Table and column of a series that is no symbol."""


def _rows(series: str, facts: Facts, span: Span) -> list[dict[str, Any]]:
    """Return the rows that have a value, up to the session of the facts, one a session."""
    table, column = _SOURCES.get(series, _CLOSES)
    last = min(span.last, facts.as_of)
    if span.first > last:
        return []
    symbols = [facts.symbol if series == REALIZED else series]
    rows = facts.store.read(table, symbols=symbols, first=span.first, last=last).to_pylist()
    newest = {row["session"]: row for row in rows if row[column] is not None}
    return [newest[session] for session in sorted(newest)]


def _shown(series: str, value: float) -> str:
    return percent(value) if series == REALIZED else f"{value:,.2f}"
