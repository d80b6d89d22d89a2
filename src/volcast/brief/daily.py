"""The brief of a day: what the system reports, each sentence with the rows it rests on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

from volcast.brief.answer import Sentence
from volcast.brief.citations import cite, cite_line
from volcast.brief.corpus.index import Passage
from volcast.brief.macro import releases
from volcast.core import calendar
from volcast.core.errors import ContractError, KeyMissing, ModelError
from volcast.core.names import LABELS
from volcast.core.settings import Universe
from volcast.evaluation.table import SkillTable, shown_p
from volcast.features.catalog import FEATURES_DAILY, label
from volcast.features.point_in_time import features_at_close
from volcast.monitoring import status
from volcast.monitoring.status import Health, Missing, Outlook
from volcast.monitoring.status.words import day_words, percent, session_words
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

_MOST, _DRIVERS = 8, 3
"""Of releases, failed checks and documents that are named; of drivers."""

_PROVEN = 0.05
"""One-sided p-value under which one forecast is called better than another."""

_STATES = {
    "better": "is better than it was",
    "worse": "is worse than it was",
    "same": "is as it was",
    "too-few": "cannot be judged yet",
}
"""States of monitoring.performance."""

_LATE = "Run `make run`, or look why the daily pipeline did not."
"""What brings sessions that should be there."""


@dataclass(frozen=True)
class Section:
    """A title and its sentences."""

    title: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Brief:
    """The brief of a symbol and session, and what is missing for it in the store."""

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


def _sentence(table: Table, row: Mapping[str, Any], text: str) -> Sentence:
    return Sentence(text, (cite(table, row),))


def _forecast(read: Callable[[], Outlook | Missing]) -> _Part:
    outlook = read()
    if isinstance(outlook, Missing):
        yield outlook
        return
    row = outlook.row
    compared = outlook.before if outlook.change is not None else None
    cited = [cite(PREDICTIONS_DAILY, one) for one in (row, compared) if one is not None]
    yield Sentence(f"{outlook.headline}.", tuple(cited))
    interval = f"{percent(row['lo95'])} and {percent(row['hi95'])}"
    yield _sentence(PREDICTIONS_DAILY, row, f"With 95 % it is between {interval}.")
    values = {LABELS[name]: row[f"baseline_{name}"] for name in ("har_rv", "har_x", "vix")}
    shown = [f"{name} {percent(value)}" for name, value in values.items() if value is not None]
    if shown:
        yield _sentence(PREDICTIONS_DAILY, row, f"Baselines: {', '.join(shown)}.")
    if outlook.hindsight:
        text = (
            f"This is hindsight: version {row['model_version']} was trained on sessions up to "
            f"{row['model_as_of'] or 'an unknown day'}, so the forecast could not have been made "
            "then."
        )
        yield _sentence(PREDICTIONS_DAILY, row, text)


def _why(read: Callable[[], Outlook | Missing]) -> _Part:
    outlook = read()
    if isinstance(outlook, Outlook):
        base, *parts, _others, _total = status.drivers(outlook.row)
        average = f"An average day would have {percent(base.effect + 1)}"
        shown = [f"{part.words} ({100 * part.effect:+.0f} %)" for part in parts[:_DRIVERS]]
        text = f"{average}; what drives the forecast from there: {', '.join(shown)}."
        yield _sentence(PREDICTIONS_DAILY, outlook.row, text)


def _regime(store: Store, symbol: str, as_of: date) -> _Part:
    rows = status.ribbon(store, symbol, as_of)
    if isinstance(rows, Missing):
        yield rows
        return
    sessions = rows.loc[rows["regime"].notna(), "session"]
    if not len(sessions) or sessions.iloc[-1] != as_of:
        newest = f"; the newest is of {sessions.iloc[-1]}" if len(sessions) else ""
        remedy = _LATE if len(sessions) else "It needs 756 sessions of features."
        yield Missing(f"There is no regime of {symbol} for {as_of}{newest}.", remedy)
        return
    state = rows["regime"].iloc[-1]
    others = rows.index[rows["regime"] != state]
    span = rows.iloc[others[-1] + 1 if len(others) else 0 :]
    first, probability = span["session"].iloc[0], span[f"hmm_{state}"].iloc[-1]
    lasted = f"for {len(span)} sessions, " if len(span) > 1 else ""
    features = features_at_close(store, symbol, as_of).set_index("session", drop=False)
    yield Sentence(
        f"The market of {symbol} is {state} with probability {probability:.2f}, {lasted}since "
        f"{day_words(first)}.",
        tuple(cite(FEATURES_DAILY, features.loc[day].to_dict()) for day in sorted({first, as_of})),
    )


def _track(store: Store, symbol: str, as_of: date, read: Callable[[], Health]) -> _Part:
    row = read().performance
    if isinstance(row, Missing):
        yield row
    else:
        text = f"The track record {_STATES.get(row['state'], row['state'])}: {row['detail']}."
        yield _sentence(MONITORING_PERFORMANCE, row, f"{text}{_recent_scores(row)}")
    card = status.model_card(store)
    if isinstance(card, Missing):
        yield card
    elif card.champion.target in ("", symbol) and card.champion.as_of <= as_of.isoformat():
        # The whole walk, or else the rows that every baseline has.
        tables = {"all": card.metrics.all, "all_baselines": card.metrics.all_baselines}
        for name in ("har_rv", "log_har", "har_x", "vix"):
            for part, table in tables.items():
                if table is not None and {name, "volcast"} <= {line.name for line in table.lines}:
                    run = card.champion.run_id
                    cited = (cite_line(run, part, "volcast"), cite_line(run, part, name))
                    yield Sentence(_skill(table, name, card.champion.version), cited)
                    break


def _recent_scores(row: Mapping[str, Any]) -> str:
    if row["recent_qlike"] is None:
        return ""
    values = {LABELS["har_rv"]: row["recent_qlike_har"], LABELS["vix"]: row["recent_qlike_vix"]}
    shown = [f"{value:.3f} of {name}" for name, value in values.items() if value is not None]
    compared = f", compared with {' and '.join(shown)}" if shown else ""
    return (
        f" The latest {row['recent_n']} scored forecasts have a QLIKE of "
        f"{row['recent_qlike']:.3f}{compared}."
    )


def _skill(table: SkillTable, name: str, version: str) -> str:
    own, other = table.line("volcast"), table.line(name)
    beaten = other.gain > 0 and other.p_better < _PROVEN
    share = f"{abs(100 * other.gain):.1f} % {'less' if other.gain >= 0 else 'more'} QLIKE"
    return (
        f"Walking forward over {table.rows} sessions, {table.first} to {table.last}, "
        f"volcast version {version} {'beats' if beaten else 'does not provably beat'} "
        f"{LABELS[name]}, with {share} ({own.qlike:.3f} compared with {other.qlike:.3f}, one-sided "
        f"p {shown_p(other.p_better)})."
    )


def _data_and_drift(read: Callable[[], Health], as_of: date) -> _Part:
    health = read()
    if isinstance(health.drift, Missing):
        yield health.drift
    else:
        named = ", ".join(map(label, health.fired))
        alone = f"; tests fired alone for {named}" if named else ""
        verdict = f"{health.drift['state']} ({health.drift['detail']}){alone}"
        text = f"Drift at {day_words(health.drift['session'])}: {verdict}."
        yield _sentence(MONITORING_DRIFT_DAILY, health.drift, text)
    for one in health.tables:
        if one.behind is None:
            yield Missing(f"{one.table} of {one.symbol} has no row up to {as_of}.", _LATE)
        elif one.behind:
            late = f"ends at {one.session}, {session_words(one.behind)} late"
            yield Missing(f"{one.table} of {one.symbol} {late}.", _LATE)
    for row in health.failed[:_MOST]:
        text = (
            f"Quality check {row['check']} of {row['suite']} ({row['severity']}) failed at "
            f"{day_words(row['session'])}: {row['detail'] or 'no detail'}."
        )
        yield _sentence(MONITORING_QUALITY, row, text)
    if isinstance(health.retrain, Missing):
        yield health.retrain
    else:
        at, reason = day_words(health.retrain["session"]), health.retrain["reason"]
        yield _sentence(MONITORING_RETRAIN, health.retrain, f"Retraining at {at}: {reason}.")
    for row in health.jobs:
        if row["outcome"] != "succeeded":
            why = f": {row['detail']}" if row["detail"] else ""
            ended = f"ended {row['outcome']} on {day_words(row['day'])}{why}"
            yield _sentence(MONITORING_JOBS, row, f"The last run of {row['job']} {ended}.")


def _macro(store: Store, as_of: date) -> _Part:
    close = calendar.closes([as_of])[0].to_pydatetime()
    news = [
        one for one in releases(store, close, newest=1) if one.row["available_at"] > close - _RECENT
    ]
    # What comes once a month is more news than what comes daily.
    for one in sorted(news, key=lambda one: one.every, reverse=True)[:_MOST]:
        yield _sentence(RAW_MACRO, one.row, one.words)


def _documents(passages: Sequence[Passage], as_of: date) -> _Part:
    first_of: dict[str, Passage] = {}
    for passage in passages:
        if passage.dated is not None and as_of - _RECENT < passage.dated <= as_of:
            first_of.setdefault(passage.id.rpartition("#")[0], passage)
    for passage in list(first_of.values())[:_MOST]:
        text = f"{passage.title}, {passage.dated}: {passage.sentences[0]}"
        yield Sentence(text, (passage.id,), passage.name)
