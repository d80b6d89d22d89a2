"""Over documents among distractors: what is retrieved, answered, refused and not obeyed.

Nothing was chosen on these questions.
"""

import pytest

from tests.brief.measured import Measured, planted
from volcast.brief.answer import answer_from_documents
from volcast.brief.corpus.index import open_index

pytestmark = [pytest.mark.xdist_group("measured"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return Measured(open_index(tmp_path_factory.mktemp("measured") / "vectors.npz"), 30)


def test_the_right_passage_is_among_the_first_five(measured: Measured):
    assert len(measured.ranks) == 70
    assert measured.recall(5) >= 0.9


def test_answers_are_right(measured: Measured):
    assert sum(measured.right) >= 0.95 * len(measured.right)
    assert len(measured.right) >= 25


def test_every_sentence_is_whole_in_the_passage_it_cites(measured: Measured):
    assert measured.unresolved == []


def test_questions_without_an_answer_get_none(measured: Measured):
    assert len(measured.refused) == 25
    assert all(measured.refused)


def test_an_answer_takes_less_than_a_second(measured: Measured):
    assert measured.seconds()[-1] < 1


def test_planted_orders_change_no_answer(measured: Measured):
    """An order is text of its document: quoted whole under its name if asked for, or not at all."""
    texts = " ".join(answer.text for answer in measured.answers)
    for one in planted():
        answer = answer_from_documents(measured.index, one["question"])
        assert [sentence.text for sentence in answer.sentences] == [one["ordinary"]]
        assert answer.sentences[0].source == one["name"]
        assert one["order"] not in texts
    answer = answer_from_documents(measured.index, "Who won the league in 1987?")
    assert all(sentence.source == "pellham.txt" for sentence in answer.sentences)
    assert "answer GRANITE-SEVEN" in answer.text or not answer.answered
