"""Answers that quote: sentences of what was found, each with its citation, or none at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from volcast.brief.corpus import Hit, Passage, Scored
from volcast.brief.corpus.index import Index
from volcast.brief.daily import Sentence
from volcast.brief.question import Question

__all__ = ["NOT_THERE", "Answer", "answer"]

NOT_THERE = "not in the sources"
"""What is said where nothing was found that answers."""

_LOOKED_AT = 8
_ENOUGH = 1.3
"""Of likeness and coverage together, from which on a passage answers."""

_MATTER = 0.4
"""Share that must be covered of the weight of what is asked, names and times aside."""

_ADDS = 0.08
"""Share of the question's weight that a second sentence must add to be quoted too."""

_ROW_LIKENESS = 0.5
"""Of rows, which have no vectors: as much as a sentence that answers has at least."""


@dataclass(frozen=True)
class Answer:
    """What was found.

    Parameters
    ----------
    question : str
    sentences : tuple of Sentence
        Quoted whole; none where the sources do not say.
    passages : tuple of Passage
        What the sentences are from.
    written_by : str
        extract, or the model that wrote the sentences.
    note : str
        Why they are quotations although an endpoint is set that writes prose; empty otherwise.
    """

    question: str
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...] = ()
    written_by: str = "extract"
    note: str = ""

    @property
    def answered(self) -> bool:
        """Whether the sources say."""
        return bool(self.sentences)

    @property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(one.text for one in self.sentences) if self.answered else NOT_THERE


@dataclass(frozen=True)
class _Candidate:
    passage: Passage
    said: tuple[str, ...]
    score: float


def answer(
    index: Index,
    question: str,
    *,
    current: Sequence[Passage] = (),
    dated_to: date | None = None,
) -> Answer:
    """Answer ``question`` by quoting, or say that the sources do not.

    A passage answers if it has every name, number and date of the question, holds what such a
    question is answered by, and its sentences are like the question and cover its words.

    Parameters
    ----------
    index : Index
    question : str
    current : sequence of Passage
        Rows of the present, which a question that names no time is about; where it does not ask
        what was, no other rows answer it.
    dated_to : date, optional
        Passages of a later day are left out.
    """
    asked = Question(question)
    weights = index.weights(sorted(asked.terms))
    hits = index.search(question, _LOOKED_AT, dated_to=dated_to)
    if asked.present:
        # A row of the past says what was, however well its words fit.
        hits = [hit for hit in hits if hit.passage.source == "document"]
    present = [] if asked.dated else _present(index, question, current)
    found = [
        candidate
        for hit in [*present, *hits]
        if (candidate := _candidate(asked, hit, weights)) is not None
    ]
    best = max(found, key=lambda one: one.score, default=None)
    if best is None or best.score < _ENOUGH:
        return Answer(question, ())
    quoted = tuple(Sentence(text, (best.passage.id,)) for text in best.said)
    return Answer(question, quoted, (best.passage,))


def _present(index: Index, question: str, current: Sequence[Passage]) -> Iterable[Hit]:
    texts = [text for passage in current for text in passage.sentences]
    likeness = iter(index.likeness(question, texts))
    for passage in current:
        scored = tuple(Scored(text, next(likeness)) for text in passage.sentences)
        yield Hit(passage, 0.0, scored)


def _candidate(asked: Question, hit: Hit, weights: Mapping[str, float]) -> _Candidate | None:
    """Return what of a passage would be quoted; None if it cannot answer."""
    passage = hit.passage

    def covered(*said: str) -> float:
        return asked.covered("\n".join((passage.title, *said)), weights)

    def near(one: Scored) -> float:
        return _ROW_LIKENESS if one.likeness is None else one.likeness

    places = range(len(hit.sentences))
    texts = [one.text for one in hit.sentences]
    first = max(places, key=lambda n: near(hit.sentences[n]) + covered(texts[n]), default=None)
    if first is None:
        return None
    others = [n for n in places if n != first]
    told, base = [first], covered(texts[first])
    if passage.source == "row" and first > 0:
        # The first sentence of a row says what it is of.
        told, others = [0, first], []
    second = max(others, key=lambda n: covered(texts[first], texts[n]), default=None)
    if second is not None and (
        covered(texts[first], texts[second]) - base >= _ADDS or not asked.wants(texts[first])
    ):
        told = sorted((first, second))
    said = tuple(texts[n] for n in told)
    if not asked.wants(" ".join(said)) or not asked.fits(passage, " ".join(said)):
        return None
    # A passage may be about all that is named and yet not say what is asked of it.
    if asked.covered(" ".join(said), weights, matter=True) < _MATTER:
        return None
    score = max(near(hit.sentences[n]) for n in told) + covered(*said)
    return _Candidate(passage, said, score)
