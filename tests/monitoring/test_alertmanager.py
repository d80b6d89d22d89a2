"""The routes and inhibitions of the shipped configuration of Alertmanager."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.monitoring.listener import hurried, routing
from tests.monitoring.monitored import Process, alertmanager, binary, eventually
from tests.monitoring.test_rules import ALERTS


def receivers(configuration: Path, **labels: str) -> list[str]:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [binary("amtool"), "config", "routes", "test", f"--config.file={configuration}", *pairs],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().split(",")


def test_the_severity_of_an_alert_decides_its_receiver(tmp_path: Path):
    configuration = tmp_path / "alertmanager.yaml"
    configuration.write_text(yaml.safe_dump(routing()))
    receiver = {"critical": "pager", "warning": "people", "none": "heartbeat"}
    for name, alert in ALERTS.items():
        labels = alert["labels"]
        chosen = receivers(configuration, alertname=name, symbol="SPY", **labels)
        assert chosen == [receiver[labels["severity"]]], name


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Process]:
    nowhere = "http://127.0.0.1:9"
    with alertmanager(tmp_path, hurried(tmp_path, nowhere)) as process:
        yield process


LATE, STALE, DRIFT = "VolcastForecastLate", "VolcastDataStale", "VolcastDrift"
CONTROL = {(LATE, "IWM"), ("VolcastFeaturesStale", "IWM")}
"""Sent with each: the first mutes the second, which shows that inhibition was evaluated."""


def assert_muted(
    manager: Process, alerts: set[tuple[str, str]], expected: set[tuple[str, str]]
) -> None:
    """Send alerts, each a name and a symbol, and assert which of them are inhibited."""
    sent = [
        {"labels": {"alertname": name, "symbol": symbol, **ALERTS[name]["labels"]}}
        for name, symbol in alerts | CONTROL
    ]
    assert manager.http.post("/api/v2/alerts", json=sent).is_success

    def inhibited() -> set[tuple[str, str]]:
        return {
            (one["labels"]["alertname"], one["labels"].get("symbol", ""))
            for one in manager.http.get("/api/v2/alerts").json()
            if one["status"]["inhibitedBy"]
        }

    muted = expected | {("VolcastFeaturesStale", "IWM")}
    eventually(lambda: inhibited() == muted, 30, manager.log)


@pytest.mark.parametrize("cause", ["VolcastDriftDataFault", "VolcastQualityCritical"])
def test_broken_data_mutes_drift_and_worse_error_of_its_symbol(manager, cause):
    names = (DRIFT, "VolcastErrorWorse", "VolcastCoverageOff")
    ours = {(name, "SPY") for name in names}
    others = {(name, "QQQ") for name in names}
    assert_muted(manager, {(cause, "SPY")} | ours | others, ours)


def test_a_critical_alert_mutes_warnings_of_the_same_symbol(manager):
    alerts = {(LATE, "SPY"), (STALE, "SPY"), (DRIFT, "SPY"), (STALE, "VIX")}
    assert_muted(manager, alerts, {(STALE, "SPY"), (DRIFT, "SPY")})


def test_a_critical_alert_without_a_symbol_mutes_nothing(manager):
    assert_muted(manager, {("VolcastServerDown", ""), ("VolcastPredictSlow", "")}, set())


@pytest.mark.parametrize("cause", ["VolcastExporterDown", "VolcastStoreUnreadable"])
def test_a_blind_exporter_mutes_only_alerts_that_rest_on_the_store(manager, cause):
    resting = {(LATE, "SPY"), (DRIFT, "QQQ"), ("VolcastJobFailed", "")}
    alerts = {(cause, ""), ("VolcastModelNotReady", "")} | resting
    assert_muted(manager, alerts, resting | {(LATE, "IWM")})
