"""An answer as of a day knows nothing later, and one forecast of a session counts everywhere."""

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
    asked = "What was the outcome of the forecast for SPY on 21 June 2024?"
    assert "11.0 %" in library.ask(asked).text
    assert not library.ask(asked, BEFORE).answered


def test_the_champion_in_office_counts_on_the_page_in_the_record_and_in_answers(desk: Store):
    for version in ("9", "10"):
        forecast(desk, SESSION, 0.25, model_version=version)
    assert status.outlook(desk, "SPY").row["model_version"] == "3"
    track = status.track(desk, "SPY")
    assert track.loc[track["session"] == SESSION, "forecast"].tolist() == [0.131]
    library = Library.open(read_settings(store=desk.uri), lambda: NOW)
    library.refresh()
    assert "13.1 %" in library.ask("What is the forecast for SPY?").text


def test_a_fixed_session_is_that_of_answers_too(desk: Store):
    settings = read_settings(store=desk.uri, as_of="2024-06-27")
    library = Library.open(settings, lambda: NOW)
    library.refresh()
    assert "14.0 %" in library.ask("What is the forecast for SPY?").text
    assert library.brief().as_of == BEFORE


def test_a_live_source_that_stopped_is_said_to_be_late(desk: Store):
    put(desk, CURATED_MARKET_DAILY, "SPY", SESSION, source="yfinance")
    later = datetime(2024, 7, 9, 22, tzinfo=UTC)
    brief = daily_brief(desk, Universe(), "SPY", date(2024, 7, 9), later)
    said = [one.what for one in brief.missing if "late" in one.what]
    assert any(
        "predictions_daily of SPY ends at 2024-06-28, 6 sessions late" in one for one in said
    )


def test_a_regime_of_days_gone_by_is_not_told_as_todays(desk: Store):
    for day in (date(2024, 7, 1), date(2024, 12, 31)):
        brief = daily_brief(desk, Universe(), "SPY", day, datetime(2025, 1, 2, tzinfo=UTC))
        assert "Regime" not in {part.title for part in brief.sections}
        (one,) = (one for one in brief.missing if "regime" in one.what)
        assert one.what == (f"There is no regime of SPY for {day}; the newest is of 2024-06-28.")


def test_prices_without_features_say_the_last_regime_that_is_known(desk: Store):
    day = date(2024, 7, 1)
    put(desk, CURATED_MARKET_DAILY, "SPY", day, source="csv", close=500.0)
    brief = daily_brief(desk, Universe(), "SPY", day, datetime(2024, 7, 2, tzinfo=UTC))
    assert any("the newest is of 2024-06-28" in one.what for one in brief.missing)


def ages(store: Store, as_of: date) -> list[str]:
    brief = daily_brief(store, recall(store), "SPY", as_of, datetime(2027, 1, 2, tzinfo=UTC))
    return [one.what for one in brief.missing if "_daily of " in one.what]


def test_tables_that_ended_long_before_the_day_asked_for_are_named_with_their_end(store: Store):
    stores.whole(store)
    assert ages(store, stores.SESSION) == []
    said = ages(store, date(2026, 12, 31))
    for table, end in (
        ("curated.market_daily of SPY", stores.SESSION),
        ("curated.market_daily of VIX", stores.SESSION),
        ("features_daily of SPY", stores.SESSION),
        ("labels_daily of SPY", stores.SESSIONS[-6]),
        ("predictions_daily of SPY", stores.SESSION),
    ):
        (one,) = (one for one in said if one.startswith(table))
        assert re.fullmatch(rf"{table} ends at {end}, 6\d\d sessions late\.", one)


@pytest.mark.parametrize("table", ["labels_daily", "features_daily", "curated.market_daily"])
def test_a_table_without_a_row_is_named(store: Store, table: str):
    stores.whole(store)
    for key in store.objects.list(f"{table}/symbol=SPY/"):
        store.objects.delete(key)
    said = ages(store, stores.SESSION)
    assert f"{table} of SPY has no row up to 2024-06-28." in said
    assert ages(store, stores.PUBLISHED[0]) == [
        f"{table} of SPY has no row up to {stores.PUBLISHED[0]}."
    ]


def test_what_was_last_watched_years_before_is_not_said_never_to_have_been(store: Store):
    stores.whole(store)
    brief = daily_brief(
        store, recall(store), "SPY", date(2026, 12, 31), datetime(2027, 1, 2, tzinfo=UTC)
    )
    said = [one.what for one in brief.missing]
    span = "from 2025-01-01 to 2026-12-31."
    for what in (
        "Drift has not been looked for", "No forecast has been scored",
        "Retraining has not been decided",
    ):  # fmt: skip
        assert f"{what} {span}" in said


def test_no_late_table_is_left_out_however_many_there_are(desk: Store):
    put(desk, CURATED_MARKET_DAILY, "SPY", SESSION, source="yfinance")
    brief = daily_brief(
        desk, Universe(target="QQQ"), "SPY", date(2024, 7, 9), datetime(2024, 7, 9, 22, tzinfo=UTC)
    )
    assert any("labels_daily of SPY ends at" in one.what for one in brief.missing)


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
