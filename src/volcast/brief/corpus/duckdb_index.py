"""The index in one DuckDB file."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from volcast.brief.corpus.sentence_model import DIMENSIONS
from volcast.brief.corpus.shelf import Entry, Reader, Writer
from volcast.core.errors import CorruptFile, StoreUnavailable
from volcast.store.local import locked

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["DuckdbShelf"]

_COSINE = f"array_inner_product(s.vector, $vector::FLOAT[{DIMENSIONS}])"

_BUILD = (
    """
    CREATE TABLE building.passages AS
    SELECT * FROM volcast_brief.passages WHERE NOT id = ANY($gone)
    UNION ALL BY NAME
    SELECT * FROM fresh_passages ORDER BY number
    """,
    """
    CREATE TABLE building.postings AS
    SELECT * FROM volcast_brief.postings SEMI JOIN building.passages USING (number)
    UNION ALL BY NAME
    SELECT * FROM fresh_postings ORDER BY term, number
    """,
    """
    CREATE TABLE building.sentences AS
    SELECT * FROM volcast_brief.sentences SEMI JOIN building.passages USING (number)
    UNION ALL BY NAME
    SELECT number, place, key, vector FROM fresh_sentences ORDER BY number, place
    """,
)
"""In order of terms, so that a search skips most of what it does not ask for."""

_EMPTY = (
    "ATTACH ':memory:' AS volcast_brief",
    """
    CREATE TABLE volcast_brief.passages (
        number BIGINT, id TEXT, digest TEXT, source TEXT, title TEXT, sentences TEXT[],
        dated DATE, length BIGINT
    )
    """,
    "CREATE TABLE volcast_brief.postings (term TEXT, number BIGINT, times BIGINT, length BIGINT)",
    f"""
    CREATE TABLE volcast_brief.sentences (
        number BIGINT, place BIGINT, key TEXT, vector FLOAT[{DIMENSIONS}]
    )
    """,
)


class DuckdbShelf:
    """Passages in a file that is replaced whole, so a reader has the old one or the new.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: tuple[tuple[int, ...] | None, duckdb.DuckDBPyConnection] | None = None

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """See the file as it is now, whatever is renamed over it meanwhile."""
        yield self._reader(self._connection())

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Wait for other writers to end, and be the one."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._path.with_name(f".{self._path.name}.lock")):
                yield Writer(self._reader(self._connection()), self._replace)
        except OSError as error:
            raise self._unavailable(error) from error

    def _replace(self, gone: Sequence[str], fresh: Sequence[Entry]) -> None:
        """Write a new file beside the old one and rename it over."""
        import duckdb

        temporary = self._path.with_name(f".{self._path.name}.tmp")
        for left in (temporary, Path(f"{temporary}.wal")):
            left.unlink(missing_ok=True)
        connection = self._connection()
        first = self._reader(connection).last_number() + 1
        try:
            connection.execute(f"ATTACH {_quoted(temporary)} AS building")
            for name, table in _tables(fresh, first).items():
                connection.register(name, table)
            for statement in _BUILD:
                asked = {"gone": list(gone)} if "$gone" in statement else {}
                connection.execute(statement, asked)
            connection.execute("CHECKPOINT building")
            connection.execute("DETACH building")
        except duckdb.Error as error:
            raise self._corrupt(error) from error
        finally:
            self.close()
        _put_over(temporary, self._path)

    def clear(self) -> None:
        """Take the file away, readable or not."""
        self.close()
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _reader(self, connection: "duckdb.DuckDBPyConnection") -> Reader:
        import duckdb

        def ask(query: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
            try:
                return connection.execute(query, dict(asked)).fetchall()
            except duckdb.Error as error:
                self.close()
                raise self._corrupt(error) from error

        return Reader(ask, _COSINE)

    def _connection(self) -> "duckdb.DuckDBPyConnection":
        """Return a connection to the file as it is now: another process may have replaced it."""
        import duckdb

        state = self._state()
        # One that was deleted still answers from what it held, until it is made anew.
        gone = state is None and self._open is not None
        if self._open is None or (self._open[0] != state and not gone):
            self.close()
            # In memory with the file attached: of a file that is opened itself, a process gets the
            # same old one again for as long as any part of it holds that.
            connection = duckdb.connect(":memory:", config=_SETTINGS)
            self._open = (state, connection)
            if state is None:
                for statement in _EMPTY:
                    connection.execute(statement)
            else:
                self._attach(connection)
        return self._open[1]

    def _attach(self, connection: "duckdb.DuckDBPyConnection") -> None:
        import duckdb

        try:
            connection.execute(f"ATTACH {_quoted(self._path)} AS volcast_brief (READ_ONLY)")
        except duckdb.Error as error:
            self.close()
            raise self._corrupt(error) from error

    def _state(self) -> tuple[int, ...] | None:
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unavailable(error) from error
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

    def _corrupt(self, error: Exception) -> CorruptFile:
        return CorruptFile(
            found=str(error).splitlines()[0],
            expected="an index of passages",
            where=str(self._path),
            remedy="Delete it; it is made anew.",
        )

    def _unavailable(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(
            found=str(error),
            expected="a file that can be read and written",
            where=f"index {self._path}",
            remedy="Give another place, or mend its permissions or free space; then retry.",
        )


_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    # What DuckDB misses it would fetch.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # So small a search takes no longer on one, and on busy cores much less than on two.
    "threads": 1,
}


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _tables(fresh: Sequence[Entry], first: int) -> dict[str, "pa.Table"]:
    import pyarrow as pa

    numbered = list(enumerate(fresh, first))
    passages = [
        {
            "number": number,
            "id": entry.passage.id,
            "digest": entry.digest,
            "source": entry.passage.source,
            "title": entry.passage.title,
            "sentences": list(entry.passage.sentences),
            "dated": entry.passage.dated,
            "length": entry.terms.total(),
        }
        for number, entry in numbered
    ]
    postings = [
        (term, number, times, entry.terms.total())
        for number, entry in numbered
        for term, times in entry.terms.items()
    ]
    sentences = [
        (number, place, key)
        for number, entry in numbered
        for place, key in enumerate(entry.keys, -1)
    ]
    flat = np.concatenate([np.empty((0, DIMENSIONS), np.float32), *(e.vectors for e in fresh)])
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), DIMENSIONS)
    number, text = pa.int64(), pa.string()
    named = ("id", text), ("digest", text), ("source", text), ("title", text)
    schema = pa.schema(
        [
            ("number", number),
            *named,
            ("sentences", pa.list_(text)),
            ("dated", pa.date32()),
            ("length", number),
        ]
    )
    return {
        "fresh_passages": pa.Table.from_pylist(passages, schema),
        "fresh_postings": _columns(
            postings, {"term": text, "number": number, "times": number, "length": number}
        ),
        "fresh_sentences": _columns(
            sentences, {"number": number, "place": number, "key": text}
        ).append_column("vector", vectors),
    }


def _columns(rows: Sequence[tuple[Any, ...]], types: dict[str, "pa.DataType"]) -> "pa.Table":
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return pa.table(
        {
            name: pa.array(column, kind)
            for column, (name, kind) in zip(columns, types.items(), strict=True)
        }
    )


def _put_over(temporary: Path, path: Path) -> None:
    for place in (temporary, temporary.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if place == temporary:
            temporary.replace(path)
