"""The Parquet files behind a Feast source: which of them to read, and their rows."""

import glob
import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from functools import lru_cache
from itertools import chain, takewhile
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from feast import FileSource, RepoConfig
from feast.data_format import ParquetFormat
from feast.data_source import DataSource

from feature_repo.join import NO_TIME, Ints
from volcast.core.errors import ConfigError, ContractError, CorruptFile, NotFound

__all__ = ["FileGroup", "groups", "nanoseconds", "pattern", "readers", "rows"]

_LEEWAY = timedelta(days=1)
"""A session and its close, in UTC, may fall in different years."""


@dataclass(frozen=True)
class FileGroup:
    """Files that hold the rows of one key, or, with None, those of any keys."""

    key: str | None
    files: tuple[str, ...]


@lru_cache(maxsize=1)
def readers() -> ThreadPoolExecutor:
    """Return the one pool of this process that reads files, as wide as there are cores."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="parquet")


# A forked process has the pool but none of its threads, and would wait for them for ever.
os.register_at_fork(after_in_child=readers.cache_clear)


def pattern(config: RepoConfig, source: DataSource) -> str:
    """Return the glob pattern, or folder, of a local Parquet source.

    Raises
    ------
    ConfigError
        If the source is anything else.
    """
    if not isinstance(source, FileSource) or not isinstance(
        source.file_format or ParquetFormat(), ParquetFormat
    ):
        found = f"a {type(source).__name__} that is no Parquet files"
    else:
        path = str(source.get_uri_for_file_path(config.repo_path, source.path))
        if "://" not in path:
            return str(Path(path) / "**" / "*.parquet") if Path(path).is_dir() else path
        found = path
    raise ConfigError(
        found=found,
        expected="a FileSource of local Parquet files",
        where=f"source {source.name}",
        remedy="Keep the features in Parquet files and copy remote ones to this machine first.",
    )


def groups(
    pattern: str,
    key: str,
    *,
    keys: Collection[str] | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
) -> list[FileGroup]:
    """Return the files that may hold rows of ``keys`` with events from ``first`` to ``last``.

    Folders named ``<key>=`` and ``year=``, from the first wildcard on, tell which files need not be
    read, and nothing else; without them every file is read. Files of one key are one group, unless
    some name none.

    Raises
    ------
    NotFound
        If there are no files at all.
    """
    years = range(
        (first - _LEEWAY).year if first is not None else MINYEAR,
        ((last + _LEEWAY).year if last is not None else MAXYEAR) + 1,
    )
    found: dict[str | None, list[str]] = defaultdict(list)
    paths = sorted(glob.glob(pattern, recursive=True))
    if not paths:
        raise NotFound(
            found="no file",
            expected="Parquet files",
            where=pattern,
            remedy="Run the step that writes them.",
        )
    above = len(list(takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts)))
    for path in paths:
        folders = Path(path).parts[above:-1]
        named = dict(part.split("=", 1) for part in folders if "=" in part)
        owner = unquote(named[key]) if key in named else None
        year = named.get("year", "")
        outside = year.isdecimal() and int(year) not in years
        if not outside and (owner is None or keys is None or owner in keys):
            found[owner].append(path)
    if None in found:
        return [FileGroup(None, tuple(sorted(chain.from_iterable(found.values()))))]
    return [FileGroup(owner, tuple(files)) for owner, files in found.items()]


def rows(
    group: FileGroup, key: str, times: Sequence[str], values: Mapping[str, pa.DataType | None]
) -> pa.Table:
    """Return the rows of a group's files, file after file in order of their paths.

    Parameters
    ----------
    key : str
        The text column whose value must be the group's, where it has one.
    times : sequence of str
        Columns of timestamps, UTC where they have no zone.
    values : mapping of str to pyarrow.DataType or None
        Columns that are null where a file lacks them, by the type wanted; None for the files' own.

    Returns
    -------
    pyarrow.Table
        The columns asked for, in that order, the times in UTC.

    Raises
    ------
    CorruptFile
        If a file cannot be read.
    ContractError
        If a file lacks its key or a time, one is of another type, or the key is not what the folder
        says: such rows would be missed where only that key's files are read.
    """
    parts = [_part(path, key, times, values) for path in group.files]
    try:
        table = pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        raise _unlike(str(error), "columns of one type", group.files[0]) from error
    if group.key is not None:
        held = table.column(key).unique().to_pylist()
        if strays := sorted(str(value) for value in held if value != group.key):
            raise _unlike(f"{key} {', '.join(strays)}", f"{key} {group.key}", group.files[0])
    return table


def nanoseconds(column: pa.ChunkedArray, where: str) -> Ints:
    """Return times of any unit and zone as nanoseconds since 1970, UTC; `NO_TIME` for null.

    Raises
    ------
    ContractError
        If one is out of the range of nanoseconds.
    """
    try:
        counted = column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    except pa.ArrowException as error:
        raise _unlike(str(error), "times from 1678 to 2261", where) from error
    times: Ints = counted.fill_null(NO_TIME).to_numpy()
    return times


def _part(
    path: str, key: str, times: Sequence[str], values: Mapping[str, pa.DataType | None]
) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            present = set(file.schema_arrow.names)
            wanted = [name for name in (key, *times, *values) if name in present]
            table = file.read(columns=wanted, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise CorruptFile(
            found=f"a file that cannot be read ({error})",
            expected="a Parquet file",
            where=path,
            remedy="Restore the file, or remove it and run the step that writes it.",
        ) from error
    if missing := [name for name in (key, *times) if name not in present]:
        raise _unlike(f"no column {', '.join(missing)}", ", ".join((key, *times)), path)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    in_utc = {name: _utc(columns[name].type, f"{path}, column {name}") for name in times}
    kinds = {key: pa.string(), **in_utc, **values}
    for name, kind in kinds.items():
        if name not in columns:
            columns[name] = pa.nulls(len(table), kind or pa.null())
        elif kind is not None and columns[name].type != kind:
            columns[name] = _cast(columns[name], kind, f"{path}, column {name}")
    return pa.table({name: columns[name] for name in kinds})


def _utc(kind: pa.DataType, where: str) -> pa.DataType:
    if not pa.types.is_timestamp(kind):
        raise _unlike(str(kind), "timestamps", where)
    return pa.timestamp(kind.unit, "UTC")


def _cast(column: pa.ChunkedArray, kind: pa.DataType, where: str) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except pa.ArrowException as error:
        raise _unlike(str(error), str(kind), where) from error


def _unlike(found: str, expected: str, where: str) -> ContractError:
    return ContractError(
        found=found,
        expected=expected,
        where=where,
        remedy="Write the table through its contract.",
    )
