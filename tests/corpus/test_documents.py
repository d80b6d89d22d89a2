"""Documents: what is read of them, and what is said of those that are not."""

import hashlib
import random
from datetime import date

import pytest
from fpdf import FPDF

from volcast.brief.corpus.documents import Documents, read_documents, split_sentences

LONG = "The committee said that it would look at the matter again before the end of the year."


def read(store, **files: str | bytes) -> Documents:
    for name, data in files.items():
        drop(store, name.replace("__", "."), data)
    return read_documents(store)


def drop(store, name: str, data: str | bytes) -> None:
    store.objects.put(f"documents/{name}", data.encode() if isinstance(data, str) else data)


def texts(found: Documents) -> list[str]:
    assert not found.unread
    return [passage.text for passage in found.passages]


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
    found = read(store, a__txt=b"\xef\xbb\xbfHead\r\n\r\nOne line\r\nwrapped. Two.\r\n")
    assert texts(found) == ["One line wrapped. Two."]
    assert found.passages[0].title == "Head"


def test_markdown_loses_its_marks_and_keeps_lists_and_tables(store):
    found = read(
        store,
        a__md="# Title\n\n## Part\n\nWe saw **two** [things](http://x.y/z):\n\n- the *first*\n"
        "- the `second`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<b>Bold</b> 3 < 4.\n",
    )
    assert found.passages[0].title == "Title"
    sentences = [sentence for one in found.passages for sentence in one.sentences]
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
    found = read(store, a__html=page)
    assert found.passages[0].title == "T"
    assert LONG in " ".join(texts(found))
    assert "HIDDEN" not in " ".join(texts(found))


def test_a_pdf_is_read_with_divided_words_joined(store):
    found = read(store, a__pdf=pdf(f"The out-\nlook was dim. {LONG}", "Page two.", title="Minutes"))
    text = " ".join(texts(found))
    assert text == f"The outlook was dim. {LONG} Page two."
    assert found.passages[0].title == "Minutes"


def test_abbreviations_and_decimals_end_no_sentence():
    assert split_sentences('Dr. A. Smith paid 3.25 of U.S. debt. He said "no." It fell! Why?') == [
        "Dr. A. Smith paid 3.25 of U.S. debt.", 'He said "no.', "It fell!", "Why?"
    ]  # fmt: skip


def test_passages_end_at_sentences_before_they_get_long(store):
    words = [f"Sentence number {n} has exactly nine words in it." for n in range(40)]
    found = read(store, a__txt=" ".join(words))
    assert [sentence for each in found.passages for sentence in each.sentences] == words
    assert [len(each.text.split()) for each in found.passages] == [117, 117, 117, 9]
    assert [each.id.rpartition("#")[2] for each in found.passages] == ["1", "2", "3", "4"]


def test_characters_that_nobody_sees_are_not_read(store):
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "HIDDEN")
    assert texts(read(store, a__txt=f"Se\u200ben.\u202e{tags}\x00 It\u00ad is.")) == [
        "Seen. It is."
    ]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.docx", b"PK", "its name ends in none of .txt, .md, .html, .htm and .pdf"),
        ("README", b"text", "its name ends in none of"),
        ("a.txt", b"caf\xe9 au lait", "it is not UTF-8 (byte 3)"),
        ("a.md", "text".encode("utf-16"), "it is not UTF-8 (byte 0)"),
        ("a.html", b"<p>\xff</p>", "it is not UTF-8 (byte 3)"),
        ("a.txt", b"", "it has no text"),
        ("a.md", b"\n\n---\n\n...\n", "it has no text"),
        ("a.html", b"<p></p>", "it has no text"),
        ("a.pdf", pdf(""), "it has no text"),
        ("a.pdf", b"", "it is no PDF that can be read"),
        ("a.pdf", b"%PDF-1.7\nnothing", "it is no PDF that can be read"),
        ("a.pdf", pdf(LONG)[:400], "it is no PDF that can be read"),
        ("a.pdf", pdf(LONG, password=LONG), "it is encrypted"),
        ("a.txt", b"x" * 20_000_001, "it has 20,000,001 bytes, more than 20,000,000"),
        ("a.txt", b"word " * 500_000, "it has more than 2,000,000 characters"),
    ],
)
def test_a_document_that_cannot_be_read_is_a_fault_and_the_others_are_read(store, name, data, why):
    drop(store, name, data)
    drop(store, "z.txt", "It is read all the same.")
    found = read_documents(store)
    assert [passage.text for passage in found.passages] == ["It is read all the same."]
    [(unread, reason)] = found.unread
    assert unread == name
    assert reason.startswith(why)


def test_a_pdf_that_is_open_to_readers_is_read_though_it_is_encrypted(store):
    assert texts(read(store, a__pdf=pdf(LONG, password=""))) == [LONG]


def test_a_pdf_of_more_pages_than_are_taken_is_a_fault(store):
    [(_, reason)] = read(store, a__pdf=pdf(*["Page."] * 501)).unread
    assert reason == "it has 501 pages, more than 500"


def test_a_pdf_that_takes_too_long_is_a_fault(store, monkeypatch):
    monkeypatch.setattr("volcast.brief.corpus.documents._SECONDS", 0.0)
    [(_, reason)] = read(store, a__pdf=pdf(LONG, LONG)).unread
    assert "takes longer" in reason


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_pdf_is_read_or_is_a_fault(store, seed):
    whole, rng = pdf(LONG * 3, LONG, title="T"), random.Random(seed)
    names = []
    for number in range(30):
        data = bytearray(whole[: rng.randrange(len(whole))] if number % 3 == 0 else whole)
        for _ in range(rng.choice((0, 1, 5, 60)) if data else 0):
            data[rng.randrange(len(data))] = rng.randrange(256)
        names.append(f"{number:03}.pdf")
        drop(store, names[-1], bytes(data))
    found = read_documents(store)
    read_ones = {passage.id.removeprefix("documents/").split("@")[0] for passage in found.passages}
    assert read_ones | {name for name, _ in found.unread} == set(names)
    assert found.unread


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 20_000 + "deep",
        "<" * 50_000,
        "<!" * 20_000,
        "<![" * 5000,
        "&#" * 20_000,
        "<table>" * 900,
    ],
    ids=["deep", "open", "declared", "marked", "references", "tables"],
)
def test_a_page_gone_wild_is_read_or_is_a_fault(store, page):
    found = read(store, a__html=f"{page}<p>End.")
    assert bool(found.passages) != bool(found.unread)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("notes.txt", "notes"),
        ("deep/2021-06-16-desk_note.v2.md", "2021-06-16 desk note.v2"),
        ("a\u202e\tb.htm", "a b"),
        ("___.txt", "___"),
    ],
)
def test_a_document_without_a_title_is_called_by_its_file_and_not_by_what_it_says(
    store, name, title
):
    data = "Lakeside Capital sold 5 million of SPY.\n\nNorthgate Partners bought QQQ."
    drop(store, name, f"<p>{data}</p>" if name.endswith("htm") else data)
    found = read_documents(store)
    assert {passage.title for passage in found.passages} == {title}
    assert "Lakeside" in found.passages[0].text
