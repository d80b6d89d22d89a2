"""The declared and the exported metrics are the same, and the documented scrape is valid."""

import re
import subprocess

from tests.monitoring.exposition import assert_declared
from tests.monitoring.monitored import ROOT, SESSION, binary, exporting, fill, put
from volcast.monitoring.metrics import METRICS
from volcast.store.tables import MONITORING_RETRAIN

DOCUMENT = ROOT / "docs/monitor.md"


def test_names_and_labels_follow_the_conventions_of_prometheus():
    for metric in METRICS.values():
        assert re.fullmatch(r"volcast_[a-z0-9_]+", metric.name)
        assert not re.search(r"_(ms|milliseconds|percent|days|bytes)$", metric.name)
        assert not {"job", "instance", "le", "quantile"} & set(metric.labels)


def test_the_documented_configuration_is_valid(tmp_path):
    (content,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    path = tmp_path / "prometheus.yaml"
    path.write_text(content.replace("helm/", f"{ROOT}/helm/"))
    done = subprocess.run(
        [binary("promtool"), "check", "config", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_exporter_shows_the_declared_metrics(store, tmp_path):
    put(fill(store), MONITORING_RETRAIN, "SPY", SESSION, needed=True, train=True)
    with exporting(store, tmp_path / "log") as exporter:
        text = exporter.http.get("/metrics").text
        while "volcast_drift_state" not in text:
            text = exporter.http.get("/metrics").text
    assert_declared(text, "exporter")
