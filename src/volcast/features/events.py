"""Scheduled events: which planned sessions have one, known long before.

They are meetings of the Federal Open Market Committee, payroll reports, holidays and what is next
to them. Meetings that were not scheduled are left out, since nobody could plan for them.
"""

import csv
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core import calendar

__all__ = ["covered_until", "describe", "event_flags", "fomc_meetings", "payroll_days"]

_NAMED = {"fomc": "the Fed meets", "payroll": "payrolls"}
_IN_HOLIDAYS = (
    "half_day", "year_end", "thanksgiving_tuesday", "thanksgiving_wednesday", "thanksgiving_friday",
)  # fmt: skip
_NEXT_TO_HOLIDAYS = (
    "after_long_gap", "before_long_gap", "after_midweek_gap", "before_midweek_gap",
)  # fmt: skip


@lru_cache(maxsize=1)
def fomc_meetings() -> tuple[date, ...]:
    """Return the last day of each scheduled meeting, sorted."""
    with Path(__file__).with_name("fomc.csv").open(encoding="utf-8", newline="") as file:
        return tuple(date.fromisoformat(row["meeting"]) for row in csv.DictReader(file))


def covered_until() -> date:
    """Return the last day whose events are known: the end of the last year with a list."""
    return date(fomc_meetings()[-1].year, 12, 31)


def payroll_days(first: int, last: int) -> list[date]:
    """Return the days of the payroll report, from year to year, by the Bureau's rule.

    The third Friday after the week of the 12th; in January not before the 4th; the day before where
    it falls on 3 or 4 July.
    """
    days = []
    for year in range(first - 1, last + 1):
        for month in range(1, 13):
            twelfth = date(year, month, 12)
            day = twelfth + timedelta(days=(5 - twelfth.weekday()) % 7 + 20)
            if (day.month, day.day) < (1, 4):
                day += timedelta(days=7)
            if (day.month, day.day) in {(7, 3), (7, 4)}:
                day -= timedelta(days=1)
            days.append(day)
    return [day for day in days if first <= day.year <= last]


@lru_cache(maxsize=1)
def event_flags() -> pd.DataFrame:
    """Return the flags of every planned session, one column a kind of event, f8[sessions, k].

    A planned session is a weekday that is no regular holiday: a day on which the exchange was shut
    without long notice, as in September 2001, is one.
    """
    days = calendar.planned_sessions()
    years = range(days[0].year, days[-1].year + 1)
    fomc = _on(days, list(fomc_meetings()))
    payroll = _on(days, payroll_days(years[0], years[-1]))
    gap = np.diff(days.to_numpy().astype("datetime64[D]").astype(int), prepend=days[0].toordinal())
    gap[0] = 1
    thanksgiving = _thanksgivings(years)
    flags = {
        "fomc": fomc, "before_fomc": _shifted(fomc, -1), "after_fomc": _shifted(fomc, 1),
        "payroll": payroll, "after_payroll": _shifted(payroll, 1),
        "after_long_gap": gap >= 4, "before_long_gap": _shifted(gap >= 4, -1),
        "after_midweek_gap": gap == 2, "before_midweek_gap": _shifted(gap == 2, -1),
        "year_end": ((days.month == 12) & (days.day >= 23)) | ((days.month == 1) & (days.day == 1)),
        "thanksgiving_tuesday": days.isin(thanksgiving - pd.Timedelta(days=2)),
        "thanksgiving_wednesday": days.isin(thanksgiving - pd.Timedelta(days=1)),
        "thanksgiving_friday": days.isin(thanksgiving + pd.Timedelta(days=1)),
        "month_start": np.diff(days.month, prepend=days[0].month) != 0,
        "monday": (days.weekday == 0) & (gap == 3),
    }  # fmt: skip
    # One flag a holiday: a half day next to Thanksgiving or Christmas would count twice.
    flags["half_day"] = (
        days.isin(calendar.half_days()) & ~flags["year_end"] & ~flags["thanksgiving_friday"]
    )
    return pd.DataFrame(flags, index=days).astype(float)


def describe(first: date, last: date) -> str:
    """Return the events from one session to another in words: ``the Fed meets on Wednesday``.

    ``no scheduled event`` without one; empty where the list of meetings ends before.
    """
    if last > covered_until():
        return ""
    week = event_flags().loc[pd.Timestamp(first) : pd.Timestamp(last)]
    events = [
        f"{what} on {day:%A}" for name, what in _NAMED.items() for day in week.index[week[name] > 0]
    ]
    shut = len(week) < len(pd.bdate_range(first, last))
    if shut or week[list(_IN_HOLIDAYS)].any(axis=None):
        events.append("a holiday week")
    elif week[list(_NEXT_TO_HOLIDAYS)].any(axis=None):
        events.append("next to a holiday")
    return ", ".join(events) or "no scheduled event"


def _on(days: pd.DatetimeIndex, events: list[date]) -> NDArray[np.bool_]:
    """Mark the session of each event; the next one where the exchange is shut."""
    at = days.searchsorted(pd.DatetimeIndex(events))
    return np.isin(np.arange(len(days)), at)


def _shifted(flags: NDArray[np.bool_], sessions: int) -> NDArray[np.bool_]:
    """Return flags that many sessions later; False where nothing precedes."""
    return pd.Series(flags).shift(sessions, fill_value=False).to_numpy()


def _thanksgivings(years: range) -> pd.DatetimeIndex:
    """Return the fourth Thursday of each November."""
    firsts = [date(year, 11, 1) for year in years]
    return pd.DatetimeIndex([day + timedelta(days=(3 - day.weekday()) % 7 + 21) for day in firsts])
