"""The PostgreSQL index: one transaction a refresh, and plain words when there is no server."""

import psycopg
import pytest

from tests.postgres_server import postgres_server
from tests.s3_server import free_ports
from volcast.brief.corpus import Passage, open_index
from volcast.brief.corpus.pgvector_index import PgvectorShelf
from volcast.core.errors import StoreUnavailable

CATS = Passage("documents/cats.txt@0123456789ab#1", "document", "cats", ("A cat slept.",))
DOGS = Passage("documents/dogs.txt@0123456789ab#1", "document", "dogs", ("A dog ran.",))


@pytest.mark.parametrize(
    "login",
    [
        "brief:s3cr3t-%C3%A9@127.0.0.1:{port}/base",
        "127.0.0.1:{port}/base?user=x&password=s3cr3t-%C3%A9",
    ],
)
def test_a_server_that_is_not_there_is_said_to_be_and_no_password_with_it(login):
    address = "postgresql://" + login.format(port=free_ports(1)[0])
    index = open_index(address)
    for use in (
        lambda: index.search("a cat", 1),
        lambda: index.get(CATS.id),
        lambda: index.refresh([CATS]),
    ):
        with pytest.raises(StoreUnavailable, match="Start the server") as caught:
            use()
        assert "127.0.0.1" in caught.value.where
        for said in (str(caught.value), repr(caught.value)):
            assert "s3cr3t" not in said


def test_an_address_that_makes_no_sense_does_not_show_its_password():
    index = open_index("postgresql://brief:s3cr3t@127.0.0.1:port:5/base")
    with pytest.raises(StoreUnavailable) as caught:
        index.get("x")
    assert "s3cr3t" not in str(caught.value)


def test_a_refresh_that_fails_half_way_leaves_what_was_there(empty_postgres, monkeypatch):
    index = open_index(empty_postgres.address)
    index.refresh([CATS])
    from volcast.brief.corpus import pgvector_index

    monkeypatch.setitem(pgvector_index._COPIES, "sentences", "number, place, key, nothing")
    with pytest.raises(StoreUnavailable):
        index.refresh([DOGS])
    assert [hit.passage for hit in index.search("an animal", 9)] == [CATS]
    monkeypatch.undo()
    index.refresh([DOGS])
    assert [hit.passage for hit in index.search("an animal", 9)] == [DOGS]
    index.close()


def test_what_is_held_is_in_the_schema_volcast_brief_alone(empty_postgres):
    with psycopg.connect(empty_postgres.address) as connection:
        named = "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2"
        before = set(connection.execute(named).fetchall())
        connection.rollback()
        index = open_index(empty_postgres.address)
        index.refresh([CATS, DOGS])
        index.close()
        made = set(connection.execute(named).fetchall()) - before
    assert made == {("volcast_brief", name) for name in ("passages", "postings", "sentences")}


def test_a_reader_without_leave_to_write_can_search(empty_postgres):
    index = open_index(empty_postgres.address)
    index.refresh([CATS])
    index.close()
    with psycopg.connect(empty_postgres.address, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA volcast_brief TO reader")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA volcast_brief TO reader")
    reader = open_index(empty_postgres.address.replace("postgres@", "reader@"))
    assert reader.search("a cat", 1)[0].passage == CATS
    with pytest.raises(StoreUnavailable, match="permission denied"):
        reader.refresh([DOGS])
    reader.close()
    with psycopg.connect(empty_postgres.address, autocommit=True) as connection:
        connection.execute("DROP OWNED BY reader")
        connection.execute("DROP ROLE reader")


def test_a_server_that_was_started_anew_is_found_again():
    with postgres_server() as server:
        index = open_index(server.address)
        index.refresh([CATS])
        server.stop()
        with pytest.raises(StoreUnavailable):
            index.search("a cat", 1)
        server.start()
        assert index.search("a cat", 1)[0].passage == CATS
        server.stop()
        server.start()
        # A connection that broke unnoticed is made anew.
        assert index.get(CATS.id) == CATS
        index.close()


def test_the_shelf_says_where_it_is_without_its_user():
    assert "tester" not in str(
        PgvectorShelf("postgresql://tester:pw@h/base?x=y")._unavailable(psycopg.Error("none"))
    )
