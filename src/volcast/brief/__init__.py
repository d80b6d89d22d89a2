"""The brief of a day, and answers to questions: each sentence with a citation that resolves."""

from volcast.brief.answer import NOT_IN_SOURCES, Answer, Sentence
from volcast.brief.daily import Brief, Section
from volcast.brief.library import Library, Source
from volcast.brief.question import LONGEST, checked_question

__all__ = [
    "LONGEST",
    "NOT_IN_SOURCES",
    "Answer",
    "Brief",
    "Library",
    "Section",
    "Sentence",
    "Source",
    "checked_question",
]
