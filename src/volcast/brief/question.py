"""What a question asks for, and which of its words an answer may not lack."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from volcast.brief.corpus import Passage
from volcast.brief.corpus.terms import terms
from volcast.core.errors import RequestError
from volcast.store.tables import MONITORING_REALIZED_ERROR, PREDICTIONS_DAILY

__all__ = ["LONGEST", "Question", "checked_question"]

LONGEST = 500
"""Characters of a question."""

_MONTHS = frozenset(
    terms("January February March April May June July August September October November December")
)
_ORDINALS = r"(first|second|third|fourth|last)(?=[\s-](?:quarter|half|week|month|decade))"
_NUMBER_WORDS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_COUNTS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split(), 2)}
"""Numbers as words, which a two-year bond is told from a ten-year one by."""

_FARTHER = re.compile(
    r"\bnext (?!(?:(?:five|5) )?(?:(?:trading|business|market) )?(?:sessions?|days?)\b|week\b)\w+"
    r"|\b(?:weeks|months?|quarters?|years?) (?:ahead|from now|hence)\b"
)
"""Horizons that no row is of."""

_FORECASTS = tuple(f"{table.name}?" for table in (PREDICTIONS_DAILY, MONITORING_REALIZED_ERROR))
_SPAN = r"[ -](?:(?:trading|business|market)[ -])?(?:days?|sessions?)\b"
_OTHER_HORIZON = re.compile(
    r"\b(?:hours?|hourly|intraday|overnight|tomorrow|fortnight|months?|monthly|quarters?|quarterly"
    r"|years?|yearly|decades?)\b|\bday[ -]ahead\b"
    rf"|\b(?:one|single|(?!five\b)(?:{'|'.join(_COUNTS)})){_SPAN}"
    r"|(?<![\w\-/.])(?!5-)\d{1,3}-(?:trading-)?(?:days?|sessions?)\b"
    rf"|\bnext{_SPAN}(?<!s)|\b(?:{'|'.join(_COUNTS)}|\d+)[ -]weeks?\b"
)
_OTHER_QUANTITY = re.compile(
    r"\b(?:prices?|returns?|implied|yields?|dividends?|earnings|volumes?)\b"
)
"""What no forecast is of, nor its outcome: they are of five sessions' volatility."""

_DRIVERS = re.compile(r"\bdriv\w+.*\bforecast|\bforecast.*\bdriv\w+")
"""Asks for what goes into a forecast, which may be last month's return."""

_PAST = re.compile(r"\b(?:did|was|were|had|has|have)\b")
_ENDED = re.compile(r"\b(?:did|was|were|had|been)\b")
"""Of what is over, or may be: what a market has is of the present."""
_NAME = re.compile(r"(?<![.?!]\s)(?<!^)\b(?:[A-Z][\w'&\-]*|[a-z]+[A-Z]\w*|[A-Z]{2,}\w*)")
_COMMON = frozenset({"i", "har", "qlike", "rmse", "the"})
"""Capitalised words that are no names, or that a document may leave out."""

