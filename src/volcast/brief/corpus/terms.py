"""A text's terms: what the search by words counts."""

import importlib.util
import re
import threading
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from volcast.core.errors import ModelError

if TYPE_CHECKING:
    import duckdb

__all__ = ["terms"]

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_SAYING_NOTHING = (
    "a about above after again all also am an and any are as at be been before being below between "
    "both but by can could did do does doing down during each few for from further had has have "
    "having he her here hers him his how i if in into is it its just me might more most my no nor "
    "not now of off on once only or other our out over own s same shall she should so some such "
    "than that the their them then there these they this those through to too under until up very "
    "was we were what when where which while who whom why will with would you your"
)
_STOP = frozenset(_SAYING_NOTHING.split())
_IRREGULAR = {
    form: verb
    for verb, forms in {
        "become": "became", "begin": "began begun", "bring": "brought", "build": "built",
        "buy": "bought", "choose": "chose chosen", "come": "came", "deal": "dealt",
        "draw": "drew drawn", "drive": "drove driven", "fall": "fell fallen", "find": "found",
        "give": "gave given", "grow": "grew grown", "hold": "held", "keep": "kept",
        "know": "knew known", "lead": "led", "leave": "left", "lend": "lent", "lose": "lost",
        "make": "made", "mean": "meant", "meet": "met", "pay": "paid", "rise": "rose risen",
        "say": "said", "see": "saw seen", "seek": "sought", "sell": "sold", "send": "sent",
        "shrink": "shrank shrunk", "sink": "sank sunk", "speak": "spoke spoken", "spend": "spent",
        "stand": "stood", "take": "took taken", "tell": "told", "think": "thought",
        "withdraw": "withdrew withdrawn", "write": "wrote written",
    }.items()
    for form in forms.split()
}  # fmt: skip
"""Forms that no stemmer brings together with their verb."""

_LONGEST = 40
"""Letters of a term; what is longer is no word, and its beginning does."""

_SIGNS = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("‘’´`", "'"))
_VULGAR = re.compile("[¼½¾⅛⅜⅝⅞]")
_SPELLINGS = (
    (re.compile(r"%|\bper[ -]?cent\b|\bpct\b"), " "),
    (re.compile(r"\bbasis[ -]points?\b|(?<![a-z])bps?\b"), " bp "),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
)
_FRACTION = re.compile(r"(?<![\d/.])(?:(\d{1,2})[ -]+)?(\d{1,2})/(2|4|8|16|32)(?![\d/])")

_NAMED = "(" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS) + r"|sept)\b\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_DAYS = _DAY + r"(?:\s*(?:-|to|and)\s*" + _DAY + ")?"
_YEAR = r"((?:19|20)\d\d)(?![\da-z])"
_ALONE = r"(?<![\da-z.])"
_DATES = (
    (re.compile(_ALONE + r"((?:19|20)\d\d)(-?)(\d\d)\2(\d\d)(?![\da-z])"), "y_md"),
    (re.compile(_ALONE + _DAYS + r"[\s-]+(?:of\s+)?" + _NAMED + r"[\s,-]+" + _YEAR), "ddmy"),
    (re.compile(r"\b" + _NAMED + r"\s*" + _DAYS + r"[\s,]+" + _YEAR), "mddy"),
    (re.compile(_ALONE + r"(\d{1,2})([/.])(\d{1,2})\2" + _YEAR), "a_by"),
    (re.compile(_ALONE + r"((?:19|20)\d\d)-(\d\d)(?![\d-])"), "ym"),
    (re.compile(r"\b" + _NAMED + r"[\s,-]+(?:of\s+)?" + _YEAR), "my"),
)
"""Writings of a date, and what each group of theirs is: the second day is of a meeting of two."""

_TOKEN = re.compile(
    r"(?P<number>(?<![\d.])(?:\d+(?:\.\d+)?|\.\d+)(?![\da-z]))"
    r"|(?P<initials>[a-z](?:[.&][a-z])+)(?![a-z])"
    r"|(?P<word>[a-z0-9]+)"
)


