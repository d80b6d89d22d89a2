"""Whether a session starts a new training run: on drift, or on realized error that got worse.

The daily pipeline alone asks, and trains in the same run; the gate judges the candidate like any
other. Faults of the data and turns of the market start none: training again would fix neither.
"""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.monitoring.status.words import finding
from volcast.store import Store
from volcast.store.tables import (
    MONITORING_DRIFT_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_RETRAIN,
    Table,
)

__all__ = ["PAUSE", "Decision", "decide"]

PAUSE = 5
"""Sessions from one training run to the next: a new outcome takes as long to be known."""


@dataclass(frozen=True)
class Decision:
    """Whether a session starts a training run, the newest one before it that did, and why."""

    train: bool
    last_trained: date | None
    reason: str


def decide(store: Store, universe: Universe, as_of: date) -> Decision:
    """Decide whether the session ``as_of`` starts a training run, and write monitoring.retrain.

    A run is needed while there is drift or the realized error is worse, and starts at most once in
    `PAUSE` sessions. A session that decided to train gives the same answer again, though the run
    may have changed the evidence since; none trains after a later session has.
    """
    decided = store.read(MONITORING_RETRAIN, symbols=[universe.target]).to_pylist()
    trained = [row["session"] for row in decided if row["train"]]
    if as_of in trained:
        (row,) = (row for row in decided if row["session"] == as_of)
        return Decision(True, row["last_trained"], row["reason"])
    drift, drift_detail = _state(
        store, MONITORING_DRIFT_DAILY, universe, as_of, "not-run", subject="verdict"
    )
    error, error_detail = _state(store, MONITORING_PERFORMANCE, universe, as_of, "too-few")
    causes = [f"drift: {drift_detail}"] if drift == "drift" else []
    causes += [f"realized error worse: {error_detail}"] if error == "worse" else []
    findings = f"not needed: {finding(drift)}; realized error: {finding(error)}"
    reason = "; ".join(causes) or findings
    recent = [session for session in trained if session > calendar.after(as_of, -PAUSE)]
    if causes and recent:
        reason = f"{max(recent)} trained, less than {PAUSE} sessions from here; {reason}"
    last_trained = max((session for session in trained if session < as_of), default=None)
    decision = Decision(bool(causes) and not recent, last_trained, reason)
    row = {
        "symbol": universe.target, "session": as_of, "drift_state": drift, "error_state": error,
        "needed": bool(causes), "train": decision.train, "last_trained": last_trained,
        "reason": reason,
    }  # fmt: skip
    store.write(MONITORING_RETRAIN, pd.DataFrame([row]))
    return decision


def _state(
    store: Store, table: Table, universe: Universe, session: date, default: str, **of: str
) -> tuple[str, str]:
    """Return the session's state in the table and its words, or the default without words."""
    rows = store.read(table, symbols=[universe.target], first=session, last=session).to_pylist()
    states = [row for row in rows if of.items() <= row.items()]
    return (states[-1]["state"], states[-1]["detail"]) if states else (default, "")
