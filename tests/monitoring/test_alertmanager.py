"""Who is told what: the routes of the configuration that is shipped."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.monitoring.listener import hurried
from tests.monitoring.monitored import ROUTES, Process, alertmanager, binary, eventually
from tests.monitoring.test_rules import ALERTS

CONFIGURATION = yaml.safe_load(ROUTES.read_text())


def receivers(**labels: str) -> list[str]:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [binary("amtool"), "config", "routes", "test", f"--config.file={ROUTES}", *pairs],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().split(",")


def told(name: str) -> list[str]:
    return receivers(alertname=name, symbol="SPY", **ALERTS[name]["labels"])


def test_alertmanager_takes_the_configuration():
    done = subprocess.run(
        [binary("amtool"), "check-config", ROUTES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_reaches_whom_its_severity_is_for(name):
    rule = ALERTS[name]["labels"]
    person = {"critical": "pager", "warning": "people", "none": "heartbeat"}[rule["severity"]]
    assert told(name) == [person]


def test_an_alert_of_someone_elses_reaches_people():
    assert receivers(alertname="Unheard", severity="warning") == ["people"]


def test_no_secret_is_in_the_file():
    text = ROUTES.read_text()
    for word in ("api_url:", "credentials:", "password:", "routing_key:", "bearer_token:"):
        assert word not in text
    assert text.count("_file:") == 3


def test_the_watchdog_beats_every_minute():
    (route,) = (r for r in CONFIGURATION["route"]["routes"] if r["receiver"] == "heartbeat")
    assert route["repeat_interval"] == "1m"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Process]:
    nowhere = "http://127.0.0.1:9"
    with alertmanager(tmp_path, hurried(tmp_path, nowhere)) as found:
        yield found


LATE, STALE, DRIFT = "VolcastForecastLate", "VolcastDataStale", "VolcastDrift"
CONTROL = {(LATE, "IWM"), ("VolcastFeaturesStale", "IWM")}
"""Sent with each: the first mutes the second, which shows that inhibition has been looked at."""


def assert_muted(
    manager: Process, given: set[tuple[str, str]], expected: set[tuple[str, str]]
) -> None:
    """Send alerts, each a name and a symbol, and assert which of them are inhibited."""
    sent = [
        {"labels": {"alertname": name, "symbol": symbol, **ALERTS[name]["labels"]}}
        for name, symbol in given | CONTROL
    ]
    assert manager.http.post("/api/v2/alerts", json=sent).is_success

    def inhibited() -> set[tuple[str, str]]:
        return {
            (one["labels"]["alertname"], one["labels"].get("symbol", ""))
            for one in manager.http.get("/api/v2/alerts").json()
            if one["status"]["inhibitedBy"]
        }

    # Each group is looked at again once a second.
    wanted = expected | {("VolcastFeaturesStale", "IWM")}
    eventually(lambda: inhibited() == wanted, 30, manager.log)


@pytest.mark.parametrize("cause", ["VolcastDriftDataFault", "VolcastQualityCritical"])
def test_broken_data_mutes_drift_and_worse_error_of_its_symbol(manager, cause):
    names = (DRIFT, "VolcastErrorWorse", "VolcastCoverageOff")
    ours = {(name, "SPY") for name in names}
    others = {(name, "QQQ") for name in names}
    assert_muted(manager, {(cause, "SPY")} | ours | others, ours)


def test_what_is_urgent_mutes_what_is_not_of_the_same_symbol(manager):
    given = {(LATE, "SPY"), (STALE, "SPY"), (DRIFT, "SPY"), (STALE, "VIX")}
    assert_muted(manager, given, {(STALE, "SPY"), (DRIFT, "SPY")})


def test_what_is_urgent_and_of_no_symbol_mutes_no_symbol_at_all(manager):
    assert_muted(manager, {("VolcastServerDown", ""), ("VolcastPredictSlow", "")}, set())


@pytest.mark.parametrize("cause", ["VolcastExporterDown", "VolcastStoreUnreadable"])
def test_who_sees_nothing_mutes_what_rests_on_the_store_and_nothing_else(manager, cause):
    resting = {(LATE, "SPY"), (DRIFT, "QQQ"), ("VolcastJobFailed", "")}
    given = {(cause, ""), ("VolcastModelNotReady", "")} | resting
    assert_muted(manager, given, resting | {(LATE, "IWM")})
