"""The steps of the pipelines: one table of them, and what runs them in a cluster or here.

`volcast.steps.table` describes each step. The KFP components, the compiled pipelines, the pods'
settings, ``volcast run`` and compose all follow from it.
"""

from volcast.steps.calls import Result, call, run_step, run_task, step
from volcast.steps.table import IMAGES, PIPELINES, ROLES, STEPS, TASKS, Step

__all__ = [
    "IMAGES", "PIPELINES", "ROLES", "STEPS", "TASKS", "Result", "Step", "call", "run_step",
    "run_task", "step",
]  # fmt: skip
