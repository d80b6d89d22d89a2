"""The stated publication lags of plain macro files."""

from pathlib import Path

import pandas as pd
import pytest

from volcast.data.sources import CsvFolderSource
from volcast.data.sources.publication_lag import available_at, end_of_day


def moments(series: str, *dates: str) -> list[str]:
    bounds, _ = available_at(series, pd.Series(pd.to_datetime(list(dates))))
    return [str(moment)[:16] for moment in bounds]


@pytest.mark.parametrize(
    ("series", "dates", "expected", "word"),
    [
        # Thursday, Friday, Monday: the second session after, to its last minute.
        ("X", ["2021-12-02", "2021-12-03", "2021-12-06"], ["12-07", "12-08", "12-09"], "daily"),
        ("X", ["2021-12-04", "2021-12-11", "2021-12-18"], ["12-13", "12-20", "12-27"], "weekly"),
        ("X", ["2021-09-01", "2021-10-01"], ["11-15", "12-16"], "monthly"),
        # A date within a month counts from the end of that month.
        ("ISM", ["2021-08-02", "2021-09-01"], ["10-16", "11-15"], "monthly"),
        ("X", ["2021-01-01", "2021-04-01"], ["07-30", "10-29"], "quarterly"),
        ("X", ["2020-03-01"], ["05-01"], "unknown"),
    ],
)
def test_the_gap_between_dates_determines_the_lag(
    series: str, dates: list[str], expected: list[str], word: str
) -> None:
    _, rule = available_at(series, pd.Series(pd.to_datetime(dates)))
    assert moments(series, *dates) == [f"2021-{day} 00:00" for day in expected]
    assert word in rule


@pytest.mark.parametrize(
    ("series", "dates", "released"),
    [
        # A bond holiday on which stocks trade delays H.15 to 16:15 in New York.
        ("DGS10", ["2021-10-08", "2021-10-07"], "2021-10-12 20:15"),
        ("DTWEXBGS", ["2021-12-06", "2021-12-07"], "2021-12-13 16:15"),
        ("USREC", ["2007-12-01", "2008-01-01"], "2008-12-01"),
        ("USREC", ["1991-03-01", "1991-04-01"], "1992-12-22"),
    ],
)
def test_no_value_is_public_before_its_known_release(
    series: str, dates: list[str], released: str
) -> None:
    assert moments(series, *dates)[0] > released


def test_a_first_print_of_the_purchasing_managers_is_public_by_the_end_of_its_date() -> None:
    _, rule = available_at("ISM_PMI_first_print", pd.Series(pd.to_datetime(["2021-12-02"])))
    assert rule.startswith("assumed: first prints")
    dates = ("2021-07-02", "2021-12-02")
    assert moments("ISM_PMI_first_print", *dates) == ["2021-07-03 04:00", "2021-12-03 05:00"]


def test_a_day_ends_at_midnight_in_new_york() -> None:
    days = pd.Series(pd.to_datetime(["2025-03-08", "2025-03-09", "2025-11-02"]))
    ends = [str(end) for end in end_of_day(days)]
    assert ends == [
        f"{end}:00:00+00:00" for end in ("2025-03-09 05", "2025-03-10 04", "2025-11-03 05")
    ]


def test_no_real_value_is_public_before_its_period_is_over(shared_data: Path) -> None:
    rows = CsvFolderSource(shared_data).macro(None, None).rows
    over = rows["observation_date"].dt.tz_localize("UTC") + pd.Timedelta(days=1)
    assert (rows["available_at"] > over).all()
    monthly = rows[rows["lag_rule"].str.contains("monthly")]
    next_month = over[monthly.index].dt.tz_localize(None) + pd.offsets.MonthBegin()
    lag = monthly["available_at"].dt.tz_localize(None) - next_month
    assert set(lag.dt.days) == {45}
    assert rows["series"].nunique() == len(list((shared_data / "macro").glob("*.csv")))
