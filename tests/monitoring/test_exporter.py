"""What the store says is shown as it is, and what cannot be read is not shown as if it were."""

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from serving.exporter.collector import StoreCollector
from tests.misbehaving_s3 import cut, opened
from tests.monitoring.monitored import SESSION, ended, eventually, exporting, fill, put, verdict
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_QUALITY,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
)

CLOSE = datetime(2024, 6, 28, 16, tzinfo=ZoneInfo("America/New_York")).timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2024, 7, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def shown(store: Store) -> dict[str, float]:
    collector = StoreCollector(store, Clock(), 15)
    collector.look()
    return scraped(collector)


def scraped(collector: StoreCollector) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_a_healthy_session_is_shown_as_the_tables_have_it(store):
    expected = {
        "volcast_store_readable": 1,
        'volcast_forecast_session_timestamp_seconds{symbol="SPY"}': CLOSE,
        'volcast_forecast_volatility_ratio{bound="hat",symbol="SPY"}': 0.15,
        'volcast_forecast_baseline_ratio{baseline="har",symbol="SPY"}': 0.16,
        'volcast_source_live{symbol="SPY"}': 1,
        'volcast_drift_state{state="ok",symbol="SPY"}': 1,
        'volcast_performance_qlike{forecast="har",symbol="SPY",window="recent"}': 0.5,
        'volcast_performance_rmse_ratio{symbol="SPY",window="recent"}': 0.005,
        'volcast_job_last_outcome{pipeline="volcast-train"}': 1,
        'volcast_retrain_needed{symbol="SPY"}': 0,
        # June 2024 has 19 sessions: the 19th is closed.
        'volcast_champion_age_sessions{symbol="SPY"}': 19,
    }
    metrics = shown(fill(store))
    assert {name: metrics[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("session", "due"),
    [
        (date(2024, 3, 7), "2024-03-11T12:00:00+00:00"),  # summer time began on the 10th
        (date(2024, 3, 6), "2024-03-08T13:00:00+00:00"),
        (date(2024, 10, 31), "2024-11-04T13:00:00+00:00"),  # and ended on November the 3rd
        (date(2024, 7, 2), "2024-07-05T12:00:00+00:00"),  # the 4th is no session
        (date(2024, 8, 29), "2024-09-03T12:00:00+00:00"),  # a weekend with Labor Day
    ],
)
def test_the_next_forecast_is_due_at_eight_in_new_york_on_the_session_after_it(store, session, due):
    fill(store, session)
    metrics = shown(store)['volcast_forecast_due_timestamp_seconds{symbol="SPY"}']
    assert datetime.fromtimestamp(metrics, UTC).isoformat() == due
    assert datetime.fromtimestamp(metrics, ZoneInfo("America/New_York")).hour == 8


def test_a_challengers_forecast_is_not_shown(store):
    put(fill(store), PREDICTIONS_DAILY, "SPY", date(2024, 7, 1), role="challenger")
    assert shown(store)['volcast_forecast_session_timestamp_seconds{symbol="SPY"}'] == CLOSE


def test_an_archive_is_not_live(store):
    assert shown(fill(store, source="sample"))['volcast_source_live{symbol="SPY"}'] == 0


def test_a_store_that_was_never_filled_or_is_gone_is_not_readable(store):
    metrics = shown(store)
    assert metrics["volcast_store_readable"] == 0
    assert {name.partition("{")[0] for name in metrics} == {
        "volcast_store_readable",
        "volcast_table_readable",
        "volcast_store_read_seconds",
    }


def test_only_the_newest_verdict_counts(store):
    monday = date(2024, 7, 1)
    verdict(fill(store), "drift", monday)
    put(store, MONITORING_DRIFT_DAILY, "SPY", monday, subject="iv", test="ks_level", fired=True)
    metrics = shown(store)
    states = {name: value for name, value in metrics.items() if "drift_state" in name}
    assert [name for name, value in states.items() if value] == [
        'volcast_drift_state{state="drift",symbol="SPY"}'
    ]
    assert len(states) == 5
    assert metrics['volcast_drift_alert{symbol="SPY"}'] == 1
    assert metrics['volcast_drift_subjects_fired{symbol="SPY"}'] == 1
    assert metrics['volcast_drift_subject_fired{subject="iv",symbol="SPY"}'] == 1


def test_checks_that_failed_are_counted_by_suite_and_severity_of_its_last_run_alone(store):
    fill(store)
    monday = date(2024, 7, 1)
    for check, passed, severity in (
        ("a", False, "critical"), ("b", False, "critical"), ("c", True, "warning"),
    ):  # fmt: skip
        put(
            store, MONITORING_QUALITY, "SPY", monday, suite="raw", check=check, passed=passed,
            severity=severity,
        )  # fmt: skip
    put(store, MONITORING_QUALITY, "SPY", SESSION, suite="raw", check="a", passed=False)
    name = "volcast_quality_checks_failed"
    metrics = {key: value for key, value in shown(store).items() if key.startswith(name)}
    assert metrics == {
        f'{name}{{severity="critical",suite="raw",symbol="SPY"}}': 2,
        f'{name}{{severity="warning",suite="raw",symbol="SPY"}}': 0,
        f'{name}{{severity="critical",suite="curated",symbol="SPY"}}': 0,
        f'{name}{{severity="warning",suite="curated",symbol="SPY"}}': 0,
    }


@pytest.mark.parametrize(("outcome", "shown_as"), [("failed", 0), ("unknown", math.nan)])
def test_a_run_that_did_not_succeed_leaves_the_last_success_where_it_was(store, outcome, shown_as):
    ended(fill(store), "volcast-train", datetime(2024, 7, 1, 22, tzinfo=UTC), outcome)
    metrics = shown(store)
    name = 'volcast_job_last_{}{{pipeline="volcast-train"}}'
    assert metrics[name.format("outcome")] == pytest.approx(shown_as, nan_ok=True)
    end = metrics[name.format("end_timestamp_seconds")]
    success = metrics[name.format("success_timestamp_seconds")]
    assert datetime.fromtimestamp(end, UTC) == datetime(2024, 7, 1, 22, tzinfo=UTC)
    assert datetime.fromtimestamp(success, UTC) == datetime(2024, 6, 28, 22, tzinfo=UTC)


def test_the_newest_session_that_trained_is_shown(store):
    fill(store)
    for day, train in ((date(2024, 7, 8), True), (date(2024, 7, 9), False)):
        put(store, MONITORING_RETRAIN, "SPY", day, needed=True, train=train)
    metrics = shown(store)
    assert metrics['volcast_retrain_session_timestamp_seconds{symbol="SPY"}'] == (
        datetime(2024, 7, 8, 20, tzinfo=UTC).timestamp()
    )
    assert metrics['volcast_retrain_needed{symbol="SPY"}'] == 1


def test_a_table_that_cannot_be_read_is_named_and_takes_its_series_with_it(store):
    fill(store)
    key = next(key for key in store.objects.list("predictions_daily/"))
    store.objects.put(key, b"PAR1 and no more")
    metrics = shown(store)
    assert metrics["volcast_store_readable"] == 0
    assert metrics['volcast_table_readable{table="predictions_daily"}'] == 0
    assert metrics['volcast_table_readable{table="features_daily"}'] == 1
    assert not [name for name in metrics if "forecast" in name and "performance" not in name]
    assert metrics['volcast_drift_state{state="ok",symbol="SPY"}'] == 1


def test_an_error_that_nobody_foresaw_takes_only_its_own_series_and_ends_nothing(
    store, monkeypatch
):
    fill(store)

    def fail(*_):
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as patch:
        patch.setattr("serving.exporter.collector.select_official", fail)
        metrics = shown(store)
    assert metrics["volcast_store_readable"] == 0
    assert metrics['volcast_table_readable{table="predictions_daily"}'] == 0
    assert metrics['volcast_drift_state{state="ok",symbol="SPY"}'] == 1
    monkeypatch.setattr("serving.exporter.collector.forecasts.champion", fail)
    metrics = shown(store)
    assert metrics["volcast_store_readable"] == 0
    assert metrics['volcast_table_readable{table="metrics"}'] == 0


@pytest.mark.parametrize("way", ["short", "chunked", "reset"])
def test_a_store_whose_answers_break_off_is_unreadable_and_ends_nothing(monkeypatch, way):
    with opened(monkeypatch, cut(way)) as (store, _):
        assert shown(store)["volcast_store_readable"] == 0


def test_a_broken_pointer_shows_no_champion(store):
    fill(store).objects.put("registry/champion.json", b"{")
    metrics = shown(store)
    assert metrics['volcast_table_readable{table="registry"}'] == 0
    assert not [name for name in metrics if name.startswith("volcast_champion")]


def test_a_reading_that_grew_old_is_not_shown(store):
    clock = Clock()
    collector = StoreCollector(fill(store), clock, 15)
    assert scraped(collector) == {"volcast_store_readable": 0}
    collector.look()
    clock.now += timedelta(seconds=60)
    assert scraped(collector)["volcast_store_readable"] == 1
    clock.now += timedelta(seconds=1)
    metrics = scraped(collector)
    assert set(metrics) == {"volcast_store_readable", "volcast_store_read_timestamp_seconds"}
    assert metrics["volcast_store_readable"] == 0


def test_years_gone_by_are_not_read_again(store):
    fill(store, date(2010, 6, 28))
    fill(store, date(2023, 6, 28))
    fill(store)
    broken = next(k for k in store.objects.list("curated.market_daily/") if "year=2010" in k)
    store.objects.put(broken, b"rotten")
    assert shown(store)['volcast_table_readable{table="curated.market_daily"}'] == 1
    rows = store.read_newest(CURATED_MARKET_DAILY)
    assert {row.year for row in rows.column("session").to_pylist()} == {2023, 2024}


def test_a_process_shows_a_store_that_goes_and_comes_back(store, tmp_path):
    fill(store)
    key = next(key for key in store.objects.list("features_daily/"))
    good = store.objects.get(key)
    with exporting(store, tmp_path / "log") as exporter:
        eventually(lambda: exporter.metrics()["volcast_store_readable"] == 1)
        store.objects.put(key, b"rotten")
        eventually(lambda: exporter.metrics()["volcast_store_readable"] == 0)
        store.objects.put(key, good)
        eventually(lambda: exporter.metrics()["volcast_store_readable"] == 1)
    assert exporter.process.returncode == 0
    assert "Traceback" not in exporter.log.read_text()
