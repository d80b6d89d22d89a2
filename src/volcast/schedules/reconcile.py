"""Bring Kubeflow to what is declared; broken off anywhere, the next time goes on from there."""

from collections.abc import Callable, Mapping, Sequence

from volcast.core.errors import SourceUnavailable
from volcast.schedules.kubeflow import Kubeflow, RecurringRun
from volcast.schedules.plan import Change, Reference, changes
from volcast.schedules.wanted import EXPERIMENT, Package, Wanted

__all__ = ["apply", "recurring_runs", "remove"]

_ROUNDS = 3


def apply(
    kubeflow: Kubeflow, wanted: Sequence[Wanted], say: Callable[[str], None], *, dry: bool = False
) -> None:
    """Make each schedule's recurring run be there once, as declared, and fire; remove our others.

    Parameters
    ----------
    kubeflow : Kubeflow
        Where to.
    wanted : list of Wanted
        All schedules.
    say : callable
        Is told each change before it is made.
    dry : bool
        Whether to say what would change, and change nothing.

    Raises
    ------
    SourceUnavailable
        If Kubeflow does not answer, or what is there does not come to rest.
    ConfigError, ContractError
        If it refuses.
    """
    experiment = kubeflow.experiment(EXPERIMENT)
    if experiment is None:
        say(f"make experiment {EXPERIMENT}")
        experiment = None if dry else kubeflow.create_experiment(EXPERIMENT)
    references: dict[str, Reference] = {}
    for package in {one.package.version: one.package for one in wanted}.values():
        found = _uploaded(kubeflow, package, say, dry=dry)
        if found is not None:
            references[package.version] = found
    _settle(kubeflow, experiment, wanted, references, say, dry=dry)


def remove(kubeflow: Kubeflow, say: Callable[[str], None], *, dry: bool = False) -> None:
    """Remove every recurring run of ours; pipelines, runs and what they made stay.

    Raises
    ------
    SourceUnavailable, ConfigError, ContractError
        As `apply`.
    """
    _settle(kubeflow, kubeflow.experiment(EXPERIMENT), [], {}, say, dry=dry)


def recurring_runs(kubeflow: Kubeflow) -> list[RecurringRun]:
    """Return the recurring runs of our experiment, ours and others', by name."""
    experiment = kubeflow.experiment(EXPERIMENT)
    found = [] if experiment is None else kubeflow.recurring_runs(experiment)
    return sorted(found, key=lambda run: (run.name, run.created_at, run.id))


def _uploaded(
    kubeflow: Kubeflow, package: Package, say: Callable[[str], None], *, dry: bool
) -> Reference | None:
    pipeline = kubeflow.pipeline(package.pipeline)
    version = None if pipeline is None else kubeflow.version(pipeline, package.version)
    if pipeline is not None and version is not None:
        return pipeline, version
    say(f"upload {package.version}")
    if dry:
        return None
    if pipeline is None:
        pipeline = kubeflow.create_pipeline(package.pipeline)
    return pipeline, kubeflow.upload_version(pipeline, package.version, package.content)


def _settle(
    kubeflow: Kubeflow,
    experiment: str | None,
    wanted: Sequence[Wanted],
    references: Mapping[str, Reference],
    say: Callable[[str], None],
    *,
    dry: bool,
) -> None:
    # Looked at once more after the last change: another who reconciles at the same time may have
    # made the same recurring run, and then one of the two has to go.
    for _ in range(_ROUNDS):
        found = [] if experiment is None else kubeflow.recurring_runs(experiment)
        asked = changes(wanted, found, references)
        for change in asked if dry else ():
            say(_words(change))
        if dry or not asked or experiment is None:
            return
        _make(kubeflow, experiment, wanted, references, asked, say)
    raise SourceUnavailable(
        found="recurring runs that change while they are reconciled", expected="none that does",
        where=f"experiment {EXPERIMENT}", remedy="Let one reconcile at a time, and run it again.",
    )  # fmt: skip


def _make(
    kubeflow: Kubeflow,
    experiment: str,
    wanted: Sequence[Wanted],
    references: Mapping[str, Reference],
    asked: Sequence[Change],
    say: Callable[[str], None],
) -> None:
    declared = {one.schedule.name: one for one in wanted}
    created: dict[str, str] = {}
    for change in asked:
        say(_words(change))
        if change.verb == "create":
            one = declared[change.name]
            body = one.body(experiment, *references[one.package.version])
            created[change.name] = kubeflow.create_recurring_run(body)
            continue
        id = change.id or created[change.name]
        if change.verb == "disable":
            kubeflow.disable(id)
        elif change.verb == "delete":
            kubeflow.delete(id)
        elif not kubeflow.enable(id):
            # Another took it for one too many and removed it; what that one left is looked at
            # before anything else goes.
            return


def _words(change: Change) -> str:
    return f"{change.verb} {change.name}" + (f" {change.id}" if change.id else "")
