"""Answers that quote: whole sentences, each with its citation, or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from volcast.brief.corpus.index import Hit, Index, Passage
from volcast.brief.question import MONTHS, Question, exact_words, words_of
from volcast.monitoring.status.words import Missing, day_words

__all__ = ["NOT_IN_SOURCES", "Answer", "Sentence", "answer_from_documents"]

NOT_IN_SOURCES = "not in the sources"
"""The text of an answer where the sources have none."""

_HITS = 8
_ENOUGH = 1.4
"""Of similarity and coverage together, from which on a passage answers."""
_SUBJECT = 0.4
"""Share of the question's weight, names aside, that the quoted sentences themselves cover."""
_ADDS = 0.08
"""Share of the question's weight that a second sentence must add to be quoted too."""

Weights = Mapping[str, tuple[str, float]]


@dataclass(frozen=True)
class Sentence:
    """A sentence with at least one citation, each of a row or a passage.

    ``source`` is the document that it is quoted from; empty for a sentence on the system's rows.
    """

    text: str
    citations: tuple[str, ...]
    source: str = ""

    @property
    def quoted(self) -> str:
        """The text; of a document, in quotation marks after its name."""
        quotation = "{}: \N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}"
        return quotation.format(self.source, self.text) if self.source else self.text


@dataclass(frozen=True)
class Answer:
    """The answer to a question: no sentences where the sources have none, and what is missing."""

    question: str
    sentences: tuple[Sentence, ...]
    missing: tuple[Missing, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the sources have an answer."""
        return bool(self.sentences)

    @property
    def text(self) -> str:
        """The sentences as one text, or that there are none and what is missing.

        Quotations are in quotation marks after their document.
        """
        if self.answered:
            return " ".join(one.quoted for one in self.sentences)
        reasons = " ".join(map(str, self.missing))
        return f"{NOT_IN_SOURCES}: {reasons}" if reasons else NOT_IN_SOURCES


def answer_from_documents(index: Index, text: str, until: date | None = None) -> Answer:
    """Answer by quoting one or two sentences of one passage, or not at all.

    A passage answers if it has every name, number and month of the question, what the question
    asks for (a time, a name, an amount), and sentences similar enough that cover its words.
    Passages of a day after ``until`` are left out.
    """
    question = Question(text)
    hits = index.search(text, _HITS, until=until)
    words = {word for hit in hits for word in words_of(f"{hit.passage.title} {hit.passage.text}")}
    weights = index.weights(sorted(words | question.names | question.words))
    best, answer = _ENOUGH, Answer(text, ())
    for hit in hits:
        score, quoted = _quotation(question, hit, weights)
        if score >= best:
            source = hit.passage
            sentences = (Sentence(one, (source.id,), source.name) for one in quoted)
            best, answer = score, Answer(text, tuple(sentences))
    return answer


def _quotation(question: Question, hit: Hit, weights: Weights) -> tuple[float, tuple[str, ...]]:
    """Return the sentences of a passage that answer best, and their score: 0 if they do not."""
    passage, texts = hit.passage, hit.passage.sentences

    def coverage(*places: int) -> float:
        return _coverage(
            question.names | question.words, [passage.title, *(texts[n] for n in places)], weights
        )

    places = range(len(texts))
    first = max(places, key=lambda n: hit.similarities[n] + coverage(n))
    chosen = [first]
    second = max((n for n in places if n != first), key=lambda n: coverage(first, n), default=None)
    if second is not None and (
        coverage(first, second) - coverage(first) >= _ADDS or not question.has_form(texts[first])
    ):
        chosen = sorted((first, second))
    quoted = tuple(texts[n] for n in chosen)
    subject = _coverage(question.words, quoted, weights)
    if subject < _SUBJECT or not _fits(question, passage, " ".join(quoted)):
        return 0.0, ()
    return max(hit.similarities[n] for n in chosen) + coverage(*chosen), quoted


def _fits(question: Question, passage: Passage, quoted: str) -> bool:
    """Whether nothing that the question is particular about is missing, or is another."""
    day = day_words(passage.dated) if passage.dated else ""
    around = exact_words(f"{passage.title} {passage.text} {day}")
    months = exact_words(quoted) & MONTHS
    return (
        question.names <= around
        and not question.is_later_than(passage.dated)
        and (not months or question.months <= months)
        and question.has_form(quoted)
    )


def _coverage(words: frozenset[str], texts: list[str] | tuple[str, ...], weights: Weights) -> float:
    """Return the share of the weight of ``words`` whose stems are in ``texts``."""
    stems = {weights[word][0] for text in texts for word in words_of(text)}
    whole = sum(weights[word][1] for word in words)
    covered = sum(weights[word][1] for word in words if weights[word][0] in stems)
    return covered / whole if whole else 0.0
