"""What a contract is: named, typed columns with a key, and the check of rows against it."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from volcast.errors import ContractError

__all__ = ["DATE", "FLOAT", "STAMP", "TEXT", "Column", "Table"]

DATE, FLOAT, TEXT = pa.date32(), pa.float64(), pa.string()
STAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its unit, and whether it may be null."""

    name: str
    type: pa.DataType
    unit: str
    about: str
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
        For append-only tables, the timestamp whose day names the file under the year.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_symbol: str = "symbol"
    partition_date: str = "session"
    partition_stamp: str | None = None

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, in stored order."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @property
    def append_only(self) -> bool:
        """Whether a row once written may never change."""
        return self.partition_stamp is not None

    def conform(self, rows: pa.Table | pd.DataFrame, where: str | None = None) -> pa.Table:
        """Return ``rows`` typed, ordered and sorted as the contract says.

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
        table = self._as_arrow(rows, where)
        self._refuse_nulls(table, where)
        table = table.sort_by([(name, "ascending") for name in self.key])
        self._refuse_repeats(table, where)
        return table

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.schema.empty_table()

    def _as_arrow(self, rows: pa.Table | pd.DataFrame, where: str) -> pa.Table:
        present = list(rows.column_names if isinstance(rows, pa.Table) else rows.columns)
        known = {column.name for column in self.columns}
        required = {column.name for column in self.columns if not column.nullable}
        missing, odd = sorted(required - set(present)), sorted(set(map(str, present)) - known)
        if missing or odd:
            raise ContractError(
                found=f"missing columns {missing}, unknown columns {odd}",
                expected=f"the columns of {self.name}", where=where,
                remedy="Give every column that may not be null, by its name, and no other.",
            )
        arrays = [self._typed(rows, column, present, where) for column in self.columns]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _typed(
        self, rows: pa.Table | pd.DataFrame, column: Column, present: list[str], where: str
    ) -> pa.ChunkedArray | pa.Array:
        if column.name not in present:
            return pa.nulls(len(rows), column.type)
        try:
            if isinstance(rows, pa.Table):
                return rows.column(column.name).cast(column.type).combine_chunks()
            array = pa.Array.from_pandas(rows[column.name], type=column.type)
            return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise ContractError(
                found=str(error), expected=f"{column.type} ({column.unit})",
                where=f"{where}.{column.name}", remedy="Mend the values of this column.",
            ) from error

    def _refuse_nulls(self, table: pa.Table, where: str) -> None:
        for column in self.columns:
            if not column.nullable and table.column(column.name).null_count:
                raise ContractError(
                    found=f"{table.column(column.name).null_count} nulls", expected="none",
                    where=f"{where}.{column.name}",
                    remedy="Drop or mend the rows without a value.",
                )

    def _refuse_repeats(self, table: pa.Table, where: str) -> None:
        keys = self.keys(table)
        repeated = keys[keys.duplicated()]
        if len(repeated):
            raise ContractError(
                found=f"{len(repeated)} repeated keys, first {tuple(repeated[0])}",
                expected=f"one row for each {self.key}", where=where,
                remedy="Drop the repeats.",
            )

    def keys(self, table: pa.Table) -> pd.MultiIndex:
        """Return the key of each row, in row order."""
        return pd.MultiIndex.from_frame(table.select(list(self.key)).to_pandas(date_as_object=False))

    def partitions(self, table: pa.Table) -> Iterable[tuple[str, pa.Table]]:
        """Yield ``(path, rows)`` for each partition file the rows belong to, in order of path.

        A path reads ``<table>/symbol=SPY/year=2021/data.parquet``; append-only tables have one
        file an ingest day: ``<table>/symbol=SPY/year=2021/day=2021-12-31/data.parquet``.
        """
        folder = pa.array([f"{self.name}/{self.partition_symbol}="] * len(table), pa.string())
        year = pc.cast(pc.year(table.column(self.partition_date)), pa.string())
        parts = [folder, table.column(self.partition_symbol), "/year=", year]
        if self.partition_stamp is not None:
            day = pc.strftime(table.column(self.partition_stamp), format="%Y-%m-%d")
            parts += ["/day=", day]
        paths = pc.binary_join_element_wise(*parts, "/data.parquet", "")
        for path in sorted(pc.unique(paths).to_pylist()):
            yield path, table.filter(pc.equal(paths, path))
