"""What each value set renders, one line a fact, recorded under tests/deploy/chart_facts.

`minimal` is recorded whole, every other set as its difference from it. After an intended change of
the chart, run ``python -m tests.deploy.chart_facts`` to record again, and review the difference.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.charted import VALUE_SETS, objects_in, text_of
from tests.deploy.tools import CHART

__all__ = ["BASE", "FOLDER", "difference", "facts", "recorded", "with_notes"]

BASE = "minimal"
FOLDER = Path(__file__).with_name("chart_facts")

_SHORT, _LONG = 120, 600
"""A part of an object that is no longer than the one is one fact; a text longer than the other is
not shown."""

_TELLING = ("component", "service", "release", "grafana_dashboard")
"""Last parts of the labels that differ between objects; the others are on each."""


def with_notes(chart: Path) -> Path:
    """Have a copied chart render its notes as an object too: `helm template` never shows them."""
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
        tree = {key: each for key, each in tree.items() if key.rpartition("/")[2] in _TELLING}
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


def difference(rendered: set[str], base: set[str]) -> list[str]:
    """Return facts that are new (+) and gone (-), sorted; an object that is gone is one line."""
    gone = {one for one in base - rendered if ": " not in one}
    lost = {one for one in base - rendered if one.partition(": ")[0] not in gone} | gone
    lines = [f"+ {one}" for one in rendered - base] + [f"- {one}" for one in lost]
    return sorted(lines, key=lambda line: (line[2:], line[0]))


def recorded(name: str) -> set[str]:
    """Return the recorded facts of a value set."""
    rendered = set((FOLDER / f"{BASE}.txt").read_text().splitlines())
    if name == BASE:
        return rendered
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        fact = line[2:]
        if line[0] == "+":
            rendered.add(fact)
        else:
            rendered -= {one for one in rendered if one == fact or one.startswith(f"{fact}: ")}
    return rendered


def _write(chart: Path) -> None:
    FOLDER.mkdir(exist_ok=True)
    of = {name: facts(objects_in(text_of(path, chart=chart))) for name, path in VALUE_SETS.items()}
    for name, rendered in of.items():
        lines = sorted(rendered) if name == BASE else difference(rendered, of[BASE])
        (FOLDER / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    import shutil
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        copied = shutil.copytree(CHART, Path(folder) / "volcast")
        _write(with_notes(copied))
