"""`volcast.forecast` and `volcast.evaluate` on tables, compared with the store's own road."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

import volcast
from volcast.api import _index_name, _store_of
from volcast.core.errors import (
    ContractError,
    NotFound,
    QualityError,
    RequestError,
    StaleInput,
    VolcastError,
)
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.data.ingest import ingest
from volcast.data.sources import SampleSource
from volcast.data.sources.frames import FrameSource
from volcast.data.validate import validate
from volcast.evaluation.evaluate import evaluate
from volcast.evaluation.folds import LONGER_HISTORY
from volcast.evaluation.splits import overall
from volcast.evaluation.words import better_choice
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

FIRST = "2012"


@pytest.fixture(scope="module")
def sample() -> tuple[pd.DataFrame, "pd.Series[float]"]:
    prices, vix = volcast.sample()
    return prices.loc[FIRST:], vix


@pytest.mark.slow
def test_an_evaluation_of_tables_is_that_of_a_store(tmp_path):
    prices, vix = volcast.sample()
    counted: list[str] = []
    result = volcast.evaluate(
        prices, vix, symbol="SPX", garch=False, progress=lambda what, *_: counted.append(what)
    )
    assert set(counted) == {"features as known then", "trees", "months"}
    store = Store.open(str(tmp_path))
    ingest(store, SampleSource(), SAMPLE_UNIVERSE, now=datetime.now(UTC), as_of=None)
    validate(store, SAMPLE_UNIVERSE, date(2018, 12, 31))
    # The store's own road has core CPI too, which no recipe takes.
    expected = evaluate(store, SAMPLE_UNIVERSE, date.min, date(2018, 12, 31)).rows
    columns = ["forecast", "lo80", "hi95", "har_x", "rv_5d"]
    np.testing.assert_allclose(
        result.rows[columns].to_numpy(float), expected[columns].to_numpy(float), rtol=1e-9
    )


def test_a_forecast_has_intervals_reasons_and_a_record(sample):
    prices, vix = sample
    result = volcast.forecast(prices, vix, symbol="SPX")
    assert (result.session, result.first) == (date(2018, 12, 31), date(2019, 1, 2))
    assert result.interval95[0] < result.interval80[0] < result.volatility < result.interval80[1]
    assert result.history["forecast"].iloc[-1] == result.volatility
    assert result.skill.rows > 500
    assert result.better_choice == better_choice(overall(result.history.iloc[:-1]))
    assert result.drivers["label"].iloc[0] == "implied volatility"
    assert "SPX" in str(result)
    assert result.plot().to_dict()["layer"]


@pytest.mark.parametrize(
    "change",
    [
        lambda prices: prices.rename(columns=str.title).rename(columns={"Adj_Close": "Adj Close"}),
        lambda prices: prices.reset_index(),
        lambda prices: prices.tz_localize("America/New_York"),
        lambda prices: prices.drop(columns=["adj_close", "volume"]),
        lambda prices: prices.iloc[::-1],
        lambda prices: pd.concat({"SPX": prices}, axis=1).swaplevel(axis=1),
        lambda prices: pd.concat({"SPX": prices.rename(columns=str.title)}, axis=1),
        lambda prices: prices.tz_localize("America/New_York").tz_convert("America/Los_Angeles"),
        lambda prices: prices.rename(columns={"close": "Price", "volume": "Vol."}),
        lambda prices: prices.set_axis(prices.index.strftime("%m/%d/%Y")).astype(str),
        lambda prices: prices.set_axis(prices.index.to_period("D")),
        lambda prices: pd.concat([prices, prices.tail(1)]),
    ],
)
def test_tables_as_people_have_them_have_the_same_rows(sample, change):
    prices, _ = sample
    rows = [
        FrameSource("A", table).market(["A"], None, None).rows.drop(columns="volume")
        for table in (prices, change(prices))
    ]
    pd.testing.assert_frame_equal(*rows, check_exact=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda vix: vix.rename("^VIX").tz_localize("America/Chicago"),
        lambda vix: vix.to_frame("Close"),
        lambda vix: pd.concat({"^VIX": vix.to_frame("Close")}, axis=1),
        lambda vix: vix.to_frame("VIXCLS").reset_index().astype(str),
    ],
)
def test_implied_volatility_may_be_a_series_or_a_table(sample, change):
    prices, vix = sample
    closes = [
        FrameSource("A", prices, {"IV": levels}).market(["IV"], None, None).rows["close"]
        for levels in (vix, change(vix))
    ]
    pd.testing.assert_series_equal(*closes, check_exact=True)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [(None, "IV9D"), ("close", "IV9D"), ("vix", "IV9D"), ("SPX", "IV9D"), ("vix9d", "VIX9D")],
)
def test_an_index_is_named_after_its_series_or_its_part(name, symbol):
    assert _index_name(pd.Series([20.0], name=name), "iv_9d", ["SPX", "VIX"]) == symbol


def test_the_9_day_index_is_a_part_of_its_own(sample):
    prices, vix = sample[0].loc["2017":], sample[1]
    nine_days = (vix * 1.1).rename("VIX9D")
    with _store_of(prices, {"iv": vix, "iv_9d": nine_days}, "SPX", None) as (store, universe, _):
        rows = store.read(CURATED_MARKET_DAILY, symbols=["VIX9D"]).to_pandas()
        assert universe.symbols == ("SPX", "VIX", "VIX9D")
        assert rows["close"].iloc[-1] == pytest.approx(1.1 * vix.loc["2018-12-31"])
    with _store_of(prices, {"iv": vix, "iv_9d": None}, "SPX", None) as (_, universe, _):
        assert universe.symbols == ("SPX", "VIX")


def test_a_split_history_is_refused_and_a_doubtful_move_is_a_warning(sample):
    prices = sample[0].loc["2017":]
    before = np.arange(len(prices)) < 300
    for factor, volume in ((4.0, 1.0), (0.5, np.nan)):
        split = prices.mul(np.where(before, factor, 1.0), axis=0).assign(volume=volume)
        with pytest.raises(QualityError) as caught:
            volcast.forecast(split, symbol="SPX")
        assert caught.value.exit_code == 10
    paid = prices.mul(np.where(before, 1 / 0.88, 1.0), axis=0)
    with pytest.warns(UserWarning, match="move_unexplained"), pytest.raises(VolcastError):
        volcast.forecast(paid, symbol="SPX")  # too few sessions to fit


def test_what_cannot_be_right_is_one_error(sample):
    prices, vix = sample
    with pytest.raises(ContractError, match="low") as lacking:
        volcast.forecast(prices.drop(columns="low"))
    assert lacking.value.remedy.startswith("Add a column low,")
    with pytest.raises(ContractError, match="one column date") as dateless:
        volcast.forecast(prices.reset_index(drop=True))
    assert dateless.value.remedy.startswith("Add a column date,")
    with pytest.raises(ContractError) as numbered:
        volcast.forecast(prices.set_axis(range(5, len(prices) + 5)).rename(index=int))
    assert "of integers: 5" in numbered.value.found
    with pytest.raises(ContractError, match="2018-12-31 a second time"):
        volcast.forecast(pd.concat([prices, prices.iloc[-1:] + 1]))
    with pytest.raises(ContractError, match="column index"):
        volcast.forecast(prices.set_axis([object()] * len(prices)))
    with pytest.raises(ContractError, match="points"):
        volcast.forecast(prices, vix / 100)
    with pytest.raises(ContractError) as short:
        volcast.forecast(prices.tail(300))
    assert (short.value.found, short.value.remedy) == ("300 sessions", LONGER_HISTORY)
    with pytest.raises(RequestError):
        volcast.forecast(prices, as_of=date(2018, 12, 30))
    with pytest.raises(StaleInput):
        volcast.forecast(prices.iloc[:-3], as_of=date(2018, 12, 31))
    with pytest.raises(NotFound):
        volcast.evaluate(prices, garch=False, first=date(2030, 1, 2))


def test_the_report_is_a_page(sample, tmp_path):
    prices, vix = sample[0], sample[1].loc["2016":]
    result = volcast.evaluate(prices, vix, symbol="SPX", garch=False, first=date(2016, 1, 4))
    assert result.rows["session"].min() == date(2016, 1, 4)
    assert result.table.loc["volcast"].isna().sum() == 2
    assert {"HAR-X", "VIX"} <= set(result.table.index)
    page = result.save(tmp_path / "report.html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
