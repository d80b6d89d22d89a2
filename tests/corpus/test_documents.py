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


def drop(store: Store, name: str, data: str | bytes) -> None:
    store.objects.put(f"documents/{name}", data.encode() if isinstance(data, str) else data)


def read(store: Store, name: str, data: str | bytes) -> Documents:
    drop(store, name, data)
    return read_documents(store)


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


def test_a_document_is_read_from_a_folder_or_from_s3(any_store):
    assert read_documents(any_store) == Documents()
    data = f"Note of the desk\n\nVolatility was low. {LONG}\n\nIt rose in May."
    drop(any_store, "2021-06-16-note.txt", data)
    drop(any_store, "deep/er.md", "# Other\n\nIt is below.")
    first, second, other = read_documents(any_store).passages
    digest = hashlib.sha256(data.encode()).hexdigest()[:12]
    assert first.id == f"documents/2021-06-16-note.txt@{digest}#1"
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
    assert read(store, name, "It rained.").passages[0].dated == dated


def test_markdown_loses_its_marks_and_keeps_lists_and_tables(store):
    data = (
        "# Title\n\n## Part\n\nWe saw **two** [things](http://x.y/z):\n\n- the *first*\n"
        "- the `second`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<b>Bold</b> 3 < 4.\n"
    )
    documents = read(store, "a.md", data)
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
    documents = read(store, "a.html", page)
    assert documents.passages[0].title == "T"
    assert LONG in " ".join(texts(documents))
    assert "HIDDEN" not in " ".join(texts(documents))


TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "HIDDEN")


@pytest.mark.parametrize(
    ("name", "data", "title", "text"),
    [
        ("a.txt", b"\xef\xbb\xbfHead\r\n\r\nOne line\r\nwrapped.\r\n", "Head", "One line wrapped."),
        ("a.txt", f"Se\u200ben.\u202e{TAGS}\x00 It\u00ad is.", "a", "Seen. It is."),
        ("a.pdf", pdf(f"The out-\nlook was dim. {LONG}", "Page two.", title="Minutes"), "Minutes",
         f"The outlook was dim. {LONG} Page two."),
        ("a.pdf", pdf(LONG, password=""), "a", LONG),
    ],
    ids=["byte order mark and line ends", "invisible", "divided word", "open to readers"],
)  # fmt: skip
def test_what_is_read_is_what_a_reader_sees(store, name, data, title, text):
    documents = read(store, name, data)
    assert " ".join(texts(documents)) == text
    assert {passage.title for passage in documents.passages} == {title}


def test_abbreviations_and_decimals_end_no_sentence():
    assert split_sentences('Dr. A. Smith paid 3.25 of U.S. debt. He said "no." It fell! Why?') == [
        "Dr. A. Smith paid 3.25 of U.S. debt.", 'He said "no.', "It fell!", "Why?"
    ]  # fmt: skip


def test_passages_end_at_sentences_before_they_get_long(store):
    words = [f"Sentence number {n} has exactly nine words in it." for n in range(40)]
    documents = read(store, "a.txt", " ".join(words))
    assert [sentence for each in documents.passages for sentence in each.sentences] == words
    assert [len(each.text.split()) for each in documents.passages] == [117, 117, 117, 9]
    assert [each.id.rpartition("#")[2] for each in documents.passages] == ["1", "2", "3", "4"]


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
        ("a.pdf", pdf(*["Page."] * 501), "it has 501 pages, more than 500"),
        ("a.txt", b"x" * 20_000_001, "it has 20,000,001 bytes, more than 20,000,000"),
        ("a.txt", b"word " * 500_000, "it has more than 2,000,000 characters"),
        ("a.html", b"<b>x</b>" * 200_000, "it has more than 300,000 tags"),
        ("a.pdf", pdf("Words.").replace(b"/FlateDecode", b"/Fl"), "it is no PDF that can be read"),
    ],
)
def test_a_document_that_cannot_be_read_is_left_out_and_the_others_are_read(store, name, data, why):
    drop(store, "z.txt", "It is read all the same.")
    documents = read(store, name, data)
    assert [passage.text for passage in documents.passages] == ["It is read all the same."]
    [(unread, reason)] = documents.unread
    assert unread == name
    assert reason.startswith(why)


