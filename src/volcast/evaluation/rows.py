"""The rows of an evaluation: one a session, volatilities annualised, in decimals."""

import hashlib
import io
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from volcast.core.names import EVALUATION_BASELINES
from volcast.models.intervals import BOUNDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EVALUATION_COLUMNS",
    "PERIODS",
    "evaluation_bytes",
    "evaluation_frame",
    "implied",
    "in_periods",
    "rows_hash",
    "scored",
]

EVALUATION_COLUMNS = (
    "session", "symbol", "rv_5d", "forecast", *BOUNDS, *EVALUATION_BASELINES,
)  # fmt: skip
"""Columns of an evaluation file, in order; new ones are added at the end."""

PERIODS = {
    "2012-2018": (date(2012, 1, 1), date(2018, 12, 31)),
    "2019-2021": (date(2019, 1, 1), date(2021, 12, 31)),
}
"""Spans shown apart; the model card has what the choice of the recipe saw of each."""


def evaluation_bytes(rows: "pd.DataFrame") -> bytes:
    """Return an evaluation as a Parquet file: session date32, symbols text, all else float64."""
    kinds = {"session": pa.date32(), "symbol": pa.string(), "iv_symbol": pa.string()}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in rows.columns])
    table = pa.Table.from_pandas(rows, schema, preserve_index=False).replace_schema_metadata()
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def evaluation_frame(data: bytes) -> "pd.DataFrame":
    """Return the rows of a Parquet file that `evaluation_bytes` made."""
    rows: pd.DataFrame = pq.read_table(pa.BufferReader(data)).to_pandas()
    return rows


def scored(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows that have both a forecast and an outcome."""
    return rows[rows["forecast"].notna() & rows["rv_5d"].notna()]


def implied(rows: "pd.DataFrame") -> str:
    """Return the index of implied volatility that an evaluation used, or why none is named."""
    if "iv_symbol" not in rows:
        return "not recorded"
    name = rows["iv_symbol"].iloc[-1]
    return name if isinstance(name, str) else "none"


def in_periods(rows: "pd.DataFrame") -> "dict[str, pd.DataFrame]":
    """Return the rows, as "all", and those of each of `PERIODS`; none that is empty."""
    spans = {"all": (date.min, date.max), **PERIODS}
    parts = {name: rows[rows["session"].between(*span)] for name, span in spans.items()}
    return {name: part for name, part in parts.items() if len(part)}


def rows_hash(rows: "pd.DataFrame") -> str:
    """Return a short hash of symbol and session of each row: equal only for the same rows."""
    text = "\n".join(f"{s} {d}" for s, d in zip(rows["symbol"], rows["session"], strict=True))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
