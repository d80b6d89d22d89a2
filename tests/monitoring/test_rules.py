"""Every alert is tested both ways, has a runbook, and uses metrics that exist."""

import contextlib
import io
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from tests.monitoring.monitored import ROOT, RULES, binary, fill
from volcast.cli.main import app
from volcast.monitoring.metrics import METRICS, PROMETHEUS_OWN

CASES = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
RUNBOOKS = ROOT / "docs/runbooks"
ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}
ADDRESS = "https://github.com/volcast/volcast/blob/main/docs/runbooks/"


def metrics_of(query: str) -> set[str]:
    """Names that can only be metrics: ours, or those that Prometheus makes itself."""
    words = set(re.findall(r"\b[a-zA-Z_][a-zA-Z0-9_]*\b", re.sub(r'"[^"]*"', "", query)))
    words = {
        re.sub(r"((?:request|answer)_seconds)_(bucket|sum|count)$", r"\1", word) for word in words
    }
    return {w for w in words if w.startswith("volcast_") or w in PROMETHEUS_OWN}


def expectations() -> dict[str, set[bool]]:
    """Return by alert whether a test expects it to fire, and whether one expects it not to."""
    outcomes: dict[str, set[bool]] = {}
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for one in case["alert_rule_test"]:
                outcomes.setdefault(one["alertname"], set()).add(bool(one["exp_alerts"]))
    return outcomes


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_as_the_cases_expect(path):
    done = subprocess.run(
        [binary("promtool"), "test", "rules", path.name],
        cwd=path.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_ways():
    both = {name: {True, False} for name in ALERTS}
    both["Watchdog"] = {True}  # it always fires
    assert expectations() == both


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_labels_a_runbook_and_metrics_of_the_catalogue(name):
    rule = ALERTS[name]
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert rule["labels"]["family"]
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{ADDRESS}{name}.md"
    metrics = metrics_of(rule["expr"])
    assert metrics <= METRICS.keys() | PROMETHEUS_OWN
    assert metrics or name == "Watchdog"


def test_runbooks_are_those_of_the_alerts_and_listed():
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == set(ALERTS)
    index = (RUNBOOKS / "README.md").read_text()
    assert [name for name in ALERTS if f"[{name}]({name}.md)" not in index] == []


def test_alerts_on_exported_metrics_are_labelled_rests_on_store():
    exporter = {metric.name for metric in METRICS.values() if metric.where == "exporter"}
    for name, rule in ALERTS.items():
        rests = bool(metrics_of(rule["expr"]) & exporter)
        watches = name in {"VolcastExporterDown", "VolcastStoreUnreadable"}
        assert (rule["labels"].get("rests_on") == "store") == (rests and not watches), name


def test_every_snippet_of_the_runbooks_prints_something(store):
    fill(store)
    snippets = {
        snippet
        for path in RUNBOOKS.glob("*.md")
        for snippet in re.findall(r"<<PY\n(.*?)\nPY", path.read_text(), re.DOTALL)
    }
    assert len(snippets) > 5
    for snippet in sorted(snippets):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), pd.option_context("mode.copy_on_write", True):
            exec(snippet.replace("$VOLCAST_STORE", store.uri), {})  # noqa: S102
        assert output.getvalue().strip(), snippet


def test_commands_in_the_runbooks_exist():
    texts = "\n".join(path.read_text() for path in RUNBOOKS.glob("*.md"))
    commands = set(re.findall(r"\.venv/bin/volcast ((?:[a-z]+ ?)+)(?:--|`|\n|\))", texts))
    assert len(commands) > 2
    for command in sorted(commands):
        done = CliRunner().invoke(app, [*command.split(), "--help"])
        assert done.exit_code == 0, command
