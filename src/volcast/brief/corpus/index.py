"""An index: passages in, and those that fit a question out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from volcast.brief.corpus.passages import Hit, Passage

__all__ = ["Changes", "Index", "open_index"]


@dataclass(frozen=True)
class Changes:
    """What a refresh did.

    Parameters
    ----------
    added, removed, unchanged : int
        Passages; one whose text is another now counts as removed and as added.
    embedded : int
        Sentences and whole passages whose vectors had to be computed.
    """

    added: int
    removed: int
    unchanged: int
    embedded: int


class Index(Protocol):
    """Passages that are found by their words and by their meaning.

    Threads may share one. Every operation raises StoreUnavailable where the place cannot be
    reached, read or written, and CorruptFile where what is there cannot be read.
    """

    def refresh(self, passages: Sequence[Passage]) -> Changes:
        """Make it hold exactly ``passages``; readers see all of the old ones, or all of these.

        Raises
        ------
        ContractError
            If two of the passages have one id.
        """

    def search(self, question: str, k: int, *, dated_to: date | None = None) -> list[Hit]:
        """Return the ``k`` passages that fit ``question`` best, the best first.

        Parameters
        ----------
        question : str
        k : int
        dated_to : date, optional
            Passages of a later day are left out; those without a day stay.
        """

    def weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return how much each of ``terms`` tells: more, the fewer passages have it."""

    def likeness(self, question: str, sentences: Sequence[str]) -> list[float]:
        """Return the cosine of each of ``sentences`` and ``question``, whether held or not."""

    def get(self, id: str) -> Passage | None:
        """Return the passage of this id, or None."""

    def clear(self) -> None:
        """Take away what is there, readable or not."""

    def close(self) -> None:
        """Let go of files and connections."""


def open_index(place: str | Path) -> Index:
    """Open the index at ``place``: ``postgresql://...`` is pgvector, anything else a DuckDB file.

    Nothing is made or read before its first use; a place where none was made yet holds nothing.

    Raises
    ------
    ConfigError
        If ``place`` is empty, or an address that is not one of PostgreSQL.
    """
    from volcast.brief.corpus.stored_index import StoredIndex

    text = str(place)
    scheme, found, _ = text.partition("://")
    if found and scheme in ("postgresql", "postgres"):
        from volcast.brief.corpus.pgvector_index import PgvectorShelf

        return StoredIndex(PgvectorShelf(text))
    # A list of names and values, as other tools take it, may hold a password: it is not said.
    if found or not text.strip() or "=" in text:
        from volcast.core.errors import ConfigError

        raise ConfigError(
            found=f"{scheme}://..." if found else "neither",
            expected="a file's path or postgresql://...",
            where="index",
            remedy="Give the place of the index.",
            field="index",
        )
    from volcast.brief.corpus.duckdb_index import DuckdbShelf

    return StoredIndex(DuckdbShelf(Path(text).expanduser()))
