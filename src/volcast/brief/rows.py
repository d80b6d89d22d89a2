"""Questions about the system's own facts and macro releases, answered from their rows."""

from collections.abc import Callable
from datetime import date

from volcast.brief.answer import Answer
from volcast.brief.facts import REALIZED, Facts, Part, split
from volcast.brief.intents import OUTSIDE, Recogniser, Subject
from volcast.brief.question import Question, exact_words
from volcast.core.errors import NotFound, RequestError
from volcast.monitoring.status import Missing

__all__ = ["answer_from_rows"]

_OF_A_HORIZON = frozenset({"forecast", "comparison"})
"""Intents that have no answer on another horizon than five sessions."""

_OF_THE_PRESENT = frozenset({"skill", "coverage", "version", "level"})
"""Intents that are answered from all that is known, also where a day is named."""

_FUTURE = frozenset({"will", "going", "next", "tomorrow", "expect", "expected"})
_PRICE = frozenset({"close", "closed", "closes", "closing", "price", "prices", "trade", "traded"})
_VOLATILITY = frozenset(
    {"realized", "realised", "vol", "volatile", "volatility", "move", "moved", "moves", "swing"}
)


def answer_from_rows(
    text: str,
    symbols: tuple[str, ...],
    facts_of: Callable[[str, date | None], Facts],
    recogniser: Recogniser,
) -> Answer | None:
    """Answer a question about the system's facts from their rows alone.

    Parameters
    ----------
    symbols : tuple of str
        Those that questions may be about, the target first.
    facts_of : callable
        Returns the facts of a symbol and session, or of the newest session; NotFound or
        RequestError if there are none.

    Returns
    -------
    Answer or None
        Without sentences where the rows do not have it; None if the question is of another kind,
        and documents may answer.
    """
    question = Question(text)
    subject = Subject(question, symbols)
    intent = OUTSIDE if subject.elsewhere else recogniser.intent(subject.masked)
    is_of_price = intent in _OF_A_HORIZON and exact_words(text) & (_PRICE - {"closing"})
    if intent == OUTSIDE or is_of_price:
        return None
    if intent in _OF_A_HORIZON and subject.other_horizon:
        what = "Forecasts are of the volatility of the next five sessions, and of no other horizon."
        return Answer(text, (), (Missing(what, "Ask for the coming week."),))
    if subject.when and intent != "level":
        what = f"Facts are of one session; {' '.join(sorted(subject.when, reverse=True))} has many."
        return Answer(text, (), (Missing(what, "Name the day, as in 2021-12-31."),))
    try:
        facts = facts_of(subject.about(intent), None)
        parts = _parts(intent, subject, facts, facts_of)
        sentences, missing = split(parts, facts.store.uri)
    except (NotFound, RequestError) as error:
        what = f"No session answers this: {error.found}, expected {error.expected}."
        return Answer(text, (), (Missing(what, error.remedy),))
    return Answer(text, sentences, missing) if sentences or missing else None


def _parts(
    intent: str, subject: Subject, latest: Facts, facts_of: Callable[[str, date | None], Facts]
) -> tuple[Part, ...]:
    """Return what answers an intent; the facts of a day are those of its close."""
    day, baselines = subject.question.day, subject.baselines
    facts = facts_of(latest.symbol, day) if day and intent not in _OF_THE_PRESENT else latest
    outcome = (latest.outcome(day),) if day else ()
    match intent:
        case "forecast":
            parts: tuple[Part, ...] = (facts.forecast(), *outcome)
        case "outcome":
            parts = (*outcome, facts.forecast()) if day else (facts.outcome(),)
        case "drivers":
            parts = (facts.drivers(), facts.forecast())
        case "comparison":
            parts = (facts.comparison(baselines),)
        case "skill":
            parts = (facts.performance(), facts.skill(baselines))
        case "data":
            parts = (facts.freshness(), facts.lateness(), facts.checks())
        case "level":
            series = _series(subject, latest)
            parts = (facts.level(series, day, subject.when),) if series else ()
        case _:
            parts = (getattr(facts, intent)(),)
    return parts


def _series(subject: Subject, facts: Facts) -> str | None:
    """Return the series whose value is the subject; None if it is none of the store's."""
    words = exact_words(subject.question.text)
    if words & _FUTURE:
        return None
    if subject.series or (subject.symbol and subject.symbol != facts.universe.target):
        return subject.series or subject.symbol
    if words & _PRICE:
        return facts.symbol
    if "implied" in words:
        return facts.universe.iv
    return REALIZED if words & _VOLATILITY else None
