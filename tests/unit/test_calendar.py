"""The calendar, against dates anyone can look up."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from volcast.core import calendar
from volcast.core.errors import ContractError, NotFound, RequestError


def test_sessions_leave_out_weekends_and_holidays():
    days = calendar.sessions(date(2021, 12, 23), date(2021, 12, 28))
    assert days == [date(2021, 12, 23), date(2021, 12, 27), date(2021, 12, 28)]
    assert not calendar.is_session(date(2021, 12, 24))


def test_a_half_day_closes_at_one_in_new_york():
    whole, half = calendar.closes([date(2021, 11, 24), date(2021, 11, 26)])
    assert whole == pd.Timestamp("2021-11-24 21:00", tz="UTC")
    assert half == pd.Timestamp("2021-11-26 18:00", tz="UTC")


def test_the_close_of_a_holiday_is_refused():
    with pytest.raises(ContractError, match="2021-12-25, on which XNYS is shut"):
        calendar.closes([date(2021, 12, 25)])


def test_horizons_are_counted_in_sessions():
    assert calendar.after(date(2021, 12, 31), 5) == date(2022, 1, 7)
    assert calendar.after(date(2022, 1, 3), -1) == date(2021, 12, 31)
    with pytest.raises(NotFound):
        calendar.after(date(2021, 12, 25), 1)


def test_sessions_between_counts_those_after_the_earlier():
    assert calendar.sessions_between(date(2021, 12, 31), date(2022, 1, 7)) == 5
    assert calendar.sessions_between(date(2022, 1, 7), date(2021, 12, 31)) == 0


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2021-12-31T20:59:59", date(2021, 12, 30)),
        ("2021-12-31T21:00:00", date(2021, 12, 31)),
        ("2022-01-02T12:00:00", date(2021, 12, 31)),
        ("2021-11-26T18:00:00", date(2021, 11, 26)),
    ],
)
def test_the_last_closed_session_turns_at_the_close(now, last):
    assert calendar.last_closed(datetime.fromisoformat(now).replace(tzinfo=UTC)) == last


def test_a_naive_time_is_refused():
    with pytest.raises(ContractError, match="naive time"):
        calendar.last_closed(datetime(2022, 1, 3))  # noqa: DTZ001


@pytest.mark.parametrize("day", ["1980-01-01", "1980-01-12", "2022-01-01", "2035-12-30"])
def test_a_closed_day_is_refused_alike_before_and_after_the_sessions_were_read(monkeypatch, day):
    """A server, which has read them, must not make a calendar for each such request."""
    messages = []
    for read in (False, True):
        calendar._days.cache_clear()
        if read:
            calendar.sessions(calendar.FIRST, calendar.LAST)
        with pytest.raises(RequestError) as error:
            calendar.refuse_closed(date.fromisoformat(day))
        messages.append(str(error.value))
    assert len(set(messages)) == 1
    if day == "2022-01-01":
        monkeypatch.setattr(calendar, "_calendar", lambda *_: pytest.fail("a calendar was made"))
        calendar.refuse_closed(date(2022, 1, 3))
        with pytest.raises(RequestError):
            calendar.refuse_closed(date(2022, 1, 1))
