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

from volcast.brief.corpus.passages import Passage
from volcast.brief.corpus.sentence_model import Vectors

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
        One for the whole passage, then one for each sentence; none for a row.
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

    def best(
        self, terms: Sequence[str], vector: Vectors, count: int, dated_to: date | None
    ) -> list[tuple[str, float]]:
        """Return up to ``count`` ids and how well they fit, about 0 to 1, the best first.

        A passage's own score weighs three: of the BM25 score that it could have at most for these
        terms, the share it has (.7); the cosine of its likest sentence under the title (.67); that
        of the whole passage (.33). A row's words stand for its meaning too. The best passage of
        its document adds three tenths: near misses are of documents that are about other things.
        """
        asked = {"terms": list(terms), "vector": vector.tolist()}
        limits = {"count": count, "dated_to": dated_to}
        rows = self.ask(_BEST.format(cosine=self.cosine), {**asked, **limits})
        return [(id, score) for id, score in rows]

    def weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the weight that BM25 gives each of ``terms``, the highest where none is held."""
        rows = self.ask(_WEIGHTS, {"terms": list(terms)})
        return {term: weight for term, weight in rows}

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

    def clear(self) -> None:
        """Take away what is there, readable or not."""

    def close(self) -> None:
        """Let go of files and connections."""


# BM25 with k1 = 1.2 and b = 0.75, the usual ones; a term's part of it is at most 2.2 weights.
_BEST = """
WITH held AS (
    SELECT count(*) AS passages, CAST(sum(length) AS double precision) / count(*) AS usual
    FROM volcast_brief.passages
), asked AS (
    SELECT unnest($terms::text[]) AS term
), matched AS (
    SELECT term, number, times, length FROM volcast_brief.postings WHERE term = ANY($terms::text[])
), rarity AS (
    SELECT term, CAST(
        ln(1 + (max(passages) - count(number) + 0.5) / (count(number) + 0.5)) AS double precision
    ) AS weight
    FROM asked LEFT JOIN matched USING (term) CROSS JOIN held GROUP BY term
), words AS (
    SELECT number,
        sum(weight * times / (times + 1.2 * (0.25 + length / usual * 0.75)))
        / (SELECT sum(weight) FROM rarity) AS share
    FROM matched JOIN rarity USING (term) CROSS JOIN held GROUP BY number
), meaning AS (
    SELECT number, max({cosine}) FILTER (WHERE place >= 0) AS likest,
        max({cosine}) FILTER (WHERE place < 0) AS whole
    FROM volcast_brief.sentences s GROUP BY number
), scored AS (
    SELECT id, dated, split_part(id, '#', 1) AS document, CAST(
        CASE source WHEN 'row' THEN share
        ELSE (0.7 * coalesce(share, 0) + 0.67 * likest + 0.33 * whole) / 1.7 END
        AS double precision
    ) AS own
    FROM volcast_brief.passages LEFT JOIN words USING (number) LEFT JOIN meaning USING (number)
    WHERE (share IS NOT NULL OR likest IS NOT NULL)
        AND ($dated_to::date IS NULL OR dated IS NULL OR dated <= $dated_to::date)
)
SELECT id, (own + 0.3 * max(own) OVER (PARTITION BY document)) / 1.3 AS score
FROM scored ORDER BY score DESC, dated DESC NULLS LAST, id LIMIT $count
"""

_WEIGHTS = """
WITH asked AS (SELECT unnest($terms::text[]) AS term)
SELECT term, CAST(ln(1 + (
    (SELECT count(*) FROM volcast_brief.passages) - count(number) + 0.5
) / (count(number) + 0.5)) AS double precision)
FROM asked LEFT JOIN volcast_brief.postings USING (term) GROUP BY term
"""

_PASSAGES = """
SELECT id, source, title, sentences, dated FROM volcast_brief.passages WHERE id = ANY($ids)
"""

_LIKENESS = """
SELECT p.id, s.place, {cosine}
FROM volcast_brief.sentences s JOIN volcast_brief.passages p USING (number)
WHERE p.id = ANY($ids) AND s.place >= 0
"""

_HELD = "SELECT id, digest FROM volcast_brief.passages"

_VECTORS = "SELECT key, vector::real[] FROM volcast_brief.sentences WHERE key = ANY($keys)"

_LAST = "SELECT coalesce(max(number), 0) FROM volcast_brief.passages"
