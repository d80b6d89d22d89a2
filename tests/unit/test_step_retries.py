"""In a pod, a step whose failure may pass is run again; no other failure is; tasks of several."""

import json
from collections.abc import Iterator, Sequence

import pytest

from volcast.core.errors import ContractError, SourceUnavailable, VolcastError
from volcast.steps import STEPS, Result, calls
from volcast.steps.calls import run_step, run_task
from volcast.store import Store

FAULT = {"found": "no answer", "expected": "rows", "where": "source", "remedy": "Wait."}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that steps have waited in what they take for a pod."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    waited: list[float] = []
    monkeypatch.setattr(calls.time, "sleep", waited.append)
    return waited


def fail(monkeypatch: pytest.MonkeyPatch, *errors: VolcastError) -> None:
    """Let the steps of the test fail by the errors in turn, and then pass."""
    left: Iterator[VolcastError] = iter(errors)

    def call(*_: object, **__: object) -> Result:
        for error in left:
            raise error
        return Result({"passed": True})

    monkeypatch.setattr(calls, "call", call)


@pytest.mark.parametrize(("name", "expected"), [("infer", [10, 20]), ("ingest", [60, 120, 240])])
def test_a_failure_that_may_pass_is_tried_again_after_longer_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch, waits: list[float], name: str,
    expected: list[float],
) -> None:  # fmt: skip
    errors = [SourceUnavailable(**FAULT)] * STEPS[name].retries
    fail(monkeypatch, *errors)
    assert run_step(name, store.uri).facts == {"passed": True}
    assert waits == expected
    fail(monkeypatch, *errors, *errors, SourceUnavailable(**FAULT))
    with pytest.raises(SystemExit) as ended:
        run_step(name, store.uri)
    assert (ended.value.code, waits) == (20, 2 * expected)


def test_a_failure_that_cannot_pass_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    fail(monkeypatch, ContractError(**FAULT))
    with pytest.raises(SystemExit) as ended:
        run_step("infer", store.uri)
    assert (ended.value.code, waits) == (10, [])


def test_outside_of_a_pod_the_first_failure_is_the_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    fail(monkeypatch, SourceUnavailable(**FAULT))
    with pytest.raises(SystemExit) as ended:
        run_step("infer", store.uri)
    assert (ended.value.code, waits) == (20, [])


def test_every_step_may_be_tried_again() -> None:
    assert min(step.retries for step in STEPS.values()) >= 2


def record_calls(
    monkeypatch: pytest.MonkeyPatch, outcomes: dict[str, list[VolcastError | tuple[object, ...]]]
) -> list[str]:
    """Let each step fail or return what its outcomes are in turn; return the calls as they come."""
    called: list[str] = []

    def call(name: str, _: str, **__: object) -> Result:
        called.append(name)
        outcome = outcomes.get(name, [()]).pop(0)
        if isinstance(outcome, VolcastError):
            raise outcome
        return Result({name: "done"}, outcome, {f"metric_of_{name}": 1.0})

    monkeypatch.setattr(calls, "call", call)
    return called


def notes(store: Store, run: str) -> dict[str, dict[str, object]]:
    keys = store.objects.list(f"monitoring/underway/{run}/")
    return {key.rpartition("/")[2][:-5]: json.loads(store.objects.get(key)) for key in keys}


SETTLED = {"as_of": "2005-12-30", "universe": "{}"}
TRAINING = SETTLED | {"report": "report.html"}


def test_a_task_ends_at_its_first_failing_step_with_its_code_and_note(
    store: Store, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setenv("VOLCAST_RUN_ID", "a-run")
    called = record_calls(monkeypatch, {"features": [ContractError(**FAULT)]})
    with pytest.raises(SystemExit) as ended:
        run_task("features_and_labels", store.uri, **SETTLED)
    assert (ended.value.code, called, waits) == (10, ["features"], [])
    noted = notes(store, "a-run")
    assert noted.keys() == {"features"}
    assert (noted["features"]["state"], noted["features"]["exit_code"]) == ("failed", 10)


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_second_step_is_tried_again_without_the_first(
    store: Store, monkeypatch: pytest.MonkeyPatch, waits: list[float], failures: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("VOLCAST_RUN_ID", "a-run")
    outcomes: Sequence[VolcastError | tuple[object, ...]] = [
        *[SourceUnavailable(**FAULT)] * failures, (True,),
    ]  # fmt: skip
    called = record_calls(monkeypatch, {"train": [("r1",)], "gate": [*outcomes]})
    if failures > STEPS["gate"].retries:
        with pytest.raises(SystemExit) as ended:
            run_task("train_and_gate", store.uri, **TRAINING)
        assert ended.value.code == 20
    else:
        result = run_task("train_and_gate", store.uri, **TRAINING)
        assert result == Result(
            {"train": "done", "gate": "done"}, ("r1", True),
            {"metric_of_train": 1.0, "metric_of_gate": 1.0},
        )  # fmt: skip
    assert called == ["train", *["gate"] * min(failures + 1, 3)]
    assert waits == [10, 20][:failures]
    state = {name: note["state"] for name, note in notes(store, "a-run").items()}
    assert state == {"train": "done", "gate": "failed" if failures > 2 else "done"}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
    events = [(line["step"], line["event"]) for line in lines]
    assert events[:3] == [("train", "step_started"), ("train", "step_finished"),
                          ("gate", "step_started")]  # fmt: skip


@pytest.mark.parametrize(("passed", "step"), [(True, "promote"), (False, "shadow")])
def test_a_task_runs_the_steps_whose_conditions_are_met(
    store: Store, monkeypatch: pytest.MonkeyPatch, passed: bool, step: str
) -> None:
    called = record_calls(monkeypatch, {step: [("7",)]})
    assert run_task("promote_or_shadow", store.uri, run_id="r1", passed=passed).values == ("7",)
    assert called == [step]
