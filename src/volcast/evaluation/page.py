"""A self-contained HTML page of sections, with links to them at the top."""

import re
from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["note", "page", "table"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}
h1{line-height:1.25;margin-bottom:.6rem}
h2{margin-top:2.2rem}
p,ul{max-width:62rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;padding:0;list-style:none}
.lead{font-size:1.1em}
.chart{margin:1rem 0;width:100%}
.wide img{min-width:40rem;max-width:100%}
.wide{overflow-x:auto;margin:.6rem 0 1.2rem}
table{border-collapse:collapse}
th,td{padding:.2rem .4rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}
th{font-weight:600;white-space:normal;vertical-align:bottom}
th:first-child,td:first-child{text-align:left;white-space:normal;min-width:6rem;
position:sticky;left:0;background:Canvas}
.note{opacity:.8;font-size:.9em}
@media (max-width:30rem){
h1{font-size:1.5em}
table{font-size:.85em}
th,td{padding:.2rem}
th:first-child,td:first-child{min-width:4.5rem}
}
"""


def page(
    title: str, lead: Sequence[str], sections: Mapping[str, Sequence[str]], scripts: str = ""
) -> str:
    """Return a page: the title, the lead, links to the sections, and the sections.

    ``title`` and the sections' titles are text; the parts of ``lead`` and of sections are HTML.
    """
    ids = {each: "section-" + re.sub(r"\W+", "-", each.lower()).strip("-") for each in sections}
    links = "".join(f"<li><a href='#{ids[each]}'>{escape(each)}</a></li>" for each in sections)
    body = "".join(
        f"<section id='{ids[each]}'><h2>{escape(each)}</h2>{''.join(parts)}</section>"
        for each, parts in sections.items()
    )
    head = (
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{scripts}"
    )
    top = (
        f"<h1>{escape(title)}</h1>{''.join(lead)}<nav aria-label='Contents'><ul>{links}</ul></nav>"
    )
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{top}{body}</body></html>\n"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return an HTML table, which scrolls in its own box; cells are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines
    )
    return f"<div class='wide' tabindex='0'><table><tr>{top}</tr>{body}</table></div>"


def note(text: str) -> str:
    """Return a small paragraph of this text."""
    return f"<p class='note'>{escape(text)}</p>"
