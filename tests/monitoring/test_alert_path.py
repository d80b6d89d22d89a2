"""From a verdict in the store to a training run, through real servers all the way."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.monitoring.kubeflow import PIPELINE_ID, Kubeflow, kubeflow
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
    receiving,
    verdict,
)
from volcast.core.settings import Universe
from volcast.monitoring import retrain
from volcast.store import Store
from volcast.store.tables import MONITORING_PERFORMANCE


@dataclass
class AlertPath:
    """Everything between the store and the training run."""

    store: Store
    exporter: Process
    prometheus: Process
    receiver: Process
    api: Kubeflow
    people: Listener

    def events(self, name: str) -> list[dict]:
        lines = [json.loads(line) for line in self.receiver.log.read_text().splitlines()]
        return [line for line in lines if line["event"] == name]


@pytest.fixture
def path(store: Store, tmp_path: Path) -> Iterator[AlertPath]:
    fill(store, source="csv")
    token = tmp_path / "token"
    token.write_text("between-us\n")
    rules = tmp_path / "rules.yaml"
    rules.write_text(re.sub(r"for: \d+[mh]", "for: 1s", RULES.read_text()))
    with (
        kubeflow() as api,
        listener() as people,
        exporting(store, tmp_path / "exporter.log") as exporter,
        receiving(
            store, tmp_path / "receiver.log",
            {"VOLCAST_RETRAIN_LAUNCH": api.url, "VOLCAST_AUTH_TOKEN_FILE": str(token),
             "VOLCAST_SOURCE": "csv"},
        ) as receiver,
        alertmanager(
            tmp_path, hurried(tmp_path, people.url, f"http://{receiver.address}", token)
        ) as manager,
    ):  # fmt: skip
        configuration = tmp_path / "prometheus.yaml"
        configuration.write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager.address]}]}]},
            "scrape_configs": [{
                "job_name": "volcast",
                "static_configs": [{"targets": [exporter.address, receiver.address]}],
            }],
        }))  # fmt: skip
        with prometheus(tmp_path, configuration) as watching:
            yield AlertPath(store, exporter, watching, receiver, api, people)


def test_drift_asks_for_one_training_run_and_a_second_alert_is_held_back(path: AlertPath):
    verdict(path.store, "drift")
    eventually(lambda: path.api.runs, 60, path.receiver.log, path.prometheus.log)
    (run,) = path.api.runs
    assert run["pipeline_version_reference"] == {"pipeline_id": PIPELINE_ID}
    assert run["runtime_config"]["parameters"]["store"] == path.store.uri
    assert retrain.last_asked(path.store, Universe()) == SESSION
    put(path.store, MONITORING_PERFORMANCE, "SPY", SESSION, state="worse")
    held = eventually(lambda: path.events("training_held_back"), 60, path.receiver.log)
    assert "VolcastErrorWorse" in held[0]["reason"]
    assert str(SESSION) in held[0]["reason"]
    assert len(path.api.runs) == 1
    # People are told as well, and the Watchdog is heard where it should be.
    eventually(lambda: {"VolcastDrift", "VolcastErrorWorse"} <= path.people.firing("people"))
    eventually(lambda: path.people.firing("heartbeat") == {"Watchdog"})
    # There is no server here, which is the one grave thing.
    eventually(lambda: "VolcastServerDown" in path.people.firing("pager"))


def test_a_killed_exporter_is_noticed(path: AlertPath):
    def down() -> list:
        query = {"query": 'ALERTS{alertname="VolcastExporterDown", alertstate="firing"}'}
        return path.prometheus.http.get("/api/v1/query", params=query).json()["data"]["result"]

    def told() -> int:
        given = path.people.told.get("pager", [])
        alerts = [alert for one in given for alert in one["alerts"]]
        return sum(
            (alert["labels"]["alertname"], alert["status"]) == ("VolcastExporterDown", "firing")
            for alert in alerts
        )

    # Before its first scrape it is missed as well, since waits are cut to a second here.
    readable = {"query": "volcast_store_readable"}
    eventually(
        lambda: path.prometheus.http.get("/api/v1/query", params=readable).json()["data"]["result"]
    )
    eventually(lambda: not down())
    before = told()
    path.exporter.kill()
    eventually(down, 60, path.prometheus.log)
    eventually(lambda: told() > before, 60, path.prometheus.log)
