"""What a contract is: named, typed columns with a key, and the check of rows against it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from volcast.core.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BOOL", "COUNT", "DATE", "FLOAT", "STAMP", "TEXT", "Column", "Table"]

BOOL, COUNT = pa.bool_(), pa.int64()
DATE, FLOAT, TEXT = pa.date32(), pa.float64(), pa.string()
STAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its unit, and whether it may be null."""

    name: str
    type: pa.DataType
    unit: str = ""
    about: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """A table's contract.

    Parameters
    ----------
    name : str
        ``layer.table`` or ``table``; also the folder under the store.
    columns : tuple of Column
        In stored order.
    key : tuple of str
        Columns that together name one row.
    partition_symbol, partition_date : str
        The columns whose value and year name a partition file.
    partition_stamp : str or None
        For append-only tables, the timestamp whose day names the file in place of the year: a
        first ingest of decades is then one file a symbol, which no later day touches.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_symbol: str = "symbol"
    partition_date: str = "session"
    partition_stamp: str | None = None

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema, in stored order."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @cached_property
    def file_schema(self) -> pa.Schema:
        """The schema of a partition file.

        The column that names the folder is a dictionary: Arrow takes the names of folders for one,
        and opens no data set whose files have another type.
        """
        position = self.schema.get_field_index(self.partition_symbol)
        folder = self.schema.field(position).with_type(pa.dictionary(pa.int32(), TEXT))
        return self.schema.set(position, folder)

    @property
    def append_only(self) -> bool:
        """Whether a row once written may never change."""
        return self.partition_stamp is not None

    @cached_property
    def _empty(self) -> pa.Table:
        return self.schema.empty_table()

    def conform(self, rows: "pa.Table | pd.DataFrame", where: str | None = None) -> pa.Table:
        """Return ``rows`` with the contract's types, order of columns and order of rows.

        Parameters
        ----------
        rows : pyarrow.Table or pandas.DataFrame
            Columns in any order; nullable columns may be left out.
        where : str
            What to call the rows in a message; the table's name by default.

        Raises
        ------
        ContractError
            On a missing or unknown column, a value of another type, a null in a column that may
            have none, or a repeated key.
        """
        where = where or self.name
        present = list(rows.column_names if isinstance(rows, pa.Table) else rows.columns)
        self._refuse_other_columns(present, where)
        arrays = [
            _typed(rows, column, where)
            if column.name in present
            else pa.nulls(len(rows), column.type)
            for column in self.columns
        ]
        table = self.sorted(pa.Table.from_arrays(arrays, schema=self.schema))
        self._refuse_repeats(table, where)
        return table

    def sorted(self, rows: pa.Table) -> pa.Table:
        """Return typed rows in order of the key, in one chunk a column."""
        order = pc.sort_indices(rows, [(name, "ascending") for name in self.key])
        # Files come sorted, and to find that out is cheaper than to copy wide rows in place.
        ordered = np.array_equal(order.to_numpy(), np.arange(len(rows)))
        return (rows if ordered else rows.take(order)).combine_chunks()

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self._empty

    def partitions(self, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Yield ``(path, rows)`` for each partition file that typed rows belong to, by path.

        A path reads ``<table>/symbol=SPY/year=2021/data.parquet``; append-only tables have one
        file an ingest day: ``<table>/symbol=SPY/day=2021-12-31/data.parquet``.
        """
        paths = self._paths(rows).dictionary_encode()
        codes = paths.indices.to_numpy()
        # One stable sort in place of a filter a file: the work must not grow with rows * files.
        rows = rows.take(pa.array(np.argsort(codes, kind="stable")))
        ends = np.cumsum(np.bincount(codes, minlength=len(paths.dictionary)))
        spans = zip(paths.dictionary.to_pylist(), [0, *ends], ends, strict=False)
        for path, start, end in sorted(spans):
            yield path, rows.slice(start, end - start)

    def folders(self, symbols: Sequence[str] | None = None) -> list[str]:
        """Return the key prefixes that hold the rows of ``symbols``, or of all, sorted."""
        if symbols is None:
            return [f"{self.name}/"]
        return sorted({f"{self._symbol_folder}{_segment(symbol)}/" for symbol in symbols})

    def symbol(self, path: str) -> str:
        """Return the symbol in a partition file's path."""
        folder = path.removeprefix(self._symbol_folder).partition("/")[0]
        return unquote(folder)

    def holds(self, path: str, first: date | None = None, last: date | None = None) -> bool:
        """Return whether a partition file may hold rows of these days, both inclusive.

        One of an ingest day may hold any; a path that is no partition file holds none.
        """
        if self.append_only:
            return self._part(path, r"day=(\d+-\d\d-\d\d)") is not None
        year = self.year(path)
        if year is None:
            return False
        return (first is None or first.year <= year) and (last is None or year <= last.year)

    def year(self, path: str) -> int | None:
        """Return the year in a partition file's path; None if the path is none with a year."""
        year = self._part(path, r"year=(-?\d+)")
        return None if year is None else int(year)

    def _part(self, path: str, pattern: str) -> str | None:
        layout = rf"{re.escape(self._symbol_folder)}[^/]*/{pattern}/data\.parquet"
        match = re.fullmatch(layout, path)
        return match[1] if match else None

    @property
    def _symbol_folder(self) -> str:
        return f"{self.name}/{self.partition_symbol}="

    def _paths(self, rows: pa.Table) -> pa.Array:
        symbols = rows.column(self.partition_symbol).combine_chunks().dictionary_encode()
        folders = [self._symbol_folder + _segment(name) for name in symbols.dictionary.to_pylist()]
        if self.partition_stamp is None:
            name, span = "/year=", pc.year(rows.column(self.partition_date))
        else:
            # By way of the number: a zoned stamp would ask for a time zone database.
            micros = rows.column(self.partition_stamp).cast(pa.int64())
            name, span = "/day=", micros.cast(pa.timestamp("us")).cast(DATE)
        parts = [pa.array(folders, TEXT).take(symbols.indices), name, span.cast(TEXT)]
        paths = pc.binary_join_element_wise(*parts, "/data.parquet", "")
        return paths.combine_chunks() if isinstance(paths, pa.ChunkedArray) else paths

    def _refuse_other_columns(self, present: list[str], where: str) -> None:
        names = {column.name for column in self.columns}
        required = {column.name for column in self.columns if not column.nullable}
        missing, odd = sorted(required - set(present)), sorted(set(map(str, present)) - names)
        odd += sorted({f"{name} (twice)" for name in present if present.count(name) > 1})
        if missing or odd:
            raise ContractError(
                found=f"missing columns {missing}, unknown columns {odd}",
                expected=f"the columns of {self.name}",
                where=where,
                remedy="Pass every non-nullable column, and only columns of the contract.",
            )

    def _refuse_repeats(self, table: pa.Table, where: str) -> None:
        keys, last = table.select(list(self.key)), max(len(table) - 1, 0)
        same = np.ones(last, dtype=bool)
        for column in keys.columns:
            same &= pc.equal(column.slice(1), column.slice(0, last)).to_numpy()
        if same.any():
            first = [str(column[int(same.argmax())]) for column in keys.columns]
            raise ContractError(
                found=f"{same.sum()} repeated keys, first {first}",
                expected=f"one row for each {self.key}",
                where=where,
                remedy="Drop the repeats.",
            )


