from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.contract_rows import contract_rows, days
from volcast.core.errors import ContractError
from volcast.features.catalog import FEATURES_DAILY
from volcast.store.tables import LABELS_DAILY, RAW_MARKET, TABLES

CLOSE = datetime(2021, 1, 11, 21, tzinfo=UTC)
ROW = {
    "symbol": "SPY",
    "session": date(2021, 1, 4),
    "rv_5d": 0.1,
    "label_end_session": date(2021, 1, 11),
    "event_timestamp": CLOSE,
}


def frame(**changes: object) -> pd.DataFrame:
    return pd.DataFrame([ROW | changes])


@pytest.mark.parametrize("name", TABLES)
def test_a_contract_names_its_key_and_partition_columns_and_none_may_be_null(name):
    table = TABLES[name]
    needed = {*table.key, table.partition_symbol, table.partition_date, table.partition_stamp}
    columns = {column.name: column for column in table.columns}
    assert len(columns) == len(table.columns)
    assert all(not columns[name].nullable for name in needed - {None})


@pytest.mark.parametrize("name", TABLES)
def test_rows_that_conform_are_the_same_from_arrow_and_from_pandas(name):
    table = TABLES[name]
    rows = contract_rows(table, ["SPY", "^VIX"], days(date(2020, 12, 30), 4))
    assert table.conform(rows).schema.equals(table.schema)
    assert table.conform(rows.to_pandas()).equals(table.conform(rows))
    assert table.conform(table.conform(rows)).equals(table.conform(rows))


def test_columns_may_come_in_any_order_and_rows_are_sorted_by_key():
    rows = pd.concat([frame(symbol="TLT"), frame(session=date(2021, 1, 5)), frame()])
    table = LABELS_DAILY.conform(rows[sorted(rows)])
    assert table.column_names == list(ROW)
    keys = zip(table["symbol"].to_pylist(), table["session"].to_pylist(), strict=True)
    assert [(symbol, day.day) for symbol, day in keys] == [("SPY", 4), ("SPY", 5), ("TLT", 4)]


def test_a_missing_number_is_null_and_never_nan():
    rows = contract_rows(FEATURES_DAILY, ["SPY"], days(date(2021, 1, 4), 2)).drop_columns(["vix"])
    assert FEATURES_DAILY.conform(rows).column("vix").null_count == 2
    table = FEATURES_DAILY.conform(rows.append_column("vix", pa.array([np.nan, 0.2])))
    assert table.column("vix").to_pylist() == [None, 0.2]


def test_pandas_midnights_and_whole_numbers_are_accepted():
    rows = frame(session=pd.Timestamp("2021-01-04"), rv_5d=1)
    assert LABELS_DAILY.conform(rows).to_pylist() == [ROW | {"rv_5d": 1.0}]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (frame().drop(columns="rv_5d"), r"missing columns \['rv_5d'\]"),
        (frame(extra=1), r"unknown columns \['extra'\]"),
        (pd.concat([frame(), frame()[["rv_5d"]]], axis=1), "twice"),
        (frame(rv_5d=None), "rv_5d: found 1 nulls"),
        (frame(rv_5d=float("nan")), "rv_5d: found 1 nulls"),
        (frame(rv_5d="0.1"), "rv_5d: found .*string"),
        (frame(rv_5d=True), "rv_5d: found .*bool"),
        (frame(symbol=3), "symbol: found .*int64"),
        (frame(session="2021-01-04"), "session: found .*string"),
        (frame(session=pd.Timestamp("2021-01-04 15:00")), "session: found .*timestamp"),
        (frame(event_timestamp=CLOSE.replace(tzinfo=None)), "event_timestamp: found .*timestamp"),
        (frame(event_timestamp=date(2021, 1, 11)), "event_timestamp: found .*date32"),
        (pd.concat([frame(), frame(rv_5d=0.2)]), "1 repeated keys, first .*SPY.*2021-01-04"),
    ],
)
def test_rows_that_break_the_contract_are_refused_with_the_fault(rows, fault):
    with pytest.raises(ContractError, match=fault) as caught:
        LABELS_DAILY.conform(rows, where="the labels step")
    assert caught.value.where.startswith("the labels step")
    assert caught.value.exit_code == 10


def test_rows_go_to_the_file_of_their_symbol_and_year():
    rows = contract_rows(LABELS_DAILY, ["SPY", "A/B"], days(date(2020, 12, 31), 2))
    parts = dict(LABELS_DAILY.partitions(LABELS_DAILY.conform(rows)))
    assert {path: part["symbol"].to_pylist() for path, part in parts.items()} == {
        f"labels_daily/symbol={folder}/year={year}/data.parquet": [symbol]
        for folder, symbol in (("A%2FB", "A/B"), ("SPY", "SPY"))
        for year in (2020, 2021)
    }
    assert [LABELS_DAILY.year(path) for path in parts] == [2020, 2021, 2020, 2021]


def test_raw_rows_go_to_the_file_of_their_symbol_and_ingestion_day():
    fetched = [
        contract_rows(RAW_MARKET, ["SPY", "A/B"], days(date(2020, 12, 31), 2), version)
        for version in (0, 1)
    ]
    parts = dict(RAW_MARKET.partitions(RAW_MARKET.conform(pa.concat_tables(fetched))))
    assert {path: len(part) for path, part in parts.items()} == {
        f"raw.market/symbol={folder}/day=2021-06-0{day}/data.parquet": 2
        for folder in ("A%2FB", "SPY")
        for day in (1, 2)
    }


def test_a_file_of_a_year_holds_days_of_that_year_and_a_raw_file_any():
    path = "labels_daily/symbol=SPY/year=2021/data.parquet"
    assert LABELS_DAILY.holds(path)
    assert LABELS_DAILY.holds(path, date(2021, 12, 31), date(2021, 12, 31))
    assert not LABELS_DAILY.holds(path, first=date(2022, 1, 1))
    assert not LABELS_DAILY.holds(path, last=date(2020, 12, 31))
    assert RAW_MARKET.holds("raw.market/symbol=SPY/day=2021-06-01/data.parquet", date(2022, 1, 1))


def test_a_path_of_another_layout_holds_nothing():
    for path in (
        "labels_daily/symbol=SPY/year=2021/x.parquet",
        "labels_daily/symbol=SPY/day=2021-06-01/data.parquet",
        "other/symbol=SPY/year=2021/data.parquet",
    ):
        assert not LABELS_DAILY.holds(path)
        assert LABELS_DAILY.year(path) is None
    assert not RAW_MARKET.holds("raw.market/symbol=SPY/year=2021/data.parquet")
