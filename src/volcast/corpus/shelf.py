"""What an index is kept on: three tables in a database, and what is asked of them.

The SQL is one text for both databases. DuckDB's own full-text search has no counterpart in
PostgreSQL, is brought up to date by a rebuild alone, and takes no dates or numbers for terms; BM25
over a table of terms is exact, and the same on both.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np

from volcast.corpus.passages import Passage
from volcast.corpus.sentence_model import Vectors

__all__ = ["Entry", "Reader", "Shelf", "Writer"]


@dataclass(frozen=True)
class Entry:
    """A passage as it is kept.

    Parameters
    ----------
    passage : Passage
    digest : str
        Of all that is kept with it; the same digest is the same entry.
    terms : Counter of str
        Of title and text.
    keys : tuple of str
        One for the embedded text of each sentence; none for a row.
    vectors : Vectors
        In the order of ``keys``.
    """

    passage: Passage
    digest: str
    terms: Counter[str]
    keys: tuple[str, ...]
    vectors: Vectors


@dataclass(frozen=True)
class Reader:
    """What is on a shelf at one moment.

    Parameters
    ----------
    ask : callable
        Takes SQL with ``$names`` and their values, and returns rows.
    cosine : str
        SQL of the product of ``s.vector`` and ``$vector``, both of length one.
    """

    ask: Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]]
    cosine: str

    def by_words(
        self, terms: Sequence[str], count: int, dated_to: date | None
    ) -> list[tuple[str, float]]:
        """Return up to ``count`` ids with their BM25 scores, the best first."""
        asked = {"terms": list(terms), "count": count, "dated_to": dated_to}
        return [(id, score) for id, score in self.ask(_BY_WORDS, asked)]

    def weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the weight that BM25 gives each of ``terms``, the highest where none is held."""
        rows = self.ask(_WEIGHTS, {"terms": list(terms)})
        return {term: weight for term, weight in rows}

    def by_meaning(
        self, vector: Vectors, count: int, dated_to: date | None
    ) -> list[tuple[str, float]]:
        """Return up to ``count`` ids with their likest sentence's cosine, the best first."""
        asked = {"vector": vector.tolist(), "count": count, "dated_to": dated_to}
        rows = self.ask(_BY_MEANING.format(cosine=self.cosine), asked)
        return [(id, score) for id, score in rows]

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        """Return those passages of ``ids`` that are held."""
        return {
            id: Passage(id, source, title, tuple(sentences), dated)
            for id, source, title, sentences, dated in self.ask(_PASSAGES, {"ids": list(ids)})
        }

    def likeness(self, ids: Sequence[str], vector: Vectors) -> dict[tuple[str, int], float]:
        """Return the cosine of each sentence of ``ids``, by id and place from 0."""
        asked = {"ids": list(ids), "vector": vector.tolist()}
        rows = self.ask(_LIKENESS.format(cosine=self.cosine), asked)
        return {(id, place): cosine for id, place, cosine in rows}

    def held(self) -> dict[str, str]:
        """Return the digest of each passage by its id."""
        return {id: digest for id, digest in self.ask(_HELD, {})}

    def vectors(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """Return the vectors that are held for ``keys``, those that are."""
        rows = self.ask(_VECTORS, {"keys": list(keys)})
        return {key: np.asarray(vector, np.float32) for key, vector in rows}

    def last_number(self) -> int:
        """Return the highest number that a passage has, 0 without one."""
        return int(self.ask(_LAST, {})[0][0])


@dataclass(frozen=True)
class Writer:
    """A shelf's one writer, for as long as it is that.

    Parameters
    ----------
    reader : Reader
        Of what is there before.
    replace : callable
        Takes the ids to take out and the entries to put in, and does both at once.
    """

    reader: Reader
    replace: Callable[[Sequence[str], Sequence[Entry]], None]


class Shelf(Protocol):
    """A database with passages, their terms and their sentences' vectors."""

    def reading(self) -> AbstractContextManager[Reader]:
        """See one state of it, whatever writers do meanwhile."""

    def writing(self) -> AbstractContextManager[Writer]:
        """Wait for other writers to end, and be the one."""

    def close(self) -> None:
        """Let go of files and connections."""


_DATED = "($dated_to::date IS NULL OR p.dated IS NULL OR p.dated <= $dated_to::date)"

# BM25 with k1 = 1.2 and b = 0.75, the usual ones.
_BY_WORDS = f"""
WITH wanted AS (
    SELECT term, number, times FROM volcast_brief.postings WHERE term = ANY($terms)
), held AS (
    SELECT count(*) AS passages, avg(length) AS usual FROM volcast_brief.passages
), rarity AS (
    SELECT term, ln(1 + (max(passages) - count(*) + 0.5) / (count(*) + 0.5)) AS weight
    FROM wanted, held GROUP BY term
)
SELECT p.id, CAST(sum(
    weight * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * p.length / usual))
) AS double precision) AS score
FROM wanted JOIN rarity USING (term) JOIN volcast_brief.passages p USING (number), held
WHERE {_DATED}
GROUP BY p.id ORDER BY score DESC, p.id LIMIT $count
"""  # noqa: S608

_WEIGHTS = """
SELECT asked.term, ln(1 + (
    (SELECT count(*) FROM volcast_brief.passages) - count(p.number) + 0.5
) / (count(p.number) + 0.5))
FROM (SELECT unnest($terms) AS term) asked LEFT JOIN volcast_brief.postings p USING (term)
GROUP BY asked.term
"""

_BY_MEANING = f"""
SELECT p.id, max({{cosine}}) AS score
FROM volcast_brief.sentences s JOIN volcast_brief.passages p USING (number)
WHERE {_DATED}
GROUP BY p.id ORDER BY score DESC, p.id LIMIT $count
"""  # noqa: S608

_PASSAGES = """
SELECT id, source, title, sentences, dated FROM volcast_brief.passages WHERE id = ANY($ids)
"""

_LIKENESS = """
SELECT p.id, s.place, {cosine}
FROM volcast_brief.sentences s JOIN volcast_brief.passages p USING (number)
WHERE p.id = ANY($ids)
"""

_HELD = "SELECT id, digest FROM volcast_brief.passages"

_VECTORS = "SELECT key, vector::real[] FROM volcast_brief.sentences WHERE key = ANY($keys)"

_LAST = "SELECT coalesce(max(number), 0) FROM volcast_brief.passages"
