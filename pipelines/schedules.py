"""When the pipelines run on a cluster: declared here, brought there by ``volcast schedules``."""

from dataclasses import dataclass

__all__ = ["SCHEDULES", "Schedule"]


@dataclass(frozen=True)
class Schedule:
    """A pipeline that Kubeflow runs again and again.

    Parameters
    ----------
    name : str
        Of the recurring run; one there with this name and our mark is this schedule.
    pipeline : str
        As its declaration names it.
    package : str
        Its file among the compiled pipelines.
    cron : str
        Kubeflow's form, six fields: second, minute, hour, day of month, month, day of week. In
        UTC, as its controller reads it; a zone cannot be written in it. Days of the week are
        written as words, for by number they count from Sunday = 0 here and from 1 elsewhere.
    """

    name: str
    pipeline: str
    package: str
    cron: str


SCHEDULES = (
    # 06:00 in New York in summer, 05:00 in winter: two hours before the forecast must stand, and
    # half a day after the close, when the day's prices have settled.
    Schedule(
        name="volcast-daily",
        pipeline="volcast-daily-inference",
        package="daily_inference.yaml",
        cron="0 0 10 * * MON-FRI",
    ),
    # Friday's prices are in, and no daily run is under way.
    Schedule(
        name="volcast-weekly-training",
        pipeline="volcast-train",
        package="train.yaml",
        cron="0 0 12 * * SAT",
    ),
)
