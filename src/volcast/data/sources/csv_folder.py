"""A folder of CSV files: market/SYMBOL.csv and macro/SERIES.csv."""

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from volcast.core.errors import ConfigError, ContractError
from volcast.data.sources.protocol import (
    MACRO_COLUMNS,
    PRICES,
    Fetched,
    join,
    nothing,
)
from volcast.data.sources.publication_lag import VINTAGE, available_at, vintage_end
from volcast.data.sources.rows import between, changes, market_rows
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["CsvFolderSource"]

_MISSING = ["", "NaN", "nan", "NA", "null", "."]
_MARKET = {"date": pa.date32()} | {name: pa.float64() for name in (*PRICES, "volume")}
_MACRO = {"date": pa.date32(), "value": pa.float64()}
_VINTAGES = {"vintage": pa.string(), **_MACRO}


class CsvFolderSource:
    """Files on disk; they are read whole and typed, and no row is judged.

    Parameters
    ----------
    folder : Path
        Holds ``market/SYMBOL.csv`` (date,open,high,low,close,adj_close,volume), and optionally
        ``macro/SERIES.csv`` (date,value, or vintage,date,value).

    Raises
    ------
    ConfigError
        If there is no such folder.
    """

    name = "csv"
    live = False

    def __init__(self, folder: Path) -> None:
        if not (folder / "market").is_dir():
            raise ConfigError(
                found=f"no folder {folder / 'market'}",
                expected="a folder with market/SYMBOL.csv",
                where="csv source",
                remedy="Give the folder that holds market and macro.",
            )
        self._folder = folder
        self.symbols = tuple(sorted(file.stem for file in (folder / "market").glob("*.csv")))

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch the files of these symbols; a symbol without a file is noted.

        Raises
        ------
        ContractError
            Naming file and row, on a malformed file, a missing column, a value that is no number
            or date, or a date given twice with different values.
        """
        return join([self._symbol(symbol, first, last) for symbol in symbols], RAW_MARKET)

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch every series of the folder.

        Raises
        ------
        ContractError
            As for ``market``.
        """
        paths = sorted((self._folder / "macro").glob("*.csv"))
        parts = [_series(path) for path in paths]
        whole = join(parts, RAW_MACRO)
        rows = between(whole.rows, "observation_date", first, last)
        return Fetched(rows, whole.dropped, whole.notes)

    def _symbol(self, symbol: str, first: date | None, last: date | None) -> Fetched:
        path = self._folder / "market" / f"{symbol}.csv"
        if not path.is_file():
            return nothing(RAW_MARKET, f"{symbol} has no file {path}.")
        read = _read(path, _MARKET)
        prices, repeats = _without_repeats(read, ["date"], path)
        prices = prices.rename(columns={"date": "session"})
        rows = market_rows(prices, symbol, self.name, first=first, last=last)
        return Fetched(rows, {f"{symbol}: row given twice": repeats} if repeats else {})


def _series(path: Path) -> Fetched:
    vintages = "vintage" in _header(path)
    read = _read(path, _VINTAGES if vintages else _MACRO)
    key = ["vintage", "date"] if vintages else ["date"]
    read, repeats = _without_repeats(read, key, path)
    valued = read[read["value"].notna()].reset_index(drop=True)
    if vintages:
        rows = _changes(valued, path)
    else:
        moments, rule = available_at(path.stem, valued["date"])
        rows = valued.assign(available_at=moments, lag_rule=rule)
    rows = rows.rename(columns={"date": "observation_date"}).assign(series=path.stem, source="csv")
    counts = {
        f"{path.stem}: row given twice": repeats,
        f"{path.stem}: no value": len(read) - len(valued),
    }
    return Fetched(rows[MACRO_COLUMNS], {why: n for why, n in counts.items() if n})


def _changes(valued: pd.DataFrame, path: Path) -> pd.DataFrame:
    try:
        vintage = pd.to_datetime(valued["vintage"], format="%Y-%m")
    except ValueError as error:
        raise ContractError(
            found=str(error),
            expected="vintages as YYYY-MM",
            where=str(path),
            remedy="Mend the column vintage.",
        ) from error
    rows = valued.assign(available_at=vintage_end(vintage), lag_rule=VINTAGE)
    return changes(rows).drop(columns="vintage")


def _read(path: Path, types: dict[str, pa.DataType]) -> pd.DataFrame:
    missing = [name for name in types if name not in (header := _header(path))]
    twice = [name for name in types if header.count(name) > 1]
    if missing or twice:
        raise ContractError(
            found=f"columns {header}; missing {missing}, twice {twice}",
            expected=f"columns {list(types)}",
            where=f"{path}, row 1",
            remedy="Mend the header of the file.",
        )
    try:
        # One thread: only then does a message carry the number of the row.
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=_MISSING,
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _malformed(path, str(error), types) from error
    _refuse_empty_keys(table, path)
    read: pd.DataFrame = table.to_pandas(date_as_object=False)
    return read


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
        where=str(path),
        remedy="Mend the row, the header being row 1.",
    )


def _refuse_empty_keys(table: pa.Table, path: Path) -> None:
    for name in ("date", "vintage"):
        if name in table.column_names and table.column(name).null_count:
            row = table.column(name).is_null().index(pa.scalar(True)).as_py()
            raise ContractError(
                found=f"no {name}",
                expected="one in every row",
                where=f"{path}, row {row + 2}",
                remedy="Mend or remove the row.",
            )


def _without_repeats(read: pd.DataFrame, key: list[str], path: Path) -> tuple[pd.DataFrame, int]:
    """Drop rows that repeat another whole; two values for one date cannot both be raw."""
    kept = read.drop_duplicates()
    conflicting = kept.duplicated(key)
    if conflicting.any():
        row = int(kept.index[conflicting][0])
        label = ", ".join(str(kept.loc[row, name]).removesuffix(" 00:00:00") for name in key)
        raise ContractError(
            found=f"{label} a second time, with other values",
            expected=f"one row a {key[-1]}",
            where=f"{path}, row {row + 2}",
            remedy="Remove the wrong one of the two rows.",
        )
    return kept, len(read) - len(kept)
