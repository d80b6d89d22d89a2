"""The metrics of a process compared with the catalogue."""

import re

from volcast.monitoring.metrics import METRICS


def assert_declared(text: str, where: str) -> None:
    """Assert that the text shows every metric declared of the process, and no other of ours."""
    declared = {metric.name: metric for metric in METRICS.values() if metric.where == where}
    shown_as = {"info": "gauge"}
    assert _families(text) == {
        name: (shown_as.get(metric.kind, metric.kind), metric.help)
        for name, metric in declared.items()
    }
    assert _labels(text) == {name: set(metric.labels) for name, metric in declared.items()}


def _families(text: str) -> dict[str, tuple[str, str]]:
    helps = dict(re.findall(r"^# HELP (volcast_\w+) (.*)$", text, re.MULTILINE))
    kinds = dict(re.findall(r"^# TYPE (volcast_\w+) (.*)$", text, re.MULTILINE))
    return {name: (kinds[name], text) for name, text in helps.items()}


def _labels(text: str) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = {}
    for name, inside in re.findall(r"^(volcast_\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        base = re.sub(r"(_(?:request|answer)_seconds)_(bucket|sum|count)$", r"\1", name)
        labels.setdefault(base, set()).update(set(re.findall(r'(\w+)="', inside)) - {"le"})
    return labels
