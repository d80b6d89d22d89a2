"""The index in memory: full-text search and vectors of DuckDB, rebuilt from the documents."""

import importlib.util
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volcast.brief.corpus.embedding import DIMENSIONS, VectorCache, embed
from volcast.brief.corpus.passages import Hit, Passage, embedded_texts
from volcast.core.errors import ModelError

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuckdbIndex"]

_TABLES = f"""
CREATE TABLE passages (id TEXT, number BIGINT, body TEXT, dated DATE);
CREATE TABLE sentences (number BIGINT, place BIGINT, vector FLOAT[{DIMENSIONS}]);
CREATE TABLE wholes (number BIGINT, vector FLOAT[{DIMENSIONS}])
"""

_SEARCH = f"""
WITH question AS (SELECT $vector::FLOAT[{DIMENSIONS}] AS vector),
words AS (
    SELECT number, fts_main_passages.match_bm25(id, $question) AS score
    FROM passages WHERE dated IS NULL OR $until IS NULL OR dated <= $until
),
nearest AS (
    SELECT number, max(array_inner_product(s.vector, q.vector)) AS score
    FROM sentences s, question q GROUP BY number
),
whole AS (
    SELECT number, array_inner_product(w.vector, q.vector) AS score FROM wholes w, question q
)
SELECT number,
    $words * coalesce(words.score, 0) / greatest(max(words.score) OVER (), 1e-9)
    + $nearest * nearest.score + $whole * whole.score AS score
FROM words JOIN nearest USING (number) JOIN whole USING (number)
ORDER BY score DESC, number LIMIT $k
"""  # noqa: S608

_SHARES = {"words": 0.3, "nearest": 1.0, "whole": 0.66}
"""Weights of BM25 (as a share of the best), of the most similar sentence and of the passage."""


class DuckdbIndex:
    """Passages found by their words and their meaning; threads may share one.

    Parameters
    ----------
    cache : Path or None
        The file that keeps the vectors between processes.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = VectorCache(cache)
        self._passages: tuple[Passage, ...] = ()
        self._connection = _filled((), self._cache)

    def refresh(self, passages: Sequence[Passage]) -> None:
        """Hold exactly ``passages``; a search sees all of the old ones or all of these."""
        if tuple(passages) != self._passages:
            connection = _filled(passages, self._cache)
            self._passages, self._connection = tuple(passages), connection
            self._cache.keep([text for passage in passages for text in embedded_texts(passage)])

    def search(self, question: str, k: int, *, until: date | None = None) -> list[Hit]:
        """Return the ``k`` passages that fit ``question`` best, dated up to ``until`` if given."""
        passages, connection = self._passages, self._connection.cursor()
        if not passages:
            return []
        vector = embed([question])[0]
        values: dict[str, Any] = {"question": question, "vector": vector, "until": until, "k": k}
        hits = []
        for number, score in connection.execute(_SEARCH, values | _SHARES).fetchall():
            passage = passages[number]
            similarities = self._cache.embed(embedded_texts(passage)[1:]) @ vector
            hits.append(Hit(passage, score, tuple(map(float, similarities))))
        return hits

    def weights(self, words: Sequence[str]) -> dict[str, tuple[str, float]]:
        """Return the stem of each word, and how much it distinguishes; 0 of a stop word."""
        rows = self._connection.cursor().execute(
            """
            SELECT word, stem(word, 'english'),
                CASE WHEN word IN (SELECT sw FROM fts_main_passages.stopwords) THEN 0
                ELSE ln(1 + $count / (0.5 + coalesce(any_value(df), 0))) END
            FROM (SELECT unnest($words) AS word)
            LEFT JOIN fts_main_passages.dict ON term = stem(word, 'english') GROUP BY word
            """,
            {"words": list(words), "count": len(self._passages)},
        )
        return {word: (stem, float(weight)) for word, stem, weight in rows.fetchall()}


def _filled(passages: Sequence[Passage], cache: VectorCache) -> "duckdb.DuckDBPyConnection":
    import pyarrow as pa

    connection = _connection()
    connection.execute(_TABLES)
    rows = [(p.id, n, embedded_texts(p)[0], p.dated) for n, p in enumerate(passages)]
    places = [(n, m) for n, p in enumerate(passages) for m in range(len(p.sentences))]
    if rows:
        ids, numbers, bodies, days = (list(column) for column in zip(*rows, strict=True))
        texts = pa.table({"id": ids, "number": numbers, "body": bodies, "dated": days})
        own, place = (list(column) for column in zip(*places, strict=True))
        texts_of = [text for p in passages for text in embedded_texts(p)[1:]]
        sentences = pa.table(
            {
                "number": own,
                "place": place,
                "vector": list(cache.embed(texts_of)),
            }
        )
        wholes = pa.table({"number": numbers, "vector": list(cache.embed(bodies))})
        for name, table in {"passages": texts, "sentences": sentences, "wholes": wholes}.items():
            connection.register("fresh", table)
            connection.execute(f"INSERT INTO {name} SELECT * FROM fresh")  # noqa: S608
            connection.unregister("fresh")
    connection.execute(
        "PRAGMA create_fts_index('passages', 'id', 'body', stemmer = 'english', "
        "stopwords = 'english', ignore = '[^a-z0-9]+', overwrite = 1)"
    )
    return connection


def _connection() -> "duckdb.DuckDBPyConnection":
    import duckdb

    spec = importlib.util.find_spec("duckdb_extension_fts")
    places = spec.submodule_search_locations if spec else None
    path = Path((places or [""])[0], "extensions", f"v{duckdb.__version__}", "fts.duckdb_extension")
    settings: dict[str, Any] = {"autoinstall_known_extensions": False, "threads": 1}
    connection = duckdb.connect(":memory:", config=settings)
    try:
        # By its path, since by its name DuckDB would download it.
        connection.execute(f"LOAD '{str(path).replace(chr(39), chr(39) * 2)}'")
    except duckdb.Error as error:
        raise ModelError(
            found="a full-text search that cannot be loaded",
            expected="DuckDB's extension fts of the same version", where=str(path),
            remedy="Install the platform's requirements.",
        ) from error  # fmt: skip
    return connection
