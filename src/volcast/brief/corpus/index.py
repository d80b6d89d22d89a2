"""An index: passages of documents in, and those that fit a question out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from volcast.core.errors import ConfigError

__all__ = ["Hit", "Index", "Passage", "open_index"]


@dataclass(frozen=True)
class Passage:
    """A few sentences of a document: the smallest piece that is retrieved, quoted and cited.

    Parameters
    ----------
    id : str
        The citation ``documents/NAME@HASH#N``: passage number N from 1 of a file, HASH being the
        first 12 hexadecimal digits of its SHA-256.
    title : str
        Of the document.
    sentences : tuple of str
    dated : date or None
        The day of the document; a question as of an earlier day does not see it.
    """

    id: str
    title: str
    sentences: tuple[str, ...]
    dated: date | None = None

    @property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.id.partition("/")[2].rpartition("@")[0]

    @property
    def embedded(self) -> list[str]:
        """What is embedded: the whole, and each sentence under the title, which names its "it"."""
        whole = f"{self.title}\n{self.text}"
        return [whole, *(f"{self.title}: {sentence}" for sentence in self.sentences)]


@dataclass(frozen=True)
class Hit:
    """A passage, and the cosine of each of its sentences and the question."""

    passage: Passage
    similarities: tuple[float, ...]


class Index(Protocol):
    """Passages ranked by their words and their meaning; threads may share one."""

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
