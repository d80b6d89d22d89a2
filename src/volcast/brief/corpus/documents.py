"""Documents dropped into the store, read as passages."""

import hashlib
import io
import logging
import os
import re
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from volcast.brief.corpus.index import Passage
from volcast.core.errors import ContractError, KeyMissing, ObjectTooLarge
from volcast.store import Store

__all__ = ["DOCUMENTS", "Documents", "read_documents", "readable", "split_sentences"]

DOCUMENTS = "documents/"
"""The prefix of their keys."""

_BYTES, _CHARACTERS, _PAGES, _SECONDS = 20_000_000, 2_000_000, 500, 60.0
_PAGE_BYTES = 4_000_000
"""Of one PDF page's drawing."""
_TAGS = 300_000
"""Of an HTML page; a million take a gigabyte of memory and half a minute."""
_ALL_CHARACTERS = 100_000_000
"""Of the passages of all documents, which stay in memory."""
_WORDS = 120
"""Of a passage, about: enough to be understood, short enough to be read as a quotation."""
_FEW_WORDS = 15
"""A shorter paragraph, such as a heading or an item of a list, joins the one after it."""
_TITLE = 160

_STYLE = "contains(translate(@style, ' ', ''), '{}')".format
_HIDDEN = [
    "//nav", "//template", "//noscript", "//*[@hidden]", "//*[@aria-hidden='true']",
    f"//*[{' or '.join(map(_STYLE, ('display:none', 'visibility:hidden', 'font-size:0')))}]",
]  # fmt: skip
"""Elements that a page does not show."""
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]”’]*\s+(?=[\"'(\[“‘]?[A-Z0-9])")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:[A-Z]|Dr|Mr|Mrs|Ms|St|No|Fig|vs|cf|(?:\w\.)+\w)\.$")
_MARKUP = re.compile(r"^(?:#{1,6}|[-*+>]|\d{1,3}[.)])\s+|(?<!\w)[*_`]{1,3}|[*_`]{1,3}(?!\w)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_RULE = re.compile(r"^[\s|:=\-*_]+$")


@dataclass(frozen=True)
class Documents:
    """The passages in the order of the files, and names of files not read, each with the reason."""

    passages: tuple[Passage, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()


class _Unreadable(Exception):
    """Why one document cannot be read."""


def read_documents(store: Store, name: str | None = None) -> Documents:
    """Read the text, Markdown, HTML and PDF files of ``store``: all, or the one of ``name``.

    Raises
    ------
    StoreUnavailable
        If the store cannot be read. A file that cannot be read is named; the others are read.
    """
    passages: list[Passage] = []
    unread: list[tuple[str, str]] = []
    size = 0
    for key in store.objects.list(DOCUMENTS):
        # A name that is not UTF-8 could be neither printed, logged nor sent.
        shown = key.removeprefix(DOCUMENTS).encode("utf-8", "surrogateescape")
        called = shown.decode("utf-8", "backslashreplace")
        if name not in (None, called):
            continue
        try:
            if size > _ALL_CHARACTERS:
                raise _Unreadable(f"those before it have more than {_ALL_CHARACTERS:,} characters")
            own = _passages(called, _bytes(store, key))
            size += sum(len(sentence) for passage in own for sentence in passage.sentences)
            passages.extend(own)
        except _Unreadable as error:
            unread.append((called, str(error)))
    return Documents(tuple(passages), tuple(unread))


def readable(text: str) -> str:
    """Return ``text`` without characters that show nothing or steer what is shown."""
    plain = unicodedata.normalize("NFC", text)
    return "".join(
        letter for letter in plain
        if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Co", "Cs", "Cn")
    )  # fmt: skip


def split_sentences(paragraph: str) -> list[str]:
    """Split one paragraph; common abbreviations and initials end no sentence."""
    sentences: list[str] = []
    for part in _SENTENCE_END.split(" ".join(paragraph.split())):
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] = f"{sentences[-1]} {part}"
        elif part:
            sentences.append(part)
    return sentences


def _bytes(store: Store, key: str) -> bytes:
    try:
        key.encode()
        if "://" not in store.uri:
            _require_plain_file(Path(store.uri), key)
        return store.objects.get(key, at_most=_BYTES)
    except UnicodeEncodeError as error:
        raise _Unreadable("its name is not UTF-8") from error
    except KeyMissing as error:
        raise _Unreadable("it was removed while the documents were read") from error
    except ObjectTooLarge as error:
        raise _Unreadable(f"it has {error.found}, more than {_BYTES:,}") from error
    except ContractError as error:
        raise _Unreadable("its name has a backslash, an empty part or a hidden part") from error


def _require_plain_file(store: Path, key: str) -> None:
    """Refuse a link out of the store, since who may drop a file may not read any other; a pipe."""
    try:
        root = store.resolve()
        path = (root / key).resolve()
        inside, exists, plain = path.is_relative_to(root), path.exists(), path.is_file()
    except (OSError, RuntimeError) as error:
        raise _Unreadable("it is a link that leads to itself") from error
    if not inside:
        raise _Unreadable("it is a link that leads out of the store")
    if exists and not plain:
        raise _Unreadable("it is no plain file")
    if exists and not os.access(path, os.R_OK):
        raise _Unreadable("it may not be read")


def _passages(name: str, data: bytes) -> list[Passage]:
    title, text = _title_and_text(name, data)
    if len(text) > _CHARACTERS:
        raise _Unreadable(f"it has more than {_CHARACTERS:,} characters")
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", readable(text))]
    paragraphs = [part for part in paragraphs if any(map(str.isalnum, part))]
    if not paragraphs:
        raise _Unreadable("it has no text")
    first, *others = paragraphs
    if not title and others and len(first) <= _TITLE and first[-1] not in ".!?;,":
        title = first
    title = " ".join(readable(title).split()) or _title_of_file(name)
    if others and first == title:
        paragraphs = others
    citation = f"{DOCUMENTS}{name}@{hashlib.sha256(data).hexdigest()[:12]}"
    return [
        Passage(f"{citation}#{number}", title[:_TITLE], sentences, _day_of_file(name))
        for number, sentences in enumerate(_grouped(paragraphs), 1)
    ]


def _title_and_text(name: str, data: bytes) -> tuple[str, str]:
    """Return a document's own title, if any, and its paragraphs with blank lines between."""
    match name.lower().rpartition(".")[1:]:
        case ".", "txt":
            return "", _decoded(data)
        case ".", "md":
            return "", _unmarked(re.sub(r"<[^<>]{1,500}>", " ", _decoded(data)))
        case ".", "html" | "htm":
            return _html(_decoded(data))
        case ".", "pdf":
            return _pdf(data)
    raise _Unreadable("its name ends in none of .txt, .md, .html, .htm and .pdf")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise _Unreadable(f"it is not UTF-8 (byte {error.start})") from error


def _unmarked(text: str) -> str:
    """Return Markdown as paragraphs: each heading, item and table row is one of its own."""
    paragraphs: list[str] = [""]
    for line in text.splitlines():
        plain = _MARKUP.sub("", _LINK.sub(r"\1", line.strip()[:10_000])).strip()
        if not plain or _RULE.match(plain):
            paragraphs.append("")
        elif re.match(r"#{1,6}\s|[-*+]\s|\d{1,3}[.)]\s|\|", line.strip()):
            cells = "; ".join(cell.strip() for cell in plain.strip("|").split("|"))
            paragraphs.extend([cells, ""] if line.lstrip()[0] in "#|" else [cells])
        else:
            paragraphs[-1] = f"{paragraphs[-1]} {plain}"
    return "\n\n".join(paragraphs)


def _html(page: str) -> tuple[str, str]:
    import trafilatura

    if page.count("<") > _TAGS:
        raise _Unreadable(f"it has more than {_TAGS:,} tags")
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    if "<body" not in page.lower():
        page = f"<html><body>{page}</body></html>"
    text = trafilatura.extract(
        page, favor_recall=True, include_tables=True, include_comments=False,
        output_format="markdown", prune_xpath=_HIDDEN,
    )  # fmt: skip
    if not text:
        raise _Unreadable("it has no text")
    metadata = trafilatura.extract_metadata(page)
    return (metadata.title if metadata else None) or "", _unmarked(text)


def _pdf(data: bytes) -> tuple[str, str]:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of each oddity in a file
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise _Unreadable("it is encrypted")
        if len(reader.pages) > _PAGES:
            raise _Unreadable(f"it has {len(reader.pages)} pages, more than {_PAGES}")
        title = reader.metadata.title if reader.metadata is not None else None
        return str(title or ""), "\n\n".join(_pdf_pages(reader))
    except Exception as error:
        # A file that contradicts itself ends in any error of the parser or of Python.
        if isinstance(error, _Unreadable):
            raise
        raise _Unreadable(f"it is no PDF that can be read ({type(error).__name__})") from error


def _pdf_pages(reader: Any) -> Iterator[str]:
    deadline, size = time.monotonic() + _SECONDS, 0

    def check_time(*_: object) -> None:
        if time.monotonic() > deadline:
            raise _Unreadable(f"reading it takes longer than {_SECONDS:.0f} seconds")

    for page in reader.pages:
        check_time()
        drawing = page.get_contents()
        if drawing is not None and len(drawing.get_data()) > _PAGE_BYTES:
            raise _Unreadable(f"a page of it is drawn by more than {_PAGE_BYTES:,} bytes")
        text = page.extract_text(visitor_operand_before=check_time)
        size += len(text)
        if size > _CHARACTERS:
            raise _Unreadable(f"it has more than {_CHARACTERS:,} characters")
        # A word divided at the end of a line is one word.
        yield re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text)


def _title_of_file(name: str) -> str:
    stem = readable(name.rpartition("/")[2]).rpartition(".")[0]
    return " ".join(re.sub(r"(?<!\d)[-_\s]+|[-_\s]+(?!\d)", " ", stem).split()) or stem


def _day_of_file(name: str) -> date | None:
    """Return the day that a file's name begins with, as in ``2021-12-15-statement.pdf``."""
    match = re.match(r"(\d{4}-\d\d-\d\d)(?!\d)", name.rpartition("/")[2])
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def _grouped(paragraphs: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the sentences of each passage: a paragraph; short ones join, long ones are divided."""
    group: list[str] = []
    words = 0
    for paragraph in paragraphs:
        for sentence in split_sentences(paragraph):
            length = len(sentence.split())
            if group and words + length > _WORDS:
                yield tuple(group)
                group, words = [], 0
            group.append(sentence)
            words += length
        if words >= _FEW_WORDS:
            yield tuple(group)
            group, words = [], 0
    if group:
        yield tuple(group)
