"""How a run ended, from the state that the runner reports and the notes of its steps."""

from datetime import UTC, date, datetime

import pytest

from volcast.core.errors import ContractError, CorruptFile, StaleInput
from volcast.monitoring.jobs import note_as_of, note_failure, record
from volcast.steps import step
from volcast.store import Store
from volcast.store.tables import MONITORING_JOBS

ENDED = datetime(2026, 1, 2, 23, 30, tzinfo=UTC)


def ended(
    store: Store, state: str, *, run_id: str = "run-1", message: str = ""
) -> dict[str, object]:
    record(store, "volcast-train", run_id, ENDED, state=state, message=message)
    rows = store.read(MONITORING_JOBS).to_pylist()
    return next(row for row in rows if row["run_id"] == run_id)


@pytest.fixture
def run_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_RUN_ID", "run-1")


STALE = StaleInput(found="no row", expected="a row", where="features", remedy="Ingest.")


@pytest.mark.parametrize(
    ("state", "message", "outcome", "exit_code", "detail"),
    [
        ("SUCCEEDED", "", "succeeded", 0, ""),
        ("FAILED", "OOMKilled", "failed", None, "OOMKilled"),
        ("RUNNING", "", "unknown", None, "state RUNNING"),
    ],
)
def test_without_the_note_of_a_failure_the_runner_decides(
    store: Store, state: str, message: str, outcome: str, exit_code: int | None, detail: str
) -> None:
    note_as_of(store, "run-1", date(2026, 1, 2))
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


def test_a_failure_that_was_tried_again_and_passed_is_none(store: Store) -> None:
    note_failure(store, "run-1", "ingest", 20, "no answer")
    row = ended(store, "SUCCEEDED")
    assert (row["outcome"], row["exit_code"], row["detail"]) == ("succeeded", 0, "")


def test_runs_do_not_read_each_others_notes_and_leave_none(store: Store) -> None:
    note_failure(store, "run-2", "train", 10, "theirs")
    assert ended(store, "FAILED")["detail"] == "state FAILED"
    assert len(store.objects.list("monitoring/underway/")) == 1
    assert ended(store, "FAILED", run_id="run-2")["detail"] == "theirs"
    assert store.objects.list("monitoring/underway/") == []


def test_a_run_without_an_id_is_refused(store: Store) -> None:
    with pytest.raises(ContractError, match="VOLCAST_RUN_ID"):
        record(store, "volcast-train", "", ENDED, state="SUCCEEDED")


def test_a_note_that_cannot_be_read_is_an_error(store: Store) -> None:
    store.objects.put("monitoring/underway/run-1/as_of.json", b"{")
    with pytest.raises(CorruptFile):
        ended(store, "SUCCEEDED")
