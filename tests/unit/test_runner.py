"""A day in one process: what is run again, what is skipped, and what a step counts."""

from contextlib import nullcontext
from datetime import date

import pytest

from tests.contract_rows import contract_rows
from tests.markets import UNIVERSE, crown, fill
from tests.runs import put_run
from volcast.core.errors import GateRefused
from volcast.steps import STEPS, runner
from volcast.steps.calls import Result
from volcast.steps.runner import Run
from volcast.steps.table import PIPELINES
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY, PREDICTIONS_DAILY, RAW_MARKET

NAMES = [*PIPELINES["day"], "record"]
AFTER_INGEST = ["validate", "publish", "drift", "retrain"]


@pytest.fixture
def day(store: Store, tmp_path, monkeypatch):
    """Return what runs a day and returns the steps that were run; the steps do nothing."""
    last = fill(store, 6)
    crown(store, last)
    outputs = {"ingest": (str(last), UNIVERSE.model_dump_json()), "retrain": (False,)}
    for table in (PREDICTIONS_DAILY, MONITORING_DRIFT_DAILY):
        store.write(table, contract_rows(table, [UNIVERSE.target], [last]))

    def run(*, skip: bool = True) -> list[str]:
        done: list[str] = []

        def call(name: str, *_: object, **__: object) -> Result:
            done.append(name)
            return Result({}, outputs.get(name, ("ok",) * len(STEPS[name].outputs)))

        monkeypatch.setattr(runner, "call", call)
        begun = Run(store.uri, tmp_path, lambda *_, **__: None)
        begun.values = dict.fromkeys(STEPS["ingest"].inputs, "") | {"training": False}
        assert begun.begin("day", NAMES, skip=skip) is (len(done) > 2)
        return done

    return run


def test_a_day_with_the_same_inputs_is_run_once(day):
    assert set(AFTER_INGEST) < set(day())
    assert day() == ["ingest", "record"]
    assert set(AFTER_INGEST) < set(day(skip=False))


@pytest.mark.parametrize("table", [PREDICTIONS_DAILY, MONITORING_DRIFT_DAILY])
def test_a_day_whose_result_is_gone_is_run_again(day, store: Store, table):
    day()
    for key in store.objects.list(f"{table.name}/"):
        store.objects.delete(key)
    assert set(AFTER_INGEST) < set(day())


def test_a_day_with_new_rows_or_another_code_is_run_again(day, store: Store, monkeypatch):
    day()
    store.write(RAW_MARKET, contract_rows(RAW_MARKET, ["SYN"], [date(2005, 1, 3)]))
    assert set(AFTER_INGEST) < set(day())
    assert day() == ["ingest", "record"]
    monkeypatch.setattr(runner, "code_version", lambda _: "another")
    assert set(AFTER_INGEST) < set(day())


@pytest.mark.parametrize("with_champion", [False, True])
def test_a_refused_first_model_ends_the_day_before_the_forecast_as_a_refusal(
    monkeypatch, store: Store, tmp_path, with_champion
):
    last = fill(store, 6)
    if with_champion:
        crown(store, last)
    put_run(store, "refused", target=UNIVERSE.target)
    done: list[str] = []
    monkeypatch.setattr(runner, "call", lambda name, *_, **__: done.append(name) or Result({}))
    begun = Run(store.uri, tmp_path, lambda *_, **__: None)
    begun.values = {
        "passed": False, "run_id": "refused", "as_of": str(last),
        "universe": UNIVERSE.model_dump_json(),
    }  # fmt: skip
    with nullcontext() if with_champion else pytest.raises(GateRefused, match=UNIVERSE.target):
        begun.steps(["infer"])
    assert done == ["infer"] * with_champion


def test_a_long_step_is_called_with_what_shows_its_progress(monkeypatch, store: Store):
    counted: list[tuple[str, int, int]] = []
    monkeypatch.setattr(
        "volcast.steps.model.train",
        lambda _, *, progress, **__: progress("trees", 1, 2) or Result({}),
    )
    texts = {"as_of": "2005-12-30", "universe": UNIVERSE.model_dump_json(), "report": "x"}
    runner.call("train", store.uri, lambda *counts: counted.append(counts), **texts)
    assert counted == [("trees", 1, 2)]
