"""features_daily: vintages are kept, and read as known then."""

import pandas as pd
import pytest

from tests.markets import UNIVERSE, curated, fill
from volcast.contracts import CURATED_MARKET_DAILY, FEATURES_DAILY
from volcast.errors import ContractError
from volcast.features.definitions import names
from volcast.features.store import as_known_then, build

RESTATED_AT = pd.Timestamp("2002-01-02 15:00", tz="UTC")


def restate(store, symbol, position):
    """Restate one close, known only later; return its session."""
    rows = curated(2)
    own = rows[rows["symbol"] == symbol].sort_values("session").iloc[[position]]
    changed = own.assign(close=own["close"] * 1.002, known_at=RESTATED_AT)
    store.write(CURATED_MARKET_DAILY, changed.assign(high=changed[["high", "close"]].max(axis=1)))
    return own["session"].iloc[0]


@pytest.fixture
def last(store):
    return fill(store, 2)


def test_building_twice_writes_nothing_the_second_time(store, last):
    again = build(store, UNIVERSE, last)
    assert (again.added, again.replaced, again.files) == (0, 0, 0)


def test_a_first_version_is_created_at_the_close_of_its_session(store, last):
    rows = store.read(FEATURES_DAILY).to_pandas()
    assert (rows["created_timestamp"] == rows["event_timestamp"]).all()


def test_a_restated_price_makes_new_versions_from_its_session_on_and_keeps_the_old(store, last):
    before = as_known_then(store, UNIVERSE.target, last)
    session = restate(store, UNIVERSE.target, 400)
    report = build(store, UNIVERSE, last)
    rows = store.read(FEATURES_DAILY, symbols=[UNIVERSE.target]).to_pandas()
    versions = rows[rows["created_timestamp"] != rows["event_timestamp"]]
    assert set(versions["created_timestamp"]) == {RESTATED_AT}
    assert versions["session"].min() == session
    assert len(versions) > 66
    assert report.replaced == 0
    pd.testing.assert_frame_equal(as_known_then(store, UNIVERSE.target, last), before)


def test_a_later_day_after_a_restatement_counts_as_known_at_its_own_close(store):
    sessions = sorted(set(curated(2)["session"]))
    fill(store, 2, as_of=sessions[-2])
    restate(store, UNIVERSE.target, 400)
    rows = curated(2)
    store.write(CURATED_MARKET_DAILY, rows[rows["session"] == sessions[-1]])
    build(store, UNIVERSE, sessions[-1])
    newest = as_known_then(store, UNIVERSE.target, sessions[-1]).iloc[-1]
    assert newest["session"] == sessions[-1]
    assert newest["created_timestamp"] == newest["event_timestamp"]


def test_another_universe_replaces_values_in_place(store, last):
    no_bond = UNIVERSE.model_copy(update={"bond": ""})
    report = build(store, no_bond, last)
    assert report.added == 0
    rows = store.read(FEATURES_DAILY).to_pandas()
    assert rows[[n for n in names() if n.startswith("bond")]].isna().all(axis=None)


def test_without_the_target_the_error_names_it_and_the_remedy(store, last):
    other = UNIVERSE.model_copy(update={"target": "XYZ"})
    with pytest.raises(ContractError, match=r"no row of XYZ.*volcast ingest"):
        build(store, other, last)
