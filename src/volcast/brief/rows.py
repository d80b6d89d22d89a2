"""Questions about the system's own facts and macro releases, answered from their rows."""

import re
from collections.abc import Callable
from datetime import date

from volcast.brief.answer import Answer
from volcast.brief.facts import Facts, Part, split
from volcast.brief.intents import OUTSIDE, Recogniser, Subject
from volcast.brief.levels import REALIZED, change, level
from volcast.brief.period import (
    PAST,
    SINCE_THE_SESSION_BEFORE,
    Span,
    span_of,
    statistics_of,
    with_days,
)
from volcast.brief.question import Question, exact_words
from volcast.core.errors import NotFound, RequestError
from volcast.monitoring.status import Missing

__all__ = ["answer_from_rows", "no_answer"]

_OF_A_HORIZON = frozenset({"forecast", "comparison"})
"""Intents that have no answer on another horizon than five sessions."""

_OF_THE_PRESENT = frozenset({"skill", "coverage", "version", "level"})
"""Intents that are answered from all that is known, also where a day is named."""

_OVER_TIME = frozenset({"level", "rank", "change", "probability"})
"""Intents that decide themselves which periods they have an answer for."""

_ALL = frozenset({"max", "min", "mean", "range", "duration", "other"})
_STATISTICS = {
    "coverage": _ALL,
    "skill": _ALL,
    "drivers": _ALL - {"duration"},
    "forecast": frozenset({"max", "min", "range"}),
} | dict.fromkeys(("regime", "version", "drift", "data", "retraining"), frozenset({"duration"}))
"""Statistics that a fact of one session has, by intent."""

_WEEK = 8
"""Days of the longest period that the newest releases and outcome are of."""

_FUTURE = frozenset({"will", "going", "next", "tomorrow", "expect", "expected"})
_PRICE = frozenset({"close", "closed", "closes", "closing", "price", "prices", "trade", "traded"})
_VOLATILITY = frozenset(
    {"realized", "realised", "vol", "volatile", "volatility", "move", "moved", "moves", "swing"}
)

_PROBABILITY = re.compile(
    r"(?i)\b(?:probab\w*|chances?|odds|likelihood|likely|will|could|can|might|may)\b.*"
    r"\b(?:exceed\w*|above|below|under|over|beyond|past|than|reach\w*|hit|top|cross\w*"
    r"|breach\w*) (?:a |the )?(?:level of )?\d+(?:\.\d+)?\b"
    r"(?! ?(?:day|session|trading|week|business))"
)
"""Whether volatility will pass a level."""

_RANK = re.compile(
    r"(?i)^(?=.*\b(?:rank\w*|percentile)\b)(?=.*\b(?:today|now|forecast|number|current|it|this)\b)"
    r"(?=.*\b(?:year|history|past|range|months|before)\b)"
)
"""Where the forecast is among those of the year before it."""

_DOWN = re.compile(r"(?i)\b(?:down|lower\w*|low|reduc\w*|drag\w*|negative\w*|decreas\w*)\b")
_UP = re.compile(r"(?i)\b(?:up|rais\w*|lift\w*|higher|high|elevated|increas\w*|positive\w*)\b")
_RUN = re.compile(r"(?i)\b(?:jobs?|runs?|batch|pipelines?|crash\w*)\b")
_BETTER = re.compile(r"(?i)\b(?:beats?|better than you|outperforms?|los(?:e|es|ing)|worse than)\b")


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
    try:
        question = Question(with_days(text, lambda: facts_of(symbols[0], None).today))
        subject = Subject(question, symbols)
        intent = _intent(subject, recogniser)
        if intent == OUTSIDE:
            return None
        facts = facts_of(subject.about(intent), None)
        refusal = None if intent in _OVER_TIME else _refusal(intent, subject, facts.today)
        if refusal is not None:
            return Answer(text, (), (refusal,))
        sentences, missing = split(_parts(intent, subject, facts, facts_of), facts.store.uri)
    except (NotFound, RequestError) as error:
        what = f"No session answers this: {error.found}, expected {error.expected}."
        return Answer(text, (), (Missing(what, error.remedy),))
    return Answer(text, sentences, missing) if sentences or missing else None


