"""What each value set renders, one line per fact, recorded under tests/deploy/chart_facts.

`minimal` is recorded whole, every other set as its difference from it. After an intended change of
the chart, run ``python -m tests.deploy.chart_facts`` to record again, and review the difference.
"""

import json
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.deploy.charted import VALUE_SETS, objects_in, text_of
from tests.deploy.tools import CHART

__all__ = ["FOLDER", "lines", "with_notes"]

BASE = "minimal"
FOLDER = Path(__file__).with_name("chart_facts")

_SHORT, _LONG = 120, 600
"""A part of an object up to the first length is one fact; a text beyond the second is omitted."""

_DISTINCT = ("component", "service", "release", "grafana_dashboard")
"""Last parts of the labels that differ between objects."""


def with_notes(chart: Path) -> Path:
    """Make a copied chart render its notes as an object too, which `helm template` omits."""
    text = (chart / "templates/NOTES.txt").read_text()
    name = '{{- define "notes" -}}\n' + text + "{{- end }}\n"
    head = '{"kind": "Notes", "metadata": {"name": "notes"}, "text": '
    shown = head + '{{ include "notes" . | toJson }}}'
    (chart / "templates/notes.yaml").write_text(name + shown)
    return chart


def facts(objects: list[dict[str, Any]]) -> set[str]:
    """Return the facts of each object as ``Kind namespace/name: path = value``."""
    rendered = set()
    for one in objects:
        metadata = one["metadata"]
        head = f"{one['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        rest = {name: value for name, value in one.items() if name not in ("kind", "apiVersion")}
        rest["metadata"] = {k: v for k, v in metadata.items() if k not in ("name", "namespace")}
        rendered |= {head, *(f"{head}: {path} = {text}" for path, text in _leaves("", rest))}
    return rendered


def _leaves(path: str, tree: Any) -> Iterator[tuple[str, str]]:
    if path.endswith("abels") and isinstance(tree, dict):
        tree = {key: each for key, each in tree.items() if key.rpartition("/")[2] in _DISTINCT}
    if path == "spec.groups":  # of Prometheus rules, which have tests of their own
        tree = [each["name"] for each in tree]
    text = json.dumps(tree)
    if path.endswith("checksum/settings"):
        yield path, "a hash"
    elif isinstance(tree, dict) and (len(text) > _SHORT or "checksum/settings" in tree):
        for key, each in tree.items():
            yield from _leaves(f"{path}.{key}" if path else key, each)
    elif isinstance(tree, list) and len(text) > _SHORT:
        for index, each in enumerate(tree):
            named = each.get("name", index) if isinstance(each, dict) else index
            yield from _leaves(f"{path}[{named}]", each)
    else:
        yield path, text if len(text) < _LONG else "a long text"


def lines(name: str, chart: Path) -> list[str]:
    """Return what is recorded of a value set: its facts, or which are new (+) and gone (-).

    An object that is gone is one line.
    """
    rendered, base = _of(name, chart), _of(BASE, chart)
    if name == BASE:
        return sorted(rendered)
    gone = {one for one in base - rendered if ": " not in one}
    lost = {one for one in base - rendered if one.partition(": ")[0] not in gone}
    changes = [f"+ {one}" for one in rendered - base] + [f"- {one}" for one in lost | gone]
    return sorted(changes, key=lambda line: (line[2:], line[0]))


@cache
def _of(name: str, chart: Path) -> set[str]:
    return facts(objects_in(text_of(VALUE_SETS[name], chart=chart)))


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        copied = with_notes(shutil.copytree(CHART, Path(folder) / "volcast"))
        for name in VALUE_SETS:
            (FOLDER / f"{name}.txt").write_text("".join(f"{one}\n" for one in lines(name, copied)))
