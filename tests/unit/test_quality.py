"""Validation: each kind of bad input and its outcome, through a real store."""

import os
from datetime import date, timedelta
from pathlib import Path

import exchange_calendars
import pandas as pd
import pytest

from volcast.core.errors import QualityError, VolcastError
from volcast.core.settings import Universe
from volcast.data.checks.rows import judge_rows
from volcast.data.checks.suite import Check, judge
from volcast.data.validate import ValidationReport, validate
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_QUARANTINE, RAW_MARKET

AS_OF = date(2021, 12, 31)
UNIVERSE = Universe()
XNYS = exchange_calendars.get_calendar("XNYS", start="2019-01-01", end="2022-12-31")
DAYS = XNYS.sessions_in_range("2020-06-01", str(AS_OF))
INGESTED = pd.Timestamp("2022-01-01T12:00Z")
PRICES = ["open", "high", "low", "close"]


def history(symbol: str = "SPY", level: float = 100.0) -> pd.DataFrame:
    close = level + pd.Series(range(len(DAYS))) % 7
    frame = pd.DataFrame({"symbol": symbol, "session": DAYS, "source": "csv"})
    return frame.assign(
        ingested_at=INGESTED, open=close - 0.5, high=close + 1, low=close - 1, close=close,
        adj_close=close, adjustment=1.0, volume=1e6 + pd.Series(range(len(DAYS))),
    )  # fmt: skip


def market() -> pd.DataFrame:
    return pd.concat([history(), history("VIX", 20.0), history("TLT", 140.0)], ignore_index=True)


def at(rows: pd.DataFrame, symbol: str, back: int) -> int:
    """Row number of ``symbol``, ``back`` sessions before the newest."""
    return int(rows.index[rows["symbol"] == symbol][-1 - back])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


def run(store: Store, rows: pd.DataFrame, as_of: date = AS_OF) -> ValidationReport:
    store.write(RAW_MARKET, rows)
    return validate(store, UNIVERSE, as_of)


def published(store: Store) -> pd.DataFrame:
    return store.read(CURATED_MARKET_DAILY).to_pandas(date_as_object=False)


def quarantined(store: Store) -> pd.DataFrame:
    return store.read(MONITORING_QUARANTINE).to_pandas(date_as_object=False)


def test_sound_rows_are_published_whole(store: Store) -> None:
    report = run(store, market())
    assert (report.rows, report.quarantined) == (3 * len(DAYS), 0)
    assert (report.as_of, report.dropped) == (AS_OF, {})
    joined = published(store).merge(market(), on=["symbol", "session"], suffixes=("", "_raw"))
    assert len(joined) == report.rows
    assert (joined[PRICES].to_numpy() == joined[[f"{p}_raw" for p in PRICES]].to_numpy()).all()


BROKEN = [
    ({"open": None}, ["open_missing"]),
    ({"high": None}, ["high_missing"]),
    ({"low": None}, ["low_missing"]),
    ({"close": None}, ["close_missing"]),
    ({"close": 0.0}, ["close_not_positive"]),
    ({"open": -3.0}, ["open_not_positive"]),
    ({"high": float("inf")}, ["high_not_positive"]),
    ({"high": 90.0, "low": 110.0}, ["high_below_low"]),
    ({"high": 99.99, "open": 99.5, "close": 100.0, "low": 99.0}, ["high_below_open_or_close"]),
    ({"high": 101.0, "open": 99.5, "close": 100.0, "low": 99.6}, ["low_above_open_or_close"]),
    ({"adjustment": 0.0}, ["adjustment_not_positive"]),
    ({"adjustment": float("inf")}, ["adjustment_not_positive"]),
]


@pytest.mark.parametrize(("fault", "reasons"), BROKEN, ids=lambda value: str(value)[:50])
def test_a_broken_old_row_is_quarantined_with_its_reason_and_the_rest_published(
    store: Store, fault: dict[str, float | None], reasons: list[str]
) -> None:
    rows = market()
    broken = at(rows, "SPY", 30)
    rows.loc[broken, list(fault)] = list(fault.values())
    report = run(store, rows)
    broken_rows = quarantined(store)
    assert set(reasons) <= set(broken_rows["reason"])
    assert set(broken_rows["session"]) == {rows.loc[broken, "session"]}
    assert (report.rows, report.quarantined) == (len(rows) - 1, 1)
    assert not (
        (published(store)["session"] == DAYS[-31]) & (published(store)["symbol"] == "SPY")
    ).any()


def test_a_broken_restatement_of_the_newest_row_stops_and_leaves_what_was_published(
    store: Store,
) -> None:
    run(store, market())
    before = published(store)
    newest = history().tail(1).assign(low=500.0, ingested_at=INGESTED + timedelta(hours=1))
    with pytest.raises(QualityError, match="newest_broken"):
        run(store, newest)
    pd.testing.assert_frame_equal(published(store), before)
    corrected = history().tail(1).assign(ingested_at=INGESTED + timedelta(hours=2))
    assert run(store, corrected).rows == len(before)


