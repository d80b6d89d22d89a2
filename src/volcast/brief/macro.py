"""Macro releases in words, each with the values that were public then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter
from typing import Any

from volcast.brief.period import Span
from volcast.monitoring.status.words import day_words
from volcast.store import Store
from volcast.store.tables import RAW_MACRO

__all__ = ["NAMES", "Release", "releases"]

NAMES = {
    "BAA10Y": ("Spread of Baa corporate bonds over the 10-year Treasury", "percentage points"),
    "BAMLH0A0HYM2": ("Spread of high-yield corporate bonds", "percentage points"),
    "CPIAUCSL": ("Consumer prices (CPI)", ""),
    "CPILFESL": ("Consumer prices without food and energy (core CPI)", ""),
    "CPI_vintages": ("Consumer prices (CPI)", ""),
    "DFF": ("Federal funds rate", "per cent"),
    "DGS10": ("10-year Treasury yield", "per cent"),
    "DGS2": ("2-year Treasury yield", "per cent"),
    "DGS3MO": ("3-month Treasury yield", "per cent"),
    "DTWEXBGS": ("Trade-weighted dollar", ""),
    "ICSA": ("Initial jobless claims", "persons"),
    "INDPRO": ("Industrial production", ""),
    "ISM_PMI_first_print": ("ISM manufacturing PMI", "points"),
    "NFCI": ("Chicago Fed financial conditions (NFCI)", "standard deviations"),
    "PAYEMS": ("Nonfarm payrolls", "thousand persons"),
    "T10YIE": ("10-year breakeven inflation", "per cent"),
    "UMCSENT": ("Consumer sentiment (Michigan)", ""),
    "UNRATE": ("Unemployment rate", "per cent"),
    "USREC": ("Recession as dated by the NBER (1 is yes)", ""),
    "VIXCLS": ("VIX, close", "points"),
}
"""Name and unit of each series; one that is not here goes by its code."""

_MONTHLY = timedelta(days=20)
"""Observations this far apart are each of a month or a quarter; closer ones are of a day."""


@dataclass(frozen=True)
class Release:
    """The newest value of a series when something of it became public, a row of raw.macro.

    ``before`` is the value of the period before, as published by then; ``every`` the usual time
    from one observation to the next.
    """

    row: Mapping[str, Any]
    before: float | None
    every: timedelta

    @property
    def _day(self) -> date:
        """A day of the period."""
        day: date = self.row["observation_date"]
        if "dated about a day after their release" in self.row["lag_rule"]:
            # Of such a file the date is the release's, early in the month after.
            return day.replace(day=1) - timedelta(days=1)
        return day

    @property
    def period(self) -> str:
        """The period in words."""
        return f"{self._day:%B %Y}" if self.every >= _MONTHLY else day_words(self._day)

    def is_of(self, span: Span) -> bool:
        """Whether a span is the value's one day, or in the one month of a monthly series."""
        if self.every < _MONTHLY:
            return span.first == self._day == span.last
        return all(f"{day:%Y-%m}" == f"{self._day:%Y-%m}" for day in (span.first, span.last))

    @property
    def words(self) -> str:
        """One sentence with the value, that before, and when it became public."""
        row = self.row
        name, unit = NAMES.get(row["series"], (row["series"], "in its own unit"))
        value = f"{_written(row['value'])} {unit}".rstrip()
        since = "" if self.before is None else f", after {_written(self.before)}"
        assumed = "" if row["lag_rule"].startswith("published") else " at the latest (assumed lag)"
        return (
            f"{name}, {row['series']}: {value} for {self.period}{since}, "
            f"public on {day_words(row['available_at'])}{assumed}."
        )


def releases(
    store: Store, until: datetime, newest: int, series: str | None = None
) -> list[Release]:
    """Return the ``newest`` releases of each series, or of one, that were public by ``until``.

    A release is the newest period of a series at a moment when something of it became public; a
    revision of earlier periods alone is none. The newest comes first.
    """
    rows = store.read(RAW_MACRO, symbols=None if series is None else [series]).to_pylist()
    by_series: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=itemgetter("available_at", "observation_date")):
        if row["available_at"] <= until:
            by_series.setdefault(row["series"], []).append(row)
    released = [one for rows in by_series.values() for one in _released(rows)[-newest:]]
    order = itemgetter("available_at", "series")
    return sorted(released, key=lambda one: order(one.row), reverse=True)


def _written(value: float) -> str:
    """Return a value without an exponent: whole if it is large, else to six digits."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{Decimal(f'{value:.6g}'):,f}"


def _released(rows: Sequence[Mapping[str, Any]]) -> list[Release]:
    """Return the releases of one series; ``rows`` in the order they became public."""
    days = sorted({row["observation_date"] for row in rows})
    gaps = sorted(later - day for day, later in pairwise(days))
    every = gaps[len(gaps) // 2] if gaps else timedelta(days=1)
    released: list[Release] = []
    values: dict[date, float | None] = {}
    newest: date | None = None
    for row in rows:
        day, value = row["observation_date"], row["value"]
        values[day] = value
        if value is not None and (newest is None or day > newest):
            released.append(Release(row, None if newest is None else values[newest], every))
            newest = day
    return released
