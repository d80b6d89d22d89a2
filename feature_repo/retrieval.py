"""Rows of a Feast source: joined to moments, or taken from a span of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from feature_repo.entity_rows import EntityRows, numbers_by_value
from feature_repo.join import NO_TIME, Ints, Numbers, as_of, newest
from feature_repo.parquet import FileGroup, groups, nanoseconds, readers, rows

__all__ = ["Source", "View", "joined", "pulled"]


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
        table = rows(group, self.key, [self.key, *times], values)
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


def joined(entities: EntityRows, views: Sequence[View], *, known_only: bool) -> pa.Table:
    """Return the entities' rows with each view's features of their moments appended."""
    table = entities.table
    for view in views:
        columns = _features(entities, view, known_only=known_only)
        for stored, name in view.features.items():
            table = table.append_column(name, columns.pop(stored))
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
    first, last = (None if x is None else pd.to_datetime(x, utc=True) for x in (start, end))
    bounds = (first or pd.Timestamp.min).value, (last or pd.Timestamp.max).value

    def read(group: FileGroup) -> pa.Table:
        table, event, created = source.read(group, dict.fromkeys(features))
        kept = np.flatnonzero((event >= bounds[0]) & (event <= bounds[1]) & (event != NO_TIME))
        table, event = table.take(pa.array(kept)), event[kept]
        created = None if created is None else created[kept]
        if latest:
            table = table.take(pa.array(_newest_of_each(table.column(source.key), event, created)))
        return table

    found = list(readers().map(read, groups(source.pattern, source.key, first=first, last=last)))
    if not found:
        return _nothing(source, features)
    return pa.concat_tables(found, promote_options="permissive")


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


def _features(entities: EntityRows, view: View, *, known_only: bool) -> dict[str, pa.Array]:
    """Return the view's columns in order of the entities, by their names in the files."""
    asked = numbers_by_value(entities.table.column(view.entity))
    first = entities.first - view.ttl if entities.first is not None and view.ttl else None
    found = groups(
        view.source.pattern, view.source.key, keys=asked, first=first, last=entities.last
    )
    parts = list(
        readers().map(lambda group: _matched(entities, view, group, asked, known_only), found)
    )
    placed = np.concatenate([np.empty(0, np.intp), *(numbers for numbers, _ in parts)])
    unmatched = np.ones(len(entities.table), dtype=bool)
    unmatched[placed] = False
    placed = np.concatenate([placed, np.flatnonzero(unmatched)])
    back = np.empty_like(placed)
    back[placed] = np.arange(len(placed))
    columns = {}
    for name, kind in view.types.items():
        # Column by column, each let go of as it is put in order: the answer is never there twice.
        chunks = [columns_of.pop(name) for _, columns_of in parts]
        whole = pa.chunked_array([*chunks, pa.nulls(int(unmatched.sum()), kind)], kind)
        columns[name] = whole.combine_chunks().take(pa.array(back))
    return columns


def _matched(
    entities: EntityRows,
    view: View,
    group: FileGroup,
    asked: Mapping[str, Numbers],
    known_only: bool,
) -> tuple[Numbers, dict[str, pa.Array]]:
    """Return the numbers of the entity rows that a group may answer, and their features."""
    table, event, created = view.source.read(group, view.types)
    stored = numbers_by_value(table.column(view.source.key))
    ttl = view.ttl // timedelta(microseconds=1) * 1000 if view.ttl else None
    numbers, found = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for key in stored.keys() & asked.keys():
        here, there = asked[key], stored[key]
        picked = as_of(
            entities.moments[here],
            event[there],
            None if created is None else created[there],
            ttl=ttl,
            known_only=known_only,
        )
        numbers.append(here)
        found.append(np.where(picked < 0, -1, there[picked]))
    rows_found = np.concatenate(found)
    taken = pa.array(rows_found, mask=rows_found < 0)
    columns = {name: table.column(name).combine_chunks().take(taken) for name in view.types}
    return np.concatenate(numbers), columns
