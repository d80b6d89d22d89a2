"""How each pipeline run ended; the one table with the time of day.

The state that a runner reports is not enough: Kubeflow calls a run that ends with a skipped branch
RUNNING, and one whose failed step passed when it was tried again FAILED. So each step notes in the
store that it has begun, and how it ended; the record of the run goes by these notes, and by the
state only where they do not decide.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd

from volcast.core.errors import ContractError
from volcast.core.hashing import as_json, parsed
from volcast.store import Store
from volcast.store.tables import MONITORING_JOBS

__all__ = ["note", "note_as_of", "record"]

_OUTCOMES = {
    "SUCCEEDED": "succeeded",  # kfp.local, volcast run
    "COMPLETE": "succeeded",
    "FAILED": "failed",
    "CANCELED": "failed",
    "CANCELLED": "failed",
}
"""By the state that the runner reports; any other is recorded as unknown."""


def note_as_of(store: Store, run_id: str, as_of: date) -> None:
    """Note the session that the run settled on; nothing outside of a run."""
    if run_id:
        store.objects.put(f"{_folder(run_id)}as_of.json", as_json({"as_of": str(as_of)}))


def note(store: Store, run_id: str, step: str, fields: Mapping[str, object]) -> None:
    """Note how far a step of the run is.

    Parameters
    ----------
    fields : dict
        ``state`` is begun, done or failed; with done, ``values`` by which other steps run or not;
        with failed, ``exit_code`` and ``detail``.
    """
    store.objects.put(f"{_folder(run_id)}{quote(step, safe='')}.json", as_json(fields))


def record(  # noqa: PLR0913
    store: Store, job: str, run_id: str, ended_at: datetime, *,
    steps: Mapping[str, Mapping[str, bool]], state: str, message: str = "",
) -> dict[str, object]:  # fmt: skip
    """Write how a run ended to monitoring.jobs, and remove its notes.

    Parameters
    ----------
    job, run_id : str
        The pipeline's name, and the runner's id, under which the steps left notes.
    ended_at : datetime
        UTC.
    steps : dict of dict of bool
        The pipeline's steps, each with the values of the run without which it is skipped.
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
    notes = {unquote(key.rpartition("/")[2][: -len(".json")]): _note(store, key) for key in keys}
    settled = notes.pop("as_of", None)
    outcome, end = _ending(notes, steps, state, message)
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


def _ending(
    notes: Mapping[str, Mapping[str, Any]],
    steps: Mapping[str, Mapping[str, bool]],
    state: str,
    message: str,
) -> tuple[str, dict[str, object]]:
    """Return the outcome of a run, and its exit code and detail."""
    for _, note in sorted(notes.items()):
        if note["state"] == "failed":
            return "failed", {"exit_code": note["exit_code"], "detail": note["detail"]}
    for step, note in sorted(notes.items()):
        if note["state"] == "begun":
            stopped = f"{step} was stopped before its end"
            detail = f"{stopped}; {message}" if message else stopped
            return "failed", {"exit_code": None, "detail": detail}
    values = {"training": True}
    for note in notes.values():
        values |= note["values"]
    # Several notes may be of one step, for several symbols.
    done = {step.partition(" ")[0] for step in notes}
    missing = [
        step for step, when in steps.items() if when.items() <= values.items() and step not in done
    ]
    outcome = _OUTCOMES.get(state, "unknown") if missing else "succeeded"
    if outcome == "succeeded":
        return outcome, {"exit_code": 0, "detail": ""}
    detail = message or f"state {state}; {missing[0]} never began"
    return outcome, {"exit_code": None, "detail": detail}


def _folder(run_id: str) -> str:
    return f"monitoring/underway/{quote(run_id, safe='')}/"


def _note(store: Store, key: str) -> dict[str, Any]:
    remedy = "Remove it; the run is recorded without it."
    note: dict[str, Any] = parsed(
        json.loads, store.objects.get(key), f"{store.uri}/{key}", remedy=remedy
    )
    return note
