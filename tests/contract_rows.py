"""Rows that fit any contract, drawn from a seed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from volcast.core import calendar
from volcast.features.catalog import names
from volcast.store.tables import Column, Table

__all__ = ["FETCHED", "contract_rows", "days", "feature_rows"]

FETCHED = datetime(2021, 6, 1, 21, tzinfo=UTC)
"""When rows of version 0 were ingested; each later version is a day later."""


def days(first: date, count: int) -> list[date]:
    """Return ``count`` consecutive days, sessions or not."""
    return [first + timedelta(days=step) for step in range(count)]


def contract_rows(
    table: Table, symbols: Sequence[str], dates: Sequence[date], version: int = 0
) -> pa.Table:
    """Return one row per symbol and date; another ``version`` gives other values for the same key.

    In append-only tables a version is an ingestion day, hence another key.
    """
    pairs = [(symbol, day) for symbol in symbols for day in dates]
    seed = [version, len(pairs), *table.name.encode()]
    draw = np.random.default_rng(seed)
    arrays = [pa.array(_values(table, c, pairs, version, draw), c.type) for c in table.columns]
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _values(
    table: Table,
    column: Column,
    pairs: Sequence[tuple[str, date]],
    version: int,
    draw: np.random.Generator,
) -> list[object]:
    kind = column.type
    if column.name == table.partition_symbol:
        return [symbol for symbol, _ in pairs]
    if pa.types.is_date(kind):
        return [day for _, day in pairs]
    if pa.types.is_timestamp(kind):
        fetched = column.name in ("ingested_at", "available_at")
        when = FETCHED + timedelta(days=version)
        return [when if fetched else datetime.combine(day, time(21), UTC) for _, day in pairs]
    if pa.types.is_floating(kind):
        numbers = draw.normal(size=len(pairs)).tolist()
        return [None if column.nullable and n > 1.5 else n for n in numbers]
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return list((draw.integers(0, 2, size=len(pairs)) > 0).astype(kind.to_pandas_dtype()))
    return _nested_or_text(table, column, len(pairs), version, draw)


def _nested_or_text(
    table: Table, column: Column, count: int, version: int, draw: np.random.Generator
) -> list[object]:
    if pa.types.is_list(column.type):
        return [_items(column.type.value_type, draw) for _ in range(count)]
    text = column.name if column.name in table.key else f"{column.name}-{version}"
    return [text] * count


def _items(inner: pa.DataType, draw: np.random.Generator) -> list[object]:
    if not pa.types.is_struct(inner):
        return ["flag"] * int(draw.integers(0, 3))
    return [
        {f.name: f"f{i}" if pa.types.is_string(f.type) else float(draw.normal()) for f in inner}
        for i in range(5)
    ]


def feature_rows(symbol: str, first: date, last: date, seed: int) -> pd.DataFrame:
    """Return drawn features of every session in a span, each created at its close."""
    draw = np.random.default_rng(seed)
    sessions = calendar.sessions(first, last)
    rows = pd.DataFrame(draw.normal(size=(len(sessions), len(names()))), columns=names())
    closes = calendar.closes(sessions)
    return rows.assign(
        symbol=symbol, session=sessions, event_timestamp=closes, created_timestamp=closes
    )
