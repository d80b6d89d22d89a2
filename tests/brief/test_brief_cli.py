"""volcast brief, ask and cite: output and exit codes."""

import json
import re
import sys

import pytest

from tests.brief.desk import briefed, library_of
from volcast.brief.library import index_place
from volcast.cli import main
from volcast.core.settings import read_settings
from volcast.store import Store


@pytest.fixture
def run(monkeypatch, capsys):
    def volcast(*arguments):
        monkeypatch.setattr(sys, "argv", ["volcast", *arguments])
        try:
            main()
        except SystemExit as ended:
            return ended.code or 0, "".join(capsys.readouterr())
        return 0, "".join(capsys.readouterr())

    return volcast


def test_each_sentence_of_the_brief_has_sources_that_can_be_cited(run, store: Store):
    briefed(store)
    code, output = run("brief", "--store", store.uri)
    assert code == 0
    body, sources = output.split("Sources (volcast cite ID)")
    listed = dict(re.findall(r"\[(\d+)\] (\S.*)", sources))
    sentences = [line for line in body.splitlines() if line.startswith("  ") and "[" in line]
    assert len(sentences) >= 8
    for sentence in sentences:
        for number in re.findall(r"\[(\d+)\]", sentence):
            assert number in listed
    code, row = run("cite", listed["1"], "--store", store.uri)
    assert code == 0
    assert "0.131" in row


def test_a_question_is_answered_or_not_in_the_sources(run, store: Store):
    briefed(store)
    store.objects.put("documents/bad.pdf", b"no pdf")
    code, output = run("ask", "What is the forecast for SPY?", "--store", store.uri)
    assert code == 0
    assert "13.1 %" in output
    assert "not read: documents/bad.pdf" in output
    document = json.loads(
        run("ask", "What is the forecast for SPY?", "--store", store.uri, "--json")[1]
    )
    assert document["unread"][0]["document"] == "bad.pdf"
    assert "13.1 %" in document["answer"][0]["text"]
    assert document["answer"][0]["citations"]
    code, output = run("ask", "Who won the league in 1987?", "--store", store.uri)
    assert (code, output.splitlines()[0]) == (0, "Not in the sources")
    refused = json.loads(run("ask", "How should I hedge?", "--store", store.uri, "--json")[1])
    assert refused["answer"] == []
    assert "SPY" in refused["missing"][0]["remedy"]
    past = ("What is the forecast for SPY?", "--as-of", "2024-06-27")
    assert "14.0 %" in run("ask", *past, "--store", store.uri)[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("brief",), "empty store"),
        (("brief", "--as-of", "June"), "YYYY-MM-DD"),
        (("ask", ""), "question"),
        (("ask", "x" * 501), "501 characters"),
        (("cite", "nothing"), "citation"),
        (("cite", "monitoring.drift_daily?symbol=SPY"), "whole key"),
        (("cite", "runs?run_id=no&part=all&name=har_rv"), "no such row"),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_its_exit_code(run, store: Store, arguments, words):
    code, output = run(*arguments, "--store", store.uri)
    assert code == 2
    assert words in output


def test_the_index_is_in_a_local_store_or_on_this_machine(store: Store, s3_uri: str):
    assert index_place(read_settings(), store).is_relative_to(store.uri)
    remote = index_place(read_settings(), Store.open(s3_uri))
    assert not str(remote).startswith("s3:")
    assert remote != index_place(read_settings(), Store.open(f"{s3_uri}/other"))
    remote_index = read_settings(brief_index="postgresql://u:secret@h/d")
    assert index_place(remote_index, store) == "postgresql://u:secret@h/d"
    assert "secret" not in repr(remote_index)


def test_documents_of_a_bucket_are_searched(run, s3_uri: str, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = briefed(Store.open(s3_uri))
    question = "To what did the Bank of Verland raise its policy rate?"
    for _ in range(2):
        code, output = run("ask", question, "--store", store.uri)
        assert code == 0
        assert "4.25 per cent" in output
    assert (tmp_path / "var/cache").is_dir()
    assert store.objects.list("brief/") == []


def test_file_names_print_no_extra_line_and_no_escape_sequence(run, store: Store):
    briefed(store)
    odd = "{}\x1b[2K\r\n  [99] faked.txt\u202e.{}"
    text = b"Port of Halsund\n\nThe port of Halsund loaded 4,200 barrels.\n"
    store.objects.put(f"documents/{odd.format('2024-06-26-port', 'txt')}", text)
    store.objects.put(f"documents/{odd.format('torn', 'pdf')}", b"no pdf")
    question = "How many barrels did the port of Halsund load?"
    for arguments in (("ask", question), ("brief",)):
        code, output = run(*arguments, "--store", store.uri)
        assert code == 0
        assert "4,200 barrels" in output
        assert not {"\x1b", "\r", "\u202e"} & set(output)
        assert not [line for line in output.splitlines() if line.startswith("  [99]")]
    (key,) = [key for key in store.objects.list("documents/") if "port" in key]
    (id,) = [one.id for one in library_of(store).refresh().passages if one.id.startswith(key)]
    code, output = run("cite", id, "--store", store.uri)
    assert (code, "4,200 barrels" in output, "\x1b" in output) == (0, True, False)
    assert len(output.splitlines()) == 2
