"""Scheduled events: which planned sessions have one, known long before.

They are meetings of the Federal Open Market Committee, payroll reports, holidays and what is next
to them. Meetings that were not scheduled are left out, since nobody could plan for them.
"""

import csv
from collections import Counter
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core import calendar
from volcast.core.errors import ContractError

__all__ = [
    "covered_until", "describe", "event_flags", "fomc_meetings", "payroll_days", "read_meetings",
    "uncovered_sessions",
]  # fmt: skip

_LIST = Path(__file__).with_name("fomc.csv")
_A_YEAR, _AHEAD = 8, 10
_NOTICE = timedelta(days=14)
"""A window and the session after it are shorter: who forecasts knows the meetings in it."""

_IN_HOLIDAYS = (
    "half_day", "year_end", "thanksgiving_tuesday", "thanksgiving_wednesday", "thanksgiving_friday",
)  # fmt: skip
_NEXT_TO_HOLIDAYS = (
    "after_long_gap", "before_long_gap", "after_midweek_gap", "before_midweek_gap",
)  # fmt: skip


@lru_cache(maxsize=1)
def fomc_meetings() -> tuple[date, ...]:
    """Return the last day of each scheduled meeting, sorted."""
    return tuple(read_meetings(_LIST))


def read_meetings(path: Path) -> dict[date, date]:
    """Return the day on which each meeting's last day was published, by that day.

    Raises
    ------
    ContractError
        If a row is not two days as YYYY-MM-DD, a meeting is not after the one before, at a weekend
        or published less than `_NOTICE` before, or a year of the list has not eight.
    """
    meetings: dict[date, date] = {}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if number == 1 and row == ["meeting", "published"]:
                continue
            where, found = f"{path}, row {number}", ",".join(row)
            try:
                meeting, published = map(date.fromisoformat, row)
            except ValueError:
                raise _malformed(where, found) from None
            plain = row == [str(meeting), str(published)]
            after = not meetings or meeting > max(meetings)
            if not (plain and after and meeting.weekday() < 5 and meeting - published >= _NOTICE):
                raise _malformed(where, found)
            meetings[meeting] = published
    counts = Counter(day.year for day in meetings)
    years = range(min(counts, default=0), max(counts, default=0) + 1)
    for year in years:
        if counts[year] != _A_YEAR:
            raise _malformed(str(path), f"{counts[year]} meetings in {year}")
    return meetings


def _malformed(where: str, found: str) -> ContractError:
    return ContractError(
        found=found, where=where,
        expected=f"meeting,published as YYYY-MM-DD: weekdays in order, {_A_YEAR} a year, each "
        f"published {_NOTICE.days} days before or earlier",
        remedy="Correct the list of meetings, or install volcast again.",
    )  # fmt: skip


def covered_until() -> date:
    """Return the last day whose events are known: the end of the last year with a list."""
    return date(fomc_meetings()[-1].year, 12, 31)


def uncovered_sessions(day: date) -> int:
    """Return how many of the ten sessions after ``day`` are not covered by the list."""
    ahead = calendar.sessions(day + timedelta(days=1), day + timedelta(days=30))[:_AHEAD]
    return sum(session > covered_until() for session in ahead)


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
    flags = event_flags()
    week = flags.loc[pd.Timestamp(first) : pd.Timestamp(last)]
    # An event on a day without trading counts for the first session of the week after it.
    since = flags.index[flags.index < pd.Timestamp(first)][-1].date() + timedelta(days=1)
    known = [(day, "the Fed meets") for day in fomc_meetings()]
    known += [(day, "payrolls") for day in payroll_days(since.year, last.year)]
    events = []
    for day, what in sorted(known):
        if since <= day <= last:
            shut = "" if pd.Timestamp(day) in flags.index else ", with the exchange shut"
            events.append(f"{what} on {day:%A}{shut}")
    if len(week) < len(pd.bdate_range(first, last)) or week[list(_IN_HOLIDAYS)].any(axis=None):
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
