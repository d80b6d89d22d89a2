"""A passage: the smallest thing that is found, quoted and cited."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

__all__ = ["Hit", "Passage", "Scored", "Source"]

Source = Literal["row", "document"]
"""Where a passage is from: a row of one of the store's tables, or a document dropped in."""


@dataclass(frozen=True)
class Passage:
    """A few sentences that one citation stands for.

    Parameters
    ----------
    id : str
        The citation: ``TABLE?KEY=VALUE&...`` of a row, ``documents/NAME@HASH#N`` of a document's
        passage number N from 1, HASH the first 12 hexadecimal digits of the file's SHA-256.
    source : str
        row or document.
    title : str
        Of the document, or of the kind of row, in words.
    sentences : tuple of str
        In order; each is quoted whole.
    dated : date or None
        The session or day it is of; a brief as of an earlier day leaves it out.
    """

    id: str
    source: Source
    title: str
    sentences: tuple[str, ...]
    dated: date | None = None

    @property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)


@dataclass(frozen=True)
class Scored:
    """One sentence of a passage, and how near it is to what was asked.

    Parameters
    ----------
    text : str
    likeness : float or None
        Cosine of the sentence's and the question's vectors; None without vectors.
    """

    text: str
    likeness: float | None


@dataclass(frozen=True)
class Hit:
    """A passage that was found, and how well it fits.

    Parameters
    ----------
    passage : Passage
    score : float
        Larger is better; comparable within one search alone.
    sentences : tuple of Scored
        The passage's, in its order.
    """

    passage: Passage
    score: float
    sentences: tuple[Scored, ...]
