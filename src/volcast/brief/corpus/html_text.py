"""Web pages to blocks: what a reader would see of them."""

import re
from typing import TYPE_CHECKING, Literal

from volcast.brief.corpus.blocks import Block

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

__all__ = ["DEEPEST", "html_blocks", "html_title", "is_too_deep", "without_hidden"]

_NEVER_SHOWN = (
    *("script", "style", "head", "nav", "template", "noscript", "svg", "iframe", "object"),
    *("title", "canvas", "datalist", "dialog", "math", "select", "textarea"),
)
_BLOCKS = (
    *("address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "div"),
    *("dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "main"),
    *("ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "ul", "html"),
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|opacity:0*\.?0*(?![.\d])"
    r"|(?:font-size|(?<![a-z-])(?:max-)?(?:height|width)):0*\.?0*(?![.\d])"
    r"|(?:left|top|right|bottom|text-indent):-\d{3}|clip:rect\(0|clip-path:inset\((?:50|100)%"
)
_RULE = re.compile(r"(?:\A|(?<=[{}]))([^{}]++)\{([^{}]*+)\}")
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*+)([^<>]*+)>")
_VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr")
DEEPEST = 2000
"""Levels: the parser's time grows with their square."""
_PART = "\x1e"
_KINDS: dict[str, Literal["heading", "item"]] = {"h": "heading", "i": "item"}


def is_too_deep(text: str) -> bool:
    """Return whether the tags of ``text`` are nested deeper than can be read in good time."""
    depth = 0
    for closing, name, rest in _TAG.findall(text):
        if closing:
            depth = max(0, depth - 1)
        elif name.lower() not in _VOID and not rest.endswith("/"):
            depth += 1
            if depth > DEEPEST:
                return True
    return False


def html_title(soup: "BeautifulSoup") -> str:
    """Return the page's ``<title>``, or else its first ``<h1>``, or nothing."""
    for found in (soup.find("title"), soup.find("h1")):
        text = " ".join(found.get_text(" ").split()) if found is not None else ""
        if text:
            return text
    return ""


def without_hidden(soup: "BeautifulSoup") -> None:
    """Take out of ``soup`` what a reader does not see."""
    from bs4.element import PreformattedString

    hiding = _hiding_selectors(soup)
    doomed: list[Tag] = [*soup.find_all(_NEVER_SHOWN), *soup.find_all(_is_hidden)]
    for selector in hiding:
        doomed.extend(_selected(soup, selector))
    for tag in doomed:
        tag.extract()
    # Comments, declarations and their like are strings of kinds of their own.
    for string in soup.find_all(string=lambda found: isinstance(found, PreformattedString)):
        string.extract()


def html_blocks(soup: "BeautifulSoup") -> list[Block]:
    """Return the blocks of ``soup``, from which what is hidden has been taken; it is used up."""
    for table in soup.find_all("table"):
        _say_rows(table)
    for tag in soup.find_all((*_BLOCKS, *_HEADINGS, "li", "tr")):
        kind = "h" if tag.name in _HEADINGS else "i" if tag.name in ("li", "tr") else "t"
        tag.insert_before(f"{_PART}t")
        tag.insert_after(f"{_PART}t")
        tag.insert(0, f"{_PART}{kind}")
    blocks = []
    for part in soup.get_text().split(_PART):
        text = " ".join(part[1:].split())
        if text:
            blocks.append(Block(_KINDS.get(part[0], "text"), text))
    return blocks


def _say_rows(table: "Tag") -> None:
    """Put the head of its column before each cell, so that a row can be read alone."""
    heads: list[str] = []
    for row in table.find_all("tr"):
        cells = row.find_all(("td", "th"))
        texts = [" ".join(cell.get_text(" ").split()) for cell in cells]
        if not heads and cells and all(cell.name == "th" for cell in cells):
            heads = texts
        if heads and len(texts) == len(heads) and texts != heads:
            pairs = zip(heads, texts, strict=True)
            texts = [f"{head}: {text}" if head else text for head, text in pairs]
        row.clear()
        row.append("; ".join(text for text in texts if text))


def _is_hidden(tag: "Tag") -> bool:
    if tag.has_attr("hidden") or str(tag.get("aria-hidden", "")).strip().lower() == "true":
        return True
    return _hides(str(tag.get("style", "")))


def _hides(style: str) -> bool:
    plain = re.sub(r"/\*.*?(?:\*/|\Z)|\s+|!important", "", style.lower())
    return _HIDING.search(plain) is not None


def _hiding_selectors(soup: "BeautifulSoup") -> list[str]:
    sheets = " ".join(sheet.get_text() for sheet in soup.find_all("style"))
    plain = re.sub(r"/\*.*?(?:\*/|\Z)", " ", sheets, flags=re.DOTALL)
    return [selector.strip() for selector, body in _RULE.findall(plain) if _hides(body)]


def _selected(soup: "BeautifulSoup", selector: str) -> "list[Tag]":
    from soupsieve.util import SelectorSyntaxError

    try:
        return list(soup.select(selector))
    except (SelectorSyntaxError, NotImplementedError):
        return []
