"""Scheduled events: the days of each kind, re-derived, and the words for a week."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from volcast.core import calendar
from volcast.features.events import (
    covered_until,
    describe,
    event_flags,
    fomc_meetings,
    payroll_days,
)

FLAGS = event_flags()


def on(flag: str, year: int) -> list[str]:
    days = FLAGS.index[(FLAGS[flag] > 0) & (FLAGS.index.year == year)]
    return [f"{day:%m-%d}" for day in days]


def test_payroll_reports_are_on_the_days_that_the_bureau_published():
    assert [f"{day:%m-%d}" for day in payroll_days(2015, 2015)] == [
        "01-09", "02-06", "03-06", "04-03", "05-08", "06-05",
        "07-02", "08-07", "09-04", "10-02", "11-06", "12-04",
    ]  # fmt: skip
    assert date(2020, 7, 2) in payroll_days(2020, 2020)
    assert date(2019, 1, 4) in payroll_days(2019, 2019)
    assert all(len(payroll_days(year, year)) == 12 for year in range(1993, 2028))


def test_a_report_on_a_holiday_counts_for_the_next_session():
    # Good Friday 2015: the report came out, the exchange was shut.
    assert "04-06" in on("payroll", 2015)
    assert "04-07" in on("after_payroll", 2015)


def test_meetings_that_were_not_scheduled_are_left_out():
    assert not {date(2001, 9, 17), date(2008, 10, 8), date(2020, 3, 3)} & set(fomc_meetings())
    assert date(2020, 3, 18) in fomc_meetings()  # scheduled, then replaced by one on the 15th
    assert list(fomc_meetings()) == sorted(set(fomc_meetings()))
    in_year = pd.Series([day.year for day in fomc_meetings()]).value_counts()
    assert set(in_year) == {8}


@pytest.mark.parametrize(
    ("flag", "year", "days"),
    [
        ("fomc", 2019, ["01-30", "03-20", "05-01", "06-19", "07-31", "09-18", "10-30", "12-11"]),
        ("before_fomc", 2019, [
            "01-29", "03-19", "04-30", "06-18", "07-30", "09-17", "10-29", "12-10"]),
        ("thanksgiving_tuesday", 2019, ["11-26"]),
        ("thanksgiving_friday", 2019, ["11-29"]),
        ("half_day", 2019, ["07-03"]),
        ("year_end", 2019, ["12-23", "12-24", "12-26", "12-27", "12-30", "12-31"]),
        ("after_long_gap", 2019, ["01-22", "02-19", "04-22", "05-28", "09-03"]),
        ("before_long_gap", 2019, ["01-18", "02-15", "04-18", "05-24", "08-30"]),
        ("after_midweek_gap", 2019, ["01-02", "07-05", "11-29", "12-26"]),
    ],
)  # fmt: skip
def test_flags_are_on_the_days_of_the_published_calendar(flag, year, days):
    assert on(flag, year) == days


def test_a_closure_that_nobody_planned_is_no_gap():
    days = ["2001-09-11", "2001-09-17", "2012-10-29", "2012-10-31"]
    assert set(pd.DatetimeIndex(days)) <= set(FLAGS.index)
    assert FLAGS.loc["2001-09-17", "after_long_gap"] == 0
    assert FLAGS.loc["2012-10-31", "after_long_gap"] == 0


def test_every_session_is_a_planned_one():
    sessions = calendar.sessions(date(1990, 1, 2), date(2026, 12, 31))
    assert set(pd.DatetimeIndex(sessions)) <= set(FLAGS.index)
    assert set(np.unique(FLAGS)) == {0.0, 1.0}


def test_the_list_covers_a_year_from_its_last_meeting():
    assert covered_until() == date(fomc_meetings()[-1].year, 12, 31)
    assert covered_until() >= date(2027, 12, 31)


@pytest.mark.parametrize(
    ("first", "days", "words"),
    [
        (date(2018, 12, 17), 4, "the Fed meets on Wednesday"),
        (date(2018, 12, 24), 7, "a holiday week"),
        (date(2019, 1, 2), 6, "payrolls on Friday, next to a holiday"),
        (date(2019, 1, 14), 4, "next to a holiday"),
        (date(2019, 3, 11), 4, "no scheduled event"),
        (covered_until(), 5, ""),
    ],
)
def test_a_week_is_described_by_its_events(first, days, words):
    assert describe(first, first + timedelta(days=days)) == words
