"""An answer quotes what fits the question's names, numbers and times, or there is none."""

from collections.abc import Iterator
from datetime import date

import pytest

from volcast.brief.answer import NOT_THERE, answer
from volcast.brief.corpus import Passage
from volcast.brief.corpus.index import Index, open_index
from volcast.brief.question import LONGEST, Question, checked_question
from volcast.core.errors import RequestError


def passage(number: int, title: str, *sentences: str, dated: date | None = None) -> Passage:
    return Passage(f"documents/p.txt@000000000000#{number}", "document", title, sentences, dated)


STATEMENT = "Bank of Verland: statement of 16 June 2021"
PASSAGES = [
    passage(
        1, STATEMENT, "The Council raised the policy rate from 0.25 to 0.50 per cent.",
        "Inflation was 2.9 per cent in May.", dated=date(2021, 6, 16),
    ),
    passage(
        2, "Bank of Verland: statement of 22 September 2021",
        "Inflation was 3.4 per cent in August.", "Anneke Drost voted against the decision.",
        dated=date(2021, 9, 22),
    ),
    passage(3, "Note on reservoirs", "The reservoirs stood at 58 per cent of capacity."),
    passage(
        4, "The register of models", "The register is kept by the risk department.",
        "It lists 27 models.",
    ),
    passage(5, "Halden Fund: letter", "The Halden Fund lost 2.1 per cent in the third quarter."),
]  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    found = open_index(tmp_path_factory.mktemp("index") / "index.duckdb")
    found.refresh(PASSAGES)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("question", "said", "number"),
    [
        ("What was inflation in Verland in May 2021?", "Inflation was 2.9 per cent in May.", 1),
        ("What was inflation in Verland in August 2021?", "Inflation was 3.4 per cent", 2),
        ("At what share of capacity did the reservoirs stand?", "58 per cent of capacity.", 3),
        ("Who voted against the decision in September 2021?", "Anneke Drost voted against", 2),
        ("How many models does the register list?", "It lists 27 models.", 4),
        ("How much did the Halden Fund lose in the third quarter?", "lost 2.1 per cent", 5),
    ],
)  # fmt: skip
def test_what_is_there_is_quoted_whole_with_its_citation(index, question, said, number):
    found = answer(index, question)
    assert said in found.text
    (source,) = found.passages
    assert source == PASSAGES[number - 1]
    for sentence in found.sentences:
        assert sentence.text in source.sentences
        assert sentence.citations == (source.id,)


@pytest.mark.parametrize(
    "question",
    [
        "What was inflation in Verland in July 2021?",  # another month
        "What was inflation in Verland in May 2020?",  # another year
        "What was inflation in Tessaria in May 2021?",  # another name
        "How much did the Halden Fund lose in the second quarter?",  # another quarter
        "When was the Halden Fund founded?",  # not said of it
        "Who keeps the reservoirs?",  # no name is said
        "How many reservoirs does Corvan own?",
        "What is the capital of France?", "zxq vbn mlk?", "the of and?", "?",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_answered(index, question):
    found = answer(index, question)
    assert not found.answered
    assert (found.sentences, found.text) == ((), NOT_THERE)


def test_what_came_later_is_not_known_yet(index):
    question = "What was inflation in Verland in August 2021?"
    assert answer(index, question, dated_to=date(2021, 9, 22)).answered
    assert not answer(index, question, dated_to=date(2021, 9, 21)).answered


def test_a_question_without_a_time_is_about_the_present(index):
    def row(day: date, rv: str) -> Passage:
        text = f"volcast forecast a realized volatility of {rv} for SPY."
        return Passage(f"predictions_daily?session={day}", "row", "Forecast of SPY", (text,), day)

    old, new = row(date(2021, 6, 1), "15 %"), row(date(2021, 9, 1), "12 %")
    found = answer(index, "What is the forecast for SPY?", current=[new])
    assert found.passages == (new,)
    assert not answer(index, "What is the forecast for SPY?").answered
    assert not answer(
        index, "What was the forecast for SPY on 1 June 2021?", current=[new]
    ).answered
    assert old.dated < new.dated


def test_a_question_is_taken_apart():
    asked = Question(
        "How much did Quillon Bank lose in the third quarter of 2021 at 4.50 per cent?"
    )
    assert asked.names == {"quillon", "bank"}
    assert asked.numbers == {"4.5", "third"}
    assert (asked.years, asked.months, asked.days) == ({"2021"}, frozenset(), frozenset())
    dated = Question("What did the Council decide on 22 September 2021?")
    assert (dated.days, dated.years, dated.numbers) == ({"d20210922"}, {"2021"}, frozenset())
    assert dated.months == {"septemb"}


def test_coverage_is_the_share_of_weight():
    asked = Question("reservoirs capacity Verland")
    weights = {"reservoir": 3.0, "capac": 2.0, "verland": 5.0}
    assert asked.covered("capacity of the reservoir", weights) == pytest.approx(0.5)
    assert asked.covered("nothing", weights) == 0.0


@pytest.mark.parametrize("text", ["", "   ", "a" * (LONGEST + 1), "two\nlines", "\x00"])
def test_what_can_be_no_question_is_refused(text: str):
    with pytest.raises(RequestError, match="question"):
        checked_question(text)
    assert checked_question(f"  {'a' * LONGEST} ") == "a" * LONGEST


def turned(day: date, state: str) -> Passage:
    text = f"On {day.day} {day:%B %Y} the market of SPY was {state}, a new regime."
    title = f"Market regime of SPY, since {day.day} {day:%B %Y}"
    return Passage(f"features_daily?symbol=SPY&session={day}", "row", title, (text,), day)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Passage]]:
    """Return an index of a market that was each way once and is calm now, and the row of now."""
    found = open_index(tmp_path_factory.mktemp("rows") / "index.duckdb")
    past = [turned(date(2021, 3, 5), "stressed"), turned(date(2021, 4, 6), "normal")]
    now = turned(date(2021, 12, 30), "calm")
    found.refresh([*PASSAGES, *past, now])
    yield found, now
    found.close()


@pytest.mark.parametrize(
    "question",
    [
        "Is the market stressed?", "Is the market of SPY normal?", "Is SPY stressed?",
        "Which market is stressed now?",
    ],
)  # fmt: skip
def test_what_is_asked_of_the_present_is_never_answered_by_a_row_of_the_past(rows, question):
    index, now = rows
    found = answer(index, question, current=[now])
    assert set(found.passages) <= {now}


@pytest.mark.parametrize(
    "question",
    ["When was the market of SPY stressed?", "Was the market of SPY stressed on 5 March 2021?"],
)
def test_the_past_is_answered_by_its_rows(rows, question):
    index, now = rows
    assert "5 March 2021" in answer(index, question, current=[now]).text


def test_the_present_is_answered_by_documents_too(rows):
    index, now = rows
    asked = "How many models does the register list?"
    assert "It lists 27 models." in answer(index, asked, current=[now]).text
