"""A folder of files: market/SYMBOL.csv and macro/SERIES.csv."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from volcast.core.errors import ContractError
from volcast.core.settings import csv_files
from volcast.data.sources.files import read_file
from volcast.data.sources.formats import fault_of, prices_of, unique
from volcast.data.sources.publication_lag import VINTAGE, vintage_end
from volcast.data.sources.source import Fetched, counts, join, macro_series, market_rows, nothing
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["CsvFolderSource"]


class CsvFolderSource:
    """Files on disk; they are read whole and typed, and no row is checked.

    Parameters
    ----------
    folder : Path or None
        Contains ``market/SYMBOL.csv`` (or .csv.gz, .parquet) of daily bars, and optionally
        ``macro/SERIES.csv`` (date,value, or vintage,date,value); ``formats`` has the column names.

    Raises
    ------
    ConfigError
        If there is no such folder.
    ContractError
        If a file is named after no symbol, or two after one.
    """

    name = "csv"
    live = False

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.symbols = tuple(csv_files(folder))

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch the files of these symbols; a symbol without a file is noted.

        Raises
        ------
        ContractError
            With the file and row, on a malformed file, a value that is not a number or plausible
            date, or a date that occurs twice with different values.
        """
        files = csv_files(self._folder)
        return join([_bars(symbol, files, first, last) for symbol in symbols], RAW_MARKET)

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch every series of the folder; raise as ``market`` does."""
        files = csv_files(self._folder, "macro")
        return join([_series(name, files[name], first, last) for name in files], RAW_MACRO)


def _bars(symbol: str, files: Mapping[str, Path], first: date | None, last: date | None) -> Fetched:
    path = files.get(symbol)
    if path is None:
        return _missing(symbol, files)
    table, repeats = unique(read_file(path), ["date"], str(path))
    fault = fault_of(table, str(path))
    if fault is not None and len(table) and {"open", "high", "low"} & set(table):
        raise fault
    rows = market_rows(prices_of(table), symbol, CsvFolderSource.name, first=first, last=last)
    unadjusted = "adj_close" not in table and fault is None and (rows["volume"] > 0).any()
    note = (
        f"{symbol} has no adjusted close in {path.name}: unless its prices are adjusted for "
        "dividends, each dividend counts as a move of the price."
    )
    return Fetched(
        rows, counts(symbol, {"repeated row": repeats}), (note,) if unadjusted else (),
        {symbol: fault} if fault else {},
    )  # fmt: skip


def _missing(symbol: str, files: Mapping[str, Path]) -> Fetched:
    """Return no rows, and a note or, if a file may be of the symbol, an error that names it."""
    fetched = nothing(RAW_MARKET, f"{symbol} has no file {symbol}.csv.")
    similar = [
        path for name, path in files.items()
        if symbol.lower() in re.split("[^a-z0-9]+", name.lower())
    ]  # fmt: skip
    if not similar:
        return fetched
    error = ContractError(
        found=" and ".join(path.name for path in similar), expected=f"{symbol}.csv",
        where=str(similar[0].parent), remedy=f"Rename it if it has the prices of {symbol}.",
    )  # fmt: skip
    return replace(fetched, unusable={symbol: error})


def _series(name: str, path: Path, first: date | None, last: date | None) -> Fetched:
    table = read_file(path)
    key = [column for column in ("vintage", "date") if column in table]
    if "value" not in table:
        raise ContractError(
            found=f"columns {list(table)}", expected="date and value, or one more column than date",
            where=f"{path}, row 1", remedy="Save one series in each file.",
        )  # fmt: skip
    read, repeats = unique(table, key, str(path))
    if "vintage" in read:
        read = _dated(read, path)
    fetched = macro_series(read, name, CsvFolderSource.name, first=first, last=last)
    return replace(fetched, dropped=counts(name, {"repeated row": repeats}) | fetched.dropped)


def _dated(read: pd.DataFrame, path: Path) -> pd.DataFrame:
    vintage = pd.to_datetime(read["vintage"], format="%Y-%m", errors="coerce")
    if vintage.isna().any():
        row: Any = vintage.isna().idxmax()
        raise ContractError(
            found=f"vintage {read['vintage'].loc[row]}", expected="vintages as YYYY-MM",
            where=f"{path}, row {row}", remedy="Fix the column vintage.",
        )  # fmt: skip
    return read.assign(available_at=vintage_end(vintage), lag_rule=VINTAGE)
