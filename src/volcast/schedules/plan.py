"""What must change for Kubeflow to hold each schedule once, as declared, and no other of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from volcast.schedules.kubeflow import RecurringRun
from volcast.schedules.wanted import Wanted, mark_of

__all__ = ["Change", "Reference", "changes"]

Reference = tuple[str, str]
"""Ids of a pipeline and of its version."""


@dataclass(frozen=True)
class Change:
    """One request that changes what is there.

    Parameters
    ----------
    verb : str
        create, disable, enable or delete.
    name : str
        The schedule's.
    id : str or None
        Of the recurring run; None for the one that is created, or was just before.
    """

    verb: Literal["create", "disable", "enable", "delete"]
    name: str
    id: str | None


def changes(
    wanted: Sequence[Wanted],
    found: Sequence[RecurringRun],
    references: Mapping[str, Reference],
) -> list[Change]:
    """Return the requests that are left to make, in order; none where all is as declared.

    A new recurring run is there, paused, before the old one is stopped, and fires only after
    that; the old one is removed last. Whatever becomes of any request, no two of a schedule fire,
    and what is left to do is seen by the next who asks.

    Parameters
    ----------
    wanted : list of Wanted
        As declared.
    found : list of RecurringRun
        All of our experiment; those without our mark are left alone.
    references : dict of Reference
        By the name of a pipeline's version, for those that are there.
    """
    ours: dict[str, list[RecurringRun]] = {one.schedule.name: [] for one in wanted}
    for run in found:
        if mark_of(run.description) is not None:
            ours.setdefault(run.name, []).append(run)
    declared = {one.schedule.name: one for one in wanted}
    return [
        change
        for name, runs in ours.items()
        for change in _of_one(name, declared.get(name), runs, references)
    ]


def _of_one(
    name: str,
    wanted: Wanted | None,
    runs: Sequence[RecurringRun],
    references: Mapping[str, Reference],
) -> list[Change]:
    kept = None if wanted is None else _kept(wanted, runs, references)
    others = [run for run in runs if run is not kept]
    asked = []
    if wanted is not None and kept is None:
        asked.append(Change("create", name, None))
    asked += [Change("disable", name, run.id) for run in others if run.enabled]
    if wanted is not None and (kept is None or not kept.enabled):
        asked.append(Change("enable", name, None if kept is None else kept.id))
    return asked + [Change("delete", name, run.id) for run in others]


def _kept(
    wanted: Wanted, runs: Sequence[RecurringRun], references: Mapping[str, Reference]
) -> RecurringRun | None:
    # Of several alike, all that look keep the same one: that which fires, else the oldest.
    reference = references.get(wanted.package.version)
    alike = [
        run
        for run in runs
        if mark_of(run.description) == wanted.mark
        and (run.pipeline_id, run.version_id) == reference
    ]
    return min(alike, key=lambda run: (not run.enabled, run.created_at, run.id), default=None)
