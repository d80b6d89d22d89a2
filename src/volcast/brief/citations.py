"""Citations of rows, written and resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote

import pyarrow as pa

from volcast.core.errors import CorruptFile, KeyMissing, NotFound, RequestError
from volcast.features.catalog import FEATURES_DAILY
from volcast.registry import champion_pointer, list_versions
from volcast.registry.run_files import Metrics
from volcast.store import Store
from volcast.store.tables import TABLES, Table

__all__ = ["cite", "cite_line", "is_row", "row_of"]

_CITED = {FEATURES_DAILY.name: FEATURES_DAILY} | {
    name: TABLES[name]
    for name in (
        "curated.market_daily", "monitoring.drift_daily", "monitoring.jobs",
        "monitoring.performance", "monitoring.quality", "monitoring.realized_error",
        "monitoring.retrain", "predictions_daily", "raw.macro",
    )
}  # fmt: skip
"""Tables whose rows may be cited, by name."""

_LINES, _LINE_KEY = "runs", ("run_id", "part", "name")
"""A line of a run's table of skill is cited like a row."""

_LONGEST_VALUE = 80


def cite(table: Table, row: Mapping[str, Any]) -> str:
    """Return the citation of a row: ``predictions_daily?symbol=SPY&session=2021-12-31&...``."""
    values = (row[name] for name in table.key)
    texts = (value.isoformat() if isinstance(value, date) else str(value) for value in values)
    return _joined(table.name, table.key, texts)


def cite_line(run_id: str, part: str, name: str) -> str:
    """Return the citation of one line of the table a run was judged by."""
    return _joined(_LINES, _LINE_KEY, (run_id, part, name))


def _joined(name: str, key: Iterable[str], values: Iterable[str]) -> str:
    pairs = zip(key, values, strict=True)
    return f"{name}?" + "&".join(f"{column}={quote(text, safe=':+.')}" for column, text in pairs)


def is_row(citation: str) -> bool:
    """Whether a citation is of a row, and not of a document's passage."""
    name, mark, _ = citation.partition("?")
    return bool(mark) and (name == _LINES or name in _CITED)


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
    texts = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    table = _CITED.get(name)
    columns = _LINE_KEY if name == _LINES else table.key if table is not None else ()
    long = any(len(text) > _LONGEST_VALUE for text in texts.values())
    if long or not texts or tuple(texts) != columns:
        raise _malformed(citation)
    if table is None:
        row = _line(store, **texts)
    else:
        try:
            key = {
                column: pa.scalar(text).cast(table.schema.field(column).type).as_py()
                for column, text in texts.items()
            }
        except pa.ArrowInvalid as error:
            raise _malformed(citation) from error
        row = _row(store, table, key)
    if row is None:
        raise NotFound(
            found="no such row", expected=f"a row of {name}", where="store",
            remedy="Cite a row that is in the store.", field="id",
        )  # fmt: skip
    return row


def _malformed(citation: str) -> RequestError:
    return RequestError(
        found=repr(citation[:200]), expected="TABLE?KEY=VALUE&... with the table's whole key",
        where="citation", remedy="Take it from an answer as it is.", field="id",
    )  # fmt: skip


def _row(store: Store, table: Table, key: Mapping[str, Any]) -> dict[str, Any] | None:
    day: date = key[table.partition_date]
    rows = store.read(table, symbols=[key[table.partition_symbol]], first=day, last=day)
    return next((row for row in rows.to_pylist() if key.items() <= row.items()), None)


def _line(store: Store, run_id: str, part: str, name: str) -> dict[str, Any] | None:
    """Return a line of the version's files, as the sentence has it: runs are pruned."""
    champion = champion_pointer(store)
    for version in [*([champion] if champion else []), *list_versions(store)]:
        if version.run_id == run_id:
            key = f"{version.uri}metrics.json"
            try:
                metrics = Metrics.from_bytes(store.objects.get(key), key)
                return asdict(metrics.tables[part].line(name))
            except (KeyMissing, CorruptFile, KeyError):
                return None
    return None
