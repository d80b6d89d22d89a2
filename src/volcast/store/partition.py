"""Partition files: Parquet bytes that depend on the rows alone, and the merge of rows by key."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from volcast.core.errors import ContractError, CorruptFile
from volcast.store.schema import Table

__all__ = ["WriteReport", "decode", "encode", "merge", "opens_as_dataset"]

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
        rows.cast(table.file_schema).combine_chunks(),
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
    except (pa.ArrowException, OSError) as error:
        raise CorruptFile(
            found=f"{len(data)} bytes that cannot be read ({error})",
            expected="a Parquet file",
            where=where,
            remedy="Restore the file, or remove it and run the step that writes it.",
        ) from error
    if rows.schema.equals(table.file_schema):
        return rows.cast(table.schema)
    return rows if rows.schema.equals(table.schema) else table.conform(rows, where)


def opens_as_dataset(table: Table, data: bytes) -> bool:
    """Whether pandas can open a file with its folders; it cannot open those of older versions."""
    folder = table.file_schema.field(table.partition_symbol)
    stored = pq.read_schema(pa.BufferReader(data)).field(table.partition_symbol)
    return bool(stored.type == folder.type)


def merge(table: Table, old: pa.Table, new: pa.Table, where: str) -> tuple[pa.Table, WriteReport]:
    """Return ``old`` with each row of ``new`` added, or put in place of the one with its key.

    Both are typed rows of one partition, each key once.

    Raises
    ------
    ContractError
        If a stored row of an append-only table would be replaced.
    """
    if not len(old):
        return new, WriteReport(added=len(new), replaced=0, unchanged=0, files=min(len(new), 1))
    place = {key: position for position, key in enumerate(_keys(table, old))}
    positions = np.array([place.get(key, -1) for key in _keys(table, new)], dtype=np.int64)
    here = np.flatnonzero(positions >= 0)
    replaced = here[_differ(old.take(pa.array(positions[here])), new.take(pa.array(here)))]
    if table.append_only and len(replaced):
        stored = old.slice(positions[replaced[0]], 1)
        _refuse_rewrite(table, stored, new.slice(replaced[0], 1), where)
    unchanged = np.ones(len(old), dtype=bool)
    unchanged[positions[replaced]] = False
    taken = positions < 0
    taken[replaced] = True
    rows = pa.concat_tables([old.filter(pa.array(unchanged)), new.filter(pa.array(taken))])
    return table.sorted(rows), WriteReport(
        added=len(new) - len(here),
        replaced=len(replaced),
        unchanged=len(here) - len(replaced),
        files=int(taken.any()),
    )


def _keys(table: Table, rows: pa.Table) -> list[tuple[object, ...]]:
    columns = (rows.column(name) for name in table.key)
    plain = (column.cast(_NUMBERS.get(column.type, column.type)) for column in columns)
    return list(zip(*(column.to_pylist() for column in plain), strict=True))


def _differ(left: pa.Table, right: pa.Table) -> NDArray[np.bool_]:
    """Return which rows differ, position by position; nulls are equal to nulls."""
    differ = np.zeros(len(left), dtype=bool)
    for one, other in zip(left.columns, right.columns, strict=True):
        if one.equals(other):
            continue
        if pa.types.is_nested(one.type):
            pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
            differ |= np.array([repr(x) != repr(y) for x, y in pairs], dtype=bool)
            continue
        unlike = pc.fill_null(pc.not_equal(one, other), False)
        differ |= pc.or_(unlike, pc.xor(one.is_null(), other.is_null())).to_numpy()
    return differ


def _refuse_rewrite(table: Table, stored: pa.Table, new: pa.Table, where: str) -> None:
    key = {name: str(new.column(name)[0]) for name in table.key}
    changes = [
        f"{name} {new.column(name)[0]} for the stored {stored.column(name)[0]}"
        for name in table.schema.names
        if not new.column(name).equals(stored.column(name))
    ]
    raise ContractError(
        found=f"the stored row {key} repeated with {', '.join(changes)}",
        expected=f"another {table.key[-1]} for each version of a row",
        where=where,
        remedy=f"{table.name} is append-only. Two ingestions at the same "
        "time can do this: then run this one again, and it leaves out what the other stored.",
    )
