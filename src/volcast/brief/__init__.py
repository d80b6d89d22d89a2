"""The brief of a day, and answers to questions: each sentence with a citation that resolves."""

from volcast.brief.answer import NOT_THERE, Answer
from volcast.brief.daily import Brief, Section, Sentence
from volcast.brief.library import Gathered, Library, Source
from volcast.brief.question import LONGEST, checked_question

__all__ = [
    "LONGEST",
    "NOT_THERE",
    "Answer",
    "Brief",
    "Gathered",
    "Library",
    "Section",
    "Sentence",
    "Source",
    "checked_question",
]
