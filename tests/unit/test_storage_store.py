import hashlib
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from multiprocessing.synchronize import Barrier
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.contract_rows import contract_rows, days
from volcast.core.errors import ContractError, CorruptFile, StoreUnavailable
from volcast.features.catalog import FEATURES_DAILY
from volcast.store import Store, WriteReport
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    LABELS_DAILY,
    PREDICTIONS_DAILY,
    RAW_MACRO,
    RAW_MARKET,
    TABLES,
)

TURN = days(date(2020, 12, 27), 10)
"""Five days of 2020 and five of 2021: two partition files a symbol."""


def tree(store: Store) -> dict[str, str]:
    objects = store.objects
    return {key: hashlib.sha256(objects.get(key)).hexdigest() for key in objects.list("")}


@pytest.mark.parametrize("name", TABLES)
def test_rows_come_back_typed_and_in_order_of_the_key(store, name):
    table = TABLES[name]
    rows = contract_rows(table, ["SPY", "^VIX", "BRK/B", "SPY-A"], TURN)
    report = store.write(table, rows.take(list(reversed(range(len(rows))))))
    assert report == WriteReport(added=40, replaced=0, unchanged=0, files=report.files)
    assert store.read(table).equals(table.sorted(rows))


def test_every_kind_of_store_reads_its_rows_or_an_empty_table(any_store):
    empty = any_store.read(PREDICTIONS_DAILY, symbols=["SPY"], first=date(2020, 1, 1))
    assert empty.equals(PREDICTIONS_DAILY.empty())
    rows = contract_rows(PREDICTIONS_DAILY, ["SPY", "^VIX"], TURN)
    assert any_store.write(PREDICTIONS_DAILY, rows).files == 4
    assert any_store.read(PREDICTIONS_DAILY).equals(PREDICTIONS_DAILY.sorted(rows))


def test_a_read_selects_symbols_and_inclusive_days(store):
    store.write(LABELS_DAILY, contract_rows(LABELS_DAILY, ["SPY", "SPYX", "TLT"], TURN))
    rows = store.read(LABELS_DAILY, symbols=["TLT", "SPY", "SPY"], first=TURN[3], last=TURN[6])
    assert rows.column("symbol").to_pylist() == ["SPY"] * 4 + ["TLT"] * 4
    assert rows.column("session").to_pylist() == TURN[3:7] * 2
    assert len(store.read(LABELS_DAILY, symbols=[])) == 0
    assert len(store.read(LABELS_DAILY, first=TURN[9], last=TURN[0])) == 0


def test_a_read_opens_no_files_of_other_symbols_and_years_or_of_another_layout(store):
    store.write(LABELS_DAILY, contract_rows(LABELS_DAILY, ["SPY", "TLT"], TURN))
    for key in store.objects.list(""):
        if "SPY/year=2021" not in key:
            store.objects.put(key, b"broken")
    for name in ("notes.txt", "copy.parquet"):
        store.objects.put(f"labels_daily/symbol=SPY/year=2021/{name}", b"x")
    assert len(store.read(LABELS_DAILY, symbols=["SPY"], first=date(2021, 1, 1))) == 5


@pytest.mark.parametrize("table", [FEATURES_DAILY, PREDICTIONS_DAILY, CURATED_MARKET_DAILY])
def test_the_same_rows_give_the_same_bytes_in_any_order_and_parts(tmp_path, table):
    rows = contract_rows(table, ["SPY", "TLT"], TURN)
    whole, parts = Store.open(str(tmp_path / "a")), Store.open(str(tmp_path / "b"))
    whole.write(table, rows)
    parts.write(table, contract_rows(table, ["TLT"], TURN, version=1))
    for start in (7, 0, 14):
        parts.write(table, rows.slice(start, 7).to_pandas())
    assert tree(parts) == tree(whole)


def test_a_repeated_write_changes_no_file(store):
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in Path(store.uri).rglob("*.parquet")}

    rows = contract_rows(PREDICTIONS_DAILY, ["SPY"], TURN)
    store.write(PREDICTIONS_DAILY, rows)
    before = files()
    assert store.write(PREDICTIONS_DAILY, rows) == WriteReport(0, 0, 10, files=0)
    assert files() == before
    assert len(before) == 2


