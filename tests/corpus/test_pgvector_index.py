"""The PostgreSQL index: the same passages as DuckDB's, and no password in a message."""

from datetime import date

import pytest

from tests.postgres_server import postgres_server
from tests.s3_server import free_ports
from volcast.brief.answer import answer_from_documents
from volcast.brief.corpus.index import Passage, open_index
from volcast.core.errors import StoreUnavailable

RATE = Passage(
    "documents/rate.txt@0123456789ab#1", "Bank of Verland, statement",
    ("The Bank of Verland raised its policy rate to 4.25 per cent.", "Rents rose."),
    date(2024, 6, 26),
)  # fmt: skip
PORT = Passage("documents/port.txt@0123456789ab#1", "Port", ("The port loaded 4,200 barrels.",))
QUESTION = "To what did the Bank of Verland raise its policy rate?"


def test_postgresql_finds_and_answers_as_duckdb_does(tmp_path):
    with postgres_server() as server:
        index, other = open_index(server.address), open_index(tmp_path / "vectors.npz")
        assert index.search(QUESTION, 9) == []
        for passages in ([RATE], [PORT, RATE]):
            index.refresh(passages)
            other.refresh(passages)
        first, second = index.search(QUESTION, 9)
        similar = other.search(QUESTION, 1)[0].similarities
        assert (first.passage, second.passage) == (RATE, PORT)
        assert first.similarities == pytest.approx(similar, abs=1e-5)
        assert answer_from_documents(index, QUESTION) == answer_from_documents(other, QUESTION)
        assert answer_from_documents(index, QUESTION).answered
        assert [hit.passage for hit in index.search(QUESTION, 9, until=date(2024, 6, 25))] == [PORT]
        index.refresh([PORT])
        assert [hit.passage for hit in index.search(QUESTION, 9)] == [PORT]


@pytest.mark.parametrize(
    "login", ["brief:s3cr3t@127.0.0.1:{}/base", "brief:s3cr3t@127.0.0.1:port:5/b"]
)
def test_a_server_that_does_not_answer_is_named_without_its_password(login: str):
    index = open_index("postgresql://" + login.format(free_ports(1)[0]))
    with pytest.raises(StoreUnavailable) as caught:
        index.search("a cat", 1)
    assert "s3cr3t" not in f"{caught.value} {caught.value.__cause__}"
