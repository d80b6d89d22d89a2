"""From a drift verdict in the store to a person's alert, through real servers all the way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.monitoring.listener import Listener, hurried, listener
from tests.monitoring.monitored import (
    RULES,
    SESSION,
    Process,
    alertmanager,
    eventually,
    exporting,
    fill,
    prometheus,
    put,
    verdict,
)
from volcast.store import Store
from volcast.store.tables import MONITORING_PERFORMANCE


@dataclass
class AlertPath:
    """Everything between the store and the people who are alerted."""

    store: Store
    exporter: Process
    prometheus: Process
    people: Listener

    def alerts(self, receiver: str, name: str) -> list[dict]:
        """Return every firing alert of that name that the receiver got, oldest first."""
        notifications = self.people.notifications.get(receiver, [])
        alerts = [alert for one in notifications for alert in one["alerts"]]
        return [
            alert
            for alert in alerts
            if (alert["labels"]["alertname"], alert["status"]) == (name, "firing")
        ]


@pytest.fixture
def path(store: Store, tmp_path: Path) -> Iterator[AlertPath]:
    fill(store, source="csv")
    rules = tmp_path / "rules.yaml"
    rules.write_text(re.sub(r"for: \d+[mh]", "for: 1s", RULES.read_text()))
    with (
        listener() as people,
        exporting(store, tmp_path / "exporter.log") as exporter,
        alertmanager(tmp_path, hurried(tmp_path, people.url)) as manager,
    ):
        configuration = tmp_path / "prometheus.yaml"
        configuration.write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager.address]}]}]},
            "scrape_configs": [
                {"job_name": "volcast", "static_configs": [{"targets": [exporter.address]}]}
            ],
        }))  # fmt: skip
        with prometheus(tmp_path, configuration) as watching:
            yield AlertPath(store, exporter, watching, people)


def test_drift_and_a_worse_error_reach_people_with_their_runbooks(path: AlertPath):
    verdict(path.store, "drift")
    put(path.store, MONITORING_PERFORMANCE, "SPY", SESSION, state="worse")
    for name in ("VolcastDrift", "VolcastErrorWorse"):
        alerts = eventually(lambda name=name: path.alerts("people", name), 60, path.prometheus.log)
        assert alerts[0]["labels"]["symbol"] == "SPY"
        assert alerts[0]["annotations"]["runbook_url"].endswith(f"/{name}.md")
    eventually(lambda: path.people.firing("heartbeat") == {"Watchdog"})
    # No server runs here, which is the one critical alert.
    eventually(lambda: "VolcastServerDown" in path.people.firing("pager"))


def test_a_killed_exporter_alerts_the_pager(path: AlertPath):
    def query(expression: str) -> list:
        answer = path.prometheus.http.get("/api/v1/query", params={"query": expression})
        return answer.json()["data"]["result"]

    name = "VolcastExporterDown"
    firing = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    # It also fires before the first scrape, because the waits are cut to a second here.
    eventually(lambda: query("volcast_store_readable"))
    eventually(lambda: not query(firing))
    before = len(path.alerts("pager", name))
    path.exporter.kill()
    eventually(lambda: query(firing), 60, path.prometheus.log)
    eventually(lambda: len(path.alerts("pager", name)) > before, 60, path.prometheus.log)
