"""Between a close and the morning after, the brief is of the forecast that still stands."""

from datetime import UTC, date, datetime

import pytest

from tests.brief.desk import SESSION, briefed
from tests.monitoring.monitored import put
from volcast.brief import Library
from volcast.core.settings import read_settings
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

MONDAY = date(2024, 7, 1)


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


def test_that_a_later_session_has_closed_is_said_with_when_its_forecast_is_due(live: Store):
    brief = library_at(live, "2024-07-01T21:00").brief()
    first = brief.missing[0]
    assert first.what == "The forecast of 2024-07-01 is not due before 2024-07-02 12:00 UTC."
    assert first.remedy == "This brief is of 2024-06-28."
    for now, asked in (("2024-07-01T19:59", None), ("2024-07-01T21:00", SESSION)):
        brief = library_at(live, now).brief(as_of=asked)
        assert not any("not due" in one.what for one in brief.missing)


def test_once_it_is_overdue_the_brief_is_of_the_session_that_lacks_it(live: Store):
    brief = library_at(live, "2024-07-02T12:01").brief()
    assert brief.as_of == MONDAY
    said = [one.what for one in brief.missing]
    assert "No forecast of SPY has been published for 2024-07-01." in said
    assert "predictions_daily of SPY ends at 2024-06-28, 1 session late." in said


def test_a_day_that_is_asked_for_is_that_of_the_brief(live: Store):
    assert library_at(live, "2024-07-01T21:00").brief(as_of=MONDAY).as_of == MONDAY
    assert library_at(live, "2024-07-01T21:00", MONDAY).brief().as_of == MONDAY


def test_a_table_that_cannot_be_read_is_named_in_the_brief_of_the_last_session(live: Store):
    for table in ("predictions_daily", "monitoring.drift_daily"):
        (key, *_) = live.objects.list(f"{table}/")
        whole = live.objects.get(key)
        live.objects.put(key, b"torn")
        brief = library_at(live, "2024-07-01T21:00").brief()
        assert brief.as_of == MONDAY
        assert any(table in one.what for one in brief.missing)
        live.objects.put(key, whole)
