"""monitoring.jobs: the outcome of every pipeline run; the one table that tells the time of day."""

from volcast.store.schema import COUNT, DATE, STAMP, TEXT, Column, Table

__all__ = ["MONITORING_JOBS"]

MONITORING_JOBS = Table(
    name="monitoring.jobs",
    columns=(
        Column("job", TEXT, "", "the pipeline's name"),
        Column("day", DATE, "UTC day", "of its end"),
        Column("run_id", TEXT, "", "of the runner: Kubeflow's, or the local one's"),
        Column("ended_at", STAMP, "UTC", ""),
        Column("outcome", TEXT, "", "succeeded or failed; unknown if the runner tells neither"),
        Column("as_of", DATE, "session label", "settled by its first step", nullable=True),
        Column("exit_code", COUNT, "", "of the step that failed; 0 if it succeeded", nullable=True),
        Column("detail", TEXT, "", "the error in words; empty if it succeeded"),
    ),
    key=("job", "day", "run_id"),
    partition_symbol="job",
    partition_date="day",
)
