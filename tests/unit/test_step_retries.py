"""In a pod, a step whose failure may pass is run again; no other failure is."""

from collections.abc import Iterator

import pytest

from volcast.core.errors import ContractError, SourceUnavailable, VolcastError
from volcast.steps import STEPS, Result, calls
from volcast.steps.calls import run_step
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
