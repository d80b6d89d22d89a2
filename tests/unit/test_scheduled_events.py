"""Scheduled events: the days of each kind, re-derived, and the words for a week."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.features import events
from volcast.features.events import (
    covered_until,
    describe,
    event_flags,
    fomc_meetings,
    payroll_days,
    read_meetings,
    uncovered_sessions,
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


def test_every_meeting_was_published_before_it_counts_in_a_window():
    meetings = read_meetings(events._LIST)
    sessions = calendar.planned_sessions()
    # The last session of a window may be the one before a meeting, which has a flag of its own.
    at = sessions.searchsorted(pd.DatetimeIndex(list(meetings))) - calendar.HORIZON - 1
    assert (pd.DatetimeIndex(list(meetings.values())) <= sessions[at]).all()
    known = {day for day in meetings.values() if (day.month, day.day) != (12, 31)}
    assert {date(2003, 6, 10), date(2009, 2, 13), date(2012, 5, 16), date(2024, 8, 9)} <= known


def test_the_list_is_that_of_the_federal_reserve(shared_data):
    text = (shared_data / "calendar" / "fomc_scheduled.csv").read_text().split()[1:]
    expected = {date.fromisoformat(day) for day in text}
    until = {day for day in fomc_meetings() if day <= max(expected)}
    assert until - expected == {date(2020, 3, 18)}
    assert expected <= until


GOOD = [
    f"2030-{month:02}-{day:02},2029-08-09" for month, day in zip(
        (1, 3, 5, 6, 7, 9, 10, 12), (30, 20, 1, 19, 31, 18, 30, 11), strict=True)
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "lines"),
    [
        (1, ["meeting", *GOOD]),
        (2, ["meeting,published", "2030-01-30", *GOOD[1:]]),
        (2, ["meeting,published", "2030-01-30,2029-08-09,", *GOOD[1:]]),
        (2, ["meeting,published", "20300130,2029-08-09", *GOOD[1:]]),
        (2, ["meeting,published", "2030-01-30,autumn", *GOOD[1:]]),
        (2, ["meeting,published", "2030-01-30,2030-01-20", *GOOD[1:]]),
        (2, ["meeting,published", "2030-01-26,2029-08-09", *GOOD[1:]]),
        (3, ["meeting,published", *GOOD[:1], *GOOD]),
        (3, ["meeting,published", *GOOD[1::-1], *GOOD[2:]]),
        (None, ["meeting,published", *GOOD[:-1]]),
        (None, ["meeting,published", *GOOD, "2031-01-29,2030-08-09"]),
        (None, ["meeting,published", *GOOD, *(line.replace("2030", "2041") for line in GOOD)]),
        (None, ["meeting,published"]),
    ],
)
def test_a_malformed_list_is_refused_at_its_row(tmp_path, row, lines):
    path = tmp_path / "fomc.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(ContractError) as caught:
        read_meetings(path)
    assert caught.value.where == (f"{path}, row {row}" if row else str(path))
    path.write_text("\n".join(["meeting,published", *GOOD]))
    assert len(read_meetings(path)) == 8


@pytest.mark.parametrize(
    ("day", "count"),
    [(date(2019, 12, 16), 0), (date(2019, 12, 17), 1), (date(2019, 12, 18), 2),
     (date(2019, 12, 31), 10), (date(2020, 6, 1), 10)],
)  # fmt: skip
def test_sessions_beyond_the_list_are_counted(monkeypatch, day, count):
    monkeypatch.setattr(events, "fomc_meetings", lambda: (date(2019, 12, 11),))
    assert uncovered_sessions(day) == count


@pytest.mark.parametrize(
    ("first", "days", "words"),
    [
        (date(2018, 12, 17), 4, "the Fed meets on Wednesday"),
        (date(2018, 12, 24), 7, "a holiday week"),
        (date(2019, 1, 2), 6, "payrolls on Friday, next to a holiday"),
        (date(2019, 1, 14), 4, "next to a holiday"),
        (date(2019, 12, 5), 6, "payrolls on Friday, the Fed meets on Wednesday"),
        (date(2015, 3, 30), 4, "payrolls on Friday, with the exchange shut, a holiday week"),
        (date(2015, 4, 6), 4, "payrolls on Friday, with the exchange shut, next to a holiday"),
        (date(2019, 3, 11), 4, "no scheduled event"),
        (covered_until(), 5, ""),
    ],
)
def test_a_week_is_described_by_its_events(first, days, words):
    assert describe(first, first + timedelta(days=days)) == words
