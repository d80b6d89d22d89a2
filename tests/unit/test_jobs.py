"""How a run ended, from the state that the runner reports and the notes of its steps."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from volcast.core.errors import ContractError, CorruptFile, StaleInput
from volcast.monitoring import jobs
from volcast.monitoring.jobs import note_as_of, record
from volcast.steps import PIPELINES, STEPS, Result, call, step
from volcast.steps.table import TRAIN
from volcast.store import Store
from volcast.store.tables import MONITORING_JOBS

ENDED = datetime(2026, 1, 2, 23, 30, tzinfo=UTC)


def ended(
    store: Store, state: str, *, run_id: str = "run-1", message: str = ""
) -> dict[str, object]:
    record(store, "volcast-train", run_id, ENDED, steps=DAILY, state=state, message=message)
    rows = store.read(MONITORING_JOBS).to_pylist()
    return next(row for row in rows if row["run_id"] == run_id)


@pytest.fixture
def run_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_RUN_ID", "run-1")


STALE = StaleInput(found="no row", expected="a row", where="features", remedy="Ingest.")


DAILY = {name: STEPS[name].when for name in PIPELINES["daily"]}
FORECAST = [name for name in DAILY if name not in TRAIN]


def notes(store: Store, done: Sequence[str], **others: dict[str, object]) -> None:
    """Note that steps are done, and what else is noted of others."""
    for name in done:
        jobs.note(store, "run-1", name, {"state": "done", "values": {}} | others.pop(name, {}))
    for name, fields in others.items():
        jobs.note(store, "run-1", name, fields)


CALM, TRAINED = {"values": {"training": False}}, {"values": {"training": True}}
REFUSED = {"values": {"passed": False}}
BEGUN: dict[str, object] = {"state": "begun"}
FAILED: dict[str, object] = {"state": "failed", "exit_code": 20, "detail": "no answer"}


@pytest.mark.parametrize("state", ["RUNNING", "FAILED", "COMPLETE", "SUCCEEDED", "no such state"])
@pytest.mark.parametrize(
    ("done", "others"),
    [
        (FORECAST, {"retrain": CALM}),
        ([*FORECAST, "train", "gate", "promote"],
         {"retrain": TRAINED, "gate": {"values": {"passed": True}}}),
        ([*FORECAST, "train", "gate", "shadow"], {"retrain": TRAINED, "gate": REFUSED}),
    ],
)  # fmt: skip
def test_a_run_whose_steps_are_all_done_succeeded_whatever_the_state(
    store: Store, state: str, done: list[str], others: dict[str, dict[str, object]]
) -> None:
    """A last branch that is skipped leaves RUNNING; a step that passed on retry leaves FAILED."""
    notes(store, done, **others)
    row = ended(store, state, message="Task exit-handler-1 failed.")
    assert (row["outcome"], row["exit_code"], row["detail"]) == ("succeeded", 0, "")


@pytest.mark.parametrize("state", ["RUNNING", "FAILED", "CANCELED"])
@pytest.mark.parametrize(
    ("done", "others", "exit_code", "step"),
    [
        # Killed by its deadline, or for want of memory: it could note nothing.
        (["ingest"], {"validate": BEGUN}, None, "validate"),
        ([*FORECAST, "train"], {"retrain": TRAINED, "gate": BEGUN}, None, "gate"),
        (["ingest"], {"validate": FAILED, "labels": BEGUN}, 20, "no answer"),
        (["ingest", "validate"], {"evaluate QQQ": FAILED, "evaluate SPY": CALM | {"state": "done"}},
         20, "no answer"),
    ],
)  # fmt: skip
def test_a_step_that_did_not_end_well_fails_the_run(
    store: Store, state: str, done: list[str], others: dict[str, dict[str, object]],
    exit_code: int | None, step: str,
) -> None:  # fmt: skip
    notes(store, done, **others)
    row = ended(store, state)
    assert (row["outcome"], row["exit_code"]) == ("failed", exit_code)
    assert step in str(row["detail"])


@pytest.mark.parametrize(
    ("state", "message", "outcome", "exit_code", "detail"),
    [
        ("SUCCEEDED", "", "succeeded", 0, ""),
        ("COMPLETE", "", "succeeded", 0, ""),
        ("FAILED", "ImagePullBackOff", "failed", None, "ImagePullBackOff"),
        ("CANCELED", "", "failed", None, "state CANCELED; promote never began"),
        ("RUNNING", "", "unknown", None, "state RUNNING; promote never began"),
    ],
)
def test_the_state_decides_where_a_step_that_was_due_never_began(
    store: Store, state: str, message: str, outcome: str, exit_code: int | None, detail: str
) -> None:
    note_as_of(store, "run-1", date(2026, 1, 2))
    passed = {"values": {"passed": True}}
    notes(store, [*FORECAST, "train", "gate"], retrain=TRAINED, gate=passed)
    row = ended(store, state, message=message)
    assert (row["outcome"], row["exit_code"], row["detail"]) == (outcome, exit_code, detail)
    assert (row["as_of"], row["day"]) == (date(2026, 1, 2), date(2026, 1, 2))


@pytest.mark.usefixtures("run_id")
@pytest.mark.parametrize(
    ("error", "exit_code", "detail"),
    [
        (STALE, 40, "StaleInput: features: found no row; expected a row. Ingest."),
        # Words of an error that nobody foresaw may hold a password.
        (KeyError("redis://:secret@host"), 1, "unforeseen KeyError in materialize"),
    ],
)
def test_a_failed_step_leaves_its_exit_code_and_detail(
    store: Store, error: Exception, exit_code: int, detail: str
) -> None:
    with pytest.raises(type(error)), step("materialize", store.uri):
        raise error
    row = ended(store, "FAILED", message="Task exit-handler-1 failed.")
    assert (row["outcome"], row["exit_code"], row["detail"]) == ("failed", exit_code, detail)


def test_a_step_outside_of_a_run_notes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOLCAST_RUN_ID", raising=False)
    with pytest.raises(StaleInput), step("materialize", store.uri):
        raise STALE
    note_as_of(store, "", date(2026, 1, 2))
    assert store.objects.list("monitoring") == []


@pytest.mark.usefixtures("run_id")
def test_a_store_that_cannot_take_a_note_hides_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(StaleInput), step("materialize", "gs://no-such-kind"):
        raise STALE
    assert "StaleInput" in capsys.readouterr().out


@pytest.mark.usefixtures("run_id")
def test_a_failure_that_was_tried_again_and_passed_is_none(store: Store) -> None:
    with pytest.raises(StaleInput), step("retrain", store.uri):
        raise STALE
    notes(store, [name for name in FORECAST if name != "retrain"])
    with step("retrain", store.uri) as results:
        results.append(Result({}, (False,)))
    assert ended(store, "FAILED")["outcome"] == "succeeded"


def test_runs_do_not_read_each_others_notes_and_leave_none(store: Store) -> None:
    jobs.note(store, "run-2", "train", FAILED)
    assert ended(store, "FAILED")["detail"] == "state FAILED; ingest never began"
    assert len(store.objects.list("monitoring/underway/")) == 1
    assert ended(store, "FAILED", run_id="run-2")["detail"] == "no answer"
    assert store.objects.list("monitoring/underway/") == []


@pytest.mark.usefixtures("run_id")
def test_the_record_leaves_no_note_of_itself(store: Store) -> None:
    inputs = {"job": "volcast-evaluate", "state": "RUNNING", "message": ""}
    with step("record", store.uri) as results:
        results.append(call("record", store.uri, **inputs))
    assert results[0].facts["outcome"] == "unknown"
    assert store.objects.list("monitoring/underway/") == []


def test_a_run_without_an_id_is_refused(store: Store) -> None:
    with pytest.raises(ContractError, match="VOLCAST_RUN_ID"):
        record(store, "volcast-train", "", ENDED, steps=DAILY, state="SUCCEEDED")


def test_a_note_that_cannot_be_read_is_an_error(store: Store) -> None:
    store.objects.put("monitoring/underway/run-1/as_of.json", b"{")
    with pytest.raises(CorruptFile):
        ended(store, "SUCCEEDED")
