"""The index in PostgreSQL: its full-text search, and pgvector; in the schema ``volcast_brief``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, LiteralString

from volcast.brief.corpus.embedding import DIMENSIONS, embed
from volcast.brief.corpus.index import Hit, Passage
from volcast.core.errors import StoreUnavailable

if TYPE_CHECKING:
    import psycopg

__all__ = ["PgvectorIndex"]

_CONNECT_SECONDS = 5

_TABLES = f"""
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS volcast_brief;
CREATE TABLE IF NOT EXISTS volcast_brief.passages (
    id text PRIMARY KEY, title text NOT NULL, sentences text[] NOT NULL, dated date,
    words tsvector NOT NULL, vector vector({DIMENSIONS}) NOT NULL,
    sentence_vectors vector({DIMENSIONS})[] NOT NULL
);
CREATE INDEX IF NOT EXISTS words ON volcast_brief.passages USING gin (words)
"""

_ADD = """
INSERT INTO volcast_brief.passages
VALUES (%s, %s, %s, %s, to_tsvector('english', %s), %s, %s::text[]::vector[])
"""

_SEARCH = """
WITH question AS (
    SELECT %(vector)s::vector AS vector,
        replace(plainto_tsquery('english', %(question)s)::text, '&', '|')::tsquery AS words
)
SELECT id, title, sentences, dated, similarities,
    0.3 * ts_rank(p.words, q.words) / greatest(max(ts_rank(p.words, q.words)) OVER (), 1e-9)
    + best - 0.66 * (p.vector <#> q.vector) AS score
FROM volcast_brief.passages p, question q, LATERAL (
    SELECT array_agg(-(one <#> q.vector) ORDER BY place) AS similarities,
        max(-(one <#> q.vector)) AS best
    FROM unnest(sentence_vectors) WITH ORDINALITY AS sentence (one, place)
) AS nearest
WHERE dated IS NULL OR %(until)s::date IS NULL OR dated <= %(until)s::date
ORDER BY score DESC, id LIMIT %(k)s
"""
"""As in DuckDB, but for the rank of words, which PostgreSQL computes without their frequencies."""

_WEIGHTS = """
SELECT word, coalesce(stem[1], word), CASE WHEN stem = '{}' THEN 0 ELSE ln(1 + (
    SELECT count(*) FROM volcast_brief.passages) / (0.5 + (
    SELECT count(*) FROM volcast_brief.passages
    WHERE words @@ plainto_tsquery('english', word)))) END
FROM unnest(%(words)s::text[]) AS word, ts_lexize('english_stem', word) AS stem
"""


class PgvectorIndex:
    """Passages in tables of a server; no message contains the password in its address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def refresh(self, passages: Sequence[Passage]) -> None:
        """Hold exactly ``passages``, in one transaction; only new ones are embedded."""
        by_id = {passage.id: passage for passage in passages}
        with self._connection() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('volcast_brief'))")
            connection.execute(_TABLES)
            connection.execute(
                "DELETE FROM volcast_brief.passages WHERE NOT id = ANY(%s)", [list(by_id)]
            )
            rows = connection.execute("SELECT id FROM volcast_brief.passages").fetchall()
            for id in by_id.keys() - {row[0] for row in rows}:
                passage = by_id[id]
                texts = passage.embedded
                whole, *sentences = (str(vector.tolist()) for vector in embed(texts))
                stored = [id, passage.title, list(passage.sentences), passage.dated, texts[0]]
                connection.execute(_ADD, [*stored, whole, sentences])

    def search(self, question: str, k: int, *, until: date | None = None) -> list[Hit]:
        """Return the ``k`` passages that fit best; those dated after ``until`` are left out."""
        vector = str(embed([question])[0].tolist())
        values = {"question": question, "vector": vector, "until": until, "k": k}
        return [
            Hit(Passage(id, title, tuple(sentences), dated), tuple(similarities))
            for id, title, sentences, dated, similarities, _score in self._read(_SEARCH, values)
        ]

    def weights(self, words: Sequence[str]) -> dict[str, tuple[str, float]]:
        """Return the stem of each word, and how much it distinguishes; 0 of a stop word."""
        rows = self._read(_WEIGHTS, {"words": list(words)})
        return {word: (stem, float(weight)) for word, stem, weight in rows}

    def _read(self, query: LiteralString, values: dict[str, Any]) -> list[Any]:
        with self._connection() as connection:
            connection.execute(_TABLES)
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _connection(self) -> "Iterator[psycopg.Connection[Any]]":
        import psycopg

        try:
            with psycopg.connect(self._address, connect_timeout=_CONNECT_SECONDS) as connection:
                yield connection
        except psycopg.Error as error:
            raise StoreUnavailable(
                found=f"{type(error).__name__} from PostgreSQL", expected="an answer",
                where="VOLCAST_BRIEF_INDEX", remedy="Start the server, or correct its address.",
            ) from None  # fmt: skip
