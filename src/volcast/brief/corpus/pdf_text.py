"""PDF files to blocks, within bounds of size and time."""

import io
import logging
import re
import struct
import time
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from volcast.brief.corpus.blocks import Block, plain_blocks, readable

if TYPE_CHECKING:
    from pypdf import PdfReader

__all__ = ["PdfFault", "pdf_blocks"]

_PAGES = 500
_PAGE_BYTES = 4_000_000
"""Of one page's drawing: parsing goes at about a million a second."""
_CHARACTERS = 2_000_000
_SECONDS = 60.0
_REASON = 100
"""Characters of an error that are passed on: some repeat what they found in the file."""

_BROKEN = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError),
    *(RuntimeError, TypeError, ValueError, struct.error, zlib.error),
)
"""What pypdf lets through besides its own errors, of files that contradict themselves."""


class PdfFault(Exception):
    """Why a PDF file cannot be read, in words for whoever put it there."""


def pdf_blocks(data: bytes) -> tuple[str, list[Block]]:
    """Return the title in the file's metadata (or nothing), and the blocks of its text.

    Raises
    ------
    PdfFault
        If it is broken, encrypted or beyond the bounds.
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    # It warns of each oddity in a file; what matters comes as an error.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        # Most that are encrypted are against changes alone, and open to anyone.
        if reader.is_encrypted and not reader.decrypt(""):
            raise PdfFault("it is encrypted")
        pages = _pages(reader)
        title = _title(reader)
    except PyPdfError as error:
        raise PdfFault(
            f"it is no PDF that can be read ({readable(str(error))[:_REASON]})"
        ) from error
    except _BROKEN as error:
        raise PdfFault(f"it is a broken PDF ({type(error).__name__})") from error
    return title, plain_blocks(_joined(pages))


def _pages(reader: "PdfReader") -> list[str]:
    count = len(reader.pages)
    if count > _PAGES:
        raise PdfFault(f"it has {count} pages, more than {_PAGES}")
    deadline = time.monotonic() + _SECONDS

    def watch(*_: Any) -> None:
        if time.monotonic() > deadline:
            raise PdfFault(f"reading it takes longer than {_SECONDS:.0f} seconds")

    texts: list[str] = []
    for page in reader.pages:
        watch()
        drawing = page.get_contents()
        if drawing is not None and len(drawing.get_data()) > _PAGE_BYTES:
            raise PdfFault(f"a page of it is drawn by more than {_PAGE_BYTES:,} bytes")
        texts.append(readable(page.extract_text(visitor_operand_before=watch)))
        if sum(map(len, texts)) > _CHARACTERS:
            raise PdfFault(f"it has more than {_CHARACTERS:,} characters")
    return texts


def _title(reader: "PdfReader") -> str:
    told = reader.metadata.title if reader.metadata is not None else None
    return " ".join(readable(str(told or "")).split())


_PAGE_NUMBER = re.compile(
    r"\s*(?:page\s+)?[-–]?\s*\d{1,4}\s*[-–]?(?:\s*(?:of|/)\s*\d{1,4})?\s*", re.I
)


def _joined(pages: list[str]) -> str:
    """Return the pages as one text: with blank lines between paragraphs, and words made whole."""
    lines: list[str] = []
    for page in pages:
        kept = [line.rstrip() for line in page.split("\n")]
        while kept and (not kept[-1] or _PAGE_NUMBER.fullmatch(kept[-1])):
            kept.pop()
        while kept and (not kept[0] or _PAGE_NUMBER.fullmatch(kept[0])):
            kept.pop(0)
        if lines and kept and _goes_on(lines[-1], kept[0]):
            lines.extend(kept)
        else:
            lines.extend(["", *kept])
    return _unhyphenated("\n".join(_parted(lines)))


def _goes_on(last: str, first: str) -> bool:
    return not re.search(r"[.!?:]['\"”’)]*$", last.strip()) and first.strip()[:1].islower()


def _parted(lines: list[str]) -> list[str]:
    """Part paragraphs where no blank line does: where a line ends well before the margin."""
    widths = sorted(len(line) for line in lines if line.strip())
    usual = widths[len(widths) * 3 // 4] if widths else 0
    parted: list[str] = []
    for line, following in pairwise([*lines, ""]):
        parted.append(line)
        short = 0 < len(line.strip()) < 0.75 * usual
        ended = re.search(r"[.!?:]['\"”’)]*$", line.strip()) is not None
        capital = re.match(r"\s*['\"“‘(]?[A-Z0-9]", following) is not None
        # A short line that ends nothing is a heading, if a sentence begins after it.
        if short and capital and (ended or len(line.strip()) < 0.6 * usual):
            parted.append("")
    return parted


def _unhyphenated(text: str) -> str:
    compounds = set(re.findall(r"\b\w+-\w+\b", text.lower()))

    def whole(match: "re.Match[str]") -> str:
        first, second = match.groups()
        # Written with its hyphen within a line too, it has that of its own.
        return f"{first}-{second}" if f"{first}-{second}".lower() in compounds else first + second

    return re.sub(r"\b(\w*[a-zà-ÿ])-\n\s*([a-zà-ÿ]\w*)", whole, text)
