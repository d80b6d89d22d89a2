"""Citations of rows, written and resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, quote

import pandas as pd
import pyarrow as pa

from volcast.core.errors import CorruptFile, KeyMissing, NotFound, RequestError
from volcast.features.catalog import FEATURES_DAILY
from volcast.registry import Version, history, list_versions
from volcast.registry.run_files import Lineage, Metrics
from volcast.store import Store
from volcast.store.tables import TABLES, Table

__all__ = [
    "cite", "cite_evaluation", "cite_line", "cite_version", "is_row", "row_of", "version_row",
]  # fmt: skip

_CITED = {FEATURES_DAILY.name: FEATURES_DAILY} | {
    name: TABLES[name]
    for name in (
        "curated.market_daily", "labels_daily", "monitoring.drift_daily", "monitoring.jobs",
        "monitoring.performance", "monitoring.quality", "monitoring.realized_error",
        "monitoring.retrain", "predictions_daily", "raw.macro",
    )
}  # fmt: skip
"""Tables whose rows may be cited, by name."""

_FILES = {
    "runs": ("run_id", "part", "name"),
    "evaluations": ("run_id", "symbol", "session"),
    "versions": ("version",),
}
"""Keys of what is cited like a row and is in a file: a line of a run's table of skill, a session
of its evaluation, a version of the registry."""

_LONGEST_VALUE = 80


def cite(table: Table, row: Mapping[str, Any]) -> str:
    """Return the citation of a row: ``predictions_daily?symbol=SPY&session=2021-12-31&...``."""
    values = (row[name] for name in table.key)
    texts = (value.isoformat() if isinstance(value, date) else str(value) for value in values)
    return _joined(table.name, table.key, texts)


def cite_line(run_id: str, part: str, name: str) -> str:
    """Return the citation of one line of the table a run was judged by."""
    return _joined("runs", _FILES["runs"], (run_id, part, name))


def cite_evaluation(run_id: str, symbol: str, session: date) -> str:
    """Return the citation of one session of the evaluation of a run."""
    return _joined("evaluations", _FILES["evaluations"], (run_id, symbol, session.isoformat()))


def cite_version(version: str) -> str:
    """Return the citation of a version in the registry."""
    return _joined("versions", _FILES["versions"], (version,))


def version_row(store: Store, version: Version) -> dict[str, Any]:
    """Return a version with the recipe and rows of its lineage, and when it was promoted last."""
    key = f"{version.uri}lineage.json"
    lineage = Lineage.from_bytes(store.objects.get(key), key)
    promoted = [
        event.when for event in history(store)
        if event.new == version.version and event.role == "champion" and event.done
    ]  # fmt: skip
    recipe, when = lineage.recipe_name, max(promoted, default="")
    added = {"recipe": recipe, "rows": lineage.rows, "promoted": when}
    return asdict(version) | added


def _joined(name: str, key: Iterable[str], values: Iterable[str]) -> str:
    pairs = zip(key, values, strict=True)
    return f"{name}?" + "&".join(f"{column}={quote(text, safe=':+.')}" for column, text in pairs)


def is_row(citation: str) -> bool:
    """Whether a citation is of a row, and not of a document's passage."""
    name, mark, _ = citation.partition("?")
    return bool(mark) and (name in _FILES or name in _CITED)


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
    columns = table.key if table is not None else _FILES.get(name, ())
    long = any(len(text) > _LONGEST_VALUE for text in texts.values())
    if long or not texts or tuple(texts) != columns:
        raise _malformed(citation)
    if table is None:
        row = _file_row(store, name, texts)
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


def _file_row(store: Store, name: str, key: Mapping[str, str]) -> dict[str, Any] | None:
    """Return a row of a file of a version; one of its run's, which are pruned, may be gone."""
    identity = "version" if name == "versions" else "run_id"
    for version in list_versions(store):
        if getattr(version, identity) == key[identity]:
            try:
                if name == "versions":
                    return version_row(store, version)
                if name == "evaluations":
                    return _evaluated(store, **key)
                return _line(store, version, key["part"], key["name"])
            except (KeyMissing, CorruptFile, KeyError, ValueError):
                return None
    return None


def _line(store: Store, version: Version, part: str, name: str) -> dict[str, Any]:
    """Return a line of a table of skill, and what the table has for all of its lines."""
    key = f"{version.uri}metrics.json"
    table = Metrics.from_bytes(store.objects.get(key), key).tables[part]
    shared = ("rows", "first", "last", "coverage80", "coverage95")
    return asdict(table.line(name)) | {column: getattr(table, column) for column in shared}


def _evaluated(store: Store, run_id: str, symbol: str, session: str) -> dict[str, Any] | None:
    data = store.objects.get(f"runs/{run_id}/evaluation.parquet")
    chosen = [("symbol", "==", symbol), ("session", "==", date.fromisoformat(session))]
    rows = pd.read_parquet(BytesIO(data), filters=chosen).to_dict("records")
    return {str(name): value for name, value in rows[0].items()} if rows else None
