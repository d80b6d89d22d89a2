"""When a macro value became public: an assumed, late bound where its file has no vintage."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from volcast.core import calendar

__all__ = [
    "REVISED",
    "VINTAGE",
    "VINTAGE_DAY",
    "available_at",
    "end_of_day",
    "is_vintage",
    "vintage_end",
]

_PUBLISHED = "published: "
VINTAGE = _PUBLISHED + "end of the vintage month"
VINTAGE_DAY = _PUBLISHED + "end of the vintage day in New York"
REVISED = "seen: a changed value counts from its ingestion"

_ASSUMED = "assumed: "


@dataclass(frozen=True)
class _Rule:
    text: str
    bound: Callable[[pd.Series], pd.Series]


def _daily(dates: pd.Series) -> pd.Series:
    # The second session, and its midnight: a bond holiday on which stocks trade delays the
    # Federal Reserve's H.15 to 16:15 New York time of that day.
    days = calendar.sessions(dates.min().date(), dates.max().date() + pd.Timedelta(days=14))
    sessions = pd.DatetimeIndex(pd.to_datetime(days))
    second = sessions.searchsorted(dates.to_numpy(), side="right") + 1
    return pd.Series(sessions[second], index=dates.index) + pd.Timedelta(days=1)


def _weekly(dates: pd.Series) -> pd.Series:
    return dates + pd.Timedelta(days=9)


def _end_in_new_york(dates: pd.Series) -> pd.Series:
    ends: pd.Series = (dates + pd.Timedelta(days=1)).dt.tz_localize("America/New_York")
    in_utc: pd.Series = ends.dt.tz_convert("UTC").dt.tz_localize(None)
    return in_utc


def _period_end(dates: pd.Series, frequency: str) -> pd.Series:
    ends: pd.Series = dates.dt.to_period(frequency).dt.end_time.dt.normalize()
    return ends + pd.Timedelta(days=1)


_DAILY = _Rule("daily, end of the second session after the date", _daily)
_WEEKLY = _Rule("weekly, 8 days after the date", _weekly)
_MONTHLY = _Rule(
    "monthly, 45 days after the end of the month",
    lambda dates: _period_end(dates, "M") + pd.Timedelta(days=45),
)
_QUARTERLY = _Rule(
    "quarterly, 120 days after the end of the quarter",
    lambda dates: _period_end(dates, "Q") + pd.Timedelta(days=120),
)
_YEARLY = _Rule(
    "yearly or unknown, 120 days after the end of the year",
    lambda dates: _period_end(dates, "Y") + pd.Timedelta(days=120),
)
_BY_GAP_DAYS = ((5, _DAILY), (10, _WEEKLY), (45, _MONTHLY), (120, _QUARTERLY))

_BY_SERIES = {
    "ISM_PMI_first_print": _Rule(
        "first prints dated about a day after their release, end of that date in New York",
        _end_in_new_york,
    ),
    "DTWEXBGS": _Rule(
        "daily values released weekly (H.10), 8 days after the date's week",
        lambda dates: _period_end(dates, "W") + pd.Timedelta(days=8),
    ),
    "USREC": _Rule(
        "recessions are dated up to 21 months late (NBER), 24 months after the month",
        lambda dates: _period_end(dates, "M") + pd.DateOffset(months=24),
    ),
}
"""Series whose release does not follow from their frequency."""


def available_at(series: str, dates: pd.Series) -> tuple[pd.Series, str]:
    """Return a late bound of when each value of a plain series became public, and its rule.

    Parameters
    ----------
    series : str
        Name; three series have their own rule.
    dates : pandas.Series of datetime64, shape (n,)
        Dates as the file prints them; the median gap between them determines the frequency.

    Returns
    -------
    moments : pandas.Series, shape (n,), UTC
    rule : str
        For ``lag_rule``. A lag does not turn a revised value into a first print.
    """
    rule = _BY_SERIES.get(series) or _by_frequency(dates)
    moments = rule.bound(dates) if len(dates) else dates
    return _in_utc(moments), _ASSUMED + rule.text


def _by_frequency(dates: pd.Series) -> _Rule:
    gaps = np.diff(np.sort(dates.unique())) / np.timedelta64(1, "D")
    median = float(np.median(gaps)) if len(gaps) else np.inf
    return next((rule for longest, rule in _BY_GAP_DAYS if median <= longest), _YEARLY)


def vintage_end(vintages: pd.Series) -> pd.Series:
    """Return the end of each vintage's month in UTC, the latest it can have been published."""
    return _in_utc(_period_end(vintages, "M"))


def end_of_day(days: pd.Series) -> pd.Series:
    """Return the end of each day in New York in UTC, the latest that its values became public."""
    return _in_utc(_end_in_new_york(days))


def is_vintage(lag_rules: pd.Series) -> "pd.Series[bool]":
    """Return whether each value is dated by its publication, and so can never change."""
    return lag_rules.str.startswith(_PUBLISHED)


def _in_utc(moments: pd.Series) -> pd.Series:
    stamped: pd.Series = moments.dt.as_unit("us").dt.tz_localize("UTC")
    return stamped
