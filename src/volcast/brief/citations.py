"""Citations of rows, written and resolved."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, quote

import pyarrow as pa

from volcast.core.errors import CorruptFile, KeyMissing, NotFound, RequestError
from volcast.features.catalog import FEATURES_DAILY
from volcast.registry import champion_pointer, list_versions
from volcast.registry.run_files import Metrics
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_REALIZED_ERROR,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    RAW_MACRO,
    Table,
)

__all__ = ["CITED", "cite", "cite_line", "is_row", "row_of"]

CITED: Mapping[str, Table] = {
    table.name: table
    for table in (
        CURATED_MARKET_DAILY, FEATURES_DAILY, MONITORING_DRIFT_DAILY, MONITORING_JOBS,
        MONITORING_PERFORMANCE, MONITORING_QUALITY, MONITORING_REALIZED_ERROR, MONITORING_RETRAIN,
        PREDICTIONS_DAILY, RAW_MACRO,
    )
}  # fmt: skip
"""Tables whose rows may be cited, by name."""

_LONGEST_VALUE = 80

_LINES, _LINE_KEY = "runs", ("run_id", "part", "name")
"""A line of a run's table of skill is cited like a row."""


def cite(table: Table, row: Mapping[str, Any]) -> str:
    """Return the citation of a row: ``predictions_daily?symbol=SPY&session=2021-12-31&...``."""
    values = {
        name: value.isoformat() if isinstance(value := row[name], date) else value
        for name in table.key
    }
    parts = (f"{name}={quote(str(value), safe=':+.')}" for name, value in values.items())
    return f"{table.name}?{'&'.join(parts)}"


def cite_line(run_id: str, part: str, name: str) -> str:
    """Return the citation of one line of the table a run was judged by."""
    pairs = zip(_LINE_KEY, (run_id, part, name), strict=True)
    return f"{_LINES}?{'&'.join(f'{key}={quote(value)}' for key, value in pairs)}"


def is_row(citation: str) -> bool:
    """Whether a citation is of a row, and not of a document's passage."""
    name, mark, _ = citation.partition("?")
    return bool(mark) and (name == _LINES or name in CITED)


def row_of(store: Store, citation: str) -> dict[str, Any]:
    """Return the row of a citation.

    Raises
    ------
    RequestError
        If it is no citation of a row.
    NotFound
        If there is no such row, or no more.
    ModelError
        If it is of a table of skill, and the registry cannot be read.
    """
    name, _, query = citation.partition("?")
    table = CITED.get(name)
    texts = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    if any(len(value) > _LONGEST_VALUE for value in texts.values()):
        raise _no_citation(citation)
    if name == _LINES and tuple(texts) == _LINE_KEY:
        return _line(store, **texts)
    if table is None or tuple(texts) != table.key:
        raise _no_citation(citation)
    try:
        key = {column: _value(table, column, text) for column, text in texts.items()}
    except ValueError as error:
        raise _no_citation(citation) from error
    day: date = key[table.partition_date]
    rows = store.read(table, symbols=[key[table.partition_symbol]], first=day, last=day)
    for row in rows.to_pylist():
        if all(row[column] == value for column, value in key.items()):
            return dict(row)
    raise _no_row(name)


def _line(store: Store, run_id: str, part: str, name: str) -> dict[str, Any]:
    try:
        # Of the run's version, as the sentence was: runs are pruned, versions stay.
        champion = champion_pointer(store)
        versions = [*([champion] if champion else []), *list_versions(store)]
        version = next(one for one in versions if one.run_id == run_id)
        key = f"{version.uri}metrics.json"
        table = Metrics.from_bytes(store.objects.get(key), key).tables[part]
        return asdict(table.line(name))
    except (KeyMissing, CorruptFile, KeyError, StopIteration) as error:
        raise _no_row(f"run {run_id!r}") from error


def _no_row(of: str) -> NotFound:
    return NotFound(
        found="no such row", expected=f"a row of {of}", where="store",
        remedy="Cite a row that is in the store.", field="id",
    )  # fmt: skip


def _value(table: Table, column: str, text: str) -> Any:
    kind = table.schema.field(column).type
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(text)
    if pa.types.is_date(kind):
        return date.fromisoformat(text)
    return int(text) if pa.types.is_integer(kind) else text


def _no_citation(citation: str) -> RequestError:
    return RequestError(
        found=repr(citation[:200]), expected="TABLE?KEY=VALUE&... with the table's whole key",
        where="citation", remedy="Take it from an answer as it is.", field="id",
    )  # fmt: skip
