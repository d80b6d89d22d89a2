"""The calendar, against dates anyone can look up."""

from datetime import UTC, date, datetime

import exchange_calendars
import pandas as pd
import pytest

from volcast.core import calendar
from volcast.core.errors import ContractError, NotFound, RequestError
from volcast.core.xnys import render


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


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("1980-01-01", "1979-12-31", "1980-01-02"),
        ("2001-09-12", "2001-09-10", "2001-09-17"),
        ("2022-01-01", "2021-12-31", "2022-01-03"),
        ("2035-12-30", "2035-12-28", "2035-12-31"),
    ],
)
def test_a_closed_day_is_refused_with_the_sessions_around_it(day, before, after):
    with pytest.raises(RequestError) as error:
        calendar.refuse_closed(date.fromisoformat(day))
    assert f" {before} and {after}." in error.value.remedy


def test_the_committed_days_and_closes_are_those_of_exchange_calendars():
    assert calendar.CLOSINGS.read_text(encoding="utf-8") == render()
    xnys = exchange_calendars.get_calendar("XNYS", start="1980-01-01", end="2035-12-31")
    days = calendar.sessions(calendar.FIRST, calendar.LAST)
    pd.testing.assert_index_equal(
        pd.DatetimeIndex(days).as_unit("ns"), xnys.sessions, exact=False, check_names=False
    )
    pd.testing.assert_index_equal(
        calendar.closes(days), pd.DatetimeIndex(xnys.closes).as_unit("us"), check_names=False
    )
