"""The XNYS trading calendar: sessions, closes, and horizons counted in sessions."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from volcast.core.errors import ContractError, NotFound, RequestError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CLOSINGS",
    "EARLIEST",
    "FIRST",
    "HORIZON",
    "LAST",
    "after",
    "closes",
    "deadline",
    "half_days",
    "is_session",
    "last_closed",
    "not_closed",
    "planned_sessions",
    "refuse_closed",
    "sessions",
    "sessions_between",
    "utc",
]

HORIZON = 5
"""Sessions that a forecast covers."""

_NEW_YORK = ZoneInfo("America/New_York")
_DEADLINE = time(8, tzinfo=_NEW_YORK)

FIRST, LAST = date(1980, 1, 1), date(2035, 12, 31)
"""Days between which the calendar knows the sessions."""

EARLIEST = date(1700, 1, 1)
"""No price and no macro value is dated earlier."""

CLOSINGS = Path(__file__).with_name("xnys.csv")
"""Weekdays without a whole session, as `volcast.core.xnys` writes them."""


@lru_cache(maxsize=1)
def _closings() -> dict[date, str]:
    """Return the hour in New York of each early close; ``holiday`` or ``closed`` without one."""
    with CLOSINGS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {date.fromisoformat(day): closes for day, closes in rows}


@lru_cache(maxsize=1)
def _exchange() -> np.busdaycalendar:
    shut = [day for day, closes in _closings().items() if closes in {"holiday", "closed"}]
    return np.busdaycalendar(holidays=shut)


@lru_cache(maxsize=1)
def _days() -> NDArray[np.datetime64]:
    """Return the sessions in whole days, in which any date fits; nanoseconds end in 2262."""
    days = np.arange(_day(FIRST), _day(LAST) + 1)
    return days[np.is_busday(days, busdaycal=_exchange())]


@lru_cache(maxsize=1)
def _closes() -> "pd.Series[pd.Timestamp]":
    """Return the UTC closing time of each session."""
    import pandas as pd

    days = pd.DatetimeIndex(_days()).as_unit("ns")
    hours = {
        pd.Timestamp(day): pd.Timedelta(f"{closes}:00")
        for day, closes in _closings().items() if ":" in closes
    }  # fmt: skip
    local = days + pd.Series(hours).reindex(days, fill_value=pd.Timedelta(hours=16))
    utc_closes = pd.DatetimeIndex(local).tz_localize(str(_NEW_YORK)).tz_convert("UTC")
    return pd.Series(utc_closes.as_unit("us"), days)


@lru_cache(maxsize=1)
def planned_sessions() -> "pd.DatetimeIndex":
    """Weekdays that are no regular holiday, those included on which XNYS shut unexpectedly."""
    import pandas as pd

    holidays = [day for day, closes in _closings().items() if closes == "holiday"]
    return pd.bdate_range(FIRST, LAST).difference(pd.DatetimeIndex(holidays))


def half_days() -> "pd.DatetimeIndex":
    """Sessions that close early."""
    import pandas as pd

    early = pd.DatetimeIndex([day for day, closes in _closings().items() if ":" in closes])
    return early[early.isin(_days())]


def _day(day: date) -> np.datetime64:
    # A Timestamp is a date too, with a time of day that is none of a session's.
    return np.datetime64(date(day.year, day.month, day.day), "D")


def sessions(first: date, last: date) -> list[date]:
    """XNYS sessions from ``first`` to ``last``, both inclusive."""
    lo, hi = _days().searchsorted(_day(first)), _days().searchsorted(_day(last), "right")
    return cast(list[date], _days()[lo:hi].tolist())


@lru_cache(maxsize=4096)
def is_session(day: date) -> bool:
    """Whether XNYS trades on ``day``."""
    return bool((_days() == _day(day)).any())


def refuse_closed(day: date) -> None:
    """Raise RequestError, which names the sessions around it, if XNYS is closed on ``day``."""
    remedy = f"Use a session between {FIRST} and {LAST}."
    if FIRST <= day <= LAST:
        before, after = (
            np.busday_offset(_day(day), 0, roll, busdaycal=_exchange()).item()
            for roll in ("backward", "forward")
        )
        if before == after:
            return
        remedy = f"The sessions before and after it are {before} and {after}."
    raise RequestError(
        found=f"{day}, on which XNYS is closed", expected="a XNYS session", where="as_of",
        remedy=remedy, field="as_of",
    )  # fmt: skip


def not_closed(day: date) -> RequestError:
    """Return the error of a session that has not closed yet."""
    return RequestError(
        found=f"{day}, which has not closed", expected="a XNYS session that has closed",
        where="as_of", remedy="Use a session in the past.", field="as_of",
    )  # fmt: skip


def closes(days: "pd.Series[pd.Timestamp] | list[date]") -> "pd.DatetimeIndex":
    """UTC closing times of sessions, shape (n,), half days at their own hour.

    Raises
    ------
    ContractError
        If a day is not a session.
    """
    import pandas as pd

    # Of many symbols, each session comes many times.
    values = days if isinstance(days, pd.Series) else np.array(days, dtype=object)
    at, different = pd.factorize(values, use_na_sentinel=False)
    labels = pd.DatetimeIndex(pd.to_datetime(different))
    positions = _closes().index.get_indexer(labels)
    if (positions < 0).any():
        odd = labels[positions < 0][0].date()
        raise ContractError(
            found=f"{odd}, on which XNYS is shut",
            expected="XNYS sessions",
            where="calendar",
            remedy="Drop the row, or fix its date.",
        )
    return pd.DatetimeIndex(_closes().array[positions])[at]


@lru_cache(maxsize=4096)
def after(session: date, count: int) -> date:
    """Return the session ``count`` after (if negative, before) ``session``; NotFound if none."""
    position = int(_days().searchsorted(_day(session)))
    if not is_session(session) or not 0 <= position + count < len(_days()):
        raise NotFound(
            found=f"{session} and {count} sessions from it",
            expected="a XNYS session in range",
            where="calendar",
            remedy=f"Ask for a session between {FIRST} and {LAST}.",
        )
    return cast(date, _days()[position + count].item())


def deadline(session: date) -> datetime:
    """Return when the forecast made at the close of ``session`` must be published, in UTC.

    It is 08:00 in New York on the session after, whatever weekends, holidays or changes of the
    clock lie between.
    """
    return datetime.combine(after(session, 1), _DEADLINE).astimezone(UTC)


def sessions_between(earlier: date, later: date) -> int:
    """Count the sessions after ``earlier`` up to and with ``later``; 0 if none."""
    lo, hi = (_days().searchsorted(_day(day), "right") for day in (earlier, later))
    return max(int(hi - lo), 0)


def last_closed(now: datetime) -> date:
    """Return the last session whose close is at or before ``now`` (timezone-aware)."""
    moment = utc(now)
    window = sessions(moment.date() - timedelta(days=14), moment.date() + timedelta(days=1))
    return [day for day in window if _close(day) <= moment][-1]


def _close(session: date) -> datetime:
    hour = time.fromisoformat(_closings().get(session, "16:00"))
    return datetime.combine(session, hour, _NEW_YORK).astimezone(UTC)


def utc(moment: datetime) -> datetime:
    """Return a timezone-aware moment in UTC; ContractError if it is naive."""
    if moment.tzinfo is None:
        raise ContractError(
            found=f"naive time {moment}",
            expected="a timezone-aware time",
            where="calendar",
            remedy="Pass a time in UTC.",
        )
    return moment.astimezone(UTC)