def no_answer(text: str, symbols: tuple[str, ...], forecast: tuple[str, ...]) -> Missing:
    """Return what a question names that no source answers, and what can be asked."""
    elsewhere = Subject(Question(text), symbols).elsewhere
    names = [one for one in re.findall(r"\b[A-Z]\w*", text) if exact_words(one) & elsewhere]
    about = f"a question on {', '.join(dict.fromkeys(names))}" if names else "this"
    return Missing(
        f"No row or document answers {about}.",
        f"volcast forecasts the volatility of {', '.join(forecast)} over the next five sessions; "
        "it gives no prices, no other measures of risk and no advice.",
    )


def _intent(subject: Subject, recogniser: Recogniser) -> str:
    """Return the intent: by rule for a variant of one that examples have, else by likeness."""
    text = subject.question.text
    if subject.elsewhere:
        return OUTSIDE
    if _PROBABILITY.search(text):
        return "probability"
    of_target = subject.series is None and subject.symbol in (None, subject.symbols[0])
    if _RANK.search(text) and of_target and not subject.baselines:
        return "rank"
    intent = recogniser.intent(subject.masked)
    if intent in ("forecast", "comparison", "level") and SINCE_THE_SESSION_BEFORE.search(text):
        return "change"
    is_of_price = intent in _OF_A_HORIZON and exact_words(text) & (_PRICE - {"closing"})
    return OUTSIDE if is_of_price else intent


def _refusal(intent: str, subject: Subject, today: date) -> Missing | None:
    """Return why there is no answer, where facts are of one session, or of another horizon."""
    question = subject.question
    statistics = statistics_of(question.text) - _STATISTICS.get(intent, frozenset())
    if "mean22" in subject.baselines:
        statistics -= {"mean"}
    try:
        span = span_of(question.replace_days(), today)
    except RequestError:
        one_session = intent == "outcome" and question.day is not None
    else:
        one_session = span is None or _is_of_newest(intent, span, question.text, today)
    if statistics or not one_session:
        return Missing(
            f"A question of this kind ({intent}) can be asked of one day, not over a period.",
            "Name the day, as in 24 December 2018; a level has a highest, a lowest and a mean too.",
        )
    if intent in _OF_A_HORIZON and subject.other_horizon:
        what = "Forecasts are of the volatility of the next five sessions, and of no other horizon."
        return Missing(what, "Ask for the coming week.")
    return None


def _is_of_newest(intent: str, span: Span, text: str, today: date) -> bool:
    """Whether a period is the coming week, or that of the newest releases or outcome."""
    if not span.relative or (span.last - span.first).days > _WEEK:
        return False
    is_coming = span.last > today and not PAST.search(text)
    return is_coming or intent in ("releases", "outcome")


def _parts(
    intent: str, subject: Subject, latest: Facts, facts_of: Callable[[str, date | None], Facts]
) -> tuple[Part, ...]:
    """Return what answers an intent; the facts of a day are those of its close."""
    text, day, baselines = subject.question.text, subject.question.day, subject.baselines
    facts = facts_of(latest.symbol, day) if day and intent not in _OF_THE_PRESENT else latest
    outcome = (latest.outcome(day),) if day else ()
    match intent:
        case "forecast":
            parts: tuple[Part, ...] = (facts.forecast(), *outcome)
        case "change":
            named = subject.series or subject.symbol
            is_level = named and named != subject.symbols[0]
            parts = (change(named, facts) if named and is_level else facts.change(),)
        case "outcome":
            parts = (*outcome, facts.forecast()) if day else (facts.outcome(),)
        case "drivers":
            lowering = bool(_DOWN.search(text)) and not _UP.search(text)
            parts = (facts.drivers(lowering=lowering), facts.forecast())
        case "comparison":
            parts = (facts.comparison(baselines),)
        case "skill":
            better = bool(_BETTER.search(text)) and not baselines
            skill = facts.skill(baselines, better=better)
            parts = (skill,) if better else (facts.performance(), skill)
        case "data":
            first, second = facts.freshness(), facts.jobs()
            if _RUN.search(text):
                first, second = second, first
            parts = (first, second, facts.lateness(), facts.checks())
        case "level":
            series = _series(subject, latest)
            parts = (level(series, subject.question, latest),) if series else ()
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
