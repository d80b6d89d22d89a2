"""Every alert is whole, explained, made of metrics that exist, and tried both ways."""

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
PARTS = ("What it means", "Impact", "How to look", "What to do", "How to silence")


def metrics_of(query: str) -> set[str]:
    """Names that can only be metrics: ours, or those that Prometheus makes itself."""
    words = set(re.findall(r"\b[a-zA-Z_][a-zA-Z0-9_]*\b", re.sub(r'"[^"]*"', "", query)))
    words = {
        re.sub(r"((?:request|answer)_seconds)_(bucket|sum|count)$", r"\1", word) for word in words
    }
    return {w for w in words if w.startswith("volcast_") or w in PROMETHEUS_OWN}


def tried() -> dict[str, set[bool]]:
    """Of each alert, whether it is tried to fire, and tried to be quiet."""
    found: dict[str, set[bool]] = {}
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for one in case["alert_rule_test"]:
                found.setdefault(one["alertname"], set()).add(bool(one["exp_alerts"]))
    return found


def test_prometheus_takes_the_rules():
    done = subprocess.run(
        [binary("promtool"), "check", "rules", "--lint=all", "--lint-fatal", RULES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_are_quiet_else(path):
    done = subprocess.run(
        [binary("promtool"), "test", "rules", path.name],
        cwd=path.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_both_ways():
    both = {name: {True, False} for name in ALERTS}
    both["Watchdog"] = {True}  # quiet is what it never is
    assert tried() == both


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_grave_it_is_what_it_is_and_where_to_read_on(name):
    rule = ALERTS[name]
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert rule["labels"]["family"]
    assert rule["annotations"]["summary"].endswith(".")
    assert len(rule["annotations"]["description"]) > 40
    assert rule["annotations"]["runbook_url"] == f"{ADDRESS}{name}.md"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_runbook_with_every_part(name):
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == PARTS
    assert f"[{name}]({name}.md)" in (RUNBOOKS / "README.md").read_text()


def test_no_runbook_is_of_an_alert_that_is_gone():
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_metrics_of_the_catalogue_alone(name):
    known = {metric.name for metric in METRICS} | PROMETHEUS_OWN
    found = metrics_of(ALERTS[name]["expr"])
    assert found <= known
    assert found or name == "Watchdog"


def test_what_rests_on_the_store_says_so():
    exporter = {metric.name for metric in METRICS if metric.where == "exporter"}
    for name, rule in ALERTS.items():
        rests = bool(metrics_of(rule["expr"]) & exporter)
        watches = name in {"VolcastExporterDown", "VolcastStoreUnreadable"}
        assert (rule["labels"].get("rests_on") == "store") == (rests and not watches), name


def test_what_runbooks_tell_to_look_at_can_be_looked_at(store):
    fill(store)
    snippets = {
        snippet
        for path in RUNBOOKS.glob("*.md")
        for snippet in re.findall(r"<<PY\n(.*?)\nPY", path.read_text(), re.DOTALL)
    }
    assert len(snippets) > 5
    for snippet in sorted(snippets):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), pd.option_context("mode.copy_on_write", True):
            exec(snippet.replace("$VOLCAST_STORE", store.uri), {})  # noqa: S102
        assert said.getvalue().strip(), snippet


def test_commands_of_ours_in_runbooks_exist():
    texts = "\n".join(path.read_text() for path in RUNBOOKS.glob("*.md"))
    asked = set(re.findall(r"\.venv/bin/volcast ((?:[a-z]+ ?)+)(?:--|`|\n|\))", texts))
    assert len(asked) > 2
    for command in sorted(asked):
        done = CliRunner().invoke(app, [*command.split(), "--help"])
        assert done.exit_code == 0, command
