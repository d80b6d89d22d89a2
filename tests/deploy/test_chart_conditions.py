"""Each condition of the chart's templates is held: forced either way, it makes a value set differ.

Not from what the same templates render, but from what tests/deploy/chart_facts keeps; or it makes
helm fail, or accept what tests/deploy/chart_refusals lists.
"""

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.deploy.chart_facts import BASE, FOLDER, difference, facts, kept, with_notes
from tests.deploy.chart_mutants import Mutant, mutants
from tests.deploy.chart_refusals import REFUSALS
from tests.deploy.charted import VALUE_SETS, RenderingFailed, objects_in, text_of
from tests.deploy.tools import CHART, tool

FIRST = {
    "true": ("minimal", "kind", "mlflow-elsewhere", "schedules"),
    "never empty": ("minimal", "full"),
    "false": ("full", "kind", "eks", "redis-by-address"),
    "empty": ("full", "kind", "eks", "redis-by-address"),
    "always": ("full", "minimal"),
    "never": ("minimal", "full"),
}
"""By how a condition is forced, the value sets that are tried before the others: most end there."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tool("helm")
    folder = tmp_path_factory.mktemp("mutants")
    yield folder
    shutil.rmtree(folder)


def copied(folder: Path) -> Path:
    shutil.copytree(CHART, folder, ignore=shutil.ignore_patterns("ci"))
    return with_notes(folder)


def quick(folder: Path) -> Path:
    """Copy the chart without what takes helm half its time, and no condition looks into."""
    shutil.copytree(CHART, folder, ignore=shutil.ignore_patterns("ci", "values.schema.json"))
    for board in folder.glob("files/dashboards/*"):
        board.write_text("-" * 1000)
    rules = yaml.safe_load((CHART / "files/rules/volcast.yaml").read_text())
    names = {"groups": [{"name": each["name"]} for each in rules["groups"]]}
    (folder / "files/rules/volcast.yaml").write_text(yaml.safe_dump(names))
    return folder


def difference_in(chart: Path, name: str) -> list[str]:
    return difference(facts(objects_in(text_of(VALUE_SETS[name], chart=chart))), kept(name))


def noticed(mutant: Mutant, workshop: Path, number: int) -> bool:
    """Say whether any value set, or any refusal, tells the mutant from the chart."""
    chart = quick(workshop / str(number))
    (chart / mutant.file).write_text(mutant.text)
    with_notes(chart)
    try:
        if mutant.file == "templates/checks.yaml" and mutant.forced == "false":
            return not all(refused(chart, *one) for one in refusals_of(mutant))
        first = FIRST[mutant.forced]
        names = [*first, *sorted(VALUE_SETS.keys() - first)]
        return any(difference_in(chart, name) for name in names)
    except RenderingFailed:
        return True
    finally:
        shutil.rmtree(chart)


def refusals_of(mutant: Mutant) -> list[tuple[tuple[str, ...], str]]:
    """Return those that the forced condition speaks of; all, if it makes its words up."""
    words = "".join(mutant.text.splitlines()[mutant.line : mutant.line + 2])
    return [one for one in REFUSALS.values() if one[1] in words] or [*REFUSALS.values()]


def refused(chart: Path, sets: tuple[str, ...], said: str) -> bool:
    try:
        text_of(VALUE_SETS[BASE], *sets, chart=chart)
    except RenderingFailed as failed:
        return said in re.sub(r"\s+", " ", str(failed))
    return False


def test_the_facts_are_of_the_value_sets_there_are():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(VALUE_SETS)
    assert len(VALUE_SETS) >= 12


def test_each_value_set_makes_what_its_facts_say(workshop: Path):
    chart = copied(workshop / "chart")
    found = {name: difference_in(chart, name) for name in VALUE_SETS}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_every_value_set_turns_something():
    assert [name for name in VALUE_SETS if name != BASE and kept(name) == kept(BASE)] == []


def test_each_condition_forced_either_way_is_noticed(workshop: Path):
    made = list(mutants())
    assert len(made) > 150
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(lambda each: noticed(each[1], workshop, each[0]), enumerate(made)))
    unseen = [str(mutant) for mutant, found in zip(made, seen, strict=True) if not found]
    assert unseen == []
