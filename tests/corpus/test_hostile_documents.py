"""No document takes long to read, however it is made."""

import os
import time

import pytest

from volcast.brief.corpus.documents import read_documents
from volcast.store import Store

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
    ],
)  # fmt: skip
def test_reading_takes_about_as_long_as_the_document_is(store: Store, name: str, text: str):
    store.objects.put(f"documents/{name}", text.encode())
    began = time.process_time()
    read_documents(store)
    assert time.process_time() - began < 5


def test_a_link_out_of_the_store_is_not_followed(store: Store, tmp_path):
    (tmp_path / "secret.txt").write_text("The secret is 4711.")
    store.objects.put("documents/own.txt", b"Own\n\nThis is our own.")
    (tmp_path / "store/documents/link.txt").symlink_to(tmp_path / "secret.txt")
    read = read_documents(store)
    assert [name for name, _ in read.unread] == ["link.txt"]
    assert all("4711" not in one.text for one in read.passages)
    assert len(read.passages) == 1


def own(store: Store) -> bytes:
    """Drop a document that is read whatever lies beside it; return the folder."""
    store.objects.put("documents/own.txt", b"Own\n\nThis is our own.")
    return os.fsencode(f"{store.uri}/documents/")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("name", "make", "shown", "why"),
    [
        (b"m\xe9mo.txt", "file", r"m\xe9mo.txt", "its name is not UTF-8"),
        (b"a\\b.txt", "file", r"a\b.txt", "its name has a backslash"),
        (b"loop.txt", "loop", "loop.txt", "it is a link that leads to itself"),
        (b"pipe.txt", "pipe", "pipe.txt", "it is no plain file"),
    ],
)
def test_no_name_and_no_kind_of_file_keeps_the_others_from_being_read(
    store: Store, name: bytes, make: str, shown: str, why: str
):
    path = own(store) + name
    match make:
        case "loop":
            os.symlink(name, path)
        case "pipe":
            os.mkfifo(path)
        case _:
            with open(path, "wb") as file:
                file.write(b"Text.")
    read = read_documents(store)
    assert [(name, reason[: len(why)]) for name, reason in read.unread] == [(shown, why)]
    assert [passage.text for passage in read.passages] == ["This is our own."]


def test_a_file_that_may_not_be_read_is_a_fault_and_the_others_are_read(store: Store, monkeypatch):
    path = own(store) + b"shut.txt"
    with open(path, "wb") as file:
        file.write(b"Text.")
    # Root may read any file, whatever its mode.
    monkeypatch.setattr(os, "access", lambda asked, _: not str(asked).endswith("shut.txt"))
    read = read_documents(store)
    assert read.unread == (("shut.txt", "it may not be read"),)
    assert len(read.passages) == 1


def test_a_name_that_is_no_key_is_a_fault_in_a_bucket_too(s3_uri: str):
    store = Store.open(s3_uri)
    store.objects.put("documents/own.txt", b"Own\n\nThis is our own.")
    listed = store.objects.list("documents/")
    store.objects.list = lambda _: [r"documents/a\b.txt", "documents//c.txt", *listed]
    read = read_documents(store)
    assert [name for name, _ in read.unread] == [r"a\b.txt", "/c.txt"]
    assert len(read.passages) == 1
