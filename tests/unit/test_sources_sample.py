"""The embedded sample."""

import subprocess
import sys

import numpy as np
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


def test_vix_holiday_rows_are_dropped_and_counted(fetched: Fetched) -> None:
    days = fetched.rows.loc[fetched.rows["symbol"] == "VIX", "session"]
    assert days.min() == pd.Timestamp("2014-01-03")
    assert all(calendar.is_session(day.date()) for day in days)
    assert fetched.dropped == {"VIX: not a XNYS session": 46}


def test_the_index_has_no_adjustment(fetched: Fetched) -> None:
    spx = fetched.rows[fetched.rows["symbol"] == "SPX"]
    assert (spx["adj_close"] == spx["close"]).all()
    assert set(spx["adjustment"].dropna()) == {1.0}


def test_what_the_note_says_of_the_open_holds(fetched: Fetched) -> None:
    spx = fetched.rows[fetched.rows["symbol"] == "SPX"].set_index("session")
    gap = np.log(spx["open"] / spx["close"].shift())
    early, late = slice("1999", "2005"), slice("2008", "2018")
    session = 0.5 * np.log(spx["high"] / spx["low"]) ** 2
    session -= (2 * np.log(2) - 1) * np.log(spx["close"] / spx["open"]) ** 2
    share = [
        (gap[span] ** 2).sum() / ((gap[span] ** 2).sum() + session[span].sum())
        for span in (early, late)
    ]
    at_previous = (gap.abs() < 1e-4).groupby(gap.index.year).mean()
    assert at_previous.loc[:2005].mean() == pytest.approx(0.99, abs=0.005)
    assert at_previous.loc[[2006, 2007, 2012, 2013]].min() > 0.25
    assert share == [pytest.approx(0.0005, abs=0.0002), pytest.approx(0.05, abs=0.005)]
    assert any("0.05 % of it until 2005, 5 % from 2008" in note for note in fetched.notes)


def test_no_symbol_is_called_spy() -> None:
    fetched = SampleSource().market(["SPY"], None, None)
    assert fetched.rows.empty
    assert fetched.notes == ("The sample has no SPY; it has SPX and VIX.",)


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
