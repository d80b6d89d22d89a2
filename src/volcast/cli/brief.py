"""Briefs, answers and sources on the terminal."""

from collections.abc import Iterable

from rich.console import Console

from volcast.brief import NOT_IN_SOURCES, Answer, Brief, Sentence, Source
from volcast.brief.corpus.documents import readable
from volcast.monitoring.status import Missing

__all__ = ["print_answer", "print_brief", "print_source", "sentence_rows"]


def print_brief(console: Console, brief: Brief) -> None:
    """Print a brief with its sources numbered, and what is missing."""
    numbers: dict[str, int] = {}
    _line(console, f"{brief.symbol}, brief of {brief.as_of}")
    for section in brief.sections:
        _line(console)
        _line(console, section.title)
        for one in section.sentences:
            _line(console, f"  {_numbered(one, numbers)}")
    if brief.missing:
        _line(console)
        _print_missing(console, brief.missing)
    _print_sources(console, numbers)


def print_answer(console: Console, answer: Answer, unread: Iterable[tuple[str, str]]) -> None:
    """Print an answer with its sources numbered, and the documents that cannot be read."""
    numbers: dict[str, int] = {}
    if not answer.sentences + answer.missing:
        _line(console, NOT_IN_SOURCES)
    for one in answer.sentences:
        _line(console, _numbered(one, numbers))
    if answer.missing:
        _print_missing(console, answer.missing)
    for name, reason in unread:
        _line(console, f"not read: documents/{name}: {reason}")
    _print_sources(console, numbers)


def print_source(console: Console, source: Source) -> None:
    """Print a row by column, or a passage."""
    _line(console, f"{source.title}  {source.id}")
    for name, value in (source.row or {}).items():
        _line(console, f"  {name:<22}{value}")
    if source.text is not None:
        _line(console, f"  {source.text}")


def sentence_rows(sentences: Iterable[Sentence]) -> list[dict[str, str]]:
    """Return each sentence with the document it quotes, empty for rows, and its citations."""
    return [
        {"text": one.text, "source": one.source, "citations": " ".join(one.citations)}
        for one in sentences
    ]


def _numbered(one: Sentence, numbers: dict[str, int]) -> str:
    marks = [f"[{numbers.setdefault(id, len(numbers) + 1)}]" for id in one.citations]
    return f"{one.quoted} {''.join(marks)}"


def _print_missing(console: Console, several: Iterable[Missing]) -> None:
    _line(console, NOT_IN_SOURCES.capitalize())
    for missing in several:
        _line(console, f"  {missing}")


def _print_sources(console: Console, numbers: dict[str, int]) -> None:
    if numbers:
        _line(console)
        _line(console, "Sources (volcast cite ID)")
    for id, number in numbers.items():
        _line(console, f"  [{number}] {id}")


def _line(console: Console, text: str = "") -> None:
    """Print one line: what others wrote, such as a file's name, begins no line and no escape."""
    line = " ".join(readable(text).splitlines())
    console.print(line, soft_wrap=True, highlight=False, markup=False)
