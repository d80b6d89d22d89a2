"""The index over whatever shelf it is kept on: what is embedded, and what is asked."""

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date

import numpy as np

from volcast.brief.corpus.index import Changes
from volcast.brief.corpus.passages import Hit, Passage, Scored
from volcast.brief.corpus.sentence_model import DIMENSIONS, NAME, Vectors, installed_model
from volcast.brief.corpus.shelf import Entry, Reader, Shelf
from volcast.brief.corpus.terms import terms
from volcast.core.errors import ContractError

__all__ = ["StoredIndex"]

_RECIPE = f"2 {NAME}"
"""Of terms and vectors: with another one, what is held is another entry and made anew."""
_AT_ONCE = 64
"""Sentences that are embedded before others get their turn."""
_LOOSE = 2_000
"""Vectors of sentences that are not held, kept because they are asked for again."""


class StoredIndex:
    """An index on a shelf.

    Parameters
    ----------
    shelf : Shelf
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._model = installed_model()
        self._loose: dict[str, Vectors] = {}
        self._turn = threading.Lock()

    def refresh(self, passages: Sequence[Passage]) -> Changes:
        """Make it hold exactly ``passages``; questions are answered while sentences are embedded.

        Another writer may come between: what it changed is seen before anything is replaced.
        """
        _refuse_doubles(passages)
        digests = {passage.id: _digest(passage) for passage in passages}
        with self._turn, self._shelf.reading() as reader:
            fresh = _fresh(reader, passages, digests)
            vectors = reader.vectors(sorted(_texts(fresh)))
        embedded = self._embed(fresh, vectors)
        with self._turn, self._shelf.writing() as writer:
            held = writer.reader.held()
            gone = [id for id, digest in held.items() if digests.get(id) != digest]
            fresh = _fresh(writer.reader, passages, digests)
            embedded += self._embed(fresh, vectors)
            if gone or fresh:
                writer.replace(gone, [_entry(one, digests[one.id], vectors) for one in fresh])
        return Changes(len(fresh), len(gone), len(passages) - len(fresh), embedded)

    def search(self, question: str, k: int, *, dated_to: date | None = None) -> list[Hit]:
        """Return the ``k`` passages that fit ``question`` best, the best first."""
        vector = self._model.embed([question])[0]
        wanted = sorted(set(terms(question)))
        with self._turn, self._shelf.reading() as reader:
            best = reader.best(wanted, vector, k, dated_to)
            ids = [id for id, _ in best]
            passages = reader.passages(ids)
            likeness = reader.likeness(ids, vector)
        return [
            Hit(
                passages[id],
                score,
                tuple(
                    Scored(text, likeness.get((id, place)))
                    for place, text in enumerate(passages[id].sentences)
                ),
            )
            for id, score in best
        ]

    def weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return how much each of ``terms`` tells: more, the fewer passages have it."""
        with self._turn, self._shelf.reading() as reader:
            return reader.weights(sorted(set(terms)))

    def likeness(self, question: str, sentences: Sequence[str]) -> list[float]:
        """Return the cosine of each of ``sentences`` and ``question``, whether held or not."""
        with self._turn:
            unknown = [text for text in dict.fromkeys(sentences) if text not in self._loose]
            if len(self._loose) + len(unknown) > _LOOSE:
                self._loose.clear()
                unknown = list(dict.fromkeys(sentences))
            self._loose.update(zip(unknown, self._model.embed(unknown), strict=True))
            vectors = [self._loose[text] for text in sentences]
        vector = self._model.embed([question])[0]
        return [float(each @ vector) for each in vectors]

    def get(self, id: str) -> Passage | None:
        """Return the passage of this id, or None."""
        with self._turn, self._shelf.reading() as reader:
            return reader.passages([id]).get(id)

    def clear(self) -> None:
        """Take away what is there, readable or not."""
        with self._turn:
            self._shelf.clear()

    def close(self) -> None:
        """Let go of files and connections."""
        with self._turn:
            self._shelf.close()

    def _embed(self, passages: Sequence[Passage], vectors: dict[str, Vectors]) -> int:
        """Add the vectors of ``passages`` that are not among ``vectors``; return how many."""
        texts = _texts(passages)
        unknown = sorted(texts.keys() - vectors.keys(), key=lambda key: len(texts[key]))
        # A few at a time, for whoever asks a question waits for the model's turn.
        for start in range(0, len(unknown), _AT_ONCE):
            keys = unknown[start : start + _AT_ONCE]
            computed = self._model.embed([texts[key] for key in keys])
            vectors.update(zip(keys, computed, strict=True))
            time.sleep(0)
        return len(unknown)


def _fresh(reader: Reader, passages: Sequence[Passage], digests: dict[str, str]) -> list[Passage]:
    held = reader.held()
    return [each for each in passages if held.get(each.id) != digests[each.id]]


def _texts(passages: Sequence[Passage]) -> dict[str, str]:
    """Return what is embedded of ``passages``, by key."""
    return {_key(text): text for passage in passages for text in _embedded_texts(passage)}


def _entry(passage: Passage, digest: str, vectors: dict[str, Vectors]) -> Entry:
    keys = tuple(_key(text) for text in _embedded_texts(passage))
    stacked = np.array([vectors[key] for key in keys], np.float32).reshape(-1, DIMENSIONS)
    counted = Counter(terms(f"{passage.title}\n{passage.text}"))
    return Entry(passage, digest, counted, keys, stacked)


def _embedded_texts(passage: Passage) -> list[str]:
    # Rows are many, and so alike in their words that their vectors would tell nothing apart.
    if passage.source == "row":
        return []
    # Under its title, for a sentence says "the Council", and the title says whose and when.
    return [passage.text, *(f"{passage.title}: {sentence}" for sentence in passage.sentences)]


def _key(text: str) -> str:
    return hashlib.sha256(f"{_RECIPE}\n{text}".encode()).hexdigest()[:32]


def _digest(passage: Passage) -> str:
    dated = passage.dated.isoformat() if passage.dated else None
    whole = [_RECIPE, passage.id, passage.source, passage.title, passage.sentences, dated]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:32]


def _refuse_doubles(passages: Sequence[Passage]) -> None:
    counted = Counter(passage.id for passage in passages)
    double = sorted(id for id, times in counted.items() if times > 1)
    if double:
        raise ContractError(
            found=f"{len(double)} ids that more than one passage has, {double[0]} first",
            expected="an id a passage",
            where="passages of the index",
            remedy="Give each passage an id of its own.",
        )
