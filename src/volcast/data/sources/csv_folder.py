"""A folder of CSV files: market/SYMBOL.csv and macro/SERIES.csv."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.core.settings import csv_market
from volcast.data.sources.publication_lag import VINTAGE, vintage_end
from volcast.data.sources.source import (
    PRICES,
    Fetched,
    counts,
    join,
    macro_series,
    market_rows,
    nothing,
)
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["CsvFolderSource"]

_MISSING = ["", "NaN", "nan", "NA", "null", "."]
_MARKET = {"date": pa.date32()} | {name: pa.float64() for name in (*PRICES, "volume")}
_MACRO = {"date": pa.date32(), "value": pa.float64()}
_VINTAGES = {"vintage": pa.string(), **_MACRO}

_DATES = (date(1800, 1, 1), calendar.LAST - timedelta(days=30))
"""Plausible dates; the calendar must know the sessions on which a macro value becomes public."""


class CsvFolderSource:
    """Files on disk; they are read whole and typed, and no row is checked.

    Parameters
    ----------
    folder : Path or None
        Contains ``market/SYMBOL.csv`` (date,open,high,low,close,adj_close,volume), and optionally
        ``macro/SERIES.csv`` (date,value, or vintage,date,value).

    Raises
    ------
    ConfigError
        If there is no such folder.
    """

    name = "csv"
    live = False

    def __init__(self, folder: Path | None) -> None:
        self._market = csv_market(folder)
        self.symbols = tuple(sorted(file.stem for file in self._market.glob("*.csv")))

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch the files of these symbols; a symbol without a file is noted.

        Raises
        ------
        ContractError
            With the file and row, on a malformed file, a missing column, a value that is not a
            number or plausible date, or a date that occurs twice with different values.
        """
        return join([self._symbol(symbol, first, last) for symbol in symbols], RAW_MARKET)

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch every series of the folder; raise as ``market`` does."""
        paths = sorted((self._market.parent / "macro").glob("*.csv"))
        return join([self._series(path, first, last) for path in paths], RAW_MACRO)

    def _symbol(self, symbol: str, first: date | None, last: date | None) -> Fetched:
        path = self._market / f"{symbol}.csv"
        if not path.is_file():
            return nothing(RAW_MARKET, f"{symbol} has no file {path}.")
        prices, repeats = _unique(_read(path, _MARKET), ["date"], path)
        prices = prices.rename(columns={"date": "session"})
        rows = market_rows(prices, symbol, self.name, first=first, last=last)
        return Fetched(rows, counts(symbol, {"repeated row": repeats}))

    def _series(self, path: Path, first: date | None, last: date | None) -> Fetched:
        has_vintages = "vintage" in _header(path)
        key = ["vintage", "date"] if has_vintages else ["date"]
        read, repeats = _unique(_read(path, _VINTAGES if has_vintages else _MACRO), key, path)
        if has_vintages:
            read = _dated(read, path)
        fetched = macro_series(read, path.stem, self.name, first=first, last=last)
        repeated = counts(path.stem, {"repeated row": repeats})
        return replace(fetched, dropped=repeated | fetched.dropped)


def _dated(read: pd.DataFrame, path: Path) -> pd.DataFrame:
    try:
        vintage = pd.to_datetime(read["vintage"], format="%Y-%m")
    except ValueError as error:
        raise ContractError(
            found=str(error), expected="vintages as YYYY-MM", where=str(path),
            remedy="Fix the column vintage.",
        ) from error  # fmt: skip
    return read.assign(available_at=vintage_end(vintage), lag_rule=VINTAGE)


def _read(path: Path, types: dict[str, pa.DataType]) -> pd.DataFrame:
    header = _header(path)
    if any(header.count(name) != 1 for name in types):
        raise ContractError(
            found=f"columns {header}", expected=f"each of {list(types)} once",
            where=f"{path}, row 1", remedy="Fix the header of the file.",
        )  # fmt: skip
    try:
        # Only with one thread does a message have the number of the row.
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, include_columns=list(types),
                null_values=_MISSING, strings_can_be_null=True,
            ),
        )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise _malformed(path, str(error), types) from error
    for name in {"date", "vintage"} & types.keys():
        _require(table.column(name).is_valid(), table.column(name), f"a {name} in every row", path)
    first, last = _DATES
    days = table.column("date")
    plausible = pc.and_(pc.greater_equal(days, first), pc.less_equal(days, last))
    _require(plausible, days, f"a date from {first} to {last}", path)
    read: pd.DataFrame = table.to_pandas(date_as_object=False)
    return read


def _require(sound: pa.ChunkedArray, values: pa.ChunkedArray, expected: str, path: Path) -> None:
    row = sound.index(pa.scalar(False)).as_py()
    if row >= 0:
        raise ContractError(
            found=str(values[row].as_py() or "no value"), expected=expected,
            where=f"{path}, row {row + 2}", remedy="Fix or remove the row.",
        )  # fmt: skip


def _header(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError) as error:
        raise _malformed(path, str(error), {}) from error


def _malformed(path: Path, found: str, types: dict[str, pa.DataType]) -> ContractError:
    columns = ", ".join(f"#{i} {name} ({kind})" for i, (name, kind) in enumerate(types.items()))
    return ContractError(
        found=found.replace("Row #", "row "),
        expected=f"comma-separated values{': ' + columns if columns else ''}",
        where=str(path), remedy="Fix the row; the header is row 1.",
    )  # fmt: skip


def _unique(read: pd.DataFrame, key: list[str], path: Path) -> tuple[pd.DataFrame, int]:
    """Drop exact repeats of a row; two different rows for one key raise."""
    rows = read.drop_duplicates()
    conflicting = rows.duplicated(key)
    if conflicting.any():
        row = int(rows.index[conflicting][0])
        label = ", ".join(str(rows.loc[row, name]).removesuffix(" 00:00:00") for name in key)
        raise ContractError(
            found=f"{label} a second time, with other values", expected=f"one row per {key[-1]}",
            where=f"{path}, row {row + 2}", remedy="Remove the wrong one of the two rows.",
        )  # fmt: skip
    return rows, len(read) - len(rows)
