"""The brief of a day: what the system reports, each sentence with the rows it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from volcast.brief.answer import Sentence
from volcast.brief.corpus.index import Passage
from volcast.brief.facts import Facts, Part, split
from volcast.monitoring.status import Missing

__all__ = ["Brief", "Section", "daily_brief"]

_RECENT = timedelta(days=7)
"""Documents of so many days are news."""

_MOST = 8
"""Documents that are named."""


@dataclass(frozen=True)
class Section:
    """A title and its sentences."""

    title: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Brief:
    """The brief of a symbol and session, and what is missing for it in the store."""

    symbol: str
    as_of: date
    sections: tuple[Section, ...]
    missing: tuple[Missing, ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences in order."""
        return tuple(one for section in self.sections for one in section.sentences)


def daily_brief(facts: Facts, documents: Sequence[Passage] = ()) -> Brief:
    """Write the brief of a symbol and session; documents dated within the week are named."""
    parts: dict[str, tuple[Part, ...]] = {
        "Forecast": (facts.forecast(), facts.comparison()),
        "Why": (facts.drivers(),),
        "Regime": (facts.regime(),),
        "Track record": (facts.performance(), facts.skill()),
        "Data and drift": (
            facts.drift(), facts.lateness(), facts.failed_checks(), facts.retraining(),
            facts.failed_jobs(),
        ),
        "Macro releases": (facts.releases(),),
        "Documents": (_documents(documents, facts.as_of),),
    }  # fmt: skip
    sections: list[Section] = []
    missing: list[Missing] = []
    for title, several in parts.items():
        sentences, lacks = split(several, facts.store.uri)
        missing.extend(lacks)
        if sentences:
            sections.append(Section(title, sentences))
    return Brief(facts.symbol, facts.as_of, tuple(sections), tuple(dict.fromkeys(missing)))


def _documents(passages: Sequence[Passage], as_of: date) -> Part:
    first_of: dict[str, Passage] = {}
    for passage in passages:
        if passage.dated is not None and as_of - _RECENT < passage.dated <= as_of:
            first_of.setdefault(passage.id.rpartition("#")[0], passage)
    for passage in list(first_of.values())[:_MOST]:
        text = f"{passage.title}, {passage.dated}: {passage.sentences[0]}"
        yield Sentence(text, (passage.id,), passage.name)