def _segment(symbol: str) -> str:
    return quote(symbol, safe="^ ")


def _typed(rows: "pa.Table | pd.DataFrame", column: Column, where: str) -> pa.Array:
    try:
        array = _cast(_column_values(rows, column), column.type)
        if array.null_count and not column.nullable:
            raise ValueError(f"{array.null_count} nulls")
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ContractError(
            found=str(error),
            expected=f"{column.type} ({column.unit}){'' if column.nullable else ', never null'}",
            where=f"{where}.{column.name}",
            remedy="Fix the values of this column, or drop the rows without one.",
        ) from error
    return array


def _column_values(rows: "pa.Table | pd.DataFrame", column: Column) -> pa.Array:
    if isinstance(rows, pa.Table):
        return rows.column(column.name).combine_chunks()
    # Lists and structs cannot be inferred from values; flat types keep the type they have.
    nested = column.type if pa.types.is_nested(column.type) else None
    array = pa.array(rows[column.name], type=nested, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _cast(values: pa.Array, type_: pa.DataType) -> pa.Array:
    if values.null_count == len(values):
        return pa.nulls(len(values), type_)
    if not _same_kind(values, type_):
        raise TypeError(f"values of type {values.type}, such as {values.drop_null()[0]}")
    array = values.cast(type_)
    # One way to write a missing number, else equal rows would compare as different.
    return pc.if_else(pc.is_nan(array), None, array) if type_ == FLOAT else array


def _same_kind(values: pa.Array, type_: pa.DataType) -> bool:
    """Whether values already have the kind of ``type_``, before any parsing or truncation."""
    kind, types = values.type, pa.types
    if type_ == FLOAT:
        return bool(types.is_floating(kind) or types.is_integer(kind))
    if type_ == TEXT:
        return kind in (TEXT, pa.large_string(), pa.string_view()) or types.is_dictionary(kind)
    if type_ == STAMP:
        return types.is_timestamp(kind) and kind.tz is not None
    if type_ == DATE and types.is_timestamp(kind):
        midnights = values.cast(DATE).cast(kind) if kind.tz is None else None
        return midnights is not None and pc.all(pc.equal(midnights, values)).as_py()
    return type_ != DATE or bool(types.is_date(kind))
