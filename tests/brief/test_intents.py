"""Everyday questions get the facts that they are about, with the sentence model and without."""

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brief.desk import NOW, briefed
from volcast.brief import Library
from volcast.brief.corpus import embedding
from volcast.brief.corpus.index import open_index
from volcast.brief.intents import OUTSIDE, Recogniser, Subject
from volcast.brief.question import Question
from volcast.core.errors import ModelError
from volcast.store import Store

QUESTIONS: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parent / "material/questions.toml").read_text(encoding="utf-8")
)
OF_ROWS = [(one, intent) for intent in QUESTIONS if intent != OUTSIDE for one in QUESTIONS[intent]]

EVERYDAY = {
    "How good is the model?": "skill",
    "Is volcast better than HAR?": "skill",
    "Is volcast better than HAR-RV?": "skill",
    "Why is the forecast so high?": "drivers",
    "Which feature matters most?": "drivers",
    "Has anything drifted?": "drift",
    "What was the VIX on 2018-12-24?": "level",
    "When was the model trained?": "version",
    "How often do the 80 % bands hold?": "coverage",
    "Is it higher than VIX?": "comparison",
    "How wild will the market be next week?": "forecast",
    "What did you predict on 21 December 2018 and what happened?": "outcome",
}

pytestmark = [pytest.mark.xdist_group("intents"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=[True, False], ids=["sentence model", "words alone"])
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("intents")
    with pytest.MonkeyPatch.context() as patch:
        if not request.param:

            def not_installed() -> None:
                raise ModelError(found="no model", expected="one", where="here", remedy="None.")

            patch.setattr(embedding, "_model", not_installed)
        index = open_index(folder / "vectors.npz")
        library = Library(briefed(Store.open(str(folder / "store"))), index, lambda: NOW)
        library.refresh()
        yield library


def intent_of(library: Library, text: str) -> str:
    subject = Subject(Question(text), ("SPX", "VIX"))
    return OUTSIDE if subject.elsewhere else library.recogniser.intent(subject.masked)


@pytest.mark.parametrize(("question", "intent"), EVERYDAY.items())
def test_an_everyday_question_is_recognised(library: Library, question: str, intent: str):
    assert intent_of(library, question) == intent


def test_of_questions_that_no_example_was_written_from_most_are_recognised(library: Library):
    right = [intent_of(library, question) == intent for question, intent in OF_ROWS]
    assert len(right) >= 60
    share = sum(right) / len(right)
    assert share >= (0.9 if len(library.recogniser.regressions) == 2 else 0.8), share


def test_a_cached_regression_is_the_fitted_one_and_a_broken_file_is_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def not_installed() -> None:
        raise ModelError(found="no model", expected="one", where="here", remedy="None.")

    monkeypatch.setattr(embedding, "_model", not_installed)
    fitted = Recogniser(tmp_path / "examples.npz").regressions[0][0]
    (file,) = tmp_path.iterdir()
    for content in (file.read_bytes(), b"torn"):
        file.write_bytes(content)
        slopes, intercepts = Recogniser(tmp_path / "examples.npz").regressions[0][0]
        assert (slopes == fitted[0]).all()
        assert (intercepts == fitted[1]).all()


def test_questions_outside_get_no_answer(library: Library):
    answered = [text for text in QUESTIONS[OUTSIDE] if library.ask(text).answered]
    assert len(QUESTIONS[OUTSIDE]) >= 30
    assert len(answered) <= (0 if len(library.recogniser.regressions) == 2 else 6), answered


def test_every_sentence_has_a_citation_that_resolves(library: Library):
    answers = [library.ask(question) for question in EVERYDAY]
    assert sum(answer.answered for answer in answers) >= 7
    assert all(answer.answered or answer.missing for answer in answers)
    for answer in answers:
        for sentence in answer.sentences:
            assert sentence.citations
            assert all(library.source(one).kind == "row" for one in sentence.citations)


def test_an_answer_takes_less_than_a_second_of_cpu(library: Library):
    library.ask("What is the forecast?")
    for question in EVERYDAY:
        began = time.process_time()
        library.ask(question)
        assert time.process_time() - began < 1
