"""Drift: whether the newest sessions still resemble those that the champion was trained on.

The check runs where alibi-detect is installed, an environment of its own that `launch` finds.
"""

from volcast.monitoring.drift.launch import drift_python, launch
from volcast.monitoring.drift.report import ALARMING, DriftReport, DriftState

__all__ = ["ALARMING", "DriftReport", "DriftState", "drift_python", "launch"]
