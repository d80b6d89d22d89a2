"""Documents somebody drops into the store, as passages."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from volcast.brief.corpus.blocks import Block, calm, plain_blocks, readable, unmarked
from volcast.brief.corpus.passages import Passage
from volcast.brief.corpus.sentences import sentences
from volcast.core.errors import ContractError, KeyMissing
from volcast.store import Store

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

__all__ = ["DOCUMENTS", "Fault", "Read", "read_documents"]

DOCUMENTS = "documents/"
"""The prefix of their keys."""

_BYTES = 20_000_000
_CHARACTERS = 2_000_000
_WORDS = 120
"""Of a passage, about: enough to be understood, and little enough to be read as a quotation."""
_TITLE = 160


@dataclass(frozen=True)
class Fault:
    """A document that is not read.

    Parameters
    ----------
    name : str
        Below the prefix ``documents/``.
    why : str
    """

    name: str
    why: str


@dataclass(frozen=True)
class Read:
    """What was read: passages in order of documents, and a fault for each document that was not."""

    passages: tuple[Passage, ...]
    faults: tuple[Fault, ...]


class _Unreadable(Exception):
    """Why one document cannot be read."""


def read_documents(store: Store) -> Read:
    """Read all documents of ``store``: text, Markdown, HTML and PDF files.

    Raises
    ------
    StoreUnavailable
        If the store cannot be read; a document that cannot is a fault, and the others are read.
    """
    passages: list[Passage] = []
    faults: list[Fault] = []
    for key in store.objects.list(DOCUMENTS):
        # What is no UTF-8 in a name has no letters that could be printed, logged or sent.
        called = key.removeprefix(DOCUMENTS).encode("utf-8", "surrogateescape")
        name = called.decode("utf-8", "backslashreplace")
        try:
            passages.extend(_passages(name, _bytes(store, key)))
        except _Unreadable as error:
            faults.append(Fault(name, str(error)))
    return Read(tuple(passages), tuple(faults))


def _bytes(store: Store, key: str) -> bytes:
    try:
        key.encode()
        if "://" not in store.uri:
            _refuse_odd_file(Path(store.uri), key)
        return store.objects.get(key)
    except UnicodeEncodeError as error:
        raise _Unreadable("its name is not UTF-8") from error
    except KeyMissing as error:
        raise _Unreadable("it is gone since it was listed") from error
    except ContractError as error:
        raise _Unreadable(
            "its name has a backslash, an empty part, or one that begins with a dot"
        ) from error


def _refuse_odd_file(store: Path, key: str) -> None:
    """Refuse a link out of the store, for who may drop a file may not read any other; or a pipe."""
    try:
        root = store.resolve()
        path = (root / key).resolve()
        outside = not path.is_relative_to(root)
        there = path.exists()
        odd = there and not path.is_file()
    except (OSError, RuntimeError) as error:
        raise _Unreadable("it is a link that leads to itself") from error
    if outside:
        raise _Unreadable("it is a link that leads out of the store")
    if odd:
        raise _Unreadable("it is no plain file")
    if there and not os.access(path, os.R_OK):
        raise _Unreadable("it may not be read")


def _passages(name: str, data: bytes) -> list[Passage]:
    if len(data) > _BYTES:
        raise _Unreadable(f"it has {len(data):,} bytes, more than {_BYTES:,}")
    title, found = _blocks(name, data)
    title, blocks = calm(title), [replace(block, text=calm(block.text)) for block in found]
    if sum(len(block.text) for block in blocks) > _CHARACTERS:
        raise _Unreadable(f"it has more than {_CHARACTERS:,} characters")
    if not any(letter.isalnum() for block in blocks for letter in block.text):
        raise _Unreadable("it has no text")
    title = title or (blocks[0].text if blocks[0].kind == "heading" else _called(name))
    # A heading that only says the title again would be quoted for its words alone.
    body = blocks[1:] if len(blocks) > 1 and blocks[0] == Block("heading", title) else blocks
    known = f"{DOCUMENTS}{name}@{hashlib.sha256(data).hexdigest()[:12]}"
    dated = _dated(name)
    return [
        Passage(f"{known}#{number}", "document", _cut(title), tuple(part), dated)
        for number, part in enumerate(_parts(body), 1)
    ]


def _called(name: str) -> str:
    """Return a file's name as a title; what its first passage says would not hold for the others.

    Hyphens stay between figures, as those of a day.
    """
    stem = readable(name.rpartition("/")[2]).rpartition(".")[0]
    return " ".join(re.sub(r"(?<!\d)[-_\s]+|[-_\s]+(?!\d)", " ", stem).split()) or stem


def _blocks(name: str, data: bytes) -> tuple[str, list[Block]]:
    _, dot, ending = name.lower().rpartition(".")
    match ending if dot else "":
        case "txt":
            return "", plain_blocks(readable(_decoded(data)))
        case "md":
            return "", _markdown(_decoded(data))
        case "html" | "htm":
            return _html(_decoded(data))
        case "pdf":
            return _pdf(data)
    raise _Unreadable("its name ends in none of .txt, .md, .html, .htm and .pdf")


def _decoded(data: bytes) -> str:
    try:
        return calm(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _Unreadable(f"it is not UTF-8 (byte {error.start})") from error


def _markdown(text: str) -> list[Block]:
    if re.search(r"<[a-zA-Z!/]", text):
        from volcast.brief.corpus.html_text import without_hidden

        soup = _soup(text)
        without_hidden(soup)
        text = soup.get_text()
    return plain_blocks(unmarked(readable(text)))


def _soup(text: str) -> "BeautifulSoup":
    import warnings

    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, XMLParsedAsHTMLWarning
    from bs4.exceptions import ParserRejectedMarkup

    from volcast.brief.corpus.html_text import DEEPEST, is_too_deep

    if is_too_deep(text):
        raise _Unreadable(f"its tags are nested more than {DEEPEST:,} deep")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
            warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
            return BeautifulSoup(text, "html.parser")
    except ParserRejectedMarkup as error:
        raise _Unreadable(f"it is no HTML that can be read ({error})") from error


def _html(text: str) -> tuple[str, list[Block]]:
    from volcast.brief.corpus.html_text import html_blocks, html_title, without_hidden

    soup = _soup(readable(text))
    title = html_title(soup)
    without_hidden(soup)
    return title, html_blocks(soup)


def _pdf(data: bytes) -> tuple[str, list[Block]]:
    from volcast.brief.corpus.pdf_text import PdfFault, pdf_blocks

    try:
        return pdf_blocks(data)
    except PdfFault as error:
        raise _Unreadable(str(error)) from error


def _parts(blocks: Iterable[Block]) -> Iterable[list[str]]:
    """Yield the sentences of each passage: a paragraph, with its heading before and items after."""
    part: list[str] = []
    only_headings = True
    for block in blocks:
        if not only_headings and block.kind != "item":
            yield from _filled(part)
            part, only_headings = [], True
        part.extend(sentences(block.text))
        only_headings = only_headings and block.kind == "heading"
    yield from _filled(part)


def _filled(part: list[str]) -> Iterable[list[str]]:
    filled: list[str] = []
    words = 0
    for sentence in (piece for whole in part for piece in _pieces(whole)):
        length = len(sentence.split())
        if filled and words + length > _WORDS:
            yield filled
            filled, words = [], 0
        filled.append(sentence)
        words += length
    if filled:
        yield filled


def _pieces(sentence: str) -> Iterable[str]:
    # So long a sentence is a table or a list that lost its lines.
    words = sentence.split()
    for start in range(0, len(words), _WORDS):
        yield " ".join(words[start : start + _WORDS])


def _dated(name: str) -> date | None:
    stem = name.rpartition("/")[2]
    if not re.match(r"\d{4}-\d\d-\d\d(?!\d)", stem):
        return None
    try:
        return date.fromisoformat(stem[:10])
    except ValueError:
        return None


def _cut(title: str) -> str:
    return title if len(title) <= _TITLE else title[:_TITLE].rsplit(maxsplit=1)[0] + " …"
