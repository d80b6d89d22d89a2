"""Who is told what: the routes of the configuration that is shipped."""

import subprocess

import pytest
import yaml

from tests.monitoring.monitored import ROUTES, binary
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
    asks = ["training"] if rule.get("retrain") == "true" else []
    assert told(name) == [*asks, person]


def test_an_alert_of_someone_elses_reaches_people():
    assert receivers(alertname="Unheard", severity="warning") == ["people"]


def test_no_secret_is_in_the_file():
    text = ROUTES.read_text()
    for word in ("api_url:", "credentials:", "password:", "routing_key:", "bearer_token:"):
        assert word not in text
    assert text.count("_file:") == 4


def test_the_one_receiver_that_trains_is_not_told_of_what_is_over():
    (training,) = (one for one in CONFIGURATION["receivers"] if one["name"] == "training")
    assert [hook["send_resolved"] for hook in training["webhook_configs"]] == [False]
    assert training["webhook_configs"][0]["url"].endswith(":9109/alerts")


def test_the_watchdog_beats_every_minute():
    (route,) = (r for r in CONFIGURATION["route"]["routes"] if r["receiver"] == "heartbeat")
    assert route["repeat_interval"] == "1m"
