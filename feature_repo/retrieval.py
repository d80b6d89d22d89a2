"""Rows of a Feast source: joined to moments, or taken from a span of time."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.entity_rows import EntityRows, numbers_by_value
from feature_repo.join import NO_TIME, Ints, Numbers, as_of, newest
from feature_repo.parquet import FileGroup, groups, nanoseconds, readers, rows

__all__ = ["Source", "View", "joined", "pulled"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Source:
    """Files by glob pattern, and the columns that say whose a row is and when it counts."""

    pattern: str
    key: str
    event: str
    created: str | None

    def read(
        self, group: FileGroup, values: Mapping[str, pa.DataType | None]
    ) -> tuple[pa.Table, Ints, Ints | None]:
        """Return a group's rows with their times of event and creation, see `nanoseconds`."""
        times = [self.event, *([self.created] if self.created else [])]
        table = rows(group, self.key, times, values)
        event, *created = (nanoseconds(table.column(name), group.files[0]) for name in times)
        return table, event, created[0] if created else None


@dataclass(frozen=True)
class View:
    """What is asked of one feature view.

    Parameters
    ----------
    source : Source
        Its files.
    entity : str
        The key's column among the entities.
    features : mapping of str to str
        The name in the answer by that in the files.
    types : mapping of str to pyarrow.DataType
        By name in the files.
    ttl : timedelta or None
        How old a row may be; None for no limit.
    """

    source: Source
    entity: str
    features: Mapping[str, str]
    types: Mapping[str, pa.DataType]
    ttl: timedelta | None


@dataclass(frozen=True)
class _Column:
    """A column to be filled in any order, by several threads at different places.

    Its memory is taken once, whole: for a universe, parts that are put in order at the end would
    be there twice.
    """

    kind: pa.DataType
    values: NDArray[Any]
    null: NDArray[np.bool_]

    @classmethod
    def nulls(cls, kind: pa.DataType, length: int) -> "_Column":
        if pa.types.is_floating(kind):
            # Of Arrow's memory, which goes back at once when Arrow lets go of it; NumPy's may stay.
            buffer = pa.allocate_buffer(length * kind.byte_width)
            values = np.frombuffer(buffer, kind.to_pandas_dtype())
        else:
            values = np.empty(length, object)
        return cls(kind, values, np.ones(length, dtype=bool))

    def put(self, to: Numbers, column: pa.ChunkedArray, of: Numbers) -> None:
        """Copy the values numbered ``of`` in ``column`` to the places ``to``."""
        if pa.types.is_floating(self.kind):
            self.values[to] = column.to_numpy()[of]
        else:
            self.values[to] = pd.Series(column.to_pylist(), dtype=object).to_numpy()[of]
        self.null[to] = column.is_null().to_numpy()[of]

    def arrow(self) -> pa.Array:
        return pa.array(self.values, self.kind, mask=self.null, from_pandas=False)


def joined(entities: EntityRows, views: Sequence[View], *, known_only: bool) -> pa.Table:
    """Return the entities' rows with each view's features of their moments appended."""
    table = entities.table
    for view in views:
        columns = _features(entities, view, known_only=known_only)
        for stored, name in view.features.items():
            table = table.append_column(name, columns.pop(stored).arrow())
    return table


def pulled(
    source: Source,
    features: Sequence[str],
    start: datetime | None,
    end: datetime | None,
    *,
    latest: bool,
) -> pa.Table:
    """Return the rows with an event from ``start`` to ``end``; with ``latest`` one a key.

    Key, times and features under the files' names; a bound without a zone is UTC.
    """
    first, last = (None if x is None else _in_utc(x) for x in (start, end))

    def read(group: FileGroup) -> pa.Table:
        table, event, created = source.read(group, dict.fromkeys(features))
        kept = np.flatnonzero(_within(event, first, last))
        table, event = table.take(pa.array(kept)), event[kept]
        created = None if created is None else created[kept]
        if latest:
            table = table.take(pa.array(_newest_of_each(table.column(source.key), event, created)))
        return table

    found = list(readers().map(read, groups(source.pattern, source.key, first=first, last=last)))
    if not found:
        return _nothing(source, features)
    return pa.concat_tables(found, promote_options="permissive")


def _within(event: Ints, first: datetime | None, last: datetime | None) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = event != NO_TIME
    if first is not None:
        inside &= event >= _count(first - _EPOCH)
    if last is not None:
        inside &= event <= _count(last - _EPOCH)
    return inside


def _count(span: timedelta) -> int:
    """Return a span in nanoseconds."""
    return span // timedelta(microseconds=1) * 1000


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _newest_of_each(keys: pa.ChunkedArray, event: Ints, created: Ints | None) -> Numbers:
    tops = [
        part[newest(event[part], None if created is None else created[part])[-1]]
        for part in numbers_by_value(keys).values()
    ]
    return np.sort(np.array(tops, dtype=np.intp))


def _nothing(source: Source, features: Sequence[str]) -> pa.Table:
    times = [name for name in (source.event, source.created) if name]
    types = {source.key: pa.string(), **dict.fromkeys(times, pa.timestamp("us", "UTC"))}
    return pa.schema({**types, **dict.fromkeys(features, pa.null())}.items()).empty_table()


def _features(entities: EntityRows, view: View, *, known_only: bool) -> dict[str, _Column]:
    """Return the view's columns in order of the entities, by their names in the files."""
    asked = numbers_by_value(entities.table.column(view.entity))
    first = entities.first - view.ttl if entities.first is not None and view.ttl else None
    columns = {name: _Column.nulls(kind, len(entities.table)) for name, kind in view.types.items()}

    def fill(group: FileGroup) -> None:
        table, event, created = view.source.read(group, view.types)
        to, of = _matched(entities, view, asked, table, (event, created), known_only)
        for name, column in columns.items():
            column.put(to, table.column(name), of)

    source = view.source
    found = groups(source.pattern, source.key, keys=asked, first=first, last=entities.last)
    deque(readers().map(fill, found), maxlen=0)
    return columns


def _matched(
    entities: EntityRows,
    view: View,
    asked: Mapping[str, Numbers],
    table: pa.Table,
    times: tuple[Ints, Ints | None],
    known_only: bool,
) -> tuple[Numbers, Numbers]:
    """Return the numbers of the entity rows that ``table`` answers, and those of its own rows."""
    event, created = times
    stored = numbers_by_value(table.column(view.source.key))
    ttl = _count(view.ttl) if view.ttl else None
    to, of = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for key in stored.keys() & asked.keys():
        here, there = asked[key], stored[key]
        known = None if created is None else created[there]
        found = as_of(entities.moments[here], event[there], known, ttl=ttl, known_only=known_only)
        to.append(here[found >= 0])
        of.append(there[found[found >= 0]])
    return np.concatenate(to), np.concatenate(of)
