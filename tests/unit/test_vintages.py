"""Vintages: what was known when, from curated tables alone."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from tests.faulty_feed import AS_OF, BEFORE, NOW, UNIVERSE, Feed, truth
from volcast.core import calendar
from volcast.data.ingest import ingest
from volcast.data.validate import validate
from volcast.data.vintages import Vintage, vintages
from volcast.features import build, labels
from volcast.features.catalog import FEATURES_DAILY
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_VERSIONS,
    LABELS_DAILY,
    MONITORING_QUARANTINE,
    RAW_MARKET,
)

FIRST = datetime(2024, 11, 26, 22, tzinfo=UTC)
SECOND = datetime(2024, 11, 27, 22, tzinfo=UTC)
HOLE, BROKEN, RESTATED, INDEX = -12, -9, -10, -8
TRUTH = truth()
DAYS = TRUTH["SPY"]["session"]


def changed(symbol: str, position: int, factor: float) -> Feed:
    frame = TRUTH[symbol].copy()
    row = len(frame) + position
    for name in ("open", "high", "low", "close", "adj_close"):
        frame.loc[row, name] *= factor
    return Feed(TRUTH | {symbol: frame})


def feeds() -> list[tuple[datetime, Feed]]:
    """Return three fetches: with a hole and a broken row, both corrected, and restated twice."""
    spy = TRUTH["SPY"].drop(len(TRUTH["SPY"]) + HOLE)
    bond = TRUTH["TLT"].copy()
    bond.loc[len(bond) + BROKEN, "close"] = np.nan
    third = changed("SPY", RESTATED, 1.003)
    third.frames["VIX"] = changed("VIX", INDEX, 1.01).frames["VIX"]
    return [
        (FIRST, Feed(TRUTH | {"SPY": spy, "TLT": bond})),
        (SECOND, changed("SPY", RESTATED, 1.002)),
        (NOW, third),
    ]


@pytest.fixture
def restated(store: Store) -> Store:
    """A store in which the past was corrected twice."""
    for now, feed in feeds():
        report = ingest(store, feed, UNIVERSE, now=now, as_of=None)
        validate(store, UNIVERSE, report.as_of)
    return store


def close(vintage: Vintage, symbol: str, position: int) -> float:
    rows = vintage.curated.set_index(["symbol", "session"])["close"]
    return float(rows.get((symbol, DAYS.iloc[position].date()), np.nan))


def test_each_correction_begins_a_vintage_with_the_prices_known_since(restated: Store) -> None:
    histories = vintages(restated, AS_OF)
    assert [vintage.since for vintage in histories[1:]] == [SECOND, NOW]
    assert [vintage.until for vintage in histories[:-1]] == [SECOND, NOW]
    true = {name: frame["close"] for name, frame in TRUTH.items()}
    prices = {
        (name, at): [close(vintage, name, at) for vintage in histories]
        for name, at in (("SPY", HOLE), ("TLT", BROKEN), ("SPY", RESTATED), ("VIX", INDEX))
    }
    spy, hole, bond, vix = (
        true["SPY"].iloc[RESTATED], true["SPY"].iloc[HOLE], true["TLT"].iloc[BROKEN],
        true["VIX"].iloc[INDEX],
    )  # fmt: skip
    np.testing.assert_array_equal(prices["SPY", HOLE], [np.nan, hole, hole])
    np.testing.assert_array_equal(prices["TLT", BROKEN], [np.nan, bond, bond])
    np.testing.assert_allclose(prices["SPY", RESTATED], [spy, spy * 1.002, spy * 1.003])
    np.testing.assert_allclose(prices["VIX", INDEX], [vix, vix, vix * 1.01])


def test_only_replaced_values_are_stored_again(restated: Store) -> None:
    rows = restated.read(CURATED_MARKET_VERSIONS).to_pandas()
    at_close = calendar.closes([DAYS.iloc[RESTATED].date(), DAYS.iloc[INDEX].date()])
    versions = rows[["symbol", "known_at"]].itertuples(index=False, name=None)
    assert {*versions} >= {("SPY", at_close[0]), ("SPY", SECOND), ("VIX", at_close[1])}
    assert len(rows) < 8


def test_an_earlier_as_of_adds_no_version(restated: Store) -> None:
    before = restated.read(CURATED_MARKET_VERSIONS)
    validate(restated, UNIVERSE, BEFORE)
    assert restated.read(CURATED_MARKET_VERSIONS).equals(before)


def test_features_and_labels_are_the_same_without_the_raw_tables(restated: Store) -> None:
    build.build(restated, UNIVERSE, AS_OF)
    labels.build(restated, UNIVERSE, AS_OF)
    tables = (FEATURES_DAILY, LABELS_DAILY)
    before = [restated.read(table) for table in tables]
    for table in (RAW_MARKET, MONITORING_QUARANTINE, *tables):
        for key in restated.objects.list(f"{table.name}/"):
            restated.objects.delete(key)
    build.build(restated, UNIVERSE, AS_OF)
    labels.build(restated, UNIVERSE, AS_OF)
    assert [restated.read(table) for table in tables] == before
    created = set(before[0].to_pandas()["created_timestamp"])
    assert {pd.Timestamp(SECOND), pd.Timestamp(NOW)} <= created


def test_a_history_is_known_from_its_moment_to_that_of_the_next() -> None:
    since, until = pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2024-01-03", tz="UTC")
    vintage = Vintage(since, until, pd.DataFrame())
    assert vintage.holds(pd.Series([since, until])).tolist() == [True, False]
