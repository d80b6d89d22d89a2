"""No document takes long to read, however it is made."""

import time

import pytest

from volcast.corpus.documents import read_documents
from volcast.corpus.instructions import set_aside
from volcast.storage import Store

SIZE = 60_000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "Hello there " + "!" * SIZE),
        ("a.md", "Title\n\n" + "[" * SIZE),
        ("a.md", "Title\n\n" + "_a " * (SIZE // 3)),
        ("a.md", "Title\n\n" + "**a " * (SIZE // 4)),
        ("a.md", "Title\n\n" + " " * SIZE + "y"),
        ("a.md", "Title\n\n" + "![a](" * (SIZE // 5)),
        ("a.html", "<style>" + "a" * SIZE),
        ("a.html", "<style>" + "a b " * (SIZE // 4) + "</style><p>Text.</p>"),
        ("a.html", "<style>" + "/*" * (SIZE // 2) + "</style><p>Text.</p>"),
        ("a.html", "<" + "a" * SIZE),
        ("a.html", "<p>" + "&#33;" * (SIZE // 5)),
        ("a.txt", "\u00f8" * SIZE),
        ("a.txt", "\u00f8_" * (SIZE // 2)),
        ("a.txt", "a1 " * (SIZE // 3)),
        ("a.txt", "\u0301" * SIZE),
        ("a.txt", "the machine is asked " * (SIZE // 21)),
    ],
)  # fmt: skip
def test_reading_takes_about_as_long_as_the_document_is(store: Store, name: str, text: str):
    store.objects.put(f"documents/{name}", text.encode())
    began = time.process_time()
    set_aside(read_documents(store).passages)
    assert time.process_time() - began < 5


def test_a_link_out_of_the_store_is_not_followed(store: Store, tmp_path):
    (tmp_path / "secret.txt").write_text("The secret is 4711.")
    store.objects.put("documents/own.txt", b"Own\n\nThis is our own.")
    (tmp_path / "store/documents/link.txt").symlink_to(tmp_path / "secret.txt")
    read = read_documents(store)
    assert [fault.name for fault in read.faults] == ["link.txt"]
    assert all("4711" not in one.text for one in read.passages)
    assert len(read.passages) == 1
