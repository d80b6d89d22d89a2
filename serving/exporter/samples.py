"""What is common to the metrics of every table."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from volcast.core import calendar

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Sequence[Row]
Sample: TypeAlias = tuple[str, tuple[str, ...], float | None]
"""A metric of the catalogue, its labels in their order, and its value; None where there is none."""


def newest(rows: Rows, *by: str) -> dict[tuple[str, ...], list[Row]]:
    """Return the rows of the newest session of each value of the columns ``by``."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        group = groups.setdefault(tuple(row[name] for name in by), [])
        if group and row["session"] > group[0]["session"]:
            group.clear()
        if not group or row["session"] == group[0]["session"]:
            group.append(row)
    return groups


def newest_by_symbol(rows: Rows) -> Iterator[tuple[str, Row]]:
    """Yield each symbol and the first row of its newest session."""
    for (symbol,), (row, *_) in newest(rows, "symbol").items():
        yield symbol, row


def close(session: date) -> float:
    """Return the close of a session as Unix time."""
    return float(calendar.closes([session])[0].timestamp())
