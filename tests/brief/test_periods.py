"""Periods, statistics and named days are answered by the rows they are of, or refused."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.brief.desk import BEFORE, NOW, SESSION, briefed, forecast
from tests.monitoring.monitored import put
from volcast.brief import Answer, Library
from volcast.brief.period import Span, span_of, statistics_of, with_days
from volcast.brief.question import Question
from volcast.core import calendar
from volcast.core.errors import NotFound, RequestError
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

TODAY = date(2018, 12, 31)

VIX = {
    date(2022, 12, 30): 21.0, date(2023, 1, 3): 23.0, date(2023, 6, 14): 12.0,
    date(2023, 12, 22): 13.0, date(2023, 12, 29): 16.0, date(2024, 6, 24): 13.2,
    BEFORE: 12.3, SESSION: 12.4,
}  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    store = briefed(Store.open(str(tmp_path_factory.mktemp("periods") / "store")))
    for session, close in VIX.items():
        put(store, CURATED_MARKET_DAILY, "VIX", session, source="csv", close=close)
    return Library(store, None, lambda: NOW)


def sessions_of(answer: Answer) -> list[str]:
    return [one.rpartition("=")[2] for part in answer.sentences for one in part.citations]


@pytest.mark.parametrize(
    ("question", "value", "cited"),
    [
        ("What was the highest VIX in 2023?", "23.00", ["2023-01-03"]),
        ("What was the lowest VIX in 2023?", "12.00", ["2023-06-14"]),
        ("What's the average VIX in 2023?", "16.00", ["2023-01-03", "2023-12-29"]),
        ("What was the peak of the VIX between 1 June 2023 and 31 December 2023?", "16.00",
         ["2023-12-29"]),
        ("What is the highest VIX since June 2023?", "16.00", ["2023-12-29"]),
        ("What was the maximum of the VIX in Dec 2023?", "16.00", ["2023-12-29"]),
        ("52-week high of the VIX", "16.00", ["2023-12-29"]),
        ("VIX on December 29", "16.00", ["2023-12-29"]),
        ("What was the VIX on 29th of Dec?", "16.00", ["2023-12-29"]),
        ("What was the highest VIX last year?", "23.00", ["2023-01-03"]),
        ("What is the highest VIX ever?", "23.00", ["2023-01-03"]),
        ("What was the VIX on New Year's Eve 2022?", "21.00", None),
        ("What was the VIX last Friday?", "12.40", ["2024-06-28"]),
        ("What was the VIX a week ago?", "13.20", ["2024-06-24"]),
        ("Is the VIX higher than yesterday?", "12.30", ["2024-06-28", "2024-06-27"]),
    ],
)  # fmt: skip
def test_a_level_over_a_period_or_of_a_named_day_cites_its_rows(library, question, value, cited):
    answer = library.ask(question)
    if cited is None:
        assert not answer.answered
        assert "XNYS" in answer.missing[0].what
        return
    assert value in answer.text
    assert sessions_of(answer) == cited


def test_a_mean_has_the_number_of_its_sessions_and_a_period_alone_all_three_values(library):
    assert " 4 sessions" in library.ask("What's the average VIX in 2023?").text
    answer = library.ask("Where was the VIX in 2023?")
    assert [part.citations[0][-10:] for part in answer.sentences] == [
        "2023-01-03", "2023-06-14", "2023-01-03",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "question",
    [
        "What was the median VIX in 2023?",
        "How often was the VIX above 20 in 2023?",
        "Since when has the VIX been above 12?",
        "By how much did the VIX rise in 2023?",
        "What was the VIX before 2023?",
        "What was the VIX in 2022 and 2023?",
        "What was the highest VIX in 1999?",
        "Where did the VIX open on 2023-06-14?",
        "VIX on Wednesday",
        "VIX at the end of 2023",
        "VIX in early December 2023",
        "first VIX close of 2023",
        "VIX 29/12/2023",
        "total number of VIX closes",
        "Is the VIX higher than a week ago?",
        "What was the highest unemployment rate in 2024?",
        "What was the unemployment rate in 2024?",
        "What was the average forecast in 2024?",
        "What was the highest forecast last year?",
        "Is vol higher than a week ago?",
        "How often was the market stressed in 2023?",
        "What was the regime last month?",
        "What did you predict in June 2024 and what happened?",
        "Probability that vol exceeds 40?",
        "Will volatility be above 30 next week?",
    ],
)
def test_what_is_computed_of_no_row_is_refused_with_a_reason(library: Library, question: str):
    answer = library.ask(question)
    assert answer.sentences == ()
    assert answer.missing[0].what
    assert answer.missing[0].remedy


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What is the volatility forecast for AAPL?", "AAPL"),
        ("Volatility of the Nikkei next week?", "Nikkei"),
        ("What's the VaR?", "VaR"),
        ("How should I hedge?", ""),
        ("Should I buy puts?", ""),
        ("Will there be a crash?", ""),
    ],
)
def test_a_question_on_something_else_is_refused_with_what_is_forecast(library, question, name):
    answer = library.ask(question)
    assert answer.sentences == ()
    assert name in answer.missing[0].what
    assert "SPY" in answer.missing[0].remedy


def test_the_change_since_the_session_before_is_that_of_the_numbers_shown(library: Library):
    answer = library.ask("Is vol higher than yesterday?")
    assert "0.9 points below" in answer.text
    assert "14.0 %" in answer.text
    assert len(answer.sentences[0].citations) == 2


def test_a_rank_needs_sixty_forecasts_before_it(library: Library, store: Store):
    question = "How does today's forecast rank against the last year?"
    assert not library.ask(question).answered
    briefed(store)
    for back in range(1, 61):
        session = calendar.after(SESSION, -back)
        forecast(store, session, 0.2 if back % 4 else 0.1, model_as_of=date(2023, 12, 29))
    answer = Library(store, None, lambda: NOW).ask(question)
    assert "25 % of the 60" in answer.text
    assert answer.sentences[0].citations[0].startswith("predictions_daily?symbol=SPY&session=2024")


def test_what_lowers_the_forecast_are_the_negative_drivers(library: Library):
    (lowering, _, _) = library.ask("What is pushing the number down?").sentences
    assert "implied volatility (-21 %)" in lowering.text
    assert "+" not in lowering.text


def test_a_question_on_a_run_has_the_job_first(library: Library):
    first, *_ = library.ask("Did last night's job run OK?").sentences
    assert first.citations[0].startswith("monitoring.jobs")


def test_baselines_that_are_better_come_first_and_all_are_of_the_table_of_summary(library: Library):
    first, *others = library.ask("Which baseline beats you?").sentences
    assert first.citations[1].endswith("part=all&name=har_x")
    parts = {one.partition("&name")[0] for part in (first, *others) for one in part.citations}
    assert len(parts) == 1


def test_garch_names_both_models():
    from volcast.brief.intents import Subject

    for text, names in (("Do you beat GARCH?", {"garch", "gjr_garch"}),
                        ("Do you beat GJR-GARCH?", {"gjr_garch"})):  # fmt: skip
        assert set(Subject(Question(text), ("SPY",)).baselines) == names


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("in 2018", date(2018, 1, 1), date(2018, 12, 31)),
        ("in Dec 2018", date(2018, 12, 1), date(2018, 12, 31)),
        ("in Q4 2018", date(2018, 10, 1), date(2018, 12, 31)),
        ("between 3 Dec 2018 and 14 December 2018", date(2018, 12, 3), date(2018, 12, 14)),
        ("from Jan 2016 to Mar 2017", date(2016, 1, 1), date(2017, 3, 31)),
        ("2015-2017", date(2015, 1, 1), date(2017, 12, 31)),
        ("since 2015", date(2015, 1, 1), TODAY),
        ("last year", date(2017, 1, 1), date(2017, 12, 31)),
        ("over the last year", date(2018, 1, 1), TODAY),
        ("last month", date(2018, 11, 1), date(2018, 11, 30)),
        ("past 3 months", date(2018, 10, 1), TODAY),
        ("last 5 sessions", date(2018, 12, 24), TODAY),
        ("in November", date(2018, 11, 1), date(2018, 11, 30)),
    ],
)
def test_a_period_has_its_first_and_last_day(text: str, first: date, last: date):
    span = span_of(Question(with_days(text, lambda: TODAY)).replace_days(), TODAY)
    assert span is not None
    assert (span.first, span.last) == (first, last)


@pytest.mark.parametrize(
    "text", ["before 2010", "2016 and 2018", "between 2018-02-30 and 2018-03-30"]
)
def test_a_period_without_a_first_and_last_day_is_refused(text: str):
    with pytest.raises(RequestError):
        span_of(text, TODAY)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on Christmas Eve 2018", date(2018, 12, 24)),
        ("on Christmas Eve", date(2018, 12, 24)),
        ("on New Year\N{RIGHT SINGLE QUOTATION MARK}s Eve of 2017", date(2017, 12, 31)),
        ("yesterday", date(2018, 12, 28)),
        ("last Friday", date(2018, 12, 28)),
        ("a week ago", date(2018, 12, 24)),
        ("three sessions ago", date(2018, 12, 26)),
        ("9999 years ago", date(1918, 12, 31)),
    ],
)
def test_a_named_day_is_counted_from_the_newest_session(text: str, day: date):
    assert Question(with_days(text, lambda: TODAY)).day == day


WORDS = st.lists(
    st.sampled_from([
        "VIX", "highest", "since", "until", "last", "past", "99", "9999", "week", "years", "ago",
        "between", "and", "2018", "2018-02-30", "Feb", "30", "29th", "of", "December", "Q4", "on",
        "Friday", "yesterday", "52-week", "high", "from", "to", "Christmas Eve", "24/12/2018",
    ]),
    min_size=1, max_size=9,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(words=WORDS)
def test_any_words_are_a_period_or_none_or_refused(words: list[str]):
    with suppress(RequestError, NotFound):
        span_of(Question(with_days(" ".join(words), lambda: TODAY)).replace_days(), TODAY)


DAYS = st.dates(date(1990, 1, 2), date(2030, 12, 1))


@settings(max_examples=50, deadline=None)
@given(first=DAYS, length=st.integers(1, 4000), form=st.sampled_from(["%Y-%m-%d", "%d %B %Y"]))
def test_a_span_of_two_days_is_read_as_it_is_written(first: date, length: int, form: str):
    last = first + timedelta(days=length)
    text = f"highest VIX between {first:{form}} and {last:{form}}"
    assert span_of(Question(text).replace_days(), TODAY) == Span(first, last)
    assert statistics_of(text) == {"max"}
