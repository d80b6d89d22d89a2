"""Files of prices: separated values in any encoding, gzipped or not, and Parquet."""

import csv
import gzip
import io
import zlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from volcast.core.errors import ContractError
from volcast.data.sources.formats import TEXT, column_name, tabulate

__all__ = ["read_file"]

_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_OTHER_KINDS = {
    b"PK": "an Excel workbook or ZIP archive", b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"<!": "a web page", b"<html": "a web page", b"{": "JSON", b"[": "JSON",
}  # fmt: skip


def read_file(path: Path) -> pd.DataFrame:
    """Read a CSV file, gzipped or not, or a Parquet file, as `tabulate` does.

    Its first bytes decide which it is, not its name.

    Raises
    ------
    ContractError
        With the file and row, if it cannot be read, or only by a guess.
    """
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        if content.startswith(b"PAR1"):
            return tabulate(pd.read_parquet(io.BytesIO(content)), str(path))
        return _read_csv(content, str(path))
    except (OSError, EOFError, zlib.error, UnicodeError, pa.ArrowException, csv.Error) as error:
        raise ContractError(
            found=str(error).replace("Row #", "row "), expected="separated values, or Parquet",
            where=str(path), remedy="Fix the row or save the file again; the header is row 1.",
        ) from error  # fmt: skip


def _read_csv(content: bytes, where: str) -> pd.DataFrame:
    for prefix, kind in _OTHER_KINDS.items():
        if content[:8].lower().startswith(prefix.lower()):
            raise ContractError(
                found=kind, expected="separated values, or Parquet", where=where,
                remedy="Open it and save it as CSV (UTF-8).",
            )  # fmt: skip
    text = _decoded(content)
    head = next(iter(text.splitlines()), "")
    separator = max(",;\t|", key=head.count)
    width = len(next(csv.reader([head], delimiter=separator), []))
    # Only with one thread does a message have the number of the row.
    table = pyarrow.csv.read_csv(
        io.BytesIO(f"{text}\n".encode()),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, autogenerate_column_names=True),
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={f"f{i}": pa.string() for i in range(width)}
        ),
    )
    cells: pd.DataFrame = table.to_pandas(types_mapper={pa.string(): TEXT}.get)
    header, count = [cells.iloc[i].tolist() for i in range(min(3, len(cells)))], 1
    # What yfinance saves: prices, tickers, and a row that has the index's name alone.
    if len(header) == 3 and not any(header[2][1:]) and column_name(header[2][0]) == "date":
        header[0][0] = header[1][0] = header[2][0]
        count = 3
    frame = cells.iloc[count:].reset_index(drop=True)
    frame.columns = pd.MultiIndex.from_arrays(header[:2]) if count == 3 else pd.Index(header[0])
    return tabulate(frame, where, separator, first_row=count + 1)


def _decoded(content: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if content.startswith(bom):
            return content.decode(encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252")
