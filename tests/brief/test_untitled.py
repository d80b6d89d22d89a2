"""What a document says first lends no name to what it says next."""

import pytest

from tests.brief.desk import NOW
from volcast.brief import NOT_THERE, Library
from volcast.brief.corpus.index import open_index
from volcast.store import Store

NOTES = (
    b"Lakeside Capital sold 30 million dollars of SPY in the spring of 2021.\n\n"
    b"Northgate Partners bought 12 million dollars of QQQ in 2021.\n"
)


@pytest.fixture
def library(store: Store, tmp_path):
    store.objects.put("documents/notes.txt", NOTES)
    found = Library(store, open_index(tmp_path / "index.duckdb"), lambda: NOW)
    found.refresh()
    yield found
    found.index.close()


def test_a_passage_is_about_what_it_names_itself(library: Library):
    asked = "Did Northgate Partners buy {} in 2021?"
    assert "12 million dollars of QQQ" in library.ask(asked.format("QQQ")).text
    assert library.ask(asked.format("SPY")).text == NOT_THERE
    assert "QQQ" not in library.ask("Should I buy SPY?").text
