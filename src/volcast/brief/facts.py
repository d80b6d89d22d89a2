"""Questions about the system's own forecasts and macro releases, answered from their rows."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time

from volcast.brief.answer import Answer, Sentence
from volcast.brief.citations import cite
from volcast.brief.daily import Brief
from volcast.brief.macro import NAMES, releases
from volcast.brief.question import Question, words_of
from volcast.core.errors import NotFound, RequestError
from volcast.monitoring.score import official_scores
from volcast.monitoring.status.words import day_words, percent
from volcast.store import Store
from volcast.store.tables import MONITORING_REALIZED_ERROR, RAW_MACRO

__all__ = ["answer_from_rows"]

_TOPICS: Mapping[str, str] = {
    "Outcome": r"\boutcomes?\b|\brealized\b|\bc[oa]me of\b",
    "Why": r"\bdriv(?:e[srn]?|ers|ing|en)\b|\bwhy\b",
    "Regime": r"\bregimes?\b|\bcalm\b|\bstressed\b",
    "Track record": r"\btrack record\b|\bskill\b|\bbeats?\b|\bqlike\b|\baccura\w+|\bperform\w*",
    "Data and drift": r"\bdrift\w*|\bretrain\w*|\bdata quality\b|\bchecks?\b",
    "Forecast": r"\bforecast\w*|\bpredict\w*|\bexpect\w*|\bintervals?\b|\bvolatil\w+",
}
"""Sections of the brief, by what asks for them; the first that matches counts."""

_OTHER_QUANTITY = re.compile(
    r"\b(?:prices?|returns?|implied|yields?|dividends?|earnings|volumes?)\b"
)
_OTHER_HORIZON = re.compile(
    r"\b(?:hours?|hourly|intraday|overnight|tomorrow|fortnight|monthly|quarterly|yearly|weeks"
    r"|months?|quarters?|years?|decades?)\b|\bday[ -]ahead\b|\b(?:two|\d+)[ -]weeks?\b"
    r"|\bnext (?:trading )?(?:day|session)\b"
    r"|\b(?!5\b)(?:one|two|three|four|six|ten|twenty|\d{1,3})[ -](?:trading )?(?:days?|sessions?)\b"
)
"""What no forecast is of: it is of the volatility of five sessions."""

_FILLER = frozenset(
    "what which how is are was were the of for on in a an to from with high large wide now today "  # noqa: SIM905
    "current latest market model next five sessions session days day week our we it its has does "
    "do did there s system at and".split()
)
"""Words of a question that names no symbol and is still about the target."""

_RELEASES = 260
"""Newest releases of a series that are searched: a year of a daily one."""


def answer_from_rows(
    store: Store,
    symbols: Sequence[str],
    text: str,
    as_of: date | None,
    now: datetime,
    brief_of: Callable[[str, date | None, str], Brief],
) -> Answer | None:
    """Answer a question about one of the symbols, or a macro series, from rows alone.

    Parameters
    ----------
    symbols : sequence of str
        Those that questions may be about, the target first.
    as_of : date or None
        The session whose knowledge counts, unless the question names a day; None is the newest.
    brief_of : callable
        Returns the brief of a symbol and session with the section of a title alone.

    Returns
    -------
    Answer or None
        Without sentences where the rows do not have it; None if the question is of another kind,
        and documents may answer.
    """
    question = Question(text)
    lower = text.lower()
    topic = next((one for one, pattern in _TOPICS.items() if re.search(pattern, lower)), None)
    symbol = _symbol(question, symbols, topic)
    if symbol is None or topic is None:
        until = now if as_of is None else datetime.combine(as_of, time(23, 59), UTC)
        return _macro_answer(store, question, until)
    about_forecast = topic in ("Forecast", "Outcome")
    if about_forecast and _OTHER_QUANTITY.search(lower):
        return None
    other_horizon = about_forecast and _OTHER_HORIZON.search(lower)
    if other_horizon or (question.months and question.day is None):
        return Answer(text, ())
    if topic == "Outcome":
        return Answer(text, _outcome(store, symbol, question.day, as_of))
    try:
        return Answer(text, brief_of(symbol, question.day or as_of, topic).sentences)
    except (NotFound, RequestError):
        return Answer(text, ())


def _symbol(question: Question, symbols: Sequence[str], topic: str | None) -> str | None:
    """Return the symbol of a question: one of the universe, or the target where none is named."""
    for symbol in symbols:
        if re.search(rf"(?<!\w){re.escape(symbol)}(?!\w)", question.text):
            return symbol
    if topic is None:
        return None
    rest = re.sub(_TOPICS[topic] + "|" + _TOPICS["Forecast"], " ", question.text.lower())
    return symbols[0] if frozenset(words_of(rest)) <= _FILLER else None


def _outcome(
    store: Store, symbol: str, session: date | None, as_of: date | None
) -> tuple[Sentence, ...]:
    rows = official_scores(store, symbol, as_of)
    if session is not None:
        rows = rows[rows["session"] == session]
    if rows.empty:
        return ()
    row = {str(name): value for name, value in rows.iloc[-1].items()}
    realized = (
        f"What came after {day_words(row['session'])} was a realized volatility of "
        f"{percent(row['rv_5d'])}, where version {row['model_version']} had forecast "
        f"{percent(row['rv_5d_hat'])}: an error of {row['error_points']:+.1f} points, "
        f"{'inside' if row['inside_80'] else 'outside'} the 80 % interval, QLIKE "
        f"{row['qlike']:.3f}."
    )
    return (Sentence(realized, (cite(MONITORING_REALIZED_ERROR, row),)),)


def _macro_answer(store: Store, question: Question, until: datetime) -> Answer | None:
    """Answer with the newest release of a series, or of the month or day that is named."""
    question_words = frozenset(words_of(question.text))
    for series, (name, _) in NAMES.items():
        named = frozenset(words_of(name.partition("(")[0])) - _FILLER
        if series in question.text or named <= question_words:
            break
    else:
        return None
    when = {word for word in question.names if word in question.months or word.isdigit()}
    for one in releases(store, until, _RELEASES, series):
        if when <= frozenset(words_of(one.period)):
            return Answer(question.text, (Sentence(one.words, (cite(RAW_MACRO, one.row),)),))
    return Answer(question.text, ())
