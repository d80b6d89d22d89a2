"""Partition files: Parquet bytes that depend on the rows alone, and the merge of rows by key."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from volcast.core.errors import CorruptFile, StoreUnavailable
from volcast.store.schema import Table

__all__ = ["WriteReport", "compare", "decode", "encode", "merge", "opens_as_dataset"]

_NUMBERS = {pa.date32(): pa.int32(), pa.timestamp("us", tz="UTC"): pa.int64()}
"""Dates and stamps as keys: their numbers are equal when they are, and far quicker to take out."""


@dataclass(frozen=True)
class WriteReport:
    """Rows by what became of them, and the files that were written."""

    added: int
    replaced: int
    unchanged: int
    files: int


def encode(table: Table, rows: pa.Table) -> bytes:
    """Return typed rows as one Parquet file; equal rows in equal order give equal bytes.

    One row group, a checksum a page, and no metadata but the schema. Snappy, and dictionaries for
    text alone: against zstd everywhere that halves the time, and numbers do not shrink anyway.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        _retyped(rows, table.file_schema).combine_chunks(),
        sink,
        row_group_size=max(len(rows), 1),
        compression="snappy",
        use_dictionary=[field.name for field in rows.schema if field.type == pa.string()],
        store_schema=True,
        version="2.6",
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def decode(table: Table, data: bytes, where: str, *, newer: bool = False) -> pa.Table:
    """Return the rows of one Parquet file, typed as the contract.

    With ``newer``, columns that the contract lacks are left out: a later version wrote the file.

    Raises
    ------
    CorruptFile
        If the bytes are no whole Parquet file, none at all included.
    ContractError
        If the columns are not the contract's; nullable ones may be absent and are then null.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        stored = file.schema_arrow.names
        columns = [name for name in table.schema.names if name in stored] if newer else None
        rows = file.read(columns=columns, use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptFile(
            found=f"{len(data)} bytes that cannot be read ({error})",
            expected="a Parquet file",
            where=where,
            remedy="Restore the file, or remove it and run the step that writes it.",
        ) from error
    if rows.schema.equals(table.file_schema):
        return _retyped(rows, table.schema)
    return rows if rows.schema.equals(table.schema) else table.conform(rows, where)


def _retyped(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Cast what differs, and nested columns, which are then laid out alike; most are neither."""
    columns = [
        column.cast(field.type)
        if column.type != field.type or pa.types.is_nested(field.type)
        else column
        for field, column in zip(schema, rows.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def opens_as_dataset(table: Table, data: bytes) -> bool:
    """Whether pandas can open a file with its folders; it cannot open those of older versions."""
    folder = table.file_schema.field(table.partition_symbol)
    stored = pq.read_schema(pa.BufferReader(data)).field(table.partition_symbol)
    return bool(stored.type == folder.type)


def merge(table: Table, old: pa.Table, new: pa.Table, where: str) -> tuple[pa.Table, WriteReport]:
    """Return ``old`` with each row of ``new`` added, or put in place of the one with its key.

    Both are typed rows of one partition, each key once; raises as `compare`.
    """
    if not len(old):
        return new, WriteReport(added=len(new), replaced=0, unchanged=0, files=min(len(new), 1))
    positions, taken = compare(table, old, new, where)
    here = positions >= 0
    replaced = positions[here & taken]
    unchanged = np.ones(len(old), dtype=bool)
    unchanged[replaced] = False
    rows = pa.concat_tables([old.filter(pa.array(unchanged)), new.filter(pa.array(taken))])
    return table.sorted(rows), WriteReport(
        added=int((taken & ~here).sum()),
        replaced=len(replaced),
        unchanged=int((~taken).sum()),
        files=int(taken.any()),
    )


def compare(
    table: Table, old: pa.Table, new: pa.Table, where: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the place in ``old`` of each new row's key, -1 for none, and which rows are news.

    In an append-only table a row is no news that only the stamp tells from the newest stored one:
    another fetch of the same values.

    Raises
    ------
    StoreUnavailable
        If a stored row of an append-only table would be replaced; only another writer, since this
        one compared its rows, can have stored it.
    """
    place = {key: position for position, key in enumerate(_keys(old, table.key))}
    positions = np.array([place.get(key, -1) for key in _keys(new, table.key)], dtype=np.int64)
    if not table.append_only:
        return positions, (positions < 0) | _differ(old, new, positions)
    stamp = table.partition_stamp
    values = [name for name in table.schema.names if name != stamp]
    changed = _differ(old.select(values), new.select(values), positions)
    if changed.any():
        row = int(changed.argmax())
        _refuse_rewrite(table, old.slice(positions[row], 1), new.slice(row, 1), where)
    identity = [name for name in table.key if name != stamp]
    newest = {key: position for position, key in enumerate(_keys(old, identity))}
    last = np.array([newest.get(key, -1) for key in _keys(new, identity)], dtype=np.int64)
    repeats = (last >= 0) & ~_differ(old.select(values), new.select(values), last)
    return positions, (positions < 0) & ~repeats


def _keys(rows: pa.Table, names: Sequence[str]) -> list[tuple[object, ...]]:
    columns = (rows.column(name) for name in names)
    plain = (column.cast(_NUMBERS.get(column.type, column.type)) for column in columns)
    return list(zip(*(column.to_pylist() for column in plain), strict=True))


def _differ(old: pa.Table, new: pa.Table, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which new rows differ from the old row at their position; nulls equal nulls."""
    here = np.flatnonzero(positions >= 0)
    left, right = old.take(pa.array(positions[here])), new.take(pa.array(here))
    differ = np.zeros(len(here), dtype=bool)
    for one, other in zip(left.columns, right.columns, strict=True):
        if one.equals(other):
            continue
        if pa.types.is_nested(one.type):
            pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
            differ |= np.array([repr(x) != repr(y) for x, y in pairs], dtype=bool)
            continue
        unlike = pc.fill_null(pc.not_equal(one, other), False)
        differ |= pc.or_(unlike, pc.xor(one.is_null(), other.is_null())).to_numpy()
    all_rows = np.zeros(len(new), dtype=bool)
    all_rows[here] = differ
    return all_rows


def _refuse_rewrite(table: Table, stored: pa.Table, new: pa.Table, where: str) -> None:
    key = {name: str(new.column(name)[0]) for name in table.key}
    changes = [
        f"{name} {new.column(name)[0]} for the stored {stored.column(name)[0]}"
        for name in table.schema.names
        if not new.column(name).equals(stored.column(name))
    ]
    raise StoreUnavailable(
        found=f"the stored row {key} repeated with {', '.join(changes)}",
        expected=f"another {table.key[-1]} for each version of a row",
        where=where,
        remedy=f"{table.name} is append-only, and another ingestion stored this row meanwhile. "
        "Run this one again: it compares with what is stored now.",
    )