def test_a_write_replaces_rows_of_its_keys_and_keeps_the_others(any_store):
    old = contract_rows(PREDICTIONS_DAILY, ["SPY"], TURN)
    new = contract_rows(PREDICTIONS_DAILY, ["SPY"], TURN[:2], version=1)
    extra = contract_rows(PREDICTIONS_DAILY, ["SPY"], days(date(2021, 2, 1), 1))
    any_store.write(PREDICTIONS_DAILY, old)
    changes = pa.concat_tables([extra, new, old.slice(2, 1)])
    assert any_store.write(PREDICTIONS_DAILY, changes) == WriteReport(1, 2, 1, files=2)
    expected = pa.concat_tables([new, old.slice(2), extra])
    assert any_store.read(PREDICTIONS_DAILY).equals(expected)


def test_a_number_that_becomes_null_replaces_the_row_once(store):
    rows = contract_rows(FEATURES_DAILY, ["SPY"], TURN[:1]).to_pylist()
    store.write(FEATURES_DAILY, pa.Table.from_pylist([rows[0] | {"vix": 0.2}]))
    without = FEATURES_DAILY.conform(pa.Table.from_pylist([rows[0] | {"vix": float("nan")}]))
    assert store.write(FEATURES_DAILY, without).replaced == 1
    assert store.write(FEATURES_DAILY, without).unchanged == 1
    assert store.read(FEATURES_DAILY).column("vix").to_pylist() == [None]


def test_a_raw_row_with_other_values_is_refused_before_anything_is_written(store):
    rows = contract_rows(RAW_MARKET, ["SPY"], TURN)
    store.write(RAW_MARKET, rows)
    assert store.write(RAW_MARKET, rows).unchanged == 10
    restated = contract_rows(RAW_MARKET, ["SPY"], TURN, version=1)
    assert store.write(RAW_MARKET, restated) == WriteReport(10, 0, 0, files=1)
    assert len(store.read(RAW_MARKET)) == 20
    before = tree(store)
    new = contract_rows(RAW_MARKET, ["AAA"], TURN)
    wrong = rows.set_column(rows.column_names.index("volume"), "volume", pa.array([-1.0] * 10))
    both = pa.concat_tables([new.drop_columns("volume"), wrong], promote_options="default")
    with pytest.raises(StoreUnavailable) as caught:
        store.write(RAW_MARKET, both)
    assert caught.value.exit_code == 20
    assert tree(store) == before


def _fetched_later(rows: pa.Table, minutes: int) -> pa.Table:
    place = rows.column_names.index("ingested_at")
    stamps = pc.add(rows.column(place), pa.scalar(60_000_000 * minutes, pa.duration("us")))
    return rows.set_column(place, rows.schema.field(place), stamps)


@pytest.mark.parametrize(("table", "minutes"), [(RAW_MARKET, 1), (RAW_MACRO, 1), (RAW_MACRO, 1440)])
def test_values_of_another_fetch_are_stored_once(any_store, table, minutes):
    rows = contract_rows(table, ["SPY", "CPI"], TURN)
    any_store.write(table, rows)
    again = _fetched_later(rows, minutes)
    more = contract_rows(table, ["SPY"], days(date(2022, 1, 3), 1))
    report = any_store.write(table, pa.concat_tables([again, more]))
    assert report == WriteReport(added=1, replaced=0, unchanged=20, files=1)
    assert any_store.read(table).equals(table.sorted(pa.concat_tables([rows, more])))


def test_a_value_that_comes_back_after_another_is_a_version_of_its_own(store):
    first = contract_rows(RAW_MARKET, ["SPY"], TURN[:1])
    volume = first.column_names.index("volume")
    second = _fetched_later(first.set_column(volume, "volume", pa.array([7.0])), 1)
    for rows in (first, second, _fetched_later(first, 2)):
        assert store.write(RAW_MARKET, rows).added == 1
    assert len(store.read(RAW_MARKET)) == 3


def test_a_macro_value_is_refused_with_other_values_on_any_day(store):
    rows = contract_rows(RAW_MACRO, ["CPI"], TURN[:1])
    store.write(RAW_MACRO, rows)
    changed = rows.set_column(rows.column_names.index("value"), "value", pa.array([7.0]))
    for minutes in (0, 1, 1440):
        with pytest.raises(StoreUnavailable):
            store.write(RAW_MACRO, _fetched_later(changed, minutes))
    assert store.read(RAW_MACRO).equals(rows)


def _write_own_days(uri: str, own: int, start: Barrier) -> None:
    store = Store.open(uri)
    start.wait(60)
    for day in days(date(2020, 1, 1), 30)[own::2]:
        store.write(LABELS_DAILY, contract_rows(LABELS_DAILY, ["SPY"], [day]))


