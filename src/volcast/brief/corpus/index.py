"""An index: passages in, and those that fit a question out."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from volcast.brief.corpus.passages import Hit, Passage
from volcast.core.errors import ConfigError

__all__ = ["Index", "open_index"]


class Index(Protocol):
    """Passages found by their words and their meaning; threads may share one."""

    def refresh(self, passages: Sequence[Passage]) -> None:
        """Hold exactly ``passages``; a search sees all of the old ones or all of these."""

    def search(self, question: str, k: int, *, until: date | None = None) -> list[Hit]:
        """Return the ``k`` passages that fit best; those dated after ``until`` are left out."""

    def weights(self, words: Sequence[str]) -> dict[str, tuple[str, float]]:
        """Return the stem of each word, and how much it distinguishes; 0 of a stop word."""


def open_index(place: str | Path) -> Index:
    """Open an index: ``postgresql://...`` is pgvector; of DuckDB's, ``place`` caches the vectors.

    Raises
    ------
    ConfigError
        If ``place`` is neither a path nor an address of PostgreSQL.
    """
    scheme, separator, _ = str(place).partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        from volcast.brief.corpus.pgvector_index import PgvectorIndex

        return PgvectorIndex(str(place))
    # A list of names and values may contain a password, so it is not repeated.
    if separator or not str(place).strip() or "=" in str(place):
        raise ConfigError(
            found=f"{scheme}://..." if separator else "neither",
            expected="a file's path or postgresql://...", where="VOLCAST_BRIEF_INDEX",
            remedy="Set the place of the index, or leave it unset.", field="index",
        )  # fmt: skip
    from volcast.brief.corpus.duckdb_index import DuckdbIndex

    return DuckdbIndex(Path(place).expanduser())
