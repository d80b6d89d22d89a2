"""Plain text and Markdown to blocks: paragraphs, headings and items of lists."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "calm", "plain_blocks", "readable", "unmarked"]

_HEADING_WORDS = 16
_ITEM = re.compile(r"\s{0,8}(?:[-*+•‣–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+(?=\S)")
_HASHES = re.compile(r"#{1,6}\s+")
_RULE = re.compile(r"\s*(?:={3,}|-{3,}|\*{3,}|_{3,}|(?:\* ){2,}\*|(?:- ){2,}-)\s*")
_TABLE_RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?")
_LINE = 1_000
"""Characters that a line of a table's frame has at most."""
_LONG_WORD = re.compile(r"\S{100}(?=\S)")
_LONG_RUN = re.compile(r"([^\w\n])\1{99}\1+")
_UNFINISHED = re.compile(r"[^.!?;,…]$")


@dataclass(frozen=True)
class Block:
    """A stretch of text that belongs together.

    Parameters
    ----------
    kind : str
        An item belongs to what it stands under, and a heading to what follows.
    text : str
    """

    kind: Literal["heading", "item", "text"]
    text: str


def readable(text: str) -> str:
    """Return ``text`` without what no reader sees: control, joining and direction characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    return "".join(
        letter
        for letter in lines
        if letter in "\n\t" or unicodedata.category(letter) not in _UNSEEN
    )


_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Cn")


def plain_blocks(text: str) -> list[Block]:
    """Return the blocks of ``text``, wrapped lines joined."""
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", text):
        lines = [line for line in part.split("\n") if line.strip()]
        found.extend(_part(lines))
    return found


def _part(lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    open_: list[str] = []

    def close() -> None:
        if open_:
            blocks.append(_closed(open_, alone=len(lines) == len(open_) == 1))
            open_.clear()

    for line in lines:
        if len(line) < _LINE and _TABLE_RULE.fullmatch(line.strip()):
            continue
        if _RULE.fullmatch(line):
            # Under a single line it makes that a heading; anywhere else it only parts.
            if len(open_) == 1 and not _ITEM.match(open_[0]):
                blocks.append(Block("heading", open_.pop().strip()))
            close()
        elif _HASHES.match(line):
            close()
            blocks.append(Block("heading", _HASHES.sub("", line, count=1).rstrip("# ").strip()))
        else:
            if _ITEM.match(line) or line.lstrip().startswith("|"):
                close()
            open_.append(line)
    close()
    return [block for block in blocks if block.text]


def _closed(lines: list[str], *, alone: bool) -> Block:
    text = " ".join(line.strip() for line in lines)
    if text.startswith("|"):
        return Block("item", ", ".join(cell for each in text.split("|") if (cell := each.strip())))
    if _ITEM.match(lines[0]):
        bullet = _ITEM.match(text)
        numbered = bullet is not None and any(letter.isalnum() for letter in bullet[0])
        return Block("item", text if bullet is None or numbered else text[bullet.end() :])
    short = len(text.split()) <= _HEADING_WORDS and _UNFINISHED.search(text)
    return Block("heading" if alone and short else "text", text)


_MARKS = (
    (re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL), ""),
    (re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE), ""),
    # The definition of a link is not shown, and is a known place to hide a remark.
    (re.compile(r"^[ ]{0,3}\[[^\]\n]{1,300}\]:[ \t].*$", re.MULTILINE), ""),
    (re.compile(r"!\[[^\]\n]{0,300}\]\([^)\n]{0,300}\)"), ""),
    (re.compile(r"\[([^\]\n]{1,300})\]\([^)\n]{0,300}\)"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)([^\n]{1,300}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^\n*]{1,300}?)(?<=\S)\1(?![\w*])"), r"\2"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE), ""),
)


def calm(text: str) -> str:
    """Return ``text`` with words of at most 100 letters, and of the same sign as many in a row.

    What is longer is no prose, and patterns would take the square of its length.
    """
    return _LONG_WORD.sub(r"\g<0> ", _LONG_RUN.sub(lambda run: run[0][:100], text))


def unmarked(text: str) -> str:
    """Return Markdown without the marks within its lines, and what it does not show."""
    for pattern, instead in _MARKS:
        text = pattern.sub(instead, text)
    return text
