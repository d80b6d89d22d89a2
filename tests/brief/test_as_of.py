"""A brief as of a day uses nothing later, and names the forecast that is current then."""

import re
from datetime import UTC, date, datetime

import pytest

from tests.brief.desk import BEFORE, NOW, SESSION, briefed, forecast, library_of
from tests.dashboard import stores
from tests.monitoring.monitored import ended, put
from volcast.brief.daily import daily_brief
from volcast.brief.facts import Facts
from volcast.core.settings import Universe
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_JOBS, MONITORING_REALIZED_ERROR
from volcast.store.universe import recall

MONDAY = date(2024, 7, 1)


@pytest.fixture
def desk(store: Store) -> Store:
    return briefed(store)


def test_an_outcome_is_public_when_its_last_session_ends(desk: Store):
    forecast(desk, date(2024, 6, 21), 0.12)
    put(
        desk, MONITORING_REALIZED_ERROR, "SPY", date(2024, 6, 21), model_version="3",
        role="champion", label_end_session=SESSION, rv_5d=0.11, rv_5d_hat=0.12, qlike=0.1,
        inside_80=True, error_points=1.0,
    )  # fmt: skip
    library = library_of(desk)
    question = "What was the outcome of the forecast for SPY on 21 June 2024?"
    assert "11.0 %" in library.ask(question).text
    before = library.ask(question, BEFORE)
    assert "11.0 %" not in before.text
    assert any("2024-06-28" in one.what for one in before.missing)


def test_an_old_regime_is_not_reported_as_that_of_the_day(desk: Store):
    for day in (date(2024, 7, 1), date(2024, 12, 31)):
        brief = daily_brief(Facts(desk, Universe(), "SPY", day, datetime(2025, 1, 2, tzinfo=UTC)))
        assert "Regime" not in {part.title for part in brief.sections}
        (one,) = (one for one in brief.missing if "regime" in one.what)
        assert one.what == (f"There is no regime of SPY for {day}; the newest is of 2024-06-28.")


def ages(store: Store, as_of: date) -> list[str]:
    brief = daily_brief(Facts(store, recall(store), "SPY", as_of, datetime(2027, 1, 2, tzinfo=UTC)))
    return [one.what for one in brief.missing if "_daily of " in one.what]


def test_tables_that_ended_long_before_the_day_are_named_with_their_end(store: Store):
    stores.whole(store)
    assert ages(store, stores.SESSION) == []
    whats = ages(store, date(2026, 12, 31))
    for table, end in (
        ("curated.market_daily of SPY", stores.SESSION),
        ("curated.market_daily of VIX", stores.SESSION),
        ("features_daily of SPY", stores.SESSION),
        ("labels_daily of SPY", stores.SESSIONS[-6]),
        ("predictions_daily of SPY", stores.SESSION),
    ):
        (one,) = (one for one in whats if one.startswith(table))
        assert re.fullmatch(rf"{table} ends at {end}, 6\d\d sessions late\.", one)


@pytest.mark.parametrize("table", ["labels_daily", "features_daily", "curated.market_daily"])
def test_a_table_without_a_row_is_named(store: Store, table: str):
    stores.whole(store)
    for key in store.objects.list(f"{table}/symbol=SPY/"):
        store.objects.delete(key)
    whats = ages(store, stores.SESSION)
    assert f"{table} of SPY has no row up to 2024-06-28." in whats
    assert ages(store, stores.PUBLISHED[0]) == [
        f"{table} of SPY has no row up to {stores.PUBLISHED[0]}."
    ]


def test_monitoring_that_ran_years_before_is_missing_since_then(store: Store):
    stores.whole(store)
    brief = daily_brief(
        Facts(store, recall(store), "SPY", date(2026, 12, 31), datetime(2027, 1, 2, tzinfo=UTC))
    )
    span = "from 2025-01-01 to 2026-12-31."
    assert sum(one.what.endswith(span) for one in brief.missing) == 3


def test_a_run_of_another_day_is_no_news_of_the_past(desk: Store):
    ended(desk, "volcast-train", datetime(2026, 6, 29, 22, tzinfo=UTC), "failed")
    put(
        desk, MONITORING_JOBS, "volcast-train", date(2026, 6, 30), run_id="late", as_of=None,
        outcome="failed", ended_at=datetime(2026, 6, 30, 1, tzinfo=UTC),
    )  # fmt: skip
    brief = daily_brief(Facts(desk, Universe(), "SPY", SESSION, NOW))
    assert all("2026" not in one.text for one in brief.sentences)


@pytest.mark.parametrize(
    ("table", "title", "question", "other"),
    [
        ("monitoring.drift_daily", "Data and drift", "Has SPY drifted?", "What is the forecast?"),
        ("predictions_daily", "Forecast", "What is the forecast?", "Is the market of SPY calm?"),
    ],
)
def test_one_broken_table_leaves_the_other_parts(desk: Store, table, title, question, other):
    (key, *_) = desk.objects.list(f"{table}/")
    desk.objects.put(key, b"torn")
    library = library_of(desk)
    assert library.ask(other).answered
    assert not library.ask(question).answered
    brief = library.brief()
    titles = {part.title for part in brief.sections}
    assert titles >= {"Regime", "Macro releases"}
    assert title not in titles
    assert any(table in one.what for one in brief.missing)
    assert all(desk.uri not in str(one) for one in brief.missing)


@pytest.fixture
def live(desk: Store) -> Store:
    put(desk, CURATED_MARKET_DAILY, "SPY", SESSION, source="yfinance", close=500.0)
    return desk


def july(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 7, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "waiting"), [(july(1, 19, 59), False), (july(1, 21), True), (july(2, 11, 59), True)]
)
def test_until_the_next_forecast_is_due_the_brief_is_of_the_newest(live: Store, now, waiting):
    brief = library_of(live, now).brief()
    assert brief.as_of == SESSION
    assert "13.1 %" in brief.sections[0].sentences[0].text
    whats = [one.what for one in brief.missing]
    assert not any("SPY ends at" in what for what in whats)
    due = "The forecast of 2024-07-01 is not due before 2024-07-02 12:00 UTC."
    assert [what for what in whats if "not due" in what] == [due] * waiting


def test_once_it_is_overdue_the_brief_is_of_the_session_that_lacks_it(live: Store):
    brief = library_of(live, july(2, 12, 1)).brief()
    assert brief.as_of == MONDAY
    whats = [one.what for one in brief.missing]
    assert "No forecast of SPY has been published for 2024-07-01." in whats
    assert "predictions_daily of SPY ends at 2024-06-28, 1 session late." in whats


def test_a_requested_or_fixed_day_is_that_of_the_brief(live: Store):
    assert library_of(live, july(1, 21)).brief(as_of=MONDAY).as_of == MONDAY
    assert library_of(live, july(1, 21), MONDAY).brief().as_of == MONDAY
    of_the_past = library_of(live, july(1, 21)).brief(as_of=SESSION)
    assert not any("not due" in one.what for one in of_the_past.missing)
