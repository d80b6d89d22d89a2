"""The brief of a day: what the system says, each sentence with the rows it rests on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TypeAlias

from volcast.brief import words
from volcast.brief.citations import cite, cite_line
from volcast.brief.corpus import Passage
from volcast.brief.macro import releases
from volcast.core import calendar
from volcast.core.errors import ContractError, KeyMissing, ModelError
from volcast.core.settings import Universe
from volcast.monitoring import status as facts
from volcast.monitoring.status import Health, Missing, Newest, Outlook
from volcast.monitoring.status.words import session_words
from volcast.store import Store
from volcast.store.tables import (
    FEATURES_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    RAW_MACRO,
    Table,
)

__all__ = ["Brief", "Section", "Sentence", "daily_brief"]

_RECENT = timedelta(days=7)
"""Releases and documents of so many days are news."""

_MOST = 8
"""Of releases, failed checks and documents that are named."""

_LATE = "Run `make run`, or look why the daily pipeline did not."
"""What brings sessions that should be there."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, and the citations it rests on.

    Parameters
    ----------
    text : str
    citations : tuple of str
        At least one; each resolves to a row or a passage.
    """

    text: str
    citations: tuple[str, ...]


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
        What could not be said, and what would bring it.
    """

    symbol: str
    as_of: date
    sections: tuple[Section, ...]
    missing: tuple[Missing, ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences in order."""
        return tuple(one for section in self.sections for one in section.sentences)


_Said: TypeAlias = Iterator[Sentence | Missing]


def daily_brief(
    store: Store,
    universe: Universe,
    symbol: str,
    as_of: date,
    now: datetime,
    documents: Sequence[Passage] = (),
) -> Brief:
    """Write the brief of ``symbol`` at the close of ``as_of``, from what was known then.

    Parameters
    ----------
    now : datetime
        UTC; decides what data a live source should have.
    documents : sequence of Passage
        Of these, what is dated within the week is named.

    Returns
    -------
    Brief
        Sections of what there is; the same store gives the same words.
    """
    found = cache(lambda: facts.outlook(store, symbol, as_of))
    watch = cache(lambda: facts.health(store, universe, symbol, now, as_of))
    parts: dict[str, _Said] = {
        "Forecast": _forecast(found),
        "Why": _why(found),
        "Regime": _regime(store, symbol, as_of),
        "Track record": _track(store, symbol, as_of, watch),
        "Data and drift": _watch(watch, as_of),
        "Macro releases": _macro(store, as_of),
        "Documents": _documents(documents, as_of),
    }
    said = {title: list(_as_far(part, store.uri)) for title, part in parts.items()}
    sections = {
        title: tuple(one for one in part if isinstance(one, Sentence))
        for title, part in said.items()
    }
    return Brief(
        symbol,
        as_of,
        tuple(Section(title, sentences) for title, sentences in sections.items() if sentences),
        tuple(one for part in said.values() for one in part if isinstance(one, Missing)),
    )


def _as_far(part: _Said, uri: str) -> _Said:
    """Yield what can be said of a part; of what is stored but broken, that it is."""
    try:
        yield from part
    except (ContractError, ModelError, KeyMissing) as error:
        # Whoever reads the brief need not know where the store is.
        text = str(error).replace(uri, "the store")
        yield Missing(f"A part cannot be read: {text}", "The other parts stand.")


def _forecast(look: Callable[[], Outlook | Missing]) -> _Said:
    found = look()
    if isinstance(found, Missing):
        yield found
        return
    row = found.row
    own = (cite(PREDICTIONS_DAILY, row),)
    rested = own if found.change is None or found.before is None else (
        *own, cite(PREDICTIONS_DAILY, found.before)
    )  # fmt: skip
    yield Sentence(f"{found.headline}.", rested)
    yield Sentence(words.wide(row), own)
    beside = words.beside(row)
    if beside:
        yield Sentence(beside, own)
    if found.hindsight:
        yield Sentence(words.hindsight(row), own)


def _why(look: Callable[[], Outlook | Missing]) -> _Said:
    found = look()
    if isinstance(found, Outlook):
        own = (cite(PREDICTIONS_DAILY, found.row),)
        yield Sentence(words.drivers(found.row), own)


def _regime(store: Store, symbol: str, as_of: date) -> _Said:
    rows = facts.ribbon(store, symbol, as_of)
    if isinstance(rows, Missing):
        yield rows
        return
    told = rows.loc[rows["regime"].notna(), "session"]
    if not len(told):
        yield Missing(
            f"No regime of {symbol} is known for {as_of}.", "It needs 756 sessions of features."
        )
        return
    if told.iloc[-1] != as_of:
        newest = f"the newest known is that of {told.iloc[-1]}"
        yield Missing(f"No regime of {symbol} is known for {as_of}; {newest}.", _LATE)
        return
    state = rows["regime"].iloc[-1]
    others = rows.index[rows["regime"] != state]
    begun = int(others[-1]) + 1 if len(others) else 0
    span = rows.iloc[begun:]
    ends = sorted({span["session"].iloc[0], span["session"].iloc[-1]})
    known = {
        row["session"]: row
        for row in store.read(
            FEATURES_DAILY, symbols=[symbol], first=ends[0], last=ends[-1]
        ).to_pylist()
        if row["created_timestamp"] <= row["event_timestamp"]
    }
    yield Sentence(
        words.regime(symbol, state, float(span[f"hmm_{state}"].iloc[-1]), span["session"]),
        tuple(cite(FEATURES_DAILY, known[day]) for day in ends),
    )


def _track(store: Store, symbol: str, as_of: date, watch: Callable[[], Health]) -> _Said:
    row = watch().performance
    if isinstance(row, Missing):
        yield row
    else:
        yield _of(MONITORING_PERFORMANCE, row, words.performance(row))
    card = facts.model_card(store)
    if isinstance(card, Missing):
        yield card
    elif card.champion.target in ("", symbol) and card.champion.as_of <= as_of.isoformat():
        run = card.champion.run_id
        for line in words.BESIDE:
            part = words.part_with(card, line)
            if part is not None:
                cited = (cite_line(run, part, "volcast"), cite_line(run, part, line))
                yield Sentence(words.walked(card, line, part), cited)


def _watch(look: Callable[[], Health], as_of: date) -> _Said:
    watch = look()
    if isinstance(watch.drift, Missing):
        yield watch.drift
    else:
        yield _of(MONITORING_DRIFT_DAILY, watch.drift, words.drift(watch.drift, watch.fired))
    for one in watch.tables:
        if one.behind != 0:
            yield Missing(_age(one, as_of), _LATE)
    for row in watch.failed[:_MOST]:
        yield _of(MONITORING_QUALITY, row, words.failed(row))
    if isinstance(watch.retrain, Missing):
        yield watch.retrain
    else:
        yield _of(MONITORING_RETRAIN, watch.retrain, words.retrain(watch.retrain))
    for row in watch.jobs:
        if row["outcome"] != "succeeded":
            yield _of(MONITORING_JOBS, row, words.job(row))


def _age(one: Newest, as_of: date) -> str:
    if one.session is None or one.behind is None:
        return f"{one.table} of {one.symbol} has no row up to {as_of}."
    late = session_words(one.behind)
    return f"{one.table} of {one.symbol} ends at {one.session}, {late} late."


def _macro(store: Store, as_of: date) -> _Said:
    close = calendar.closes([as_of])[0].to_pydatetime()
    news = [
        one for one in releases(store, close, newest=1) if one.row["available_at"] > close - _RECENT
    ]
    # What comes once a month is more news than what comes daily.
    for one in sorted(news, key=lambda one: one.every, reverse=True)[:_MOST]:
        yield Sentence(one.words, (cite(RAW_MACRO, one.row),))


def _documents(passages: Sequence[Passage], as_of: date) -> _Said:
    named: set[str] = set()
    for passage in passages:
        file, day = passage.id.rpartition("#")[0], passage.dated
        recent = day is not None and as_of - _RECENT < day <= as_of
        if not recent or file in named or len(named) == _MOST:
            continue
        named.add(file)
        text = f"{passage.title}, {day}: \N{LEFT DOUBLE QUOTATION MARK}{passage.sentences[0]}"
        yield Sentence(f"{text}\N{RIGHT DOUBLE QUOTATION MARK}", (passage.id,))


def _of(table: Table, row: dict[str, object], text: str) -> Sentence:
    return Sentence(text, (cite(table, row),))
