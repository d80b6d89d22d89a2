"""The step of the image ``drift``, which has neither pydantic 2 nor the settings."""

from datetime import date

from volcast.monitoring.drift import drift_python, launch
from volcast.steps.calls import Result
from volcast.store import Store

__all__ = ["drift"]


def drift(store: Store, as_of: date, target: str) -> Result:
    """Compare the newest sessions with the champion's training rows."""
    verdict = launch(store, target, as_of, drift_python())
    facts = {"state": verdict.state, "alert": verdict.alert, "notes": [verdict.detail]}
    return Result(facts, (verdict.state,))
