"""What kind of question it is, by its likeness to examples, and what it names."""

import calendar
import hashlib
import re
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from volcast.brief.corpus.embedding import VectorCache, embed, save
from volcast.brief.period import without_period
from volcast.brief.question import MONTHS, Question, exact_words
from volcast.core.errors import ModelError
from volcast.core.names import LABELS

__all__ = ["OUTSIDE", "Recogniser", "Subject"]

OUTSIDE = "outside"
"""The intent of questions that no row answers."""

_DATA: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("intents.toml").read_text(encoding="utf-8")
)
_EXAMPLES = {
    intent: re.split(r"(?<=[.?])\s+", text.strip()) for intent, text in _DATA["examples"].items()
}

_INTENTS = tuple(_EXAMPLES)

_LEAST = 0.48
"""Probability from which on an intent is believed."""

_HORIZON = re.compile(
    r"\b(?:tomorrow|tonight|overnight|intraday|hour\w*|fortnight|christmas|summer|autumn|winter"
    r"|spring|long[ -](?:run|term)|(?:month|quarter|year|decade|annual|season)\w*|\d+[mqy]"
    r"|(?:next|coming|following) (?:trading )?(?:day|session)"
    r"|(?:two|three|four|five|six|seven|eight|nine|ten|several|few|\d\d+|[02-9])[ -]?w(?:eek)?s?"
    r"|(?:one|two|three|four|six|seven|eight|nine|ten|twenty|thirty|(?!5\b|5d)\d+)[ -]?"
    r"(?:trading |business )?(?:days?|sessions?|d))\b"
)
"""A horizon that no forecast has: it is of five sessions."""

_SP500 = r"S ?& ?P(?: ?500)?"
"""How a question may name the target where that is SPX or SPY."""


_Regression: TypeAlias = tuple[tuple[Any, Any], Callable[[list[str]], Any], float]


class Recogniser:
    """Recognises the intent of a question by regressions on examples of each.

    One is on words and letters; one on the vectors of the sentence model, where that is installed.
    ``cache`` keeps the vectors of the examples, and a file next to it each regression, between
    processes.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def intent(self, text: str) -> str:
        """Return the intent of a text in which the subject is masked, or OUTSIDE."""
        from scipy.special import softmax

        shares = [
            weight * softmax((vectors_of([text]) @ slopes.T + intercepts)[0])
            for (slopes, intercepts), vectors_of, weight in self.regressions
        ]
        probabilities = sum(shares) / sum(weight for _, _, weight in self.regressions)
        best = probabilities.argmax()
        return str(_INTENTS[best]) if probabilities[best] >= _LEAST else OUTSIDE

    def prepare(self) -> None:
        """Fit now, so that the first question need not wait: ten CPU seconds without a cache."""
        self.intent("")

    @cached_property
    def regressions(self) -> "list[_Regression]":
        """Slopes and intercepts of each regression, what makes its input, and its weight."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_union

        texts = [text for several in _EXAMPLES.values() for text in several]
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        union, cache = make_union(words, letters).fit(texts), VectorCache(self._cache)
        by_words = self._fitted("words", 100, lambda: union.transform(texts))
        models: list[_Regression] = [(by_words, union.transform, 0.3)]
        with suppress(ModelError):
            embed(texts[:1])
            vectors = cache.embed(texts)
            cache.keep(texts)
            models.append((self._fitted("meaning", 20, lambda: vectors), embed, 0.7))
        return models

    def _fitted(self, name: str, c: float, inputs: Callable[[], Any]) -> tuple[Any, Any]:
        """Return slopes and intercepts of a regression of the intents, as cached or fitted."""
        from sklearn import __version__

        digest = hashlib.sha256(f"{__version__} {c} {_EXAMPLES}".encode()).hexdigest()[:16]
        path = self._cache.with_name(f"{name}-{digest}.npz")
        with suppress(OSError, ValueError, KeyError, EOFError), np.load(path) as saved:
            return saved["slopes"], saved["intercepts"]
        from sklearn.linear_model import LogisticRegression

        intents = [n for n, name in enumerate(_INTENTS) for _ in _EXAMPLES[name]]
        model = LogisticRegression(C=c, max_iter=1000).fit(inputs(), intents)
        save(path, slopes=model.coef_, intercepts=model.intercept_)
        return model.coef_, model.intercept_


