"""The index in memory: full-text search of DuckDB, and vectors, rebuilt from the documents."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from volcast.brief.corpus.embedding import VectorCache, Vectors, embed
from volcast.brief.corpus.index import Hit, Passage
from volcast.core.errors import ModelError

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuckdbIndex"]

_FILL = """
CREATE TABLE passages (number BIGINT, body VARCHAR);
INSERT INTO passages SELECT unnest(range(len($bodies))), unnest($bodies::VARCHAR[]);
"""
_INDEX = """
PRAGMA create_fts_index('passages', 'number', 'body', stemmer = 'english', stopwords = 'english',
    ignore = '[^a-z0-9]+', overwrite = 1)
"""
_SEARCH = """
SELECT number, fts_main_passages.match_bm25(number, $question) AS score
FROM passages WHERE score IS NOT NULL
"""
_WEIGHTS = """
SELECT word, stem(word, 'english'),
    CASE WHEN word IN (SELECT sw FROM fts_main_passages.stopwords) THEN 0
    ELSE ln(1 + $count / (0.5 + coalesce(any_value(df), 0))) END
FROM (SELECT unnest($words) AS word)
LEFT JOIN fts_main_passages.dict ON term = stem(word, 'english') GROUP BY word
"""

_WORDS, _WHOLE = 0.3, 0.66
"""Weights of BM25 (as a share of the best) and of the whole passage; its best sentence has 1."""


@dataclass(frozen=True)
class _Filled:
    """Passages, their words in DuckDB, and the vectors of each: the whole, then its sentences."""

    passages: tuple[Passage, ...]
    connection: "duckdb.DuckDBPyConnection"
    vectors: list[Vectors]


class DuckdbIndex:
    """Passages ranked in memory; ``cache`` is the file that keeps vectors between processes."""

    def __init__(self, cache: Path) -> None:
        self._cache = VectorCache(cache)
        self._filled = self._fill(())

    def refresh(self, passages: Sequence[Passage]) -> None:
        """Hold exactly ``passages``; a search sees all of the old ones or all of these."""
        if tuple(passages) != self._filled.passages:
            self._filled = self._fill(tuple(passages))
            self._cache.keep([text for passage in passages for text in passage.embedded])

    def search(self, question: str, k: int, *, until: date | None = None) -> list[Hit]:
        """Return the ``k`` passages that fit best; those dated after ``until`` are left out."""
        filled = self._filled
        shown = [
            number for number, passage in enumerate(filled.passages)
            if until is None or passage.dated is None or passage.dated <= until
        ]  # fmt: skip
        if not shown:
            return []
        rows = filled.connection.cursor().execute(_SEARCH, {"question": question}).fetchall()
        words: dict[int, float] = dict(rows)
        best = max((words.get(number, 0) for number in shown), default=0) or 1
        vector = embed([question])[0]
        hits: list[tuple[float, Hit]] = []
        for number in shown:
            whole, *sentences = (filled.vectors[number] @ vector).tolist()
            score = _WORDS * words.get(number, 0) / best + max(sentences) + _WHOLE * whole
            hits.append((score, Hit(filled.passages[number], tuple(sentences))))
        return [hit for _, hit in sorted(hits, key=lambda pair: -pair[0])[:k]]

    def weights(self, words: Sequence[str]) -> dict[str, tuple[str, float]]:
        """Return the stem of each word, and how much it distinguishes; 0 of a stop word."""
        filled = self._filled
        values = {"words": list(words), "count": len(filled.passages)}
        rows = filled.connection.cursor().execute(_WEIGHTS, values).fetchall()
        return {word: (stem, float(weight)) for word, stem, weight in rows}

    def _fill(self, passages: tuple[Passage, ...]) -> _Filled:
        texts = [passage.embedded for passage in passages]
        connection = _connection()
        connection.execute(_FILL, {"bodies": [whole for whole, *_ in texts]})
        connection.execute(_INDEX)
        vectors = self._cache.embed([text for several in texts for text in several])
        ends = np.cumsum([len(several) for several in texts], dtype=int)
        return _Filled(passages, connection, np.split(vectors, ends[:-1]))


def _connection() -> "duckdb.DuckDBPyConnection":
    try:
        import duckdb
    except ImportError as error:
        raise _unloadable("duckdb") from error
    spec = importlib.util.find_spec("duckdb_extension_fts")
    folder = Path((spec and spec.origin) or "duckdb_extension_fts").with_name("extensions")
    path = folder / f"v{duckdb.__version__}" / "fts.duckdb_extension"
    settings: dict[str, Any] = {"autoinstall_known_extensions": False, "threads": 1}
    connection = duckdb.connect(":memory:", config=settings)
    try:
        # By its path, since by its name DuckDB would download it.
        connection.execute(f"LOAD '{str(path).replace(chr(39), chr(39) * 2)}'")
    except duckdb.Error as error:
        raise _unloadable(str(path)) from error
    return connection


def _unloadable(where: str) -> ModelError:
    return ModelError(
        found="a full-text search that cannot be loaded",
        expected="DuckDB with its extension fts of the same version", where=where,
        remedy="Install volcast[brief].",
    )  # fmt: skip
