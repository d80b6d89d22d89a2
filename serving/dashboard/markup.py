"""Text, notices and tables as HTML; whatever comes from the store is escaped."""

import re
from collections.abc import Sequence
from html import escape
from typing import Literal

__all__ = ["STYLE", "definitions", "heading", "notice", "prose", "table"]

Kind = Literal["missing", "wrong", "warning"]

_SIGNS: dict[Kind, tuple[str, str]] = {
    "missing": ("○", "Not there yet"),
    "warning": ("▲", ""),
    "wrong": ("✕", "Cannot be read"),
}

STYLE = """
<style>
.stMainBlockContainer {padding: 2.2rem 2.5rem 3rem; max-width: 1500px;}
.stMainBlockContainer [data-testid="stVerticalBlock"] {gap: .7rem;}
div.stRadio {display: flex; flex-direction: row; align-items: center; gap: 1rem;}
div.stRadio > label {width: auto; margin: 0; min-height: 0;}
.v-kicker {font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; margin: 0;}
h1.v-headline {font-size: clamp(1.4rem, 2.15vw, 2.2rem); line-height: 1.22; font-weight: 650;
  letter-spacing: -.012em; margin: 0; padding: .2rem 0 .35rem; text-wrap: pretty;}
h2.v {font-size: 1.18rem; font-weight: 650; margin: .9rem 0 0; padding: .7rem 0 0;
  border-top: 1px solid color-mix(in srgb, currentColor 16%, transparent);}
h3.v {font-size: .98rem; font-weight: 650; margin: 0; padding: .2rem 0 0;}
.v-text {font-size: .9rem; line-height: 1.45; margin: 0; max-width: 100ch;}
.v-facts {display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr));
  gap: .5rem 1.4rem;}
.v-facts, .v-facts dt, .v-facts dd {margin: 0 !important; padding: 0 !important;}
.v-facts dt {font-size: .8rem; opacity: .82; font-weight: 400;}
.v-facts dd {font-size: 1.1rem; font-weight: 600; font-variant-numeric: tabular-nums;}
.v-notice {border-left: 4px solid #0072b2; padding: .45rem .8rem; font-size: .92rem;
  line-height: 1.4; margin: 0; background: color-mix(in srgb, currentColor 6%, transparent);
  overflow-wrap: anywhere;}
.v-notice.warning {border-color: #e69f00;}
.v-notice.wrong {border-color: #d55e00;}
.v-scroll {overflow-x: auto; margin-top: .55rem;}
table.v {border-collapse: collapse; width: 100%; font-size: .86rem; line-height: 1.3;
  font-variant-numeric: tabular-nums;}
table.v caption {text-align: left; font-size: .82rem; opacity: .85; padding: 0 0 .25rem;}
table.v th, table.v td {padding: .26rem .8rem .26rem 0; text-align: left; vertical-align: top;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 13%, transparent);}
table.v thead th {font-weight: 600;}
table.v tbody th {font-weight: inherit;}
table.v .n {text-align: right;}
table.v tr.ours {font-weight: 700;}
code.v {font-size: .86em; padding: .08em .3em; border-radius: .25em; white-space: nowrap;
  background: color-mix(in srgb, currentColor 10%, transparent); color: inherit;}
</style>
"""
"""All colours but four are the theme's own text colour, thinned, so that light and dark agree."""


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