def test_a_pdf_that_takes_too_long_is_left_out(store, monkeypatch):
    monkeypatch.setattr("volcast.brief.corpus.documents._SECONDS", 0.0)
    [(_, reason)] = read(store, "a.pdf", pdf(LONG, LONG)).unread
    assert "takes longer" in reason


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_pdf_is_read_or_is_left_out(store, seed):
    whole, rng = pdf(LONG * 3, LONG, title="T"), random.Random(seed)
    names = {f"{number:03}.pdf" for number in range(30)}
    for number, name in enumerate(sorted(names)):
        data = bytearray(whole[: rng.randrange(len(whole))] if number % 3 == 0 else whole)
        for _ in range(rng.choice((0, 1, 5, 60)) if data else 0):
            data[rng.randrange(len(data))] = rng.randrange(256)
        drop(store, name, bytes(data))
    documents = read_documents(store)
    unread = {name for name, _ in documents.unread}
    assert unread
    assert unread | {passage.name for passage in documents.passages} == names


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("notes.txt", "notes"),
        ("deep/2021-06-16-desk_note.v2.md", "2021-06-16 desk note.v2"),
        ("a\u202e\tb.htm", "a b"),
        ("___.txt", "___"),
    ],
)
def test_a_document_without_a_title_has_that_of_its_file(store, name, title):
    data = "Lakeside Capital sold 5 million of SPY.\n\nNorthgate Partners bought QQQ."
    documents = read(store, name, f"<p>{data}</p>" if name.endswith("htm") else data)
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
        ("a.html", "<div>" * 20_000 + "deep<p>End."),
        ("a.html", "<" * 50_000 + "<p>End."),
        ("a.html", "<![" * 5000 + "<p>End."),
        ("a.html", "<table>" * 900 + "<p>End."),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_hostile_document_is_read_or_left_out_in_seconds(store: Store, name: str, text: str):
    began = time.process_time()
    documents = read(store, name, text)
    assert bool(documents.passages) != bool(documents.unread)
    assert time.process_time() - began < 5


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        (b"m\xe9mo.txt", "file", "its name is not UTF-8"),
        (b"a\\b.txt", "file", "its name has a backslash"),
        (b"loop.txt", "loop.txt", "it is a link that leads to itself"),
        (b"link.txt", "../../secret.txt", "it is a link that leads out of the store"),
        (b"pipe.txt", "pipe", "it is no plain file"),
        (b"shut.txt", "file", "it may not be read"),
    ],
)
def test_an_odd_name_or_kind_of_file_is_left_out_and_the_others_are_read(
    store: Store, tmp_path, monkeypatch, name: bytes, kind: str, why: str
):
    (tmp_path / "secret.txt").write_text("The secret is 4711.")
    drop(store, "own.txt", "Own\n\nThis is our own.")
    path = os.fsencode(f"{store.uri}/documents/") + name
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "file":
            with open(path, "wb") as file:
                file.write(b"Text.")
        case target:
            os.symlink(target, path)
    # Root may read any file, whatever its mode.
    monkeypatch.setattr(os, "access", lambda path, _: not str(path).endswith("shut.txt"))
    documents = read_documents(store)
    [(unread, reason)] = documents.unread
    assert unread == name.decode(errors="backslashreplace")
    assert reason.startswith(why)
    assert [passage.text for passage in documents.passages] == ["This is our own."]


def test_more_text_than_fits_into_memory_is_left_out_by_name(store: Store, monkeypatch):
    monkeypatch.setattr("volcast.brief.corpus.documents._ALL_CHARACTERS", 30)
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        drop(store, name, "A text of some 24 letters.")
    documents = read_documents(store)
    assert [name for name, _ in documents.unread] == ["c.txt", "d.txt"]
    assert len(documents.passages) == 2


def test_a_name_that_is_no_key_is_left_out_in_a_bucket_too(s3_uri: str):
    store = Store.open(s3_uri)
    drop(store, "own.txt", "Own\n\nThis is our own.")
    listed = store.objects.list("documents/")
    store.objects.list = lambda _: [r"documents/a\b.txt", "documents//c.txt", *listed]
    documents = read_documents(store)
    assert [name for name, _ in documents.unread] == [r"a\b.txt", "/c.txt"]
    assert len(documents.passages) == 1
