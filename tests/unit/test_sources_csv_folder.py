"""A folder of CSV files, whole, broken and large."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from volcast.core.errors import ConfigError, ContractError
from volcast.core.settings import SourceName, Universe, read_settings
from volcast.data.ingest import ingest
from volcast.data.sources import CsvFolderSource, open_source
from volcast.steps.preflight import check_source
from volcast.store import Store
from volcast.store.tables import RAW_MARKET

NOW = datetime(2021, 12, 31, 22, tzinfo=UTC)

HEADER = "date,open,high,low,close,adj_close,volume\n"
GOOD = "2021-12-30,10,11,9,10.5,10.5,100\n2021-12-31,10.5,12,10,11,11,200\n"


def folder(root: Path, text: str, macro: str = "", series: str = "X") -> CsvFolderSource:
    (root / "market").mkdir()
    (root / "market" / "SPY.csv").write_text(text)
    if macro:
        (root / "macro").mkdir()
        (root / "macro" / f"{series}.csv").write_text(macro)
    return CsvFolderSource(root)


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        (HEADER + GOOD + "2022-01-03,x,1,1,1,1,1\n", ", row 4", "column open: x"),
        (HEADER + GOOD + "2022-13-03,1,1,1,1,1,1\n", ", row 4", "column date: 2022-13-03"),
        (HEADER + GOOD + "2022-01-03,1,1\n", "", "row 4: Expected 7 columns, got 3"),
        (HEADER + GOOD + ",1,1,1,1,1,1\n", ", row 4", "column date: no value"),
        (HEADER.replace("low", "lowest") + GOOD, "", "no column low"),
        (HEADER.replace("low", "open") + GOOD, ", row 1", "columns"),
        (HEADER + GOOD + GOOD.replace("10.5,100", "10.6,100"), ", row 4", "2021-12-30 a second"),
        (HEADER + GOOD + "0001-01-01,1,1,1,1,1,1\n", ", row 4", "column date: 0001-01-01"),
        (HEADER + "1600-05-01,1,1,1,1,1,1\n" + GOOD, ", row 2", "column date: 1600-05-01"),
        (HEADER + GOOD + "9999-12-31,1,1,1,1,1,1\n", ", row 4", "column date: 9999-12-31"),
        ("", "", "Empty"),
        ("\x00\x00\x00", ", row 1", "columns"),
        (b"\xff\xfe\x9d\x00PAR1", ", row 1", "columns"),
        (b"\x1f\x8b\x08\x00broken", "", ""),
        (b"PAR1broken", "", ""),
    ],
)
def test_a_broken_file_is_one_error_that_names_file_and_row(
    tmp_path: Path, text: str | bytes, where: str, found: str
) -> None:
    source = folder(tmp_path, "")
    file = tmp_path / "market" / "SPY.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ContractError) as caught:
        source.market(["SPY"], None, None)
    assert caught.value.where == f"{file}{where}"
    assert found in caught.value.found
    assert caught.value.exit_code == 10


def test_a_file_that_cannot_be_opened_is_a_typed_error(tmp_path: Path) -> None:
    source = folder(tmp_path, HEADER + GOOD)
    (tmp_path / "macro" / "X.csv").mkdir(parents=True)
    with pytest.raises(ContractError, match=r"X\.csv.*directory"):
        source.macro(None, None)


def test_a_repeat_is_counted_and_a_symbol_without_a_file_noted(tmp_path: Path) -> None:
    fetched = folder(tmp_path, HEADER + GOOD + GOOD).market(["SPY", "TLT"], None, None)
    assert fetched.rows["close"].tolist() == [10.5, 11.0]
    assert fetched.dropped == {"SPY: repeated row": 2}
    assert any("TLT.csv" in note for note in fetched.notes)


def test_rows_with_odd_values_are_fetched_as_they_are(tmp_path: Path) -> None:
    odd = "2021-12-25,NaN,,-1,0,0,\n"
    rows = folder(tmp_path, HEADER + odd + GOOD).market(["SPY"], None, None).rows
    assert rows["session"].dt.date.tolist()[0] == date(2021, 12, 25)
    assert rows.loc[0, ["open", "high", "volume"]].isna().all()
    assert rows.loc[0, ["low", "close"]].tolist() == [-1.0, 0.0]


def test_rows_out_of_order_come_in_order_and_within_bounds(tmp_path: Path) -> None:
    text = HEADER + "".join(reversed(GOOD.splitlines(keepends=True)))
    source = folder(tmp_path, text)
    assert source.market(["SPY"], None, None).rows["close"].tolist() == [10.5, 11.0]
    bounded = source.market(["SPY"], date(2021, 12, 31), date(2021, 12, 31)).rows
    assert bounded[["close", "adjustment"]].to_numpy().tolist() == [[11.0, 1.0]]


def test_a_missing_folder_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        CsvFolderSource(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="source_path"):
        open_source(read_settings(source="csv"))


def test_every_source_that_can_be_set_is_opened_by_its_name(tmp_path: Path) -> None:
    folder(tmp_path, HEADER + GOOD)
    for name in get_args(SourceName):
        assert open_source(read_settings(source=name, source_path=tmp_path)).name == name


def test_vintages_keep_first_prints_and_changes(tmp_path: Path) -> None:
    macro = (
        "vintage,date,value\n2020-01,2019-11-01,1\n2020-02,2019-11-01,1\n2020-02,2019-12-01,2\n"
        "2020-03,2019-11-01,1.5\n2020-03,2019-12-01,2\n"
    )
    rows = folder(tmp_path, HEADER + GOOD, macro).macro(None, None).rows
    values = [
        (str(at)[:10], value) for at, value in zip(rows["available_at"], rows["value"], strict=True)
    ]
    assert values == [("2020-02-01", 1.0), ("2020-04-01", 1.5), ("2020-03-01", 2.0)]
    assert rows["lag_rule"].str.startswith("published").all()


@pytest.mark.parametrize(
    ("macro", "found"),
    [
        ("date,value\n2020-01-01,a\n", "row 2: found column value: a"),
        ("date,low,high\n2020-01-01,1,1\n", "row 1: found columns"),
        ("date,value\n2020-01-01,1\n2020-01-01,2\n", "row 3: found 2020-01-01 a second time"),
        ("date,value\n2035-11-01,1\n2036-01-02,1\n", "row 3: found column date: 2036-01-02"),
        ("date,value\n0001-01-01,1\n", "row 2: found column date: 0001-01-01"),
        ("vintage,date,value\n2020-01,9999-12-31,1\n", "row 2: found column date: 9999-12-31"),
        ("vintage,date,value\n9999-12,2020-01-01,1\n", "vintages as YYYY-MM"),
        ("vintage,date,value\n0001-12,2020-01-01,1\n", "vintages as YYYY-MM"),
        ("vintage,date,value\n2020-99,2020-01-01,1\n", "vintages as YYYY-MM"),
    ],
)
def test_a_broken_series_is_refused(tmp_path: Path, macro: str, found: str) -> None:
    with pytest.raises(ContractError, match=found):
        folder(tmp_path, HEADER + GOOD, macro).macro(None, None)


def test_days_without_a_macro_value_are_dropped_and_counted(tmp_path: Path) -> None:
    macro = "date,value\n2020-01-02,1\n2020-01-03,.\n2020-01-06,\n2020-01-07,2\n"
    fetched = folder(tmp_path, HEADER + GOOD, macro).macro(None, None)
    assert fetched.rows["value"].tolist() == [1.0, 2.0]
    assert fetched.dropped == {"X: no value": 2}


def test_real_files_come_whole(shared_data: Path) -> None:
    rows = CsvFolderSource(shared_data).market(["SPY", "VIX"], None, None).rows
    for symbol in ("SPY", "VIX"):
        printed = pd.read_csv(shared_data / "market" / f"{symbol}.csv")
        part = rows[rows["symbol"] == symbol]
        assert part["session"].dt.strftime("%Y-%m-%d").tolist() == printed["date"].tolist()
        for name in ("open", "high", "low", "close", "adj_close", "volume"):
            assert (part[name].to_numpy() == printed[name].to_numpy()).all()


def test_hidden_files_and_files_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    source = folder(tmp_path, HEADER + GOOD)
    for name in ("._SPY.csv", ".SPY.csv.swp", "~$SPY.xlsx", "README.md", "desktop.ini"):
        (tmp_path / "market" / name).write_bytes(b"\x00\x05\x16\x07")
    assert CsvFolderSource(tmp_path).symbols == ("SPY",)
    assert len(source.market(["SPY"], None, None).rows) == 2


@pytest.mark.parametrize(
    "name",
    ["SPY (1).csv", "SPY - Copy.csv", "Copy of QQQ.csv", "SPY.csv.gz", "spy.csv", "SPY.xlsx"],
)
def test_a_copy_or_second_file_of_a_symbol_is_refused(tmp_path: Path, name: str) -> None:
    folder(tmp_path, HEADER + GOOD)
    (tmp_path / "market" / name).write_text(HEADER + GOOD)
    for attempt in (
        lambda: CsvFolderSource(tmp_path),
        lambda: check_source(read_settings(source="csv", source_path=tmp_path), ["SPY"]),
    ):
        with pytest.raises(ContractError) as caught:
            attempt()
        assert name in caught.value.found
        assert caught.value.exit_code == 10


def test_a_file_under_another_name_is_suggested(tmp_path: Path) -> None:
    source = folder(tmp_path, HEADER + GOOD)
    for name in ("VIX_History.csv", "VIX3M.csv"):
        (tmp_path / "market" / name).write_text(HEADER + GOOD)
    (error,) = source.market(["VIX", "TLT"], None, None).unusable.values()
    assert isinstance(error, ContractError)
    assert error.found == "VIX_History.csv"


@pytest.mark.parametrize("text", ["DATE,VVIX\n2021-12-30,110.5\n2021-12-31,111\n", HEADER])
def test_a_symbol_without_daily_bars_is_left_out_unless_it_is_the_target(
    tmp_path: Path, store: Store, text: str
) -> None:
    folder(tmp_path, HEADER + GOOD)
    (tmp_path / "market" / "AAA.csv").write_text(text)
    source = CsvFolderSource(tmp_path)
    report = ingest(store, source, Universe(), now=NOW, as_of=None)
    assert report.added == 2
    assert ["AAA" in warning for warning in report.warnings] == [True]
    for universe, also in ((Universe(target="AAA"), []), (Universe(), ["AAA"])):
        with pytest.raises(ContractError, match=r"AAA\.csv") as caught:
            ingest(store, source, universe, now=NOW, as_of=None, also=also, switch_target=True)
        assert caught.value.exit_code == 10


def test_closes_are_enough_for_an_index_of_volatility(tmp_path: Path, store: Store) -> None:
    folder(tmp_path, HEADER + GOOD)
    (tmp_path / "market" / "VIX.csv").write_text("observation_date,VIXCLS\n2021-12-30,18.4\n")
    ingest(store, CsvFolderSource(tmp_path), Universe(), now=NOW, as_of=None)
    rows = store.read(RAW_MARKET, symbols=["VIX"]).to_pandas()
    assert rows["close"].tolist() == [18.4]
    assert rows[["open", "high", "low"]].isna().all(axis=None)


@pytest.mark.parametrize(("volume", "notes"), [("100", 1), ("", 0)])
def test_prices_without_an_adjusted_close_are_noted(
    tmp_path: Path, volume: str, notes: int
) -> None:
    source = folder(tmp_path, f"date,open,high,low,close,volume\n2021-12-30,1,2,1,2,{volume}\n")
    part = source.market(["SPY"], None, None)
    assert part.rows["adj_close"].tolist() == [2.0]
    assert len(part.notes) == notes
