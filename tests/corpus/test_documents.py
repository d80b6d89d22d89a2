"""Documents: what is read of each kind, and which are left out with their reason."""

import hashlib
import os
import random
import time
from datetime import date

import pytest
from fpdf import FPDF

from volcast.brief.corpus.documents import Documents, read_documents, split_sentences
from volcast.store import Store

LONG = "The committee said that it would look at the matter again before the end of the year."
SIZE = 60_000


def read(store, **files: str | bytes) -> Documents:
    for name, data in files.items():
        drop(store, name.replace("__", "."), data)
    return read_documents(store)


def drop(store, name: str, data: str | bytes) -> None:
    store.objects.put(f"documents/{name}", data.encode() if isinstance(data, str) else data)


def texts(documents: Documents) -> list[str]:
    assert not documents.unread
    return [passage.text for passage in documents.passages]


def pdf(*pages: str, title: str | None = None, password: str | None = None) -> bytes:
    made = FPDF()
    if title is not None:
        made.set_title(title)
    if password is not None:
        made.set_encryption(password + "x", password)
    made.set_font("Helvetica", size=11)
    for page in pages:
        made.add_page()
        made.multi_cell(0, 6, page)
    return bytes(made.output())


def test_a_store_without_documents_has_none(any_store):
    assert read_documents(any_store) == Documents()


def test_a_document_is_read_from_a_folder_or_from_s3(any_store):
    data = f"Note of the desk\n\nVolatility was low. {LONG}\n\nIt rose in May."
    drop(any_store, "2021-06-16-note.txt", data)
    drop(any_store, "deep/er.md", "# Other\n\nIt is below.")
    first, second, other = read_documents(any_store).passages
    assert (
        first.id
        == f"documents/2021-06-16-note.txt@{hashlib.sha256(data.encode()).hexdigest()[:12]}#1"
    )
    assert first.sentences == ("Volatility was low.", LONG)
    assert (first.title, first.dated) == ("Note of the desk", date(2021, 6, 16))
    assert second.id == first.id[:-1] + "2"
    assert other.id.startswith("documents/deep/er.md@")
    assert other.dated is None


@pytest.mark.parametrize(
    ("name", "dated"),
    [
        ("2021-06-16.txt", date(2021, 6, 16)),
        ("of-2021-06-16.txt", None),
        ("2021-06-31.txt", None),
        ("2021-06-161.txt", None),
        ("2021-06-16/note.txt", None),
    ],
)
def test_a_document_is_of_the_day_its_name_begins_with(store, name, dated):
    drop(store, name, "It rained.")
    assert read_documents(store).passages[0].dated == dated


def test_a_byte_order_mark_and_line_ends_of_any_kind_are_taken(store):
    documents = read(store, a__txt=b"\xef\xbb\xbfHead\r\n\r\nOne line\r\nwrapped. Two.\r\n")
    assert texts(documents) == ["One line wrapped. Two."]
    assert documents.passages[0].title == "Head"


def test_markdown_loses_its_marks_and_keeps_lists_and_tables(store):
    documents = read(
        store,
        a__md="# Title\n\n## Part\n\nWe saw **two** [things](http://x.y/z):\n\n- the *first*\n"
        "- the `second`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<b>Bold</b> 3 < 4.\n",
    )
    assert documents.passages[0].title == "Title"
    sentences = [sentence for one in documents.passages for sentence in one.sentences]
    assert sentences == [
        "Part", "We saw two things:", "the first", "the second", "a; b", "1; 2", "Bold 3 < 4."
    ]  # fmt: skip


@pytest.mark.parametrize(
    "markup",
    [
        "<script>HIDDEN</script>", "<style>p { content: 'HIDDEN' }</style>", "<nav>HIDDEN</nav>",
        "<!-- HIDDEN -->", "<p style='display:none'>HIDDEN</p>",
        "<div aria-hidden='true'><p>HIDDEN</p></div>",
    ],
)  # fmt: skip
def test_the_text_of_a_page_is_read_and_not_what_surrounds_it(store, markup):
    page = f"<html><head><title>T</title></head><body><p>{LONG}</p>{markup}<p>{LONG}</p></body>"
    documents = read(store, a__html=page)
    assert documents.passages[0].title == "T"
    assert LONG in " ".join(texts(documents))
    assert "HIDDEN" not in " ".join(texts(documents))


def test_a_pdf_is_read_with_divided_words_joined(store):
    documents = read(
        store, a__pdf=pdf(f"The out-\nlook was dim. {LONG}", "Page two.", title="Minutes")
    )
    text = " ".join(texts(documents))
    assert text == f"The outlook was dim. {LONG} Page two."
    assert documents.passages[0].title == "Minutes"


def test_abbreviations_and_decimals_end_no_sentence():
    assert split_sentences('Dr. A. Smith paid 3.25 of U.S. debt. He said "no." It fell! Why?') == [
        "Dr. A. Smith paid 3.25 of U.S. debt.", 'He said "no.', "It fell!", "Why?"
    ]  # fmt: skip


def test_passages_end_at_sentences_before_they_get_long(store):
    words = [f"Sentence number {n} has exactly nine words in it." for n in range(40)]
    documents = read(store, a__txt=" ".join(words))
    assert [sentence for each in documents.passages for sentence in each.sentences] == words
    assert [len(each.text.split()) for each in documents.passages] == [117, 117, 117, 9]
    assert [each.id.rpartition("#")[2] for each in documents.passages] == ["1", "2", "3", "4"]


