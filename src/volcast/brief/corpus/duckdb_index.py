"""The index in memory: full-text search of DuckDB, and vectors, rebuilt from the documents."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volcast.brief.corpus.embedding import VectorCache, Vectors, embed
from volcast.brief.corpus.index import Hit, Passage, embedded_texts
from volcast.core.errors import ModelError

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuckdbIndex"]

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
    """Passages, their words in DuckDB, and the vectors of passage n from row starts[n] on."""

    passages: tuple[Passage, ...]
    connection: "duckdb.DuckDBPyConnection"
    vectors: Vectors
    starts: list[int]


class DuckdbIndex:
    """Passages ranked by their words and their meaning; threads may share one.

    Parameters
    ----------
    cache : Path or None
        The file that keeps the vectors between processes.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = VectorCache(cache)
        self._filled = self._fill(())

    def refresh(self, passages: Sequence[Passage]) -> None:
        """Hold exactly ``passages``; a search sees all of the old ones or all of these."""
        if tuple(passages) != self._filled.passages:
            self._filled = self._fill(tuple(passages))
            self._cache.keep([text for passage in passages for text in embedded_texts(passage)])

    def search(self, question: str, k: int, *, until: date | None = None) -> list[Hit]:
        """Return the ``k`` passages that fit ``question`` best, dated up to ``until`` if given."""
        filled = self._filled
        shown = [
            number for number, passage in enumerate(filled.passages)
            if until is None or passage.dated is None or passage.dated <= until
        ]  # fmt: skip
        if not shown:
            return []
        rows = filled.connection.cursor().execute(_SEARCH, {"question": question}).fetchall()
        words: dict[int, float] = dict(rows)
        best = max(words.get(number, 0) for number in shown) or 1
        similar = filled.vectors @ embed([question])[0]
        hits = []
        for number in shown:
            start, passage = filled.starts[number], filled.passages[number]
            whole, *sentences = similar[start : start + 1 + len(passage.sentences)].tolist()
            score = _WORDS * words.get(number, 0) / best + max(sentences) + _WHOLE * whole
            hits.append(Hit(passage, score, tuple(sentences)))
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    def weights(self, words: Sequence[str]) -> dict[str, tuple[str, float]]:
        """Return the stem of each word, and how much it distinguishes; 0 of a stop word."""
        filled = self._filled
        values = {"words": list(words), "count": len(filled.passages)}
        rows = filled.connection.cursor().execute(_WEIGHTS, values).fetchall()
        return {word: (stem, float(weight)) for word, stem, weight in rows}

    def _fill(self, passages: tuple[Passage, ...]) -> _Filled:
        import pyarrow as pa

        texts = [embedded_texts(passage) for passage in passages]
        connection = _connection()
        columns = {
            "number": pa.array(range(len(passages)), pa.int64()),
            "body": pa.array([whole for whole, *_ in texts], pa.string()),
        }
        connection.register("fresh", pa.table(columns))
        connection.execute("CREATE TABLE passages AS SELECT * FROM fresh")
        connection.unregister("fresh")
        connection.execute(
            "PRAGMA create_fts_index('passages', 'number', 'body', stemmer = 'english', "
            "stopwords = 'english', ignore = '[^a-z0-9]+', overwrite = 1)"
        )
        vectors = self._cache.embed([text for several in texts for text in several])
        starts = [0, *accumulate(map(len, texts))]
        return _Filled(passages, connection, vectors, starts)


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
