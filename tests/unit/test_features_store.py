"""features_daily: versions are stored, and read as of a session's close."""

from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.markets import UNIVERSE, as_curated, curated, fill, restate
from volcast.core.errors import ContractError
from volcast.data.sources import SyntheticSource
from volcast.features import build as build_module
from volcast.features import labels
from volcast.features.build import build
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.features.point_in_time import features_at_close
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, LABELS_DAILY

RESTATED_AT = pd.Timestamp("2002-01-02 15:00", tz="UTC")


@pytest.fixture
def last(store):
    return fill(store, 2)


def test_a_first_version_is_created_at_its_close_and_building_again_writes_nothing(store, last):
    rows = store.read(FEATURES_DAILY).to_pandas()
    assert (rows["created_timestamp"] == rows["event_timestamp"]).all()
    again = build(store, UNIVERSE, last)
    assert (again.added, again.replaced, again.files) == (0, 0, 0)


def test_a_restated_price_makes_new_versions_from_its_session_on_next_to_the_old(store, last):
    before = features_at_close(store, UNIVERSE.target, last)
    session = restate(store, 400, RESTATED_AT)
    report = build(store, UNIVERSE, last)
    rows = store.read(FEATURES_DAILY, symbols=[UNIVERSE.target]).to_pandas()
    versions = rows[rows["created_timestamp"] != rows["event_timestamp"]]
    assert set(versions["created_timestamp"]) == {RESTATED_AT}
    assert versions["session"].min() == session
    assert len(versions) > 66
    assert report.replaced == 0
    pd.testing.assert_frame_equal(features_at_close(store, UNIVERSE.target, last), before)


def test_a_day_after_a_restatement_takes_the_new_price_at_its_own_close(store):
    at = pd.Timestamp("2001-11-01 12:00", tz="UTC")
    last = fill(store, 2)
    before = features_at_close(store, UNIVERSE.target, last)
    restate(store, 455, at)
    build(store, UNIVERSE, last)
    after = features_at_close(store, UNIVERSE.target, last)
    changed = after["ret_22_scaled"].fillna(0) != before["ret_22_scaled"].fillna(0)
    assert changed.sum() > 5
    assert after.loc[changed, "session"].min() == at.date()
    assert (after["created_timestamp"] == after["event_timestamp"]).all()


def test_versions_do_not_depend_on_when_they_were_built(store, last, tmp_path):
    restate(store, 400, RESTATED_AT)
    build(store, UNIVERSE, last)
    other = Store.open(str(tmp_path / "other"))
    other.write(CURATED_MARKET_DAILY, curated(2))
    restate(other, 400, RESTATED_AT)
    build(other, UNIVERSE, last)
    assert other.read(FEATURES_DAILY).equals(store.read(FEATURES_DAILY))


def test_features_do_not_depend_on_the_batch_or_on_which_other_symbols_there_are(
    store, last, tmp_path, monkeypatch
):
    market = SyntheticSource(symbols=9, years=2).market(
        ("SYN00006", "SYN00007", "SYN00008"), None, None
    )
    others = as_curated(market.rows)
    others = others[(others["symbol"] != "SYN00008") | (others["session"] > date(2000, 3, 1))]
    store.write(CURATED_MARKET_DAILY, others)
    restate(store, 400, RESTATED_AT)
    build(store, UNIVERSE, last)
    other = Store.open(str(tmp_path / "other"))
    other.write(CURATED_MARKET_DAILY, curated(2))
    other.write(CURATED_MARKET_DAILY, others)
    restate(other, 400, RESTATED_AT)
    monkeypatch.setattr(build_module, "_BATCH", 1)
    build(other, UNIVERSE, last)
    assert other.read(FEATURES_DAILY).equals(store.read(FEATURES_DAILY))


def test_a_later_correction_changes_no_label_that_had_ended(store, last):
    before = store.read(LABELS_DAILY)
    restate(store, 400, RESTATED_AT)
    labels.build(store, UNIVERSE, last)
    assert store.read(LABELS_DAILY).equals(before)


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


def test_files_written_before_a_column_was_added_are_read_and_filled_in(store):
    last = fill(store, 5)
    whole = store.read(FEATURES_DAILY)
    for key in store.objects.list(f"{FEATURES_DAILY.name}/"):
        old = pq.read_table(pa.BufferReader(store.objects.get(key)))
        sink = pa.BufferOutputStream()
        pq.write_table(old.drop_columns(names("macro", "regime")), sink)
        store.objects.put(key, bytes(sink.getvalue()))
    assert store.read(FEATURES_DAILY).column("hmm_calm").null_count == len(whole)
    report = build(store, UNIVERSE, last)
    assert (report.added, report.replaced > 0) == (0, True)
    assert store.read(FEATURES_DAILY).equals(whole)