@pytest.mark.parametrize("close", [None, 0.0, -4.0, 0.5, 201.0, float("inf")])
def test_an_implausible_index_close_is_quarantined_even_when_newest(
    store: Store, close: float | None
) -> None:
    rows = market()
    rows.loc[at(rows, "VIX", 0), "close"] = close
    report = run(store, rows)
    assert report.quarantined == 1
    assert set(quarantined(store)["reason"]) <= {"close_missing", "close_implausible"}
    assert (published(store)["symbol"] == "VIX").sum() == len(DAYS) - 1


@pytest.mark.parametrize(
    ("symbol", "close", "sound"),
    [("OVX", 325.15, True), ("VVIX", 207.59, True), ("DVOL", 999.0, True), ("OVX", 1001.0, False),
     ("OVX", 0.3, False), ("VXN", 201.0, False)],
)  # fmt: skip
def test_an_index_of_no_stock_index_may_be_over_two_hundred(
    store: Store, symbol: str, close: float, sound: bool
) -> None:
    rows = pd.concat([history(), history(symbol, 40.0)], ignore_index=True)
    rows.loc[at(rows, symbol, 30), "close"] = close
    store.write(RAW_MARKET, rows)
    universe = Universe(iv=symbol, iv_3m="", bond="", credit="")
    assert validate(store, universe, AS_OF).quarantined == (not sound)


def test_a_known_index_that_the_universe_does_not_name_is_no_asset() -> None:
    assert "VIX" in Universe(iv="", iv_3m="").indices
    assert "VIX" not in Universe(target="VIX", iv="", iv_3m="").indices


def test_prices_that_differ_by_a_32_bit_rounding_are_sound(store: Store) -> None:
    rows = market()
    rows.loc[at(rows, "SPY", 9), "high"] = rows.loc[at(rows, "SPY", 9), "close"] * (1 - 1e-7)
    rows.loc[at(rows, "SPY", 8), "low"] = rows.loc[at(rows, "SPY", 8), "open"] * (1 + 1e-7)
    assert run(store, rows).quarantined == 0


@pytest.mark.parametrize("rows", [history("TLT"), history("TLT").iloc[:0]], ids=["other", "none"])
def test_no_row_of_the_target_stops_the_run(store: Store, rows: pd.DataFrame) -> None:
    with pytest.raises(QualityError, match="target_missing"):
        run(store, rows)
    assert published(store).empty


@pytest.mark.parametrize(("gap", "passes"), [(5, True), (6, False)])
def test_up_to_five_missing_sessions_of_the_last_year_are_allowed(
    store: Store, gap: int, passes: bool
) -> None:
    rows = market()
    rows = rows.drop(index=[at(rows, "SPY", 10 + i) for i in range(gap)])
    if passes:
        assert run(store, rows).rows == len(rows)
    else:
        with pytest.raises(QualityError, match=r"missing_sessions 6 \(at most 5\)"):
            run(store, rows)
        assert published(store).empty


@pytest.mark.parametrize(
    "rows", [market().drop(index=range(130, 150)), history().tail(30)], ids=["old gap", "short"]
)
def test_neither_a_gap_before_the_last_year_nor_a_short_history_stops(
    store: Store, rows: pd.DataFrame
) -> None:
    assert run(store, rows).rows == len(rows)


@pytest.mark.parametrize(("count", "passes"), [(4, True), (5, False)])
def test_more_than_one_percent_of_broken_target_rows_stops_the_run(
    store: Store, count: int, passes: bool
) -> None:
    assert 4 <= len(DAYS) / 100 < 5
    rows = market()
    rows.loc[[at(rows, "SPY", 300 + 2 * i) for i in range(count)], "close"] = 0.0
    if passes:
        assert run(store, rows).quarantined == count
    else:
        with pytest.raises(QualityError, match=r"quarantined_share 0\.012"):
            run(store, rows)
        assert published(store).empty


def test_broken_rows_of_other_symbols_never_stop_the_run(store: Store) -> None:
    rows = market()
    rows.loc[rows["symbol"] == "TLT", "low"] = 1000.0
    report = run(store, rows)
    assert (report.quarantined, report.rows) == (len(DAYS), 2 * len(DAYS))


def test_running_twice_writes_the_same_bytes(store: Store, tmp_path: Path) -> None:
    rows = market()
    rows.loc[at(rows, "SPY", 40), "close"] = 0.0
    first = run(store, rows)
    files = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert run(store, rows) == first
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == files


def test_an_earlier_as_of_publishes_the_same_rows_up_to_it(store: Store) -> None:
    earlier = DAYS[-20].date()
    run(store, market(), earlier)
    then = published(store)
    assert then["session"].max() == DAYS[-20]
    run(store, market())
    now = published(store)
    pd.testing.assert_frame_equal(now[now["session"] <= DAYS[-20]].reset_index(drop=True), then)


def test_validation_prints_nothing_and_writes_only_to_the_store(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(elsewhere))
    run(store, market())
    assert capfd.readouterr() == ("", "")
    assert os.listdir(elsewhere) == []


def test_a_check_that_cannot_run_is_an_error_and_no_pass() -> None:
    rows = history().assign(row=range(len(DAYS)), kind="asset", on_calendar=True, repeats=False)
    assert judge_rows(rows).faults.empty
    with pytest.raises(VolcastError, match="expect_column_values_to_be_between"):
        judge([Check("raw", "odd", "warning", "symbol", at_least=0)], rows)
