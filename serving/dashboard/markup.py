"""Text, notices and tables as HTML; whatever comes from the store is escaped."""

import re
from collections.abc import Sequence
from html import escape
from typing import Literal

__all__ = ["definitions", "details", "figure", "heading", "notice", "prose", "table"]

Kind = Literal["missing", "wrong", "warning"]

_SIGNS: dict[Kind, tuple[str, str]] = {
    "missing": ("○", "Not there yet"),
    "warning": ("▲", ""),
    "wrong": ("✕", "Cannot be read"),
}


def heading(level: Literal[2, 3], text: str) -> str:
    """Return a heading of a section (2) or of a part of one (3)."""
    return f"<h{level}>{escape(text)}</h{level}>"


def prose(text: str) -> str:
    """Return a paragraph; text in backticks is shown as code."""
    return f"<p>{_coded(text)}</p>"


def notice(kind: Kind, text: str) -> str:
    """Return a notice, marked by a sign and words as well as by its colour."""
    sign, name = _SIGNS[kind]
    marked = f"{name and f'<strong>{name}.</strong> '}{_coded(text)}"
    return f'<p class="notice {kind}"><span aria-hidden="true">{sign}</span> {marked}</p>'


def definitions(items: Sequence[tuple[str, str, str]]) -> str:
    """Return names with their values, and a note on each, side by side."""
    inner = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{_coded(value)}<small>{_coded(note)}</small></dd></div>"
        for name, value, note in items
    )
    return f"<dl>{inner}</dl>"


def details(label: str, content: str) -> str:
    """Return what is shown once its label is opened."""
    return f"<details><summary>{escape(label)}</summary>{content}</details>"


def figure(unit: str, keys: Sequence[str], wide: str, narrow: str, text: str) -> str:
    """Return a chart, drawn for a wide and for a narrow screen, described by ``text``.

    ``unit`` is what the vertical axis measures; ``keys`` are the legend, as HTML.
    """
    legend = "".join(f"<span>{key}</span>" for key in keys)
    return (
        f'<figure><p class="legend"><strong>{escape(unit)}</strong>{legend}</p>'
        f'<div class="only-wide" aria-hidden="true">{wide}</div>'
        f'<div class="only-narrow" aria-hidden="true">{narrow}</div>'
        f"<figcaption>{_coded(text)}</figcaption></figure>"
    )


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], ours: str | None = None
) -> str:
    """Return a table whose rows begin with their names; columns of numbers are aligned right.

    ``ours`` is the name of the row that is emphasized.
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
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _coded(text: str) -> str:
    whole = escape(text).replace(" %", "\u00a0%")  # a number keeps its unit on its line
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", whole)


def _number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+−<]?[\s\d.,%]*", cell))
