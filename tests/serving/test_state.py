from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from serving.state import clock_of, known_symbols
from tests.serving.live import SYMBOL, UNIVERSE, Served
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)


def curated(folder: Path, source: str, *days: date) -> Store:
    store = Store.open(str(folder))
    known_at = datetime(2024, 3, 2, tzinfo=UTC)
    price = dict.fromkeys(("open", "high", "low", "close", "adjustment"), 1.0)
    row = {"symbol": "SPY", "source": source, "known_at": known_at, "flags": [], **price}
    store.write(CURATED_MARKET_DAILY, pd.DataFrame([{**row, "session": day} for day in days]))
    return store


def test_clock_of_an_archive_is_its_newest_session(tmp_path: Path):
    store = curated(tmp_path, "csv", date(2021, 12, 31), date(2018, 3, 1))
    assert clock_of(store, "SPY", NOW, None) == date(2021, 12, 31)


def test_clock_of_a_live_source_is_the_last_closed_session(tmp_path: Path):
    store = curated(tmp_path, "yfinance", date(2024, 2, 20))
    assert clock_of(store, "SPY", NOW, None) == date(2024, 3, 4)


@pytest.mark.parametrize("source", ["csv", "yfinance"])
def test_configured_clock_wins_and_falls_back_to_a_session(tmp_path: Path, source):
    store = curated(tmp_path, source, date(2024, 2, 20))
    assert clock_of(store, "SPY", NOW, date(2024, 3, 3)) == date(2024, 3, 1)


def test_symbol_without_data_has_no_clock(tmp_path: Path):
    store = curated(tmp_path, "csv", date(2024, 2, 20))
    assert clock_of(store, "QQQ", NOW, None) is None


def test_symbols_are_those_with_forecasts(served: Served):
    assert known_symbols(served.store, UNIVERSE) == {SYMBOL}


def test_before_the_first_forecast_the_target_is_known(tmp_path: Path):
    assert known_symbols(Store.open(str(tmp_path)), UNIVERSE) == {SYMBOL}
