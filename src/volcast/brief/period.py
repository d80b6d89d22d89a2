"""Days and periods that a question names, as dates."""

import calendar as months
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from volcast.brief.question import NUMBERS
from volcast.core import calendar
from volcast.core.errors import RequestError

__all__ = [
    "EVER",
    "PAST",
    "SINCE_THE_SESSION_BEFORE",
    "Span",
    "span_of",
    "statistics_of",
    "with_days",
    "without_period",
]

_WEEKDAYS = "|".join(months.day_name)
_MONTHS = "|".join(months.month_name[1:])
_SHORT_MONTHS = {name[:3]: name for name in months.month_name[1:]} | {"Sept": "September"}
_POINT = rf"(?:\d{{4}}-\d\d-\d\d|(?:{_MONTHS})(?: of)? (?:19|20)\d\d|\b(?:19|20)\d\d)\b"
_TO = r"(?:and|to|until|till|through)"

_HOLIDAYS = {
    "new year's eve": (12, 31), "new year's day": (1, 1), "valentine's day": (2, 14),
    "independence day": (7, 4), "halloween": (10, 31), "christmas eve": (12, 24),
    "christmas day": (12, 25), "christmas": (12, 25), "boxing day": (12, 26),
}  # fmt: skip
_COUNTS = NUMBERS | {"a": "1", "an": "1", "one": "1"}
_COUNT = rf"(\d{{1,4}}|{'|'.join(_COUNTS)})"
_FREQUENCIES = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}

_SHORT = "|".join(_SHORT_MONTHS)
_SHORT_MONTH = re.compile(
    rf"(?i)\b(?:(?:(?<=\d )|(?<=th )|(?<=of ))({_SHORT})|({_SHORT})(?=\.?,? \d))\b\.?"
)
_QUARTER = re.compile(r"(?i)\bQ([1-4])(?: of)? ((?:19|20)\d\d)\b")
_HOLIDAY = re.compile(rf"(?i)\b({'|'.join(_HOLIDAYS)})(?:,?(?: of| in)? ((?:19|20)\d\d))?\b")
_DAY_OF_YEAR = re.compile(
    rf"(?i)\b(?:({_MONTHS}) (\d{{1,2}})|(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTHS}))"
    r"(?:st|nd|rd|th)?\b(?!,? \d{4}| of \d{4})"
)
_TRAILING = re.compile(
    r"(?i)\b(\d+)-(day|session|week|month|year)(?= (?:high|low|average|mean|max|min|range|peak))"
)
_AGO = re.compile(rf"(?i)\b{_COUNT} (day|session|week|month|year)s? ago\b")
_YESTERDAY = re.compile(r"(?i)\byesterday\b")
_WEEKDAY = re.compile(rf"(?i)\b(last|on) ({_WEEKDAYS})\b")
PAST = re.compile(r"(?i)\b(?:was|were|did|had|closed|has been|have been)\b")
"""What a question about the past has."""

SINCE_THE_SESSION_BEFORE = re.compile(
    r"(?i)\b(?:than|since|from|versus|vs\.?|against|compared (?:with|to)) (?:yesterday"
    r"|the (?:day|session|close) before|(?:the )?(?:last|previous|prior) (?:close|session|day))\b"
)
"""A comparison with the session before."""

_STATISTICS = {
    "max": r"highest|max(?:imum)?|peak\w*|largest|biggest|greatest|worst"
    r"|record (?:high|level|close)|all[- ]time high|highs?(?= (?:of|in|for|over|ever))",
    "min": r"lowest|min(?:imum)?|trough\w*|smallest|all[- ]time low|record low"
    r"|lows?(?= (?:of|in|for|over|ever))",
    "mean": r"averag\w*|mean|avg",
    "range": r"ranged?",
    "duration": r"since when|how long|how many (?:days|sessions|weeks|months|years)",
    "other": r"how often|how many times|median|standard deviation|percentile|quantile|quartile"
    r"|number of (?:times|days|sessions)|(?:percentage|share|fraction) of (?:the )?(?:time|days)"
    r"|(?:first|last) time",
}


