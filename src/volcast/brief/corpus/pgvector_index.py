"""The index in PostgreSQL with pgvector, in the schema ``volcast_brief``."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from volcast.brief.corpus.sentence_model import DIMENSIONS
from volcast.brief.corpus.shelf import Entry, Reader, Writer
from volcast.core.errors import StoreUnavailable

if TYPE_CHECKING:
    import psycopg

__all__ = ["PgvectorShelf"]

_CONNECT_SECONDS = 5
_COSINE = "-(s.vector <#> $vector::vector)"
"""Of vectors of length one, which all of these are, the product is the cosine."""

_MAKE = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE SCHEMA IF NOT EXISTS volcast_brief",
    """
    CREATE TABLE IF NOT EXISTS volcast_brief.passages (
        number bigint PRIMARY KEY, id text NOT NULL UNIQUE, digest text NOT NULL,
        source text NOT NULL, title text NOT NULL, sentences text[] NOT NULL, dated date,
        length bigint NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS volcast_brief.postings (
        term text, number bigint, times bigint NOT NULL, length bigint NOT NULL,
        PRIMARY KEY (term, number)
    )
    """,
    f"""
    CREATE TABLE IF NOT EXISTS volcast_brief.sentences (
        number bigint, place bigint, key text NOT NULL, vector vector({DIMENSIONS}) NOT NULL,
        PRIMARY KEY (number, place)
    )
    """,
)
"""Vectors have no index of their own: reading all of some thousand is quick, and exact."""

_TAKE_OUT = (
    "DELETE FROM volcast_brief.{} t USING volcast_brief.passages p"
    " WHERE t.number = p.number AND p.id = ANY($gone)"
)
_COPIES = {
    "passages": "number, id, digest, source, title, sentences, dated, length",
    "postings": "term, number, times, length",
    "sentences": "number, place, key, vector",
}


class PgvectorShelf:
    """Passages in tables of a server.

    Parameters
    ----------
    address : str
        ``postgresql://user@host/database``; a password in it is in no message.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._open: psycopg.Connection[Any] | None = None

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """See one state of the tables, whatever is committed meanwhile."""
        with self._transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            made = connection.execute("SELECT to_regclass('volcast_brief.sentences')").fetchone()
            yield Reader(_asker(connection if made and made[0] else None), _COSINE)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Wait for other writers to end, and be the one; all is one transaction."""
        with self._transaction("ISOLATION LEVEL READ COMMITTED") as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('volcast_brief'))")
            for statement in _MAKE:
                connection.execute(statement)
            reader = Reader(_asker(connection), _COSINE)

            def replace(gone: Sequence[str], fresh: Sequence[Entry]) -> None:
                _replace(connection, reader, gone, fresh)

            yield Writer(reader, replace)

    def clear(self) -> None:
        """Drop the schema."""
        with self._transaction("ISOLATION LEVEL READ COMMITTED") as connection:
            connection.execute("DROP SCHEMA IF EXISTS volcast_brief CASCADE")

    def close(self) -> None:
        """Let go of the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextmanager
    def _transaction(self, kind: str) -> "Iterator[psycopg.Connection[Any]]":
        import psycopg

        try:
            connection = self._connection()
            with connection.transaction():
                connection.execute(f"SET TRANSACTION {kind}")
                yield connection
        except psycopg.Error as error:
            self.close()
            raise self._unavailable(error) from error

    def _connection(self) -> "psycopg.Connection[Any]":
        import psycopg

        if self._open is not None:
            try:
                # A server that was started anew since has forgotten the connection.
                self._open.execute("SELECT 1")
            except psycopg.OperationalError:
                self.close()
        if self._open is None:
            self._open = psycopg.connect(
                self._address, autocommit=True, connect_timeout=_CONNECT_SECONDS
            )
        return self._open

    def _unavailable(self, error: "psycopg.Error") -> StoreUnavailable:
        text = " ".join(str(error).split()) or type(error).__name__
        return StoreUnavailable(
            found=_without_password(text, self._address),
            expected="PostgreSQL with pgvector, and leave to write the schema volcast_brief",
            where="index postgresql://"
            + re.sub("^[^@]*@|[?].*$", "", self._address.split("//")[1]),
            remedy="Start the server, mend the address, or have its owner CREATE EXTENSION vector;"
            " then retry.",
        )


def _asker(
    connection: "psycopg.Connection[Any] | None",
) -> Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]]:
    def ask(query: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if connection is None:
            return []
        return connection.execute(_named(query), asked).fetchall()

    return ask


def _named(query: str) -> bytes:
    return re.sub(r"\$(\w+)", r"%(\1)s", query).encode()


def _replace(
    connection: "psycopg.Connection[Any]",
    reader: Reader,
    gone: Sequence[str],
    fresh: Sequence[Entry],
) -> None:
    for table in ("postings", "sentences", "passages"):
        connection.execute(_named(_TAKE_OUT.format(table)), {"gone": list(gone)})
    numbered = list(enumerate(fresh, reader.last_number() + 1))
    with connection.cursor() as cursor:
        for table, columns in _COPIES.items():
            # Names of the module's own, no input.
            copying = f"COPY volcast_brief.{table} ({columns}) FROM STDIN".encode()
            with cursor.copy(copying) as copy:
                for number, entry in numbered:
                    for row in _ROWS[table](number, entry):
                        copy.write_row(row)
            connection.execute(f"ANALYZE volcast_brief.{table}".encode())


def _passage(number: int, entry: Entry) -> Iterator[tuple[Any, ...]]:
    of = entry.passage
    told = (of.source, of.title, list(of.sentences), of.dated)
    yield (number, of.id, entry.digest, *told, entry.terms.total())


def _postings(number: int, entry: Entry) -> Iterator[tuple[Any, ...]]:
    for term, times in entry.terms.items():
        yield term, number, times, entry.terms.total()


def _sentences(number: int, entry: Entry) -> Iterator[tuple[Any, ...]]:
    for place, (key, vector) in enumerate(zip(entry.keys, entry.vectors, strict=True), -1):
        yield number, place, key, str(vector.tolist())


_ROWS = {"passages": _passage, "postings": _postings, "sentences": _sentences}


def _without_password(text: str, address: str) -> str:
    found = re.search(r"//[^:@/]*:([^@]+)@|[?&]password=([^&]+)", address)
    secret = next((part for part in found.groups() if part), "") if found else ""
    for form in filter(None, (secret, unquote(secret))):
        text = text.replace(form, "***")
    return text
