"""Schedules of the pipelines, brought to Kubeflow and kept there as they are declared."""

from volcast.schedules.kubeflow import Kubeflow, RecurringRun, opened
from volcast.schedules.plan import Change, changes
from volcast.schedules.reconcile import apply, recurring_runs, remove
from volcast.schedules.wanted import EXPERIMENT, Package, Schedule, Wanted, mark_of, wanted

__all__ = [
    "EXPERIMENT",
    "Change",
    "Kubeflow",
    "Package",
    "RecurringRun",
    "Schedule",
    "Wanted",
    "apply",
    "changes",
    "mark_of",
    "opened",
    "recurring_runs",
    "remove",
    "wanted",
]
