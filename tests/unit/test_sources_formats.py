"""Files as people have them: read as what they are, or refused, never as other numbers."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from volcast.core.errors import ContractError
from volcast.data.sources.files import read_file
from volcast.data.sources.formats import tabulate

DAYS = ["2021-12-29", "2021-12-30", "2022-01-03"]
BARS = pd.DataFrame(
    {
        "date": pd.to_datetime(DAYS), "open": [4112.35, 4120.18, 4101.07],
        "high": [4131.42, 4140.96, 4122.53], "low": [4098.11, 4095.27, 4080.29],
        "close": [4117.73, 4103.86, 4119.61],
    }
)  # fmt: skip
VOLUME = [1_234_560_000.0, 1_345_670_000.0, 1_456_780_000.0]
YFINANCE = """Price,Adj Close,Close,High,Low,Open,Volume
Ticker,SPY,SPY,SPY,SPY,SPY,SPY
Date,,,,,,
2021-12-29,4030.5,4117.73,4131.42,4098.11,4112.35,1234560000
2021-12-30,4020.5,4103.86,4140.96,4095.27,4120.18,1345670000
2022-01-03,4040.5,4119.61,4122.53,4080.29,4101.07,1456780000
"""

FORMATS = {
    "yahoo": """Date,Open,High,Low,Close,Adj Close,Volume
2021-12-29,4112.35,4131.42,4098.11,4117.73,4030.5,1234560000
2021-12-30,4120.18,4140.96,4095.27,4103.86,4020.5,1345670000
2022-01-03,4101.07,4122.53,4080.29,4119.61,4040.5,1456780000
""",
    "yfinance": YFINANCE,
    "yfinance before its levels had names": YFINANCE.replace("Price,", ",").replace("Ticker,", ","),
    "yfinance grouped by ticker": "".join(
        YFINANCE.splitlines(keepends=True)[i] for i in (1, 0, 2, 3, 4, 5)
    ),
    "history of yfinance": """Date,Open,High,Low,Close,Volume,Dividends,Stock Splits
2021-12-29 00:00:00-05:00,4112.35,4131.42,4098.11,4117.73,1234560000,0.0,0.0
2021-12-30 00:00:00-05:00,4120.18,4140.96,4095.27,4103.86,1345670000,0.0,0.0
2022-01-03 00:00:00-05:00,4101.07,4122.53,4080.29,4119.61,1456780000,0.0,0.0
""",
    "stamps of New York's midnight in UTC": """timestamp,open,high,low,close,volume
2021-12-29T05:00:00Z,4112.35,4131.42,4098.11,4117.73,1234560000
2021-12-30T05:00:00Z,4120.18,4140.96,4095.27,4103.86,1345670000
2022-01-03T05:00:00Z,4101.07,4122.53,4080.29,4119.61,1456780000
""",
    "stooq": """Date,Open,High,Low,Close,Volume
2021-12-29,4112.35,4131.42,4098.11,4117.73,1234560000
2021-12-30,4120.18,4140.96,4095.27,4103.86,1345670000
2022-01-03,4101.07,4122.53,4080.29,4119.61,1456780000
""",
    "stooq in bulk": """<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
^SPX,D,20211229,000000,4112.35,4131.42,4098.11,4117.73,1234560000,0
^SPX,D,20211230,000000,4120.18,4140.96,4095.27,4103.86,1345670000,0
^SPX,D,20220103,000000,4101.07,4122.53,4080.29,4119.61,1456780000,0
""",
    "cboe": """DATE,OPEN,HIGH,LOW,CLOSE
12/29/2021,4112.350000,4131.420000,4098.110000,4117.730000
12/30/2021,4120.180000,4140.960000,4095.270000,4103.860000
01/03/2022,4101.070000,4122.530000,4080.290000,4119.610000
""",
    "nasdaq": """Date,Close/Last,Volume,Open,High,Low
01/03/2022,$4119.61,1456780000,$4101.07,$4122.53,$4080.29
12/30/2021,$4103.86,1345670000,$4120.18,$4140.96,$4095.27
12/29/2021,$4117.73,1234560000,$4112.35,$4131.42,$4098.11
""",
    "nasdaq of an index": """Date,Close/Last,Volume,Open,High,Low
