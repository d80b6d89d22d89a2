"""The step of the image ``drift``, which has neither pydantic 2 nor the settings."""

from datetime import date

from volcast.monitoring.drift import drift_python, launch
from volcast.steps.calls import Result
from volcast.store import Store

__all__ = ["drift"]


def drift(store: Store, as_of: date, target: str) -> Result:
    """Compare the newest sessions with the champion's training rows."""
    report = launch(store, target, as_of, drift_python())
    detail = {"notes" if report.state == "ok" else "warnings": [report.detail]}
    facts = {"state": report.state, "alert": report.alert, **detail}
    return Result(facts, (report.state,))