@dataclass(frozen=True)
class Span:
    """A period from its first to its last day; ``relative`` if it is counted from today."""

    first: date
    last: date
    relative: bool = False


EVER = Span(date(1900, 1, 1), date(2200, 1, 1))
"""All that there is."""


def with_days(text: str, today: Callable[[], date]) -> str:
    """Return ``text`` with named days, such as yesterday, as 2018-12-28, and whole month names.

    Parameters
    ----------
    today : callable
        Returns the day from which yesterday and the like are counted.
    """

    def session(day: date) -> str:
        return (calendar.sessions(day - timedelta(days=10), day) or [day])[-1].isoformat()

    def ago(match: re.Match[str]) -> str:
        count, unit = _count(match[1]), match[2].lower()
        if unit in ("day", "session"):
            return calendar.after(date.fromisoformat(session(today())), -count).isoformat()
        return session(_back(today(), count, unit))

    def weekday(match: re.Match[str]) -> str:
        if match[1].lower() == "on" and not PAST.search(text):
            return match[0]
        back = (today().weekday() - list(months.day_name).index(match[2].title()) - 1) % 7 + 1
        return f"on {today() - timedelta(days=back)}"

    def holiday(match: re.Match[str]) -> str:
        year, day = match[2], _HOLIDAYS[match[1].lower()]
        newest = today() if year is None else date(int(year), 12, 31)
        return date(newest.year - (day > (newest.month, newest.day)), *day).isoformat()

    def day_of_year(match: re.Match[str]) -> str:
        month = list(months.month_name).index((match[1] or match[4]).title())
        day, newest = (month, int(match[2] or match[3])), today()
        with suppress(ValueError):
            return date(newest.year - (day > (newest.month, newest.day)), *day).isoformat()
        return match[0]

    def quarter(match: re.Match[str]) -> str:
        period = pd.Period(f"{match[2]}Q{match[1]}")
        return f"from {period.start_time:%B %Y} to {period.end_time:%B %Y}"

    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = _SHORT_MONTH.sub(lambda match: _SHORT_MONTHS[(match[1] or match[2]).capitalize()], text)
    text = _TRAILING.sub(r"past \1 \2s", _DAY_OF_YEAR.sub(day_of_year, text))
    text = _HOLIDAY.sub(holiday, _QUARTER.sub(quarter, text))
    if SINCE_THE_SESSION_BEFORE.search(text):
        return text
    text = _YESTERDAY.sub(lambda _: session(today() - timedelta(days=1)), text)
    return _WEEKDAY.sub(weekday, _AGO.sub(ago, text))


def span_of(text: str, today: date) -> Span | None:
    """Return the period that a text names, in which days are written 2018-12-28; None without one.

    Raises
    ------
    RequestError
        If it names one that has no first and last day, or several.
    """
    unclear = re.search(
        r"(?i)\b(?:before|until|till|after|prior to|by|up to|except|outside|than) (?:the )?"
        rf"{_POINT}"
        r"|\b(?:(?:start|beginning|end|middle|rest) of|early|mid|late|first|last|final"
        rf"|(?:year|month)-end)\b(?: [^\W\d]+){{0,3}} {_POINT}|\d{{1,2}}/\d{{1,2}}/\d\d"
        r"|\b(?:first|second) half\b|\b(?:spring|summer|autumn|winter)\b", text,
    )  # fmt: skip
    for pattern, bounds in _PERIODS:
        match = re.search(rf"(?i){pattern}", text)
        if match:
            rest = text[: match.start()] + text[match.end() :]
            if not unclear and not re.search(rf"(?i){_POINT}", rest):
                with suppress(ValueError):  # of a day such as 2018-02-30
                    return bounds(match, today)
            break
    else:
        if not unclear and len(re.findall(_POINT, text)) < 2:
            return None
    raise RequestError(
        found=repr(unclear[0] if unclear else text[:80]), expected="one day or one period",
        where="question", field="question",
        remedy="Name a day, as in 24 December 2018, or a period, as in 2018, December 2018 or "
        "between 2016 and 2018.",
    )  # fmt: skip


