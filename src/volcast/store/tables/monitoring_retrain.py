"""monitoring.retrain: whether a session asked for a new training run, and why."""

from volcast.store.schema import BOOL, DATE, TEXT, Column, Table

__all__ = ["MONITORING_RETRAIN"]

MONITORING_RETRAIN = Table(
    name="monitoring.retrain",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", ""),
        Column("drift_state", TEXT, "", "ok, regime-shift, drift, data-fault or not-run"),
        Column("error_state", TEXT, "", "better, worse, same or too-few"),
        Column("wanted", BOOL, "", "drift, or worse realized error"),
        Column("asked", BOOL, "", "wanted, and none asked for in the sessions before"),
        Column("asked_by", TEXT, "", "daily pipeline or alert; empty if not asked", nullable=True),
        Column("last_asked", DATE, "session label", "the newest before", nullable=True),
        Column("reason", TEXT, "", "in words"),
    ),
    key=("symbol", "session"),
)
