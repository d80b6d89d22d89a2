"""monitoring.quality: one row a check of the data and the session it was run for."""

from volcast.store.schema import BOOL, COUNT, DATE, FLOAT, TEXT, Column, Table

__all__ = ["MONITORING_QUALITY"]

MONITORING_QUALITY = Table(
    name="monitoring.quality",
    columns=(
        Column("symbol", TEXT, "", "the target of the run"),
        Column("session", DATE, "session label", "as_of of the run"),
        Column("suite", TEXT, "", "raw, curated, features or predictions"),
        Column("check", TEXT, "", "its name, also the reason that rows are quarantined with"),
        Column("severity", TEXT, "", "critical: the run stops; warning: it goes on"),
        Column("passed", BOOL, "", ""),
        Column("checked", COUNT, "rows", ""),
        Column("failed", COUNT, "rows", "0 for a check of the whole table"),
        Column("found", FLOAT, "the check's own", "of a check of the whole table", nullable=True),
        Column("bound", FLOAT, "the check's own", "highest value that passes", nullable=True),
        Column("detail", TEXT, "", "the newest failing rows, in words; empty if it passed"),
    ),
    key=("symbol", "session", "suite", "check"),
)