_AMOUNT = re.compile(
    r"\d|\b(?:zero|none|no|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half"
    r"|quarter|third|hundred|thousand|million|billion|twice|once|double|both|all|unchanged)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|spring|summer|autumn|winter"
    r"|(?:19|20)\d\d|quarter|yesterday|today|tomorrow|noon|midnight|week|year|month)\b|\d:\d\d",
    re.IGNORECASE,
)
_PERSON = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'\-]+|(?:^|(?<=[.!?] ))[A-Z][\w'\-]+ [A-Z][\w'\-]+")
_KINDS = (
    (re.compile(r"\bwhen\b|\b(?:what|which|on what|in which) (?:day|date|month|year)\b"), _TIME),
    (
        re.compile(
            r"\b(?:who|whom|whose)\b|\bwhat is the name\b|\b(?:what|how) is \w+ \w* ?called\b"
            r"|\b(?:which|what) (?:company|bank|firm|broker|fund|country|city|town|member|analyst"
            r"|supplier|bureau|agency|person|institution|exchange)\b"
        ),
        _PERSON,
    ),
    (
        re.compile(
            r"\bhow (?:many|much|large|big|high|low|long|often|far|old|wide|deep|strong|fast)\b"
            r"|\b(?:what|which) (?:share|percentage|fraction|proportion|number|level|rate|price"
            r"|amount|size|sum)\b"
        ),
        _AMOUNT,
    ),
)
"""How a question begins, and what stands in any answer to it."""


@dataclass(frozen=True)
class Question:
    """A question, taken apart.

    Parameters
    ----------
    text : str
    """

    text: str

    @cached_property
    def terms(self) -> frozenset[str]:
        """Its terms, each once; a letter alone is none."""
        return frozenset(term for term in terms(self.text) if len(term) > 1 or term.isdigit())

    @cached_property
    def days(self) -> frozenset[str]:
        """Days it names: d20211231."""
        return frozenset(term for term in self.terms if re.fullmatch(r"d\d{8}", term))

    @cached_property
    def months(self) -> frozenset[str]:
        """Months it names, as terms of their names."""
        # May is a month where it has a capital, or a day beside it.
        dated = {term for term in self.terms if re.fullmatch(r"m\d{6}", term)}
        named = frozenset(terms(" ".join(re.findall(r"\b[A-Z]\w+", self.text)))) & _MONTHS
        return named if not dated else frozenset(self.terms & _MONTHS)

    @cached_property
    def years(self) -> frozenset[str]:
        """Years it names."""
        return frozenset(term for term in self.terms if re.fullmatch(r"(?:19|20)\d\d", term))

    @property
    def dated(self) -> bool:
        """Whether it names a time."""
        return bool(self.days or self.months or self.years)

    @property
    def present(self) -> bool:
        """Whether it asks what is, and not what was at a time, named or not."""
        return not self.dated and _ENDED.search(self.text.lower()) is None

    @cached_property
    def names(self) -> frozenset[str]:
        """Terms of the names in it: an answer speaks of them, or its passage does."""
        found = terms(" ".join(name for name in _NAME.findall(self.text)))
        return frozenset(found) - _COMMON - _MONTHS - self.years

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers in it that are of no date, and ordinals of quarters and the like."""
        plain = {term for term in self.terms if re.fullmatch(r"\d+(?:\.\d+)?", term)} - self.years
        day_numbers = {str(int(day[-2:])) for day in self.days}
        ordinals = terms(" ".join(re.findall(_ORDINALS, self.text.lower())))
        words = {_COUNTS[term] for term in self._words & _COUNTS.keys()}
        return frozenset(plain - day_numbers) | frozenset(ordinals) | words

    def wants(self, said: str) -> bool:
        """Whether ``said`` holds what such a question is answered by: a time, a name, an amount."""
        asked = self.text.lower()
        for kind, form in _KINDS:
            if kind.search(asked):
                found = set(form.findall(said)) if form is _PERSON else form.search(said)
                if form is _PERSON and isinstance(found, set):
                    return any(not set(terms(name)) <= self.terms for name in found)
                return bool(found)
        return True

    def fits(self, passage: Passage, said: str) -> bool:
        """Whether nothing that the question is particular about is missing, or is another.

        Names and numbers stand in the passage or its title; the time fits, by a document's words
        or a row's title.
        """
        told = f"{passage.title}\n{passage.text}"
        around = frozenset(terms(told))
        around |= {_COUNTS[word] for word in _words(told) & _COUNTS.keys()}
        if not self.names | self.numbers <= around or self._opposed - _words(said):
            return False
        if passage.source == "row":
            return not self._of_other(passage) and self._of_row(passage.title)
        return self._in_time(passage, frozenset(terms(said)), around)

    def _in_time(self, passage: Passage, said: frozenset[str], around: frozenset[str]) -> bool:
        """Whether a document's passage is of the time that is asked for.

        A month stands in what is said, or else in the passage, and no other month is said; a day
        or a year in the passage, its title or day.
        """
        if passage.dated is not None and self._after(passage.dated):
            return False
        other = said & _MONTHS or not self.months <= around
        if not self.months <= said and other:
            return False
        if not (self.days <= around or self._day_in(around)):
            return False
        return self.years <= around | _years_of(passage.dated)

    def _of_other(self, passage: Passage) -> bool:
        """Whether a forecast is asked for another quantity or horizon than its own."""
        asked = self.text.lower()
        if not passage.id.startswith(_FORECASTS) or _DRIVERS.search(asked):
            return False
        return bool(_OTHER_HORIZON.search(asked) or _OTHER_QUANTITY.search(asked))

    def _of_row(self, title: str) -> bool:
        """Whether a row is of the very time that is asked for; a day is no month, nor that a year.

        Its title says what it is of. What else it says, such as when a value became public, is not.
        """
        if _FARTHER.search(self.text.lower()):
            return False
        if not self.dated:
            return True
        held = frozenset(terms(title))
        days = sorted(term for term in held if re.fullmatch(r"d\d{8}", term))
        if self.days:
            span = len(days) == 2 and all(days[0] <= day <= days[1] for day in self.days)
            return span or self.days <= held
        return bool(self.months and self.years) and not days and self.months | self.years <= held

    @property
    def _opposed(self) -> frozenset[str]:
        return _words(self.text) & {"against", "without"}

    def _after(self, day: date) -> bool:
        """Whether it asks what happened on a later day: what was written before cannot say."""
        named = [date.fromisoformat(f"{term[1:5]}-{term[5:7]}-{term[7:]}") for term in self.days]
        past = _PAST.search(self.text.lower()) is not None
        return past and any(one > day for one in named)

    @property
    def _words(self) -> frozenset[str]:
        return _words(self.text)

    def _day_in(self, around: frozenset[str]) -> bool:
        """Whether the day stands there without its year."""
        return all(str(int(day[-2:])) in around for day in self.days) and self.months <= around

    @cached_property
    def matter(self) -> frozenset[str]:
        """What it asks of those it names: its terms but names, numbers and times."""
        times = self.days | self.months | self.years | frozenset(filter(_doubled, self.terms))
        return self.terms - self.names - self.numbers - times

    def covered(self, said: str, weights: Mapping[str, float], *, matter: bool = False) -> float:
        """Return the share of the question's weight that the terms of ``said`` cover.

        Parameters
        ----------
        weights : mapping
            How much each of its terms tells.
        matter : bool
            Of `matter` alone; where a question has none, nothing answers it.
        """
        asked = self.matter if matter else {term for term in self.terms if not _doubled(term)}
        whole = sum(weights.get(term, 0.0) for term in asked)
        found = asked & frozenset(terms(said))
        return sum(weights.get(term, 0.0) for term in found) / whole if whole else 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def _doubled(term: str) -> bool:
    """Whether a date's other terms say the same."""
    return bool(re.fullmatch(r"d\d{8}|m\d{6}", term))


def _years_of(day: date | None) -> frozenset[str]:
    return frozenset() if day is None else frozenset({str(day.year)})


def checked_question(text: str) -> str:
    """Return ``text`` without space around it, if it can be a question.

    Raises
    ------
    RequestError
        If it is empty, longer than `LONGEST`, or holds control characters.
    """
    asked = text.strip()
    odd = any(ord(sign) < 32 or 0xD800 <= ord(sign) < 0xE000 for sign in asked)
    if not asked or len(asked) > LONGEST or odd:
        raise RequestError(
            found=f"{len(asked)} characters", expected=f"1 to {LONGEST} in one line",
            where="question", remedy="Ask in one sentence.", field="question",
        )  # fmt: skip
    return asked
