"""Contract tables over objects: pruned reads, merging writes."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from volcast.core.errors import ConfigError, StoreUnavailable
from volcast.store.local import LocalObjects
from volcast.store.objects import Objects
from volcast.store.partition import WriteReport, compare, decode, encode, merge, opens_as_dataset
from volcast.store.schema import DATE, Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Store"]

_TRIES = 100
"""Losing a swap means that another writer got through, so this many in a row is no contention."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Store:
    """The tables and plain objects under one address: a folder or ``s3://bucket/prefix``."""

    uri: str
    objects: Objects

    @classmethod
    def open(cls, uri: str) -> "Store":
        """Open a local folder or ``s3://bucket/prefix``; nothing is made before the first write.

        Raises
        ------
        ConfigError
            If ``uri`` is neither, or AWS_ENDPOINT_URL no address.
        StoreUnavailable
            If the folder's place is taken by something else.
        """
        scheme, _, rest = uri.rpartition("://")
        bucket, _, prefix = rest.partition("/")
        if not bucket.strip() if scheme == "s3" else scheme or not uri.strip():
            raise ConfigError(
                found=repr(uri),
                expected="a local folder or s3://bucket/prefix",
                where="store",
                remedy="Set --store or VOLCAST_STORE.",
                field="store",
            )
        if scheme == "s3":
            # Imported here, for boto3 takes half a second that a local store need not wait.
            from volcast.store.s3 import S3Objects

            prefix = prefix.strip("/")
            return cls(f"s3://{bucket}/{prefix}".rstrip("/"), S3Objects(bucket, prefix))
        root = Path(uri).expanduser().absolute()
        return cls(str(root), LocalObjects(root))

    def read(
        self,
        table: Table,
        *,
        symbols: Sequence[str] | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> pa.Table:
        """Return the rows of ``symbols`` from ``first`` to ``last``, both inclusive.

        Parameters
        ----------
        symbols : sequence of str, optional
            Values of the table's symbol column; all by default.
        first, last : date, optional
            Bounds of the table's date column (the session, for most).

        Returns
        -------
        pyarrow.Table
            Typed as the contract and sorted by its key; without rows if none is stored.

        Raises
        ------
        CorruptFile
            If a file cannot be read.
        ContractError
            If a file's columns are not the contract's.
        """
        keys = [key for key in self._keys(table, symbols) if table.holds(key, first, last)]
        rows = self._read(table, keys)
        days = rows.column(table.partition_date)
        if first is not None:
            rows = rows.filter(pc.greater_equal(days, pa.scalar(first, DATE)))
            days = rows.column(table.partition_date)
        if last is not None:
            rows = rows.filter(pc.less_equal(days, pa.scalar(last, DATE)))
        return table.sorted(rows)

    def symbols(self, table: Table) -> list[str]:
        """Return the symbols that have files of the table, sorted."""
        return sorted({table.symbol(key) for key in self._keys(table, None) if table.holds(key)})

    def read_newest(
        self, table: Table, *, symbols: Sequence[str] | None = None, years: int = 2
    ) -> pa.Table:
        """Return the rows of each symbol's newest ``years``, for queries about the present.

        The table must have a file a year, of which one alone is all but empty in January.
        """
        files: dict[str, list[tuple[int, str]]] = {}
        for key in self._keys(table, symbols):
            year = table.year(key)
            if year is not None:
                files.setdefault(key.rpartition("/year=")[0], []).append((year, key))
        newest = [key for years_ in files.values() for _, key in sorted(years_)[-years:]]
        return table.sorted(self._read(table, sorted(newest)))

    def write(self, table: Table, rows: "pa.Table | pd.DataFrame") -> WriteReport:
        """Merge ``rows`` into the table by key, one atomic swap a partition file.

        Rows of other keys stay. A file whose rows do not change is not written, and the same rows
        give the same bytes, in whatever order and parts they came. Writers may run side by side:
        in an append-only table, the values that another fetch stored count as unchanged.

        Raises
        ------
        ContractError
            If the rows break the contract; nothing is written then.
        StoreUnavailable
            If the store cannot be written; files are then old or new, each whole. Or if a stored
            row of an append-only table is passed with other values, since another writer was first;
            nothing is written then, unless it was first by a moment.
        """
        conformed = table.conform(rows)
        parts = list(table.partitions(conformed))
        if table.append_only:
            parts = self._each(lambda part: self._unstored(table, *part), parts)
        repeated = len(conformed) - sum(len(part) for _, part in parts)
        reports = [WriteReport(added=0, replaced=0, unchanged=repeated, files=0)]
        reports += self._each(lambda part: self._write_part(table, *part), parts)
        return WriteReport(*map(sum, zip(*map(astuple, reports), strict=True)))

    def update(self, key: str, change: Callable[[bytes | None], tuple[bytes | None, _Out]]) -> _Out:
        """Swap an object for what ``change`` makes of it, again if another writer was first.

        ``change`` takes the stored bytes, None if absent, and returns the new ones, None to leave
        them, with the result to return. StoreUnavailable if other writers win 100 times in a row.
        """
        for _ in range(_TRIES):
            stored = self.objects.get_or_none(key)
            data, result = change(stored.data if stored else None)
            if data is None or self.objects.put_if(key, data, stored.etag if stored else None):
                return result
        raise StoreUnavailable(
            found=f"{_TRIES} write conflicts",
            expected="a successful conditional write",
            where=f"{self.uri}/{key}",
            remedy="Stop the other writers, or retry later.",
        )

    def _keys(self, table: Table, symbols: Sequence[str] | None) -> list[str]:
        return [key for folder in table.folders(symbols) for key in self.objects.list(folder)]

    def _read(self, table: Table, keys: list[str]) -> pa.Table:
        def rows(key: str) -> pa.Table:
            return decode(table, self.objects.get(key), f"{self.uri}/{key}", newer=True)

        return pa.concat_tables([table.empty(), *self._each(rows, keys)])

    def _write_part(self, table: Table, key: str, rows: pa.Table) -> WriteReport:
        where = f"{self.uri}/{key}"

        def merged(data: bytes | None) -> tuple[bytes | None, WriteReport]:
            old = table.empty() if data is None else decode(table, data, where)
            all_rows, report = merge(table, old, rows, where)
            if data is not None and not opens_as_dataset(table, data):
                report = replace(report, files=1)
            return encode(table, all_rows) if report.files else None, report

        return self.update(key, merged)

    def _unstored(self, table: Table, key: str, rows: pa.Table) -> tuple[str, pa.Table]:
        """Leave out the rows of a partition file that are stored; raise as `write` does."""
        # A key that does not hold the ingestion time may be stored under another day.
        apart = table.partition_stamp in table.key
        days = [key] if apart else self.objects.list(f"{key.rpartition('/day=')[0]}/")
        for other in filter(table.holds, days):
            stored, where = self.objects.get_or_none(other), f"{self.uri}/{other}"
            if stored is not None:
                _, news = compare(table, decode(table, stored.data, where), rows, where)
                rows = rows.filter(pa.array(news))
        return key, rows

    def _each(self, do: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        if self.objects.lanes == 1:
            return [do(item) for item in items]
        with ThreadPoolExecutor(self.objects.lanes) as pool:
            return list(pool.map(do, items))
