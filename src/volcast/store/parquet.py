"""Parquet bytes that depend on the rows alone."""

import pyarrow as pa
import pyarrow.parquet as pq

from volcast.core.errors import CorruptFile
from volcast.store.tables import Table

__all__ = ["decode", "encode"]


def encode(rows: pa.Table) -> bytes:
    """Return typed rows as one Parquet file; equal rows in equal order give equal bytes.

    One row group, a checksum a page, and no metadata but the columns': neither pandas' notes nor
    Arrow's copy of the schema, from which nothing here is ever read. Snappy, and dictionaries for
    text alone: against zstd everywhere that halves the time, and numbers do not shrink anyway.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows.replace_schema_metadata(None).combine_chunks(),
        sink,
        row_group_size=max(len(rows), 1),
        compression="snappy",
        use_dictionary=[field.name for field in rows.schema if field.type == pa.string()],
        store_schema=False,
        version="2.6",
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def decode(table: Table, data: bytes, where: str, *, newer: bool = False) -> pa.Table:
    """Return the rows of one Parquet file, typed as the contract.

    Parameters
    ----------
    newer : bool
        Read only the columns of ``table``, such as of a file written by a later version.

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
    if rows.schema.equals(table.schema):
        return rows
    return table.conform(rows, where)
