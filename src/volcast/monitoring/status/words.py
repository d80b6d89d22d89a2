"""Names and numbers as people read them, and the note of what is not there yet."""

from dataclasses import dataclass
from datetime import date

__all__ = [
    "Missing", "day_words", "days", "error_words", "finding", "percent", "points", "session_words",
    "shown_points",
]  # fmt: skip

_FINDINGS = {
    "ok": "no drift", "regime-shift": "a turn of the market", "data-fault": "a fault of the data",
    "not-run": "not run", "same": "as before", "better": "better than before",
    "worse": "worse than before", "too-few": "too few forecasts to test",
    "not-checked": "not checked", "not-needed": "not needed",
}  # fmt: skip


@dataclass(frozen=True)
class Missing:
    """What is not in the store, and what brings it: a sentence each."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


def finding(state: str) -> str:
    """Return a state of drift, realized error or retraining in words."""
    return _FINDINGS.get(state, state)


def percent(volatility: float) -> str:
    """Return a volatility in decimals as ``13.1 %``."""
    return f"{100 * volatility:.1f} %"


def points(change: float) -> str:
    """Return a change of volatility in decimals as ``+0.9`` points."""
    # A change that rounds to nothing has no sign.
    return f"{100 * change:+.1f}" if round(100 * change, 1) else "0.0"


def shown_points(volatility: float, other: float) -> float:
    """Return the difference in points of two volatilities as `percent` shows them."""
    return round(round(100 * volatility, 1) - round(100 * other, 1), 1)


def error_words(forecast: float, outcome: float) -> str:
    """Return how far a forecast was from its outcome as ``4.9 points too low``."""
    error = shown_points(forecast, outcome)
    return f"{abs(error):.1f} points too {'low' if error < 0 else 'high'}" if error else "no error"


def day_words(day: date) -> str:
    """Return a day as ``31 December 2021``."""
    return f"{day.day} {day:%B %Y}"


def days(first: date, last: date) -> str:
    """Return a span of days as ``3-7 Jan 2022``, ``30 Dec 2021 - 5 Jan 2022`` and the like."""
    if first == last:
        return f"{last.day} {last:%b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}-{last.day} {last:%b %Y}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%b}{year} - {last.day} {last:%b %Y}"


def session_words(count: int) -> str:
    """Return a number of sessions as ``1 session`` or ``1,234 sessions``."""
    return f"{count:,} session{'' if count == 1 else 's'}"
