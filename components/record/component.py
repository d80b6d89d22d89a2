"""Record how the run ended, whatever became of it."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("record"), install_kfp_package=False)
def record(store: str, job: str, status: dsl.PipelineTaskFinalStatus) -> None:
    """Write the run's row of monitoring.jobs."""
    from volcast.steps import step

    with step("record", store) as found:
        from datetime import UTC, datetime

        from volcast.core.logs import run_id
        from volcast.monitoring.jobs import record as write
        from volcast.store import Store

        row = write(
            Store.open(store),
            job,
            run_id(),
            datetime.now(UTC),
            state=status.state,
            message=status.error_message or "",
        )
        found.update(outcome=row["outcome"])
