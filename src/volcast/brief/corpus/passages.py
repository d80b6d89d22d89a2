"""A passage: the smallest piece of text that can be found, quoted and cited."""

from dataclasses import dataclass
from datetime import date

__all__ = ["Hit", "Passage", "embedded_texts"]


@dataclass(frozen=True)
class Passage:
    """A few sentences of a document under one citation.

    Parameters
    ----------
    id : str
        The citation, ``documents/NAME@HASH#N``: passage number N from 1 of a file, HASH being the
        first 12 hexadecimal digits of its SHA-256.
    title : str
        Of the document.
    sentences : tuple of str
        In order; each is quoted whole.
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


@dataclass(frozen=True)
class Hit:
    """A passage and how well it fits a question.

    Parameters
    ----------
    passage : Passage
    score : float
        Larger is better; comparable within one search only.
    similarities : tuple of float
        Cosine of each sentence and the question, in the passage's order.
    """

    passage: Passage
    score: float
    similarities: tuple[float, ...]


def embedded_texts(passage: Passage) -> list[str]:
    """Return what is embedded of a passage: the whole, and each sentence under its title."""
    # A sentence speaks of "the Council"; the title names it.
    whole = f"{passage.title}\n{passage.text}"
    return [whole, *(f"{passage.title}: {sentence}" for sentence in passage.sentences)]