def statistics_of(text: str) -> frozenset[str]:
    """Return the statistics that a text names: max, min, mean, range, duration or other."""
    return frozenset(
        name for name, words in _STATISTICS.items() if re.search(rf"(?i)\b(?:{words})\b", text)
    )


def without_period(text: str) -> str:
    """Return ``text`` with each month, year and span of days as ``on that day``."""
    prefix = "in|during|over|for|since|of|from|between"
    pattern = rf"(?i)\b(?:(?:{prefix}) )?({_POINT})(?: {_TO} ({_POINT}))?"

    def masked(match: re.Match[str]) -> str:
        return match[0] if match[2] is None and "-" in match[1] else "on that day"

    return re.sub(pattern, masked, text)


def _count(word: str | None) -> int:
    return int(_COUNTS.get((word or "one").lower(), word or ""))


def _back(day: date, count: int, unit: str) -> date:
    months = min(count * {"month": 1, "quarter": 3, "year": 12}.get(unit, 0), 1200)
    return (day - pd.DateOffset(weeks=count * (unit == "week"), months=months)).date()


def _period(point: str, last: str | None = None) -> Span:
    """Return the span of a day, month or year, or from one to another."""
    first, end = (pd.Period(re.sub(r"(?i) of ", " ", one)) for one in (point, last or point))
    return Span(first.start_time.date(), end.end_time.date())


def _month(match: re.Match[str], today: date) -> Span:
    month = list(months.month_name).index(match[1].title())
    return _period(f"{today.year - (month > today.month)}-{month:02}")


def _relative(match: re.Match[str], today: date) -> Span:
    """Return last month, the past three months, this year and the like."""
    word, count, unit = match[2].lower(), _count(match[3]), match[4].lower()
    trailing = match[3] or word == "past" or (match[1] and word == "last")
    if not trailing:
        period = pd.Period(today, _FREQUENCIES[unit]) - int(word != "this")
        return Span(period.start_time.date(), period.end_time.date(), relative=True)
    if unit in ("day", "session"):
        newest = calendar.sessions(today - timedelta(days=10), today)[-1]
        return Span(calendar.after(newest, 1 - count), newest, relative=True)
    return Span(_back(today, count, unit) + timedelta(days=1), today, relative=True)


_Bounds = Callable[[re.Match[str], date], Span]
_PERIODS: tuple[tuple[str, _Bounds], ...] = (
    (rf"\b(?:between|from) ({_POINT}) {_TO} ({_POINT})", lambda m, _: _period(m[1], m[2])),
    (rf"({_POINT}) ?[-\N{{EN DASH}}] ?({_POINT})", lambda m, _: _period(m[1], m[2])),
    (rf"\bsince ({_POINT})", lambda m, today: Span(_period(m[1]).first, today)),
    (rf"((?:{_MONTHS})(?: of)? (?:19|20)\d\d)", lambda m, _: _period(m[1])),
    (r"(?<![\d.,-])((?:19|20)\d\d)(?![\d-])", lambda m, _: _period(m[1])),
    (rf"\b(the )?(this|last|past|previous)(?: {_COUNT})? (week|month|quarter|year)s?\b", _relative),
    (rf"\b(the )?(this|last|past|previous) {_COUNT} (?:trading )?(day|session)s?\b", _relative),
    (rf"\b(?:in|during|for|since|of|last) ({_MONTHS})\b(?! \d)", _month),
    (
        r"\b(?:ever|all[- ]time|on record|in history|so far)\b",
        lambda _, __: EVER,
    ),
)
