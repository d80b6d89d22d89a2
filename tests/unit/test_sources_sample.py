"""The embedded sample."""

import subprocess
import sys

import pandas as pd
import pytest

from volcast.core import calendar
from volcast.data.sources import SampleSource
from volcast.data.sources.source import Fetched


@pytest.fixture(scope="module")
def fetched() -> Fetched:
    return SampleSource().market(["SPX", "VIX"], None, None)


def test_prices_are_those_that_arch_ships(fetched: Fetched) -> None:
    from arch.data import sp500, vix

    index, implied = sp500.load(), vix.load()["vix"].dropna()
    spx = fetched.rows[fetched.rows["symbol"] == "SPX"]
    closes = fetched.rows[fetched.rows["symbol"] == "VIX"].set_index("session")["close"]
    assert (spx["session"].to_numpy() == index.index.to_numpy()).all()
    for name in ("Open", "High", "Low", "Close", "Volume"):
        assert (spx[name.lower()].to_numpy() == index[name].to_numpy()).all()
    assert closes.to_dict() == implied.to_dict()
    assert (spx["adj_close"] == spx["close"]).all()
    assert set(spx["adjustment"].dropna()) == {1.0}
    assert SampleSource().market(["SPY"], None, None).rows.empty


def test_vix_holiday_rows_are_dropped_and_counted(fetched: Fetched) -> None:
    days = fetched.rows.loc[fetched.rows["symbol"] == "VIX", "session"]
    assert days.min() == pd.Timestamp("2014-01-03")
    assert all(calendar.is_session(day.date()) for day in days)
    assert fetched.dropped == {"VIX: not a XNYS session": 46}


def test_core_cpi_is_public_45_days_after_its_month() -> None:
    rows = SampleSource().macro(None, None).rows.set_index("observation_date")
    november = rows.loc["2018-11-01"]
    assert november["value"] == 259.481
    assert november["available_at"] == pd.Timestamp("2018-12-01", tz="UTC") + pd.Timedelta(days=45)
    assert "monthly" in november["lag_rule"]


def test_reading_the_sample_does_not_import_arch() -> None:
    code = (
        "import sys; from volcast.data.sources import SampleSource;"
        "SampleSource().market(['SPX', 'VIX'], None, None);"
        "sys.exit(bool({'arch', 'yfinance'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