@dataclass(frozen=True)
class Subject:
    """What a question names, among the symbols of a store, the target first."""

    question: Question
    symbols: tuple[str, ...]

    @cached_property
    def symbol(self) -> str | None:
        """The first symbol that it names; a short one only as it is written."""
        names = (one for one in self.symbols if re.search(self._spelling(one), self.question.text))
        return next(names, None)

    def about(self, intent: str) -> str:
        """Return the symbol that a question of an intent is about, by default the target."""
        named = self.symbol or self.symbols[0]
        is_baseline = named in LABELS.values() and intent not in _OF_AN_INDEX
        return self.symbols[0] if is_baseline or intent == "level" else named

    @cached_property
    def series(self) -> str | None:
        """The macro series that it names, by the most words."""
        named = self._named("series")
        return max(named, key=lambda name: len(named[name].split()), default=None)

    @cached_property
    def baselines(self) -> tuple[str, ...]:
        """The baselines that it names; those of a kind, such as HAR, where it names no one."""
        named = {name: frozenset(alias.split()) for name, alias in self._named("baselines").items()}
        return tuple(n for n, words in named.items() if not any(words < w for w in named.values()))

    @cached_property
    def other_horizon(self) -> bool:
        """Whether it is about a horizon that no forecast has."""
        return bool(_HORIZON.search(self._without_day.lower()))

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        """Names, and words of other matters, that are nothing the rows are about."""
        text = re.sub(self._spelling(self.symbols[0]), "", self._without_day)
        capitals = re.findall(r"\b[A-Z]{2,}\b", "" if text.isupper() else text)
        names = Question(text).names | exact_words(" ".join(capitals))
        words = names | (exact_words(text) & _ELSEWHERE)
        unknown = words - _VOCABULARY - exact_words(" ".join(self.symbols)) - self.when
        return frozenset(word for word in unknown if not re.fullmatch(r"\d{1,3}", word))

    @cached_property
    def when(self) -> frozenset[str]:
        """Months and years that it names without a day."""
        names = exact_words(self._without_day)
        return frozenset(one for one in names if one in MONTHS or re.fullmatch(r"(19|20)\d\d", one))

    @cached_property
    def masked(self) -> str:
        """The text with its symbol, series, day and period replaced by the same words each."""
        text, series = without_period(self.question.replace_days()), self._named("series")
        text = re.sub(r"\d{4}-\d\d-\d\d", "that day", text)
        for symbol in self.symbols:
            if symbol not in LABELS.values():
                text = re.sub(self._spelling(symbol), "the market", text)
        for alias in series.values():
            text = re.sub(rf"(?i)\b{alias.split()[0]}\b", "VIX", text)
            text = re.sub(rf"(?i)\b(?:{'|'.join(alias.split())}|rate|yield)\b", "", text)
        return text

    @cached_property
    def _without_day(self) -> str:
        return self.question.replace_days("that day")

    def _spelling(self, symbol: str) -> str:
        other = f"|{_SP500}" if symbol == self.symbols[0] in ("SPX", "SPY") else ""
        return rf"{'(?i)' * (len(symbol) > 2)}(?<!\w)(?:{re.escape(symbol)}{other})(?!\w)"

    def _named(self, kind: str) -> dict[str, str]:
        """Return what is named of a kind, and by which words."""
        words = exact_words(self.question.text)
        pairs = [(n, one) for n, several in _DATA[kind].items() for one in several.split("|")]
        return {n: one for n, one in reversed(pairs) if frozenset(one.split()) <= words}


_OF_AN_INDEX = frozenset({"forecast", "outcome", "regime", "drift"})
"""Intents in which an index that is also a baseline, such as VIX, is what a question is about."""

_ELSEWHERE = frozenset(_DATA["elsewhere"]["words"].split())
_VOCABULARY = exact_words(" ".join([
    *(text for intent, several in _EXAMPLES.items() if intent != OUTSIDE for text in several),
    *_DATA["series"].values(), *_DATA["baselines"].values(), *LABELS.values(), *calendar.day_name,
]))  # fmt: skip
