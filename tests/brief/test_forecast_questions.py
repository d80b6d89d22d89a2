"""A forecast answers for its own quantity and horizon, and for no other."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brief.desk import NOW, briefed
from volcast.brief import NOT_THERE, Library
from volcast.brief.corpus import Passage
from volcast.brief.corpus.index import open_index
from volcast.brief.question import Question
from volcast.store import Store

STREET = (
    b"Street views of SPY\n\nAnalysts forecast a price of 560 for SPY a year from now.\n\n"
    b"The implied volatility of SPY was 12.4 per cent.\n"
)


@contextlib.contextmanager
def opened(folder: Path, *documents: bytes) -> Iterator[Library]:
    store = briefed(Store.open(str(folder / "store")))
    for number, data in enumerate(documents):
        store.objects.put(f"documents/{number}.txt", data)
    found = Library(store, open_index(folder / "index.duckdb"), lambda: NOW)
    found.refresh()
    yield found
    found.index.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with opened(tmp_path_factory.mktemp("forecasts")) as found:
        yield found


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Return a library with a document on a price and on implied volatility."""
    with opened(tmp_path_factory.mktemp("street"), STREET) as found:
        yield found


@pytest.mark.parametrize(
    "question",
    [
        "What is the forecast for SPY?",
        "What is the volatility forecast for SPY?",
        "What is the forecast for SPY over the next five sessions?",
        "What is the volatility forecast for SPY next week?",
        "What is the five-day volatility forecast for SPY?",
        "What is the forecast volatility of SPY over the next trading days?",
        "What annualised volatility is forecast for SPY?",
    ],
)
def test_a_forecast_is_what_it_is_of(library: Library, question: str):
    assert "13.1 %" in library.ask(question).text


@pytest.mark.parametrize(
    "question",
    [
        "What is the one-day volatility forecast for SPY?",
        "What is the volatility forecast for SPY for the next session?",
        "What is the forecast implied volatility of SPY?",
    ],
)
def test_a_forecast_of_one_thing_is_no_answer_on_another(library: Library, question: str):
    assert library.ask(question).text == NOT_THERE


ROW = Passage(
    "predictions_daily?symbol=SPY", "row", "Forecast of SPY, 1 June 2021",
    ("On 1 June 2021 volcast version 1 forecast a volatility of 13.1 % annualised for SPY over "
     "the next five sessions, 2-8 Jun 2021, with an 80 % interval from 9.2 % to 19.7 %.",),
)  # fmt: skip


@pytest.mark.parametrize(
    "span",
    [
        "", "over the next five sessions", "next week", "for the next 5 trading days",
        "over five days", "over the five days ahead", "for the week ahead",
        "over the next sessions", "on 1 June 2021", "for the 1 June 2021 session",
    ],
)  # fmt: skip
def test_a_forecast_fits_its_own_horizon(span: str):
    assert Question(f"What is the volatility forecast for SPY {span}?").fits(ROW, ROW.text)


@pytest.mark.parametrize(
    "span",
    [
        "a year from now", "this year", "one day out", "as a 1-day horizon", "for one session",
        "for the next session", "for the next trading day", "tomorrow", "for this month",
        "on a monthly horizon", "over the next quarter", "in two weeks", "over two days",
        "two days ahead", "five years ahead", "over the next five years", "over the next weeks",
        "a day ahead", "in a few hours", "as a 9-day horizon", "five weeks from now",
    ],
)  # fmt: skip
def test_a_forecast_fits_no_other_horizon(span: str):
    assert not Question(f"What is the volatility forecast for SPY {span}?").fits(ROW, ROW.text)


@pytest.mark.parametrize("what", ["price", "return", "implied volatility", "dividend yield"])
def test_a_forecast_fits_no_other_quantity(what: str):
    for asked in (f"What is the forecast of the {what} of SPY?", f"What is the {what} of SPY?"):
        assert not Question(asked).fits(ROW, ROW.text)
    drives = f"By how much does the month's {what} drive the forecast of SPY?"
    assert Question(drives).fits(ROW, ROW.text)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What price do analysts forecast for SPY a year from now?", "a price of 560"),
        ("What is the implied volatility of SPY?", "12.4 per cent"),
        ("What drives the volatility forecast of SPY?", "what drives the forecast from there"),
        ("By how much does implied volatility drive the forecast of SPY?", "what drives"),
    ],
)
def test_what_another_source_says_is_quoted(wider: Library, question: str, said: str):
    assert said in wider.ask(question).text
