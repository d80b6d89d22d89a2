"""One value of one metric, and what makes many of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from volcast.core import calendar

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Sequence[Row]


@dataclass(frozen=True)
class Sample:
    """A value of a metric of the catalogue; ``labels`` in its order."""

    name: str
    labels: tuple[str, ...]
    value: float


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


def close(session: date) -> float:
    """Return the close of a session as Unix time."""
    return float(calendar.closes([session])[0].timestamp())


def one_hot(name: str, symbol: str, states: Sequence[str], state: str | None) -> Iterator[Sample]:
    """Yield 1 for the state it is in, listed or not, and 0 for the others."""
    for each in dict.fromkeys([*states, *([state] if state else [])]):
        yield Sample(name, (symbol, each), float(each == state))
