"""An index of each kind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgres_server import PostgresServer, postgres_server
from volcast.brief.corpus import Index, open_index


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server for the session."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def empty_postgres(postgres: PostgresServer) -> PostgresServer:
    """Return the server without an index."""
    with psycopg.connect(postgres.address, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS volcast_brief CASCADE")
    return postgres


@pytest.fixture(params=["duckdb", "pgvector"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where an index of each kind may be."""
    if request.param == "duckdb":
        return str(tmp_path / "brief's.duckdb")
    return request.getfixturevalue("empty_postgres").address


@pytest.fixture
def opened(place: str) -> Iterator[Callable[[], Index]]:
    """Return what opens the index at ``place`` once more; all are closed at the end."""
    indexes: list[Index] = []

    def one_more() -> Index:
        indexes.append(open_index(place))
        return indexes[-1]

    yield one_more
    for index in indexes:
        index.close()
