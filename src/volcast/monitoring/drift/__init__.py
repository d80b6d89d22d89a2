"""Drift: whether the newest sessions are still like those that the champion was trained on.

The check runs where alibi-detect is installed, which is an environment of its own; `launch` finds
it. Everything else here is plain numpy over contract tables.
"""

from volcast.monitoring.drift.launch import drift_python, launch
from volcast.monitoring.drift.verdict import ALARMING, State, Verdict

__all__ = ["ALARMING", "State", "Verdict", "drift_python", "launch"]
