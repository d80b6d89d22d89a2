"""The brief of a day: what the system reports, each sentence with the rows it rests on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TypeAlias

from volcast.brief import words
from volcast.brief.answer import Sentence
from volcast.brief.citations import cite, cite_line
from volcast.brief.corpus import Passage
from volcast.brief.macro import releases
from volcast.core import calendar
from volcast.core.errors import ContractError, KeyMissing, ModelError
from volcast.core.settings import Universe
from volcast.features.catalog import FEATURES_DAILY
from volcast.monitoring import status
from volcast.monitoring.status import Health, Missing, Outlook
from volcast.monitoring.status.words import percent, session_words
from volcast.store import Store
from volcast.store.tables import (
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    RAW_MACRO,
    Table,
)

__all__ = ["Brief", "Section", "daily_brief"]

_RECENT = timedelta(days=7)
"""Releases and documents of so many days are news."""

_MOST = 8
"""Of releases, failed checks and documents that are named."""

_LATE = "Run `make run`, or look why the daily pipeline did not."
"""What brings sessions that should be there."""


@dataclass(frozen=True)
class Section:
    """A title and its sentences."""

    title: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Brief:
    """The brief of a symbol and session.

    Parameters
    ----------
    symbol : str
    as_of : date
    sections : tuple of Section
        Each with at least one sentence.
    missing : tuple of Missing
        What is not in the store, and what would bring it.
    """

    symbol: str
    as_of: date
    sections: tuple[Section, ...]
    missing: tuple[Missing, ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences in order."""
        return tuple(one for section in self.sections for one in section.sentences)


_Part: TypeAlias = Iterator[Sentence | Missing]


def daily_brief(  # noqa: PLR0913, PLR0917
    store: Store,
    universe: Universe,
    symbol: str,
    as_of: date,
    now: datetime,
    documents: Sequence[Passage] = (),
    title: str | None = None,
) -> Brief:
    """Write the brief of ``symbol`` at the close of ``as_of``, from what was public then.

    Parameters
    ----------
    now : datetime
        UTC; decides what data a live source should have.
    documents : sequence of Passage
        Of these, what is dated within the week is named.
    title : str, optional
        Of the one section to write; all by default.

    Returns
    -------
    Brief
        The same store gives the same words.
    """
    outlook = cache(lambda: status.outlook(store, symbol, as_of))
    health = cache(lambda: status.health(store, universe, symbol, now, as_of))
    parts: dict[str, _Part] = {
        "Forecast": _forecast(outlook),
        "Why": _why(outlook),
        "Regime": _regime(store, symbol, as_of),
        "Track record": _track(store, symbol, as_of, health),
        "Data and drift": _data_and_drift(health, as_of),
        "Macro releases": _macro(store, as_of),
        "Documents": _documents(documents, as_of),
    }
    sections: list[Section] = []
    missing: list[Missing] = []
    for name, part in parts.items():
        if title in (None, name):
            lines = list(_readable(part, store.uri))
            missing.extend(line for line in lines if isinstance(line, Missing))
            if sentences := tuple(line for line in lines if isinstance(line, Sentence)):
                sections.append(Section(name, sentences))
    return Brief(symbol, as_of, tuple(sections), tuple(missing))


def _readable(part: _Part, uri: str) -> _Part:
    """Yield the lines of a part up to where the store is broken, and then that it is."""
    try:
        yield from part
    except (ContractError, ModelError, KeyMissing) as error:
        text = str(error).replace(uri, "the store")
        yield Missing(f"A part cannot be read: {text}", "The other parts are complete.")


def _forecast(look: Callable[[], Outlook | Missing]) -> _Part:
    outlook = look()
    if isinstance(outlook, Missing):
        yield outlook
        return
    row, own = outlook.row, (cite(PREDICTIONS_DAILY, outlook.row),)
    compared = outlook.before if outlook.change is not None else None
    before = (cite(PREDICTIONS_DAILY, compared),) if compared else ()
    yield Sentence(f"{outlook.headline}.", own + before)
    interval = f"{percent(row['lo95'])} and {percent(row['hi95'])}"
    yield Sentence(f"With 95 % it is between {interval}.", own)
    if baselines := words.baselines(row):
        yield Sentence(baselines, own)
    if outlook.hindsight:
        trained = row["model_as_of"] or "an unknown day"
        text = (
            f"This is hindsight: version {row['model_version']} was trained on sessions up to "
            f"{trained}, so the forecast could not have been made then."
        )
        yield Sentence(text, own)


def _why(look: Callable[[], Outlook | Missing]) -> _Part:
    outlook = look()
    if isinstance(outlook, Outlook):
        yield Sentence(words.drivers(outlook.row), (cite(PREDICTIONS_DAILY, outlook.row),))