01/03/2022,4119.61,--,4101.07,4122.53,4080.29
12/30/2021,4103.86,N/A,4120.18,4140.96,4095.27
12/29/2021,4117.73,--,4112.35,4131.42,4098.11
""",
    "investing.com": '''"Date","Price","Open","High","Low","Vol.","Change %"
"01/03/2022","4,119.61","4,101.07","4,122.53","4,080.29","1.45678B","0.38%"
"12/30/2021","4,103.86","4,120.18","4,140.96","4,095.27","1345.67M","-0.34%"
"12/29/2021","4,117.73","4,112.35","4,131.42","4,098.11","1234560K","0.14%"
''',
    "investing.com with names of months": '''"Date","Price","Open","High","Low","Vol.","Change %"
"Jan 03, 2022","4,119.61","4,101.07","4,122.53","4,080.29","1.45678B","0.38%"
"Dec 30, 2021","4,103.86","4,120.18","4,140.96","4,095.27","1345.67M","-0.34%"
"Dec 29, 2021","4,117.73","4,112.35","4,131.42","4,098.11","1234560K","0.14%"
''',
    "investing.com in Spanish": '''"Fecha","Último","Apertura","Máximo","Mínimo","Vol.","% var."
"03.01.2022","4.119,61","4.101,07","4.122,53","4.080,29","1,45678B","0,38%"
"30.12.2021","4.103,86","4.120,18","4.140,96","4.095,27","1345,67M","-0,34%"
"29.12.2021","4.117,73","4.112,35","4.131,42","4.098,11","1234560K","0,14%"
''',
    "investing.com in French": '''"Date","Dernier","Ouv."," Plus Haut","Plus Bas","Vol.","% var."
"03/01/2022","4.119,61","4.101,07","4.122,53","4.080,29","1,45678B","0,38%"
"30/12/2021","4.103,86","4.120,18","4.140,96","4.095,27","1345,67M","-0,34%"
"29/12/2021","4.117,73","4.112,35","4.131,42","4.098,11","1234560K","0,14%"
''',
    "a spreadsheet in German": """Datum;Eröffn.;Hoch;Tief;Zuletzt;Volumen;
29.12.2021;4112,35;4131,42;4098,11;4117,73;;
30.12.2021;4120,18;4140,96;4095,27;4103,86;;
03.01.2022;4101,07;4122,53;4080,29;4119,61;;
""",
    "pandas, index without a name": """,Open,High,Low,Close
