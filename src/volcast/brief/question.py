"""What a question names, and what any answer to it contains."""

import calendar
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from volcast.core.errors import RequestError

__all__ = ["LONGEST", "NUMBERS", "Question", "checked_question", "exact_words", "words_of"]

LONGEST = 500
"""Characters of a question."""

MONTHS = frozenset(name.lower() for name in calendar.month_name if name)

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_NAME = re.compile(r"(?<![.?!]\s)(?<!^)\b(?:[A-Z][\w&\-]*|[A-Z]{2,}\w*)|\b\w*\d[\w.,]*\b")
_SPELLED = "two three four five six seven eight nine ten eleven twelve"
NUMBERS = {word: str(number) for number, word in enumerate(_SPELLED.split(), 2)}
_DAY = re.compile(
    r"\b(?:\d{4}-\d\d-\d\d|\d{1,2}(?:st|nd|rd|th)?(?: of)? [A-Za-z]{3,9},? \d{4}"
    r"|[A-Za-z]{3,9} \d{1,2}(?:st|nd|rd|th)?,? \d{4})\b"
)
"""How a day is written: 2021-12-31, 31 December 2021, Dec 31st, 2021 and the like."""
_PARTS = re.compile(r"\b(first|second|third|fourth|last)[\s-](?:quarter|half|week|month)")

_FORMS = (
    (
        re.compile(r"\bwhen\b|\b(?:what|which) (?:day|date|month|year)\b"),
        re.compile(rf"(?i)\b(?:{'|'.join([*MONTHS, *calendar.day_name])}|spring|summer"
                   r"|autumn|winter|(?:19|20)\d\d|quarter|week|month|year|noon|midnight)\b|\d:\d\d"),
    ),
    (
        re.compile(r"\bwho(?:m|se)?\b|\b(?:which|what) (?:company|bank|firm|broker|fund|country"
                   r"|city|supplier|agency|person|member|exchange)\b|\bwhat is the name\b"),
        re.compile(r"(?<=[a-z,;:] )[A-Z][\w'\-]+|^[A-Z][\w'\-]+ [A-Z][\w'\-]+"),
    ),
    (
        re.compile(r"\bhow (?:many|much|large|big|high|low|long|often|far|old|wide|deep|fast)\b"
                   r"|\b(?:what|which) (?:share|percentage|number|level|rate|price|amount|sum)\b"),
        re.compile(r"(?i)\d|\b(?:zero|no|none|one|once|twice|half|quarter|third|dozen|double|all"
                   rf"|unchanged|both|hundred|thousand|million|{'|'.join(NUMBERS)})\b"),
    ),
)  # fmt: skip
"""How a question begins, and what any answer to it contains: a time, a name, an amount."""


@dataclass(frozen=True)
class Question:
    """A question and what it is particular about."""

    text: str

    @cached_property
    def names(self) -> frozenset[str]:
        """Words of its names, months and numbers: an answer has each of them."""
        named = exact_words(" ".join(_NAME.findall(self.text)))
        spelled = {NUMBERS[word] for word in words_of(self.text) if word in NUMBERS}
        return named | spelled | frozenset(_PARTS.findall(self.text.lower()))

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words other than its names."""
        return frozenset(words_of(self.text)) - self.names

    @cached_property
    def months(self) -> frozenset[str]:
        """The months it names."""
        return self.names & MONTHS

    def has_form(self, text: str) -> bool:
        """Whether ``text`` contains what such a question is answered by."""
        for asks, form in _FORMS:
            if asks.search(self.text.lower()):
                return any(
                    not frozenset(words_of(match)) <= self.names for match in form.findall(text)
                )
        return True

    @cached_property
    def day(self) -> date | None:
        """The one day it names."""
        return next((day for _, day in self._days()), None)

    def replace_days(self, words: str | None = None) -> str:
        """Return the text with the days that it names replaced, by default as 2021-12-31."""
        text = self.text
        for written, day in self._days():
            text = text.replace(written, words or day.isoformat())
        return text

    def _days(self) -> Iterator[tuple[str, date]]:
        for written in _DAY.findall(self.text):
            plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)|,| of", "", written)
            for form in ("%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y"):
                with suppress(ValueError):
                    yield written, datetime.strptime(plain, form).replace(tzinfo=UTC).date()
                    break

    def is_later_than(self, day: date | None) -> bool:
        """Whether it asks what happened after ``day``, which a document of that day cannot know."""
        years = [int(name) for name in self.names if re.fullmatch(r"(?:19|20)\d\d", name)]
        if day is None or not years:
            return False
        past = re.search(r"\b(?:did|was|were|had)\b", self.text.lower())
        return min(years) > day.year or bool(past and self.day and self.day > day)


def words_of(text: str) -> list[str]:
    """Return the words and numbers of ``text`` in lower case; 4.50 and 4.5 are one number."""
    words = _WORD.findall(text.replace("\N{RIGHT SINGLE QUOTATION MARK}s", "").replace("'s", ""))
    return [_number(word) if word[0].isdigit() else word.lower() for word in words]


def exact_words(text: str) -> frozenset[str]:
    """Return the words of ``text``, with numbers up to twelve as digits too."""
    words = frozenset(words_of(text))
    return words | {NUMBERS[word] for word in words if word in NUMBERS}


def checked_question(text: str) -> str:
    """Return ``text`` without space around it, if it can be a question.

    Raises
    ------
    RequestError
        If it is empty, longer than `LONGEST`, or has control characters.
    """
    question = text.strip()
    odd = re.search(r"[\x00-\x1f\ud800-\udfff]", question)
    if odd or not 0 < len(question) <= LONGEST:
        raise RequestError(
            found=f"{len(question)} characters", expected=f"1 to {LONGEST} in one line",
            where="question", remedy="Ask in one sentence.", field="question",
        )  # fmt: skip
    return question


def _number(written: str) -> str:
    plain = written.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain.lstrip("0") or "0"
