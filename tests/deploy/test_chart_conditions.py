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

from tests.deploy.chart_facts import BASE, FOLDER, difference, facts, kept, with_notes
from tests.deploy.chart_mutants import Mutant, mutants
from tests.deploy.chart_refusals import REFUSALS
from tests.deploy.charted import VALUE_SETS, RenderingFailed, objects_in, text_of
from tests.deploy.tools import CHART, tool

FIRST = ("full", "minimal", "kind", "eks", "schedules", "redis-by-address", "mlflow-elsewhere")
"""Tried in this order, then the others: most mutants end at the first two."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tool("helm")
    folder = tmp_path_factory.mktemp("mutants")
    yield folder
    shutil.rmtree(folder)


def copied(folder: Path) -> Path:
    shutil.copytree(CHART, folder, ignore=shutil.ignore_patterns("ci"))
    return folder


def difference_in(chart: Path, name: str) -> list[str]:
    return difference(facts(objects_in(text_of(VALUE_SETS[name], chart=chart))), kept(name))


def noticed(mutant: Mutant, workshop: Path, number: int) -> bool:
    """Say whether any value set, or any refusal, tells the mutant from the chart."""
    chart = copied(workshop / str(number))
    (chart / mutant.file).write_text(mutant.text)
    with_notes(chart)
    try:
        if mutant.file == "templates/checks.yaml" and mutant.forced == "false":
            return not all(refused(chart, *REFUSALS[name]) for name in REFUSALS)
        names = [*FIRST, *sorted(VALUE_SETS.keys() - FIRST)]
        return any(difference_in(chart, name) for name in names)
    except RenderingFailed:
        return True
    finally:
        shutil.rmtree(chart)


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
    chart = with_notes(copied(workshop / "chart"))
    assert {name: difference_in(chart, name) for name in VALUE_SETS} == dict.fromkeys(
        VALUE_SETS, []
    )


def test_every_value_set_turns_something():
    assert [name for name in VALUE_SETS if name != BASE and kept(name) == kept(BASE)] == []


def test_each_condition_forced_either_way_is_noticed(workshop: Path):
    made = list(mutants())
    assert len(made) > 150
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(lambda each: noticed(each[1], workshop, each[0]), enumerate(made)))
    unseen = [str(mutant) for mutant, found in zip(made, seen, strict=True) if not found]
    assert unseen == []
