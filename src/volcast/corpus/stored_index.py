"""The index over whatever shelf it is kept on: what is embedded, and what is asked."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import date

import numpy as np

from volcast.corpus.index import Changes
from volcast.corpus.passages import Hit, Passage, Scored
from volcast.corpus.sentence_model import DIMENSIONS, NAME, installed_model
from volcast.corpus.shelf import Entry, Reader, Shelf
from volcast.corpus.terms import terms
from volcast.errors import ContractError

__all__ = ["StoredIndex"]

_RECIPE = f"1 {NAME}"
"""Of terms and vectors: with another one, what is held is another entry and made anew."""


class StoredIndex:
    """An index on a shelf.

    Parameters
    ----------
    shelf : Shelf
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._model = installed_model()
        self._turn = threading.Lock()

    def refresh(self, passages: Sequence[Passage]) -> Changes:
        """Make it hold exactly ``passages``."""
        _refuse_doubles(passages)
        with self._turn, self._shelf.writing() as writer:
            held = writer.reader.held()
            digests = {passage.id: _digest(passage) for passage in passages}
            gone = [id for id, digest in held.items() if digests.get(id) != digest]
            fresh = [each for each in passages if held.get(each.id) != digests[each.id]]
            entries, embedded = self._entries(writer.reader, fresh, digests)
            if gone or entries:
                writer.replace(gone, entries)
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

    def get(self, id: str) -> Passage | None:
        """Return the passage of this id, or None."""
        with self._turn, self._shelf.reading() as reader:
            return reader.passages([id]).get(id)

    def close(self) -> None:
        """Let go of files and connections."""
        with self._turn:
            self._shelf.close()

    def _entries(
        self, reader: Reader, fresh: Sequence[Passage], digests: dict[str, str]
    ) -> tuple[list[Entry], int]:
        texts = {each.id: _embedded_texts(each) for each in fresh}
        by_key = {_key(text): text for each in texts.values() for text in each}
        vectors = reader.vectors(list(by_key))
        unknown = [key for key in by_key if key not in vectors]
        computed = self._model.embed([by_key[key] for key in unknown])
        vectors.update(zip(unknown, computed, strict=True))
        entries = []
        for passage in fresh:
            keys = tuple(_key(text) for text in texts[passage.id])
            stacked = np.array([vectors[key] for key in keys], np.float32)
            counted = Counter(terms(f"{passage.title}\n{passage.text}"))
            entries.append(
                Entry(passage, digests[passage.id], counted, keys, stacked.reshape(-1, DIMENSIONS))
            )
        return entries, len(unknown)


def _embedded_texts(passage: Passage) -> list[str]:
    # Rows are many, and so alike in their words that their vectors would tell nothing apart.
    if passage.source == "row":
        return []
    # Under its title, for a sentence says "the Council", and the title says whose and when.
    return [f"{passage.title}: {sentence}" for sentence in passage.sentences]


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
