"""When a macro value became public: an assumed, late bound where its file has no vintage."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from volcast.core import calendar

__all__ = [
    "REVISED", "VINTAGE", "VINTAGE_DAY", "available_at", "end_of_day", "is_vintage", "vintage_end",
]  # fmt: skip

_PUBLISHED, _ASSUMED = "published: ", "assumed: "
VINTAGE = _PUBLISHED + "end of the vintage month"
VINTAGE_DAY = _PUBLISHED + "end of the vintage day in New York"
REVISED = "seen: a changed value counts from its ingestion"


_FIRST = pd.Timestamp(calendar.EARLIEST)
_LAST = pd.Timestamp(calendar.LAST) - pd.Timedelta(days=30)


class _Rule(NamedTuple):
    text: str
    bound: Callable[[pd.Series], pd.Series]


def _second_session_end(dates: pd.Series) -> pd.Series:
    # Until midnight: a bond holiday on which stocks trade delays the Federal Reserve's H.15 to
    # 16:15 New York time of the second session.
    days = calendar.sessions(dates.min().date(), dates.max().date() + pd.Timedelta(days=14))
    sessions = pd.DatetimeIndex(pd.to_datetime(days))
    second = sessions.searchsorted(dates.to_numpy(), side="right") + 1
    return pd.Series(sessions[second], index=dates.index) + pd.Timedelta(days=1)


def _end_in_new_york(dates: pd.Series) -> pd.Series:
    ends: pd.Series = (dates + pd.Timedelta(days=1)).dt.tz_localize("America/New_York")
    in_utc: pd.Series = ends.dt.tz_convert("UTC").dt.tz_localize(None)
    return in_utc


def _after(frequency: str, days: int = 0, months: int = 0) -> Callable[[pd.Series], pd.Series]:
    """Return the bound so long after the end of each date's period."""

    def bound(dates: pd.Series) -> pd.Series:
        ends: pd.Series = dates.dt.to_period(frequency).dt.end_time.dt.normalize()
        return ends + pd.Timedelta(days=1) + pd.DateOffset(months=months, days=days)

    return bound


_BY_GAP_DAYS = (
    (5, _Rule("daily, end of the second session after the date", _second_session_end)),
    (10, _Rule("weekly, 8 days after the date", _after("D", 8))),
    (45, _Rule("monthly, 45 days after the end of the month", _after("M", 45))),
    (120, _Rule("quarterly, 120 days after the end of the quarter", _after("Q", 120))),
    (np.inf, _Rule("yearly or unknown, 120 days after the end of the year", _after("Y", 120))),
)
"""The longest median gap between dates, and the rule of series with no longer one."""

_BY_SERIES = {
    "ISM_PMI_first_print": _Rule(
        "first prints dated about a day after their release, end of that date in New York",
        _end_in_new_york,
    ),
    "DTWEXBGS": _Rule(
        "daily values released weekly (H.10), 8 days after the date's week", _after("W", 8)
    ),
    "USREC": _Rule(
        "recessions are dated up to 21 months late (NBER), 24 months after the month",
        _after("M", months=24),
    ),
}
"""Series whose release does not follow from their frequency."""


def available_at(series: str, dates: pd.Series) -> tuple[pd.Series, str]:
    """Return a late bound of when each value of a plain series became public, and its rule.

    The median gap between the dates determines the frequency. A lag does not turn a revised value
    into a first print.

    Returns
    -------
    moments : pandas.Series, shape (n,), UTC
    rule : str
        For ``lag_rule``.
    """
    # Dates that the calendar does not know are refused by ingest, which names them.
    dates = dates.where(dates > _FIRST, _FIRST).where(dates < _LAST, _LAST)
    gaps = np.diff(np.sort(dates.unique())) / np.timedelta64(1, "D")
    median = float(np.median(gaps)) if len(gaps) else np.inf
    by_gap = next(rule for longest, rule in _BY_GAP_DAYS if median <= longest)
    rule = _BY_SERIES.get(series, by_gap)
    return _in_utc(rule.bound(dates) if len(dates) else dates), _ASSUMED + rule.text


def vintage_end(vintages: pd.Series) -> pd.Series:
    """Return the end of each vintage's month in UTC, the latest it can have been published."""
    return _in_utc(_after("M")(vintages))


def end_of_day(days: pd.Series) -> pd.Series:
    """Return the end of each day in New York in UTC, the latest that its values became public."""
    return _in_utc(_end_in_new_york(days))


def is_vintage(lag_rules: pd.Series) -> "pd.Series[bool]":
    """Return whether each value is dated by its publication, and so can never change."""
    return lag_rules.str.startswith(_PUBLISHED)


def _in_utc(moments: pd.Series) -> pd.Series:
    stamped: pd.Series = moments.dt.as_unit("us").dt.tz_localize("UTC")
    return stamped