def terms(text: str) -> list[str]:
    """Return the terms of ``text``, as often as they stand there.

    Words are lower-cased, freed of accents and stemmed; those that say nothing are left out. A date
    gives ``d20210616``, ``m202106``, the month's name and the year, in whatever way it is written;
    a number is written in one way: 4.50 per cent, 4.5% and 4 1/2 are all ``4.5``.
    """
    plain = _plain(text)
    for pattern, order in _DATES:
        plain = pattern.sub(partial(_dated, order), plain)
    found = [_term(match) for match in _TOKEN.finditer(plain)]
    kept = [term for term in found if term not in _STOP]
    return _stemmed(kept)


def _plain(text: str) -> str:
    split = _VULGAR.sub(_spelled, text)
    split = unicodedata.normalize("NFKD", split)
    plain = "".join(letter for letter in split if not unicodedata.combining(letter))
    plain = plain.lower().translate(_SIGNS).replace("'s", " ")
    for pattern, spelling in _SPELLINGS:
        plain = pattern.sub(spelling, plain)
    return _FRACTION.sub(_decimal, plain)


def _spelled(match: "re.Match[str]") -> str:
    eighths = round(unicodedata.numeric(match[0]) * 8)
    return f" {eighths}/8"


def _decimal(match: "re.Match[str]") -> str:
    whole, over, under = match.groups()
    return f"{int(whole or 0) + int(over) / int(under):.5f}"


def _dated(order: str, match: "re.Match[str]") -> str:
    parts: dict[str, list[str]] = {}
    for kind, part in zip(order, match.groups(), strict=True):
        if part is not None:
            parts.setdefault(kind, []).append(part)
    if "a" in parts:
        # The month stands first, as the market's country writes it, unless it cannot be one.
        first, second = parts["a"], parts["b"]
        parts["m"], parts["d"] = (second, first) if int(first[0]) > 12 else (first, second)
    year, month = int(parts["y"][0]), _month(parts["m"][0])
    if not 1 <= month <= 12:
        return match[0]
    try:
        days = [date(year, month, int(day)) for day in parts.get("d", [])]
    except ValueError:
        return match[0]
    # The pattern of a month and a year comes last, and so reads what the others have written.
    first = [f"m{year}{month:02}"] if order == "my" else [f"d{day:%Y%m%d}" for day in days]
    return f" {' '.join(first)} {_MONTHS[month - 1]} {year} "


def _month(written: str) -> int:
    if written.isdigit():
        return int(written)
    return next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(written[:3]))


def _term(match: "re.Match[str]") -> str:
    if match["number"]:
        whole, _, part = match["number"].partition(".")
        part = part.rstrip("0")
        return f"{whole.lstrip('0') or '0'}{'.' if part else ''}{part}"[:_LONGEST]
    if match["initials"]:
        return match["initials"].replace(".", "").replace("&", "")
    word = match["word"][:_LONGEST]
    return _IRREGULAR.get(word, word)


_known: dict[str, str] = {}
_turn = threading.Lock()


def _stemmed(words: list[str]) -> list[str]:
    with _turn:
        unknown = sorted({word for word in words if word not in _known})
        if unknown:
            _known.update(zip(unknown, _stems(unknown), strict=True))
        return [_known[word] for word in words]


def _stems(words: Iterable[str]) -> list[str]:
    # One list, not a row each, for a query costs half a millisecond however much it asks.
    query = "SELECT list_transform($words, lambda word: stem(word, 'english'))"
    row = _stemmer().execute(query, {"words": list(words)}).fetchone()
    return list(row[0]) if row else []


@cache
def _stemmer() -> "duckdb.DuckDBPyConnection":
    import duckdb

    spec = importlib.util.find_spec("duckdb_extension_fts")
    places = spec.submodule_search_locations if spec else None
    path = Path((places or [""])[0], "extensions", f"v{duckdb.__version__}", "fts.duckdb_extension")
    connection = duckdb.connect(":memory:", config={"threads": 1})
    try:
        # By its path, for by its name DuckDB would fetch it.
        connection.execute(f"LOAD '{str(path).replace(chr(39), chr(39) * 2)}'")
    except duckdb.Error as error:
        raise ModelError(
            found="no stemmer that can be loaded",
            expected="DuckDB's extension fts of the same version",
            where=str(path),
            remedy="Install the platform's requirements.",
        ) from error
    return connection