def _regime(store: Store, symbol: str, as_of: date) -> _Part:
    rows = status.ribbon(store, symbol, as_of)
    if isinstance(rows, Missing):
        yield rows
        return
    judged = rows.loc[rows["regime"].notna(), "session"]
    if not len(judged) or judged.iloc[-1] != as_of:
        newest = f"; the newest is of {judged.iloc[-1]}" if len(judged) else ""
        remedy = _LATE if len(judged) else "It needs 756 sessions of features."
        yield Missing(f"There is no regime of {symbol} for {as_of}{newest}.", remedy)
        return
    state = rows["regime"].iloc[-1]
    others = rows.index[rows["regime"] != state]
    begun = int(others[-1]) + 1 if len(others) else 0
    span = rows.iloc[begun:]
    ends = sorted({span["session"].iloc[0], span["session"].iloc[-1]})
    rows_at_close = {
        row["session"]: row
        for row in store.read(
            FEATURES_DAILY, symbols=[symbol], first=ends[0], last=ends[-1]
        ).to_pylist()
        if row["created_timestamp"] <= row["event_timestamp"]
    }
    yield Sentence(
        words.regime(symbol, state, float(span[f"hmm_{state}"].iloc[-1]), span["session"]),
        tuple(cite(FEATURES_DAILY, rows_at_close[day]) for day in ends),
    )


def _track(store: Store, symbol: str, as_of: date, look: Callable[[], Health]) -> _Part:
    row = look().performance
    if isinstance(row, Missing):
        yield row
    else:
        yield _of(MONITORING_PERFORMANCE, row, words.performance(row))
    card = status.model_card(store)
    if isinstance(card, Missing):
        yield card
    elif card.champion.target in ("", symbol) and card.champion.as_of <= as_of.isoformat():
        run = card.champion.run_id
        for line in words.BASELINES:
            part = words.part_with(card, line)
            if part is not None:
                cited = (cite_line(run, part, "volcast"), cite_line(run, part, line))
                yield Sentence(words.skill(card, line, part), cited)


def _data_and_drift(look: Callable[[], Health], as_of: date) -> _Part:
    health = look()
    if isinstance(health.drift, Missing):
        yield health.drift
    else:
        yield _of(MONITORING_DRIFT_DAILY, health.drift, words.drift(health.drift, health.fired))
    for one in health.tables:
        if one.behind != 0:
            text = f"{one.table} of {one.symbol} has no row up to {as_of}."
            if one.session is not None and one.behind is not None:
                late = session_words(one.behind)
                text = f"{one.table} of {one.symbol} ends at {one.session}, {late} late."
            yield Missing(text, _LATE)
    for row in health.failed[:_MOST]:
        text = (
            f"Quality check {row['check']} of {row['suite']} ({row['severity']}) failed at "
            f"{words.day(row['session'])}: {row['detail'] or 'no detail'}."
        )
        yield _of(MONITORING_QUALITY, row, text)
    if isinstance(health.retrain, Missing):
        yield health.retrain
    else:
        text = f"Retraining at {words.day(health.retrain['session'])}: {health.retrain['reason']}."
        yield _of(MONITORING_RETRAIN, health.retrain, text)
    for row in health.jobs:
        if row["outcome"] != "succeeded":
            why = f": {row['detail']}" if row["detail"] else ""
            ended = f"ended {row['outcome']} on {words.day(row['day'])}{why}"
            yield _of(MONITORING_JOBS, row, f"The last run of {row['job']} {ended}.")


def _macro(store: Store, as_of: date) -> _Part:
    close = calendar.closes([as_of])[0].to_pydatetime()
    news = [
        one for one in releases(store, close, newest=1) if one.row["available_at"] > close - _RECENT
    ]
    # What comes once a month is more news than what comes daily.
    for one in sorted(news, key=lambda one: one.every, reverse=True)[:_MOST]:
        yield Sentence(one.words, (cite(RAW_MACRO, one.row),))


def _documents(passages: Sequence[Passage], as_of: date) -> _Part:
    files: set[str] = set()
    for passage in passages:
        file, day = passage.id.rpartition("#")[0], passage.dated
        recent = day is not None and as_of - _RECENT < day <= as_of
        if not recent or file in files or len(files) == _MOST:
            continue
        files.add(file)
        text = f"{passage.title}, {day}: {passage.sentences[0]}"
        yield Sentence(text, (passage.id,), passage.name)


def _of(table: Table, row: dict[str, object], text: str) -> Sentence:
    return Sentence(text, (cite(table, row),))
