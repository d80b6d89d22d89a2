"""The material that retrieval is judged by, held against itself."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from tests.brief.distractors import BANKS, FIRMS, HOUSES, PEOPLE, distractors
from volcast.brief.corpus import Passage

MATERIAL = Path(__file__).parent / "material"
ANSWERABLE = {"dev": 170, "test": 70}
UNANSWERABLE = {"dev": 65, "test": 25}
PLANTED = {"dev": 110, "test": 50}
BLOCKS = ["p", "h1", "h2", "h3", "td", "th", "li"]


def read(name: str) -> Any:
    return json.loads((MATERIAL / name).read_text(encoding="utf-8"))


def plain(text: str) -> str:
    return " ".join(text.split())


def paragraphs(path: Path) -> list[str]:
    """Return what a reader takes for paragraphs, blanks run together."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        blocks = BeautifulSoup(text, "html.parser").find_all(BLOCKS)
        return [plain(block.get_text()) for block in blocks]
    return [plain(block) for block in re.split(r"\n\s*\n", text)]


def answerable(part: str) -> list[dict[str, str]]:
    return list(read(f"{part}.json"))


def planted() -> list[dict[str, str | None]]:
    return list(read("planted.json"))


@pytest.fixture(scope="module")
def documents() -> dict[str, list[str]]:
    return {path.name: paragraphs(path) for path in sorted((MATERIAL / "documents").iterdir())}


@pytest.fixture(scope="module")
def noise() -> list[Passage]:
    return distractors(2600)


def test_each_document_has_a_title_and_three_to_nine_paragraphs(
    documents: dict[str, list[str]],
) -> None:
    assert len(documents) >= 30
    for name, found in documents.items():
        prose = [text for text in found if text.endswith(".")]
        assert 3 <= len(prose) <= 9, name
        assert len(found[0]) < 120, name


@pytest.mark.parametrize("part", ANSWERABLE)
def test_each_passage_is_found_in_its_own_document_once_and_in_no_other(
    part: str, documents: dict[str, list[str]]
) -> None:
    for asked in answerable(part):
        passage = plain(asked["passage"])
        holders = [name for name, found in documents.items() for p in found if passage in p]
        assert holders == [asked["document"]], asked
        assert sum(p.count(passage) for p in documents[asked["document"]]) == 1, asked


@pytest.mark.parametrize("part", ANSWERABLE)
def test_each_answer_stands_in_its_passage_and_not_in_the_question(part: str) -> None:
    for asked in answerable(part):
        assert asked["answer"] in plain(asked["passage"]), asked
        assert asked["answer"] not in asked["question"], asked


@pytest.mark.parametrize("part", ANSWERABLE)
def test_there_are_as_many_questions_as_the_measures_need(part: str) -> None:
    assert len(answerable(part)) == ANSWERABLE[part]
    assert len(read(f"{part}_unanswerable.json")) == UNANSWERABLE[part]


def test_no_question_is_asked_twice() -> None:
    questions = [asked["question"] for part in ANSWERABLE for asked in answerable(part)]
    questions += [text for part in UNANSWERABLE for text in read(f"{part}_unanswerable.json")]
    questions += [str(row["question"]) for row in planted()]
    assert len({q.casefold() for q in questions}) == len(questions) == 240 + 90 + 160


def test_development_and_test_share_no_passage() -> None:
    dev, test = ({asked["passage"] for asked in answerable(part)} for part in ("dev", "test"))
    assert len(dev) == 170
    assert len(test) == 70
    assert not dev & test


def test_every_planted_document_is_listed_once() -> None:
    names = [str(row["document"]) for row in planted()]
    assert sorted(names) == sorted(path.name for path in (MATERIAL / "planted").iterdir())
    for part, count in PLANTED.items():
        assert sum(name.startswith(f"{part}-") for name in names) == count


def test_a_canary_is_in_its_own_planted_document_alone(documents: dict[str, list[str]]) -> None:
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in (MATERIAL / "planted").iterdir()
    }
    canaries = [str(row["canary"]) for row in planted()]
    assert len({canary.casefold() for canary in canaries}) == len(canaries)
    ordinary = " ".join(text for found in documents.values() for text in found).casefold()
    for row in planted():
        canary = str(row["canary"]).casefold()
        holders = [name for name, text in texts.items() if canary in revealed(text).casefold()]
        assert holders == [row["document"]], row
        assert canary not in ordinary, row
        assert canary not in str(row["question"]).casefold(), row


def revealed(text: str) -> str:
    """Return the text, and behind it what its base64 says."""
    coded = re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", text)
    return text + " ".join(base64.b64decode(c).decode("utf-8", "replace") for c in coded)


def test_an_ordinary_sentence_of_a_planted_document_carries_no_canary() -> None:
    canaries = [str(row["canary"]).casefold() for row in planted()]
    ordinary = {row["document"]: row["ordinary"] for row in planted() if row["ordinary"]}
    assert len(ordinary) >= 150
    for name, sentence in ordinary.items():
        text = plain((MATERIAL / "planted" / str(name)).read_text(encoding="utf-8"))
        assert text.count(str(sentence)) == 1, name
        assert not [c for c in canaries if c in str(sentence).casefold()], name


def test_there_are_distractors_enough_and_half_of_them_are_made(noise: list[Passage]) -> None:
    assert len(noise) == 2600
    assert len({passage.id for passage in noise}) == 2600
    assert len({passage.text for passage in noise}) == 2600
    assert sum(passage.dated is not None for passage in noise) == 1300
    assert {len(passage.sentences) for passage in noise} == {2, 3, 4, 5}


def test_distractors_are_the_same_each_time_and_others_with_another_seed() -> None:
    assert distractors(40) == distractors(40)
    assert distractors(40) != distractors(40, seed=8)


def test_no_distractor_holds_a_passage_asked_for_or_a_canary(noise: list[Passage]) -> None:
    kept = [plain(asked["passage"]) for part in ANSWERABLE for asked in answerable(part)]
    kept += [str(row["canary"]) for row in planted()]
    for passage in noise:
        assert not [text for text in kept if text in passage.text], passage.id


def test_made_distractors_name_nobody_and_no_year_of_the_material(
    noise: list[Passage], documents: dict[str, list[str]]
) -> None:
    told = " ".join(text for found in documents.values() for text in found)
    told += " ".join(p.read_text(encoding="utf-8") for p in (MATERIAL / "planted").iterdir())
    invented = {name.split()[0] for name in (*FIRMS, *HOUSES)} | set(PEOPLE)
    for name in invented | {bank.split()[-1] for bank in BANKS}:
        assert name not in told, name
    made = " ".join(f"{p.title} {p.text}" for p in noise if p.dated is not None)
    years, told_years = (set(re.findall(r"\b(?:19|20)\d\d\b", text)) for text in (made, told))
    assert len(years) > 10
    assert not years & told_years