def test_invisible_characters_are_dropped(store):
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "HIDDEN")
    assert texts(read(store, a__txt=f"Se\u200ben.\u202e{tags}\x00 It\u00ad is.")) == [
        "Seen. It is."
    ]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.docx", b"PK", "its name ends in none of .txt, .md, .html, .htm and .pdf"),
        ("a.txt", b"caf\xe9 au lait", "it is not UTF-8 (byte 3)"),
        ("a.html", b"<p>\xff</p>", "it is not UTF-8 (byte 3)"),
        ("a.md", b"\n\n---\n\n...\n", "it has no text"),
        ("a.html", b"<p></p>", "it has no text"),
        ("a.pdf", pdf(""), "it has no text"),
        ("a.pdf", b"%PDF-1.7\nnothing", "it is no PDF that can be read"),
        ("a.pdf", pdf(LONG)[:400], "it is no PDF that can be read"),
        ("a.pdf", pdf(LONG, password=LONG), "it is encrypted"),
        ("a.txt", b"x" * 20_000_001, "it has 20,000,001 bytes, more than 20,000,000"),
        ("a.txt", b"word " * 500_000, "it has more than 2,000,000 characters"),
    ],
)
def test_a_document_that_cannot_be_read_is_left_out_and_the_others_are_read(store, name, data, why):
    drop(store, name, data)
    drop(store, "z.txt", "It is read all the same.")
    documents = read_documents(store)
    assert [passage.text for passage in documents.passages] == ["It is read all the same."]
    [(unread, reason)] = documents.unread
    assert unread == name
    assert reason.startswith(why)


def test_a_pdf_that_is_open_to_readers_is_read_though_it_is_encrypted(store):
    assert texts(read(store, a__pdf=pdf(LONG, password=""))) == [LONG]


def test_a_pdf_of_too_many_pages_is_left_out(store):
    [(_, reason)] = read(store, a__pdf=pdf(*["Page."] * 501)).unread
    assert reason == "it has 501 pages, more than 500"


def test_a_pdf_that_takes_too_long_is_left_out(store, monkeypatch):
    monkeypatch.setattr("volcast.brief.corpus.documents._SECONDS", 0.0)
    [(_, reason)] = read(store, a__pdf=pdf(LONG, LONG)).unread
    assert "takes longer" in reason


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_pdf_is_read_or_is_left_out(store, seed):
    whole, rng = pdf(LONG * 3, LONG, title="T"), random.Random(seed)
    names = []
    for number in range(30):
        data = bytearray(whole[: rng.randrange(len(whole))] if number % 3 == 0 else whole)
        for _ in range(rng.choice((0, 1, 5, 60)) if data else 0):
            data[rng.randrange(len(data))] = rng.randrange(256)
        names.append(f"{number:03}.pdf")
        drop(store, names[-1], bytes(data))
    documents = read_documents(store)
    read_ones = {
        passage.id.removeprefix("documents/").split("@")[0] for passage in documents.passages
    }
    assert read_ones | {name for name, _ in documents.unread} == set(names)
    assert documents.unread


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 20_000 + "deep",
        "<" * 50_000,
        "<![" * 5000,
        "<table>" * 900,
    ],
    ids=["deep", "open", "marked", "tables"],
)
def test_a_malformed_page_is_read_or_is_left_out(store, page):
    documents = read(store, a__html=f"{page}<p>End.")
    assert bool(documents.passages) != bool(documents.unread)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("notes.txt", "notes"),
        ("deep/2021-06-16-desk_note.v2.md", "2021-06-16 desk note.v2"),
        ("a\u202e\tb.htm", "a b"),
        ("___.txt", "___"),
    ],
)
def test_a_document_without_a_title_has_the_title_of_its_file_and_not_of_its_text(
    store, name, title
):
    data = "Lakeside Capital sold 5 million of SPY.\n\nNorthgate Partners bought QQQ."
    drop(store, name, f"<p>{data}</p>" if name.endswith("htm") else data)
    documents = read_documents(store)
    assert {passage.title for passage in documents.passages} == {title}
    assert "Lakeside" in documents.passages[0].text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "Hello there " + "!" * SIZE),
        ("a.md", "Title\n\n" + "[" * SIZE),
        ("a.md", "Title\n\n" + "**a " * (SIZE // 4)),
        ("a.md", "Title\n\n" + " " * SIZE + "y"),
        ("a.md", "Title\n\n" + "![a](" * (SIZE // 5)),
        ("a.html", "<style>" + "/*" * (SIZE // 2) + "</style><p>Text.</p>"),
        ("a.html", "<" + "a" * SIZE),
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
    """Drop a document that can be read; return the folder."""
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
def test_an_odd_name_or_kind_of_file_is_left_out_and_the_others_are_read(
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


def test_a_file_that_may_not_be_read_is_left_out_and_the_others_are_read(store: Store, monkeypatch):
    path = own(store) + b"shut.txt"
    with open(path, "wb") as file:
        file.write(b"Text.")
    # Root may read any file, whatever its mode.
    monkeypatch.setattr(os, "access", lambda path, _: not str(path).endswith("shut.txt"))
    read = read_documents(store)
    assert read.unread == (("shut.txt", "it may not be read"),)
    assert len(read.passages) == 1


def test_a_name_that_is_no_key_is_left_out_in_a_bucket_too(s3_uri: str):
    store = Store.open(s3_uri)
    store.objects.put("documents/own.txt", b"Own\n\nThis is our own.")
    listed = store.objects.list("documents/")
    store.objects.list = lambda _: [r"documents/a\b.txt", "documents//c.txt", *listed]
    read = read_documents(store)
    assert [name for name, _ in read.unread] == [r"a\b.txt", "/c.txt"]
    assert len(read.passages) == 1
