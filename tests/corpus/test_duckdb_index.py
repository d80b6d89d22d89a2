"""The DuckDB file: whole or not there, whatever becomes of it or of its writer."""

import signal
import subprocess
import sys
import textwrap

import duckdb
import pytest

from volcast.brief.corpus import Passage, open_index
from volcast.core.errors import CorruptFile, StoreUnavailable

CATS = Passage("documents/cats.txt@0123456789ab#1", "document", "cats", ("A cat slept.",))
DOGS = Passage("documents/dogs.txt@0123456789ab#1", "document", "dogs", ("A dog ran.",))


@pytest.fixture
def path(tmp_path):
    index = open_index(tmp_path / "deep" / "brief.duckdb")
    index.refresh([CATS])
    index.close()
    return tmp_path / "deep" / "brief.duckdb"


def broken(path, kind):
    whole = path.read_bytes()
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "garbage":
            path.write_bytes(bytes(range(256)) * 200)
        case "cut in half":
            path.write_bytes(whole[: len(whole) // 2])
        case "cut to its head":
            path.write_bytes(whole[:5000])
        case "another database":
            path.unlink()
            duckdb.connect(path).execute("CREATE TABLE apples (n INT)").close()
        case "flipped":
            path.write_bytes(bytes(~byte & 255 for byte in whole))


KINDS = ["empty", "garbage", "cut in half", "cut to its head", "another database", "flipped"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_no_index_is_said_to_be_corrupt_and_is_left_alone(path, kind):
    broken(path, kind)
    found = path.read_bytes()
    for use in (
        lambda index: index.search("a cat", 1),
        lambda index: index.get(CATS.id),
        lambda index: index.refresh([DOGS]),
    ):
        index = open_index(path)
        with pytest.raises(CorruptFile, match=r"brief\.duckdb: found .*Delete it; it is made anew"):
            use(index)
        index.close()
    assert path.read_bytes() == found


@pytest.mark.parametrize("kind", KINDS)
def test_deleted_it_is_made_anew_by_the_same_index(path, kind):
    index = open_index(path)
    broken(path, kind)
    with pytest.raises(CorruptFile):
        index.search("a cat", 1)
    path.unlink()
    index.refresh([DOGS])
    assert index.search("a dog", 1)[0].passage == DOGS
    index.close()


def test_a_bit_that_turned_is_noticed_or_does_no_harm(path):
    whole = path.read_bytes()
    noticed = 0
    for place in range(8192, len(whole), len(whole) // 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        index = open_index(path)
        try:
            assert [hit.passage for hit in index.search("a cat", 1)] == [CATS]
        except CorruptFile:
            noticed += 1
        index.close()
    assert noticed


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    index = open_index(tmp_path / "file" / "brief.duckdb")
    with pytest.raises(StoreUnavailable, match=r"index .*brief\.duckdb: found .*directory"):
        index.refresh([CATS])
    (tmp_path / "folder.duckdb").mkdir()
    with pytest.raises(StoreUnavailable, match=r"folder\.duckdb"):
        open_index(tmp_path / "folder.duckdb").search("a cat", 1)


def test_a_reader_of_the_old_file_goes_on_while_a_new_one_is_renamed_over(path):
    raw = duckdb.connect(":memory:")
    raw.execute(f"ATTACH '{path}' AS old (READ_ONLY)")
    index = open_index(path)
    index.refresh([DOGS])
    assert raw.execute("SELECT id FROM old.passages").fetchall() == [(CATS.id,)]
    assert index.get(DOGS.id) == DOGS
    raw.close()
    index.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from volcast.brief.corpus import Passage, open_index
moment = sys.argv[2]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "before the rename":
    Path.replace = die
elif moment == "after the rename":
    rename = Path.replace
    def renamed(*them):
        rename(*them)
        die()
    Path.replace = renamed
else:
    from volcast.brief.corpus import duckdb_index
    def half(statements):
        yield from statements[:2]
        die()
    duckdb_index._BUILD = half(duckdb_index._BUILD)
dogs = Passage("documents/dogs.txt@0123456789ab#1", "document", "dogs", ("A dog ran.",))
open_index(sys.argv[1]).refresh([dogs])
"""


@pytest.mark.parametrize(
    ("moment", "left"),
    [("while it builds", CATS), ("before the rename", CATS), ("after the rename", DOGS)],
)
def test_a_kill_leaves_the_old_or_the_new_and_the_next_refresh_tidies_up(path, moment, left):
    code = textwrap.dedent(KILLED)
    command = [sys.executable, "-c", code, str(path), moment]
    ended = subprocess.run(command, check=False)
    assert ended.returncode == -signal.SIGKILL
    index = open_index(path)
    assert [hit.passage for hit in index.search("an animal", 9)] == [left]
    index.refresh([CATS, DOGS])
    assert {hit.passage for hit in index.search("an animal", 9)} == {CATS, DOGS}
    assert sorted(each.name for each in path.parent.iterdir()) == [
        ".brief.duckdb.lock",
        "brief.duckdb",
    ]
    index.close()


def test_vectors_in_the_old_file_serve_another_process(path):
    code = """
import sys
from volcast.brief.corpus import Passage, open_index
from volcast.brief.corpus.sentence_model import SentenceModel
whole = SentenceModel.embed
SentenceModel.embed = lambda self, texts: sys.exit(7) if texts else whole(self, texts)
cats = Passage("documents/cats.txt@ffffffffffff#1", "document", "cats", ("A cat slept.",))
print(open_index(sys.argv[1]).refresh([cats]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "Changes(added=1, removed=1, unchanged=0, embedded=0)\n"
