"""Print tables in three forms: text for a person, JSON and CSV in full precision for a program."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from textwrap import wrap
from typing import Annotated, Any, Literal, TypeAlias

import typer
from rich.cells import cell_len
from rich.text import Text

from volcast.cli.arguments import console, print_line
from volcast.core.errors import ConfigError

__all__ = [
    "All",
    "AsCsv",
    "AsJson",
    "Form",
    "Listing",
    "Row",
    "Show",
    "form_of",
    "print_data",
    "print_listing",
]

Form = Literal["text", "json", "csv"]
Row: TypeAlias = Mapping[str, Any]
Show: TypeAlias = Callable[[Row], str]

All = Annotated[bool, typer.Option("--all", help="Every baseline, also on all sessions.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, numbers in full precision.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV; of several tables the first.")]

_NUMBER = re.compile(r"(< ?)?[+-]?[\d.,]+( %)?")
_WORDS = 20
"""A last column of words wraps; down to this width its table stays one."""


@dataclass(frozen=True)
class Listing:
    """Rows, and how a person sees them.

    Parameters
    ----------
    rows : sequence of dict
        Full values by name: what JSON and CSV have.
    columns : dict
        Text of a row by heading of the column.
    title : str
        Above the text.
    """

    rows: Sequence[Row]
    columns: Mapping[str, Show]
    title: str = ""


def form_of(as_json: bool, as_csv: bool) -> Form:
    """Return the form that the two options choose; ConfigError for both."""
    if as_json and as_csv:
        raise ConfigError(
            found="--json and --csv", expected="one of them", where="command line",
            remedy="Choose one form.",
        )  # fmt: skip
    return "json" if as_json else "csv" if as_csv else "text"


def print_data(form: Form, **listings: Listing | Sequence[Row]) -> None:
    """Print rows as JSON or CSV on standard output.

    One listing is a JSON array, several are an object of arrays by name. CSV is the first, without
    the columns that are lists.
    """
    tables = {
        name: [dict(row) for row in (one.rows if isinstance(one, Listing) else one)]
        for name, one in listings.items()
    }
    first = next(iter(tables.values()))
    if form == "json":
        document = first if len(tables) == 1 else tables
        typer.echo(json.dumps(_finite(document), default=str, indent=1, allow_nan=False))
        return
    names = [name for name in (first[0] if first else {}) if not _nested(first, name)]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_finite(first))
    typer.echo(text.getvalue(), nl=False)


def print_listing(listing: Listing) -> None:
    """Print a listing for a person: a table where it fits, else a block a row.

    Numbers are at the right; a last column of words wraps. Off a terminal nothing does.
    """
    if listing.title:
        console.print(Text(f"\n{listing.title}", style="bold"), soft_wrap=True)
    headings = list(listing.columns)
    cells = [[show(row) for show in listing.columns.values()] for row in listing.rows]
    widths = [max(map(cell_len, column)) for column in zip(headings, *cells, strict=True)]
    numbers = [_are_numbers([row[place] for row in cells]) for place in range(len(headings))]
    before = sum(widths[:-1]) + 2 * len(widths)
    room = console.width - before if console.is_terminal else widths[-1]
    if room < (widths[-1] if numbers[-1] else min(widths[-1], _WORDS)):
        for row in cells:
            print_indented(row[0])
            for heading, text in zip(headings[1:], row[1:], strict=True):
                print_indented(f"{heading}: {text}", by=4)
        return
    for style, row in (("bold", headings), *(("", row) for row in cells)):
        first, *more = wrap(row[-1], room) or [""]
        texts = [*row[:-1], first]
        spaces = [" " * (width - cell_len(text)) for text, width in zip(texts, widths, strict=True)]
        parts = [
            space + text if number else text + space
            for text, space, number in zip(texts, spaces, numbers, strict=True)
        ]
        for line in ("  " + "  ".join(parts), *(" " * before + text for text in more)):
            console.print(Text(line.rstrip(), style=style), soft_wrap=True)


def print_indented(text: str, by: int = 2) -> None:
    """Print a line under a title; on a terminal it wraps between words."""
    lines = wrap(text, console.width - by) if console.is_terminal else [text]
    for line in lines:
        print_line(" " * by + line)


def _are_numbers(column: Sequence[str]) -> bool:
    return any(column) and all(not text or _NUMBER.fullmatch(text) for text in column)


def _nested(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row[name], list | dict) for row in rows)


def _finite(value: Any) -> Any:
    """Return a value with null for each number that JSON lacks."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value