2021-12-29,4112.35,4131.42,4098.11,4117.73
2021-12-30,4120.18,4140.96,4095.27,4103.86
2022-01-03,4101.07,4122.53,4080.29,4119.61
""",
}  # fmt: skip


def write(root: Path, content: str | bytes, name: str = "SPY.csv") -> Path:
    path = root / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def same_bars(read: pd.DataFrame) -> None:
    rows = read.sort_values("date", ignore_index=True)
    pd.testing.assert_frame_equal(rows[list(BARS)], BARS, check_exact=True)
    if "adj_close" in rows:
        assert rows["adj_close"].tolist() == [4030.5, 4020.5, 4040.5]
    if "volume" in rows and rows["volume"].notna().any():
        assert rows["volume"].tolist() == VOLUME


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "gzip": lambda text: gzip.compress(text.encode()),
    "BOM and CRLF": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "Windows-1252": lambda text: text.encode("cp1252"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS)
def test_each_format_is_read_as_its_days_and_prices(
    tmp_path: Path, text: str, encode: Callable[[str], bytes]
) -> None:
    same_bars(read_file(write(tmp_path, encode(text))))


@pytest.mark.parametrize(
    "table",
    [
        BARS,
        BARS.set_index("date"),
        BARS.assign(date=BARS["date"].dt.date),
        BARS.assign(date=BARS["date"].dt.strftime("%Y%m%d").astype(int)),
        BARS.set_index(BARS["date"].dt.tz_localize("America/New_York")).drop(columns="date"),
        BARS.assign(date=(BARS["date"] + pd.Timedelta(hours=21)).dt.tz_localize("UTC")),
        pd.concat({"SPY": BARS.set_index("date").rename(columns=str.title)}, axis=1),
    ],
    ids=["column", "index", "dates", "integers", "New York", "closes in UTC", "tickers"],
)  # fmt: skip
def test_a_parquet_file_is_read_as_a_table_in_memory_is(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    table.to_parquet(tmp_path / "SPY.parquet")
    same_bars(read_file(tmp_path / "SPY.parquet"))
    same_bars(tabulate(table, "prices"))


REFUSED = {
    "days or months": ("Date,Close\n03/04/2022,1.5\n05/04/2022,1.5\n", "Date: from 03/04/2022"),
    "days and months": ("DATE,CLOSE\n12/31/2021,1.5\n13/01/2022,1.5\n", "column DATE: 13/01/2022"),
    "a year of two digits": ("Date,Close\n12/31/21,1.5\n", "column Date: 12/31/21"),
    "seconds since 1970": ("Date,Close\n1640908800,1.5\n", "column Date: 1640908800"),
    "point or comma": ('Date,Close\n2021-12-30,"4,793"\n', "column Close: 4,793"),
    "point or comma, semicolons": ("Date;Close\n2021-12-30;4.793\n", "column Close: 4.793"),
    "point and comma": ("Date;Close\n2021-12-30;4,5\n2021-12-31;4.5\n", "column Close: 4"),
    "groups of two": ('Date,Close\n2021-12-30,"1,23,456.5"\n', "column Close: 1,23,456.5"),
    "text": ("Date,Close\n2021-12-30,1.633 Dividend\n", "column Close: 1.633 dividend"),
    "two tickers": (
        "Price,Close,Close\nTicker,SPY,QQQ\nDate,,\n2021-12-30,1.5,2.5\n", "Close SPY",
    ),
    "two closes": ("Date,Close,Price\n2021-12-30,1.5,2.5\n", "Price"),
    "no dates": ("Open,Close\n1.5,2.5\n", "Open"),
    "a web page": ("<!DOCTYPE html><html></html>", "web page"),
    "a workbook": (b"PK\x03\x04\x14\x00", "Excel"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
    "an answer in JSON": ('{"chart": {}}', "JSON"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "found"), REFUSED.values(), ids=REFUSED)
def test_what_could_be_read_in_two_ways_is_refused_by_column(
    tmp_path: Path, content: str | bytes, found: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ContractError) as caught:
        read_file(path)
    assert found in caught.value.found
    assert str(path) in caught.value.where


def test_points_between_thousands_show_by_the_other_columns(tmp_path: Path) -> None:
    text = '"Data","Último","Abertura","Máxima","Mínima","Vol.","Var%"\n'
    text += '"17.08.2023","114.982","115.592","116.610","114.859","12,75M","-0,53%"\n'
    (row,) = read_file(write(tmp_path, text)).to_dict("records")
    assert (row["close"], row["low"], row["volume"]) == (114_982.0, 114_859.0, 12_750_000.0)


@pytest.mark.parametrize(
    "text",
    [
        "DATE,VIXCLS\n2021-12-29,16.95\n2021-12-30,.\n",
        "observation_date,X\n2021-12-29,16.95\n2021-12-30,\n",
    ],
)  # fmt: skip
def test_a_series_of_fred_has_values_and_days_without(tmp_path: Path, text: str) -> None:
    read = read_file(write(tmp_path, text))
    np.testing.assert_array_equal(read["value"], [16.95, np.nan])


def grouped(value: float, decimal: str, group: str, digits: int) -> str:
    """Write a number in a notation of a country."""
    text = f"{value:,.{digits}f}".replace(",", "g").replace(".", decimal)
    return text.replace("g", group)


DATE_FORMS = (
    "%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%b %d, %Y", "%d-%b-%Y",
    "%Y-%m-%d 00:00:00-05:00",
)  # fmt: skip


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    days=st.lists(
        st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2030-12-31").date()),
        min_size=1, max_size=8, unique=True,
    ),
    prices=st.lists(st.integers(1, 20_000_000), min_size=32, max_size=32),
    columns=st.permutations(["Date", "Open", "High", "Low", "Close"]),
    date_form=st.sampled_from(DATE_FORMS),
    separator=st.sampled_from(",;\t|"),
    marks=st.sampled_from([(".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", "'")]),
    digits=st.sampled_from([0, 2, 3, 4]),
    ending=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    compressed=st.booleans(),
)  # fmt: skip
@example(  # thousands of whole prices look like decimals
    days=[pd.Timestamp("2021-12-30").date()], prices=[47_930_000] * 32, date_form="%Y-%m-%d",
    separator=";", marks=(",", "."), digits=0, ending="\n", encoding="utf-8", compressed=False,
    columns=["Date", "Open", "High", "Low", "Close"],
)  # fmt: skip
def test_a_file_in_any_notation_is_read_back_equal_or_refused(  # noqa: PLR0917
    tmp_path: Path, days, prices, columns, date_form, separator, marks, digits, ending, encoding,
    compressed,
):  # fmt: skip
    # Where a comma separates columns, a lone point is a decimal one by convention.
    assume((separator, marks, digits) != (",", (",", "."), 0))
    values = np.round(np.reshape(prices, (8, 4))[: len(days)] / 10_000, digits)
    bars = pd.DataFrame(values, columns=["Open", "High", "Low", "Close"])
    table = bars.map(lambda price: grouped(price, *marks, digits))
    table["Date"] = [day.strftime(date_form) for day in days]
    text = table[columns].to_csv(sep=separator, index=False, lineterminator=ending)
    content = text.encode(encoding)
    path = write(tmp_path, gzip.compress(content) if compressed else content)
    try:
        read = read_file(path)
    except ContractError:
        return
    assert read["date"].dt.date.tolist() == days
    np.testing.assert_array_equal(read[["open", "high", "low", "close"]], bars)
