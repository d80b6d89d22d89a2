"""Text, notices and tables as HTML; whatever comes from the store is escaped."""

import re
from collections.abc import Sequence
from html import escape
from typing import Literal

__all__ = ["definitions", "heading", "notice", "prose", "table"]

Kind = Literal["missing", "wrong", "warning"]

_SIGNS: dict[Kind, tuple[str, str]] = {
    "missing": ("○", "Not there yet"),
    "warning": ("▲", ""),
    "wrong": ("✕", "Cannot be read"),
}


def heading(level: Literal[2, 3], text: str) -> str:
    """Return a heading of a section (2) or of a part of one (3)."""
    return f'<h{level} class="v">{escape(text)}</h{level}>'


def prose(text: str) -> str:
    """Return a paragraph; text in backticks is shown as code."""
    return f'<p class="v-text">{_coded(text)}</p>'


def notice(kind: Kind, text: str) -> str:
    """Return a notice, marked by a sign and words as well as by its colour."""
    sign, name = _SIGNS[kind]
    marked = f"{name and f'<strong>{name}.</strong> '}{_coded(text)}"
    return f'<p class="v-notice {kind}"><span aria-hidden="true">{sign}</span> {marked}</p>'


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """Return names with their values, side by side."""
    inner = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
    return f'<dl class="v-facts">{inner}</dl>'


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], ours: str | None = None
) -> str:
    """Return a table; a column whose cells are all numbers is aligned right.

    The first cell of a row is its name.

    Parameters
    ----------
    ours : str, optional
        First cell of the row that is emphasized.
    """
    right = [all(_number(row[i]) for row in rows) for i in range(len(columns))]
    side = [' class="n"' if is_right else "" for is_right in right]
    head = "".join(
        f'<th scope="col"{s}>{escape(c)}</th>' for c, s in zip(columns, side, strict=True)
    )
    body = []
    for row in rows:
        name, *rest = zip(row, side, strict=True)
        cells = f'<th scope="row"{name[1]}>{_coded(name[0])}</th>'
        cells += "".join(f"<td{s}>{_coded(c)}</td>" for c, s in rest)
        body.append(f'<tr class="ours">{cells}</tr>' if row[0] == ours else f"<tr>{cells}</tr>")
    return (
        f'<div class="v-scroll"><table class="v"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _coded(text: str) -> str:
    whole = escape(text).replace(" %", "\u00a0%")  # a number keeps its unit on its line
    return re.sub(r"`([^`]*)`", r'<code class="v">\1</code>', whole)


def _number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+−<]?[\s\d.,%]*", cell))