def test_concurrent_threads_lose_no_row(any_store):
    start = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda own: _write_own_days(any_store.uri, own, start), range(2)))
    sessions = any_store.read(LABELS_DAILY).column("session").to_pylist()
    assert sessions == days(date(2020, 1, 1), 30)


def test_concurrent_processes_lose_no_row(store):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    writers = [context.Process(target=_write_own_days, args=(store.uri, i, start)) for i in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert store.read(LABELS_DAILY).column("session").to_pylist() == days(date(2020, 1, 1), 30)


@pytest.mark.parametrize("fault", [0, 4, 100, -1, "flipped bit", "altered name"])
def test_a_truncated_or_altered_file_is_corrupt_for_readers_and_writers(any_store, fault):
    rows = contract_rows(LABELS_DAILY, ["SPY"], TURN[:5])
    any_store.write(LABELS_DAILY, rows)
    (key,) = any_store.objects.list("labels_daily/")
    data = bytearray(any_store.objects.get(key))
    if fault == "flipped bit":
        data[40] ^= 1
    elif fault == "altered name":
        data = data.replace(b"rv_5d", b"rv_\xff\xfe")
    else:
        del data[fault:]
    any_store.objects.put(key, bytes(data))
    for action in (any_store.read, lambda table: any_store.write(table, rows)):
        with pytest.raises(CorruptFile, match=key) as caught:
            action(LABELS_DAILY)
        assert caught.value.exit_code == 10


@pytest.mark.parametrize("name", [*TABLES, "features_daily"])
def test_a_table_opens_with_pandas_and_duckdb(store, name):
    table = TABLES.get(name, FEATURES_DAILY)
    symbols = ["SPY", "^VIX", "BRK/B"]
    store.write(table, contract_rows(table, symbols, TURN))
    frame = pd.read_parquet(f"{store.uri}/{name}")
    assert set(table.schema.names) <= set(frame.columns)
    assert frame[table.partition_symbol].astype(str).value_counts().to_dict() == dict.fromkeys(
        symbols, 10
    )
    rows = duckdb.read_parquet(f"{store.uri}/{name}/**/*.parquet")
    assert sorted(rows.select(table.partition_symbol).fetchall()) == sorted(
        [(symbol,) for symbol in symbols] * 10
    )


def test_a_file_of_an_older_version_is_read_and_opens_elsewhere_after_a_write(store):
    rows = contract_rows(FEATURES_DAILY, ["SPY"], TURN[:5])
    _put_file(store, rows)
    assert store.read(FEATURES_DAILY).equals(rows)
    with pytest.raises(pa.ArrowTypeError):
        pd.read_parquet(f"{store.uri}/features_daily")
    assert len(pd.read_parquet(f"{store.uri}/features_daily", partitioning=None)) == 5
    assert store.write(FEATURES_DAILY, rows[:1]) == WriteReport(0, 0, 1, files=1)
    assert len(pd.read_parquet(f"{store.uri}/features_daily")) == 5
    assert store.read(FEATURES_DAILY).equals(rows)


def _put_file(store: Store, rows: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    key = "features_daily/symbol=SPY/year=2020/data.parquet"
    store.objects.put(key, sink.getvalue().to_pybytes())


def test_a_file_with_a_newer_column_is_readable_and_never_rewritten(store):
    rows = contract_rows(FEATURES_DAILY, ["SPY"], TURN[:5])
    _put_file(store, rows.append_column("of_tomorrow", pa.array([1.0] * 5)))
    assert store.read(FEATURES_DAILY).equals(rows)
    with pytest.raises(ContractError, match="of_tomorrow"):
        store.write(FEATURES_DAILY, contract_rows(FEATURES_DAILY, ["SPY"], TURN[:1], version=1))


def test_a_file_of_an_older_version_reads_null_in_a_new_column_that_may_be_null(store):
    rows = contract_rows(FEATURES_DAILY, ["SPY"], TURN[:5])
    _put_file(store, rows.drop_columns(["vix"]))
    read = store.read(FEATURES_DAILY)
    assert read.column("vix").null_count == 5
    assert read.drop_columns(["vix"]).equals(rows.drop_columns(["vix"]))
    _put_file(store, rows.drop_columns(["event_timestamp"]))
    with pytest.raises(ContractError, match=r"features_daily/symbol=SPY.*event_timestamp"):
        store.read(FEATURES_DAILY)
