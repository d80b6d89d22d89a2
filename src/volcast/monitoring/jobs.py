"""How each pipeline run ended; the one table with the time of day.

The runner knows whether a run succeeded, and little else. So a step notes in the store which
session was settled, and how it failed; whoever records the outcome reads the run's notes and
removes them.
"""

import json
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import pandas as pd

from volcast.core.errors import ContractError
from volcast.core.hashing import as_json, parsed
from volcast.store import Store
from volcast.store.tables import MONITORING_JOBS

__all__ = ["forget_failure", "note_as_of", "note_failure", "record"]

_OUTCOMES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELLED": "failed"}
"""By the state that the runner reports; any other is recorded as unknown."""


def note_as_of(store: Store, run_id: str, as_of: date) -> None:
    """Note the session that the run settled on; nothing outside of a run."""
    if run_id:
        store.objects.put(f"{_folder(run_id)}as_of.json", as_json({"as_of": str(as_of)}))


def note_failure(store: Store, run_id: str, step: str, exit_code: int, detail: str) -> None:
    """Note why a step of the run failed."""
    fields = {"exit_code": exit_code, "detail": detail}
    store.objects.put(_failure(run_id, step), as_json(fields))


def forget_failure(store: Store, run_id: str, step: str) -> None:
    """Remove the note of a failure of a step that was tried again and passed, if there is one."""
    key = _failure(run_id, step)
    if store.objects.get_or_none(key) is not None:
        store.objects.delete(key)


def record(
    store: Store, job: str, run_id: str, ended_at: datetime, *, state: str, message: str = ""
) -> dict[str, object]:
    """Write how a run ended to monitoring.jobs, and remove its notes.

    Parameters
    ----------
    job, run_id : str
        The pipeline's name, and the runner's id, under which the steps left notes.
    ended_at : datetime
        UTC.
    state, message : str
        As the runner reports them; the message is for a failure that no step noted.

    Returns
    -------
    dict
        The row. ``exit_code`` is null where the run was killed, or could not reach the store.

    Raises
    ------
    ContractError
        If there is no run id.
    CorruptFile
        If a note cannot be read.
    """
    if not run_id:
        raise ContractError(
            found="no id of the run", expected="what the runner calls it", where="monitoring.jobs",
            remedy="Set VOLCAST_RUN_ID for every step, as the compiled pipelines do.",
        )  # fmt: skip
    keys = store.objects.list(_folder(run_id))
    notes = {key.rpartition("/")[2]: _note(store, key) for key in keys}
    settled = notes.pop("as_of.json", None)
    outcome = _OUTCOMES.get(state, "unknown")
    if outcome == "succeeded":
        end = {"exit_code": 0, "detail": ""}
    elif notes:
        end = notes[min(notes)]
    else:
        end = {"exit_code": None, "detail": message or f"state {state}"}
    row: dict[str, object] = {
        "job": job,
        "day": ended_at.date(),
        "run_id": run_id,
        "ended_at": ended_at,
        "outcome": outcome,
        "as_of": None if settled is None else date.fromisoformat(settled["as_of"]),
        **end,
    }
    store.write(MONITORING_JOBS, pd.DataFrame([row]))
    for key in keys:
        store.objects.delete(key)
    return row


def _folder(run_id: str) -> str:
    return f"monitoring/underway/{quote(run_id, safe='')}/"


def _failure(run_id: str, step: str) -> str:
    return f"{_folder(run_id)}failed-{quote(step, safe='')}.json"


def _note(store: Store, key: str) -> dict[str, Any]:
    remedy = "Remove it; the run is recorded without it."
    note: dict[str, Any] = parsed(
        json.loads, store.objects.get(key), f"{store.uri}/{key}", remedy=remedy
    )
    return note
