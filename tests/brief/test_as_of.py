"""A brief as of a day uses nothing later, and names the forecast that is current then."""

import re
from datetime import UTC, date, datetime

import pytest

from tests.brief.desk import BEFORE, NOW, SESSION, briefed, forecast
from tests.dashboard import stores
from tests.monitoring.monitored import ended, put
from volcast.brief import Library
from volcast.brief.daily import daily_brief
from volcast.core.settings import Universe, read_settings
from volcast.monitoring import status
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
    library = Library.open(read_settings(store=desk.uri), lambda: NOW)
    question = "What was the outcome of the forecast for SPY on 21 June 2024?"
    assert "11.0 %" in library.ask(question).text
    assert not library.ask(question, BEFORE).answered


def test_the_official_forecast_is_that_of_the_page_the_record_and_answers(desk: Store):
    for version in ("9", "10"):
        forecast(desk, SESSION, 0.25, model_version=version)
    assert status.outlook(desk, "SPY").row["model_version"] == "3"
    track = status.track(desk, "SPY")
    assert track.loc[track["session"] == SESSION, "forecast"].tolist() == [0.131]
    library = Library.open(read_settings(store=desk.uri), lambda: NOW)
    library.refresh()
    assert "13.1 %" in library.ask("What is the forecast for SPY?").text


def test_a_live_source_that_stopped_is_late(desk: Store):
    put(desk, CURATED_MARKET_DAILY, "SPY", SESSION, source="yfinance")
    later = datetime(2024, 7, 9, 22, tzinfo=UTC)
    brief = daily_brief(desk, Universe(), "SPY", date(2024, 7, 9), later)
    whats = [one.what for one in brief.missing if "late" in one.what]
    assert any(
        "predictions_daily of SPY ends at 2024-06-28, 6 sessions late" in one for one in whats
    )


def test_an_old_regime_is_not_reported_as_that_of_the_day(desk: Store):
    for day in (date(2024, 7, 1), date(2024, 12, 31)):
        brief = daily_brief(desk, Universe(), "SPY", day, datetime(2025, 1, 2, tzinfo=UTC))
        assert "Regime" not in {part.title for part in brief.sections}
        (one,) = (one for one in brief.missing if "regime" in one.what)
        assert one.what == (f"There is no regime of SPY for {day}; the newest is of 2024-06-28.")


def ages(store: Store, as_of: date) -> list[str]:
    brief = daily_brief(store, recall(store), "SPY", as_of, datetime(2027, 1, 2, tzinfo=UTC))
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
        store, recall(store), "SPY", date(2026, 12, 31), datetime(2027, 1, 2, tzinfo=UTC)
    )
    whats = [one.what for one in brief.missing]
    span = "from 2025-01-01 to 2026-12-31."
    for what in (
        "Drift has not been looked for", "No forecast has been scored",
        "Retraining has not been decided",
    ):  # fmt: skip
        assert f"{what} {span}" in whats


def test_a_run_of_another_day_is_no_news_of_the_past(desk: Store):
    ended(desk, "volcast-train", datetime(2026, 6, 29, 22, tzinfo=UTC), "failed")
    put(
        desk, MONITORING_JOBS, "volcast-train", date(2026, 6, 30), run_id="late", as_of=None,
        outcome="failed", ended_at=datetime(2026, 6, 30, 1, tzinfo=UTC),
    )  # fmt: skip
    brief = daily_brief(desk, Universe(), "SPY", SESSION, NOW)
    assert all("2026" not in one.text for one in brief.sentences)


def test_one_broken_table_leaves_the_other_answers(desk: Store):
    (key, *_) = desk.objects.list("monitoring.drift_daily/")
    desk.objects.put(key, b"torn")
    library = Library.open(read_settings(store=desk.uri), lambda: NOW)
    assert library.ask("What is the forecast for SPY?").answered
    assert not library.ask("Has SPY drifted?").answered
    brief = library.brief()
    assert brief.sections
    assert any("monitoring.drift_daily" in one.what for one in brief.missing)
    assert all(desk.uri not in str(one) for one in brief.missing)


def test_a_run_without_its_table_of_skill_is_no_fault(desk: Store):
    for folder in ("registry/volcast/3", "runs/cd"):
        desk.objects.put(f"{folder}/metrics.json", b'{"rows": 3}')
    assert daily_brief(desk, Universe(), "SPY", SESSION, NOW).sections


@pytest.fixture
def live(store: Store) -> Store:
    briefed(store)
    put(store, CURATED_MARKET_DAILY, "SPY", SESSION, source="yfinance", close=500.0)
    return store


def library_at(store: Store, now: str, as_of: date | None = None) -> Library:
    when = datetime.fromisoformat(now).replace(tzinfo=UTC)
    return Library.open(read_settings(store=store.uri, as_of=as_of), lambda: when)


@pytest.mark.parametrize("now", ["2024-07-01T19:59", "2024-07-01T21:00", "2024-07-02T11:59"])
def test_until_the_next_forecast_is_due_the_brief_is_of_the_newest(live: Store, now: str):
    brief = library_at(live, now).brief()
    assert brief.as_of == SESSION
    assert "13.1 %" in brief.sections[0].sentences[0].text
    assert not any("SPY ends at" in one.what for one in brief.missing)


def test_a_later_closed_session_is_named_with_the_time_its_forecast_is_due(live: Store):
    brief = library_at(live, "2024-07-01T21:00").brief()
    first = brief.missing[0]
    assert first.what == "The forecast of 2024-07-01 is not due before 2024-07-02 12:00 UTC."
    assert first.remedy == "This brief is of 2024-06-28."
    for now, day in (("2024-07-01T19:59", None), ("2024-07-01T21:00", SESSION)):
        brief = library_at(live, now).brief(as_of=day)
        assert not any("not due" in one.what for one in brief.missing)


def test_once_it_is_overdue_the_brief_is_of_the_session_that_lacks_it(live: Store):
    brief = library_at(live, "2024-07-02T12:01").brief()
    assert brief.as_of == MONDAY
    whats = [one.what for one in brief.missing]
    assert "No forecast of SPY has been published for 2024-07-01." in whats
    assert "predictions_daily of SPY ends at 2024-06-28, 1 session late." in whats


def test_a_requested_or_fixed_day_is_that_of_the_brief(live: Store):
    assert library_at(live, "2024-07-01T21:00").brief(as_of=MONDAY).as_of == MONDAY
    assert library_at(live, "2024-07-01T21:00", MONDAY).brief().as_of == MONDAY
