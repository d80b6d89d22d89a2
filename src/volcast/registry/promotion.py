"""What changes the registry: registering a run, promoting a version, rolling back."""

from datetime import datetime

from volcast import calendar
from volcast.errors import ModelError, NotFound
from volcast.registry import mlflow_log, pointer, versions
from volcast.registry.versions import Champion, Version
from volcast.storage import Store

__all__ = ["champion", "promote", "register", "rollback", "verify"]


def register(store: Store, run_id: str) -> Version:
    """Make a version of a run's model files; the same content is always the same version.

    The order is files, MLflow, record: a kill in between is made good by running it again.

    Raises
    ------
    ModelError
        If the run lacks a file.
    ConfigError
        If the store is remote and no MLflow server is named.
    """
    files = versions.read_run(store, run_id)
    sha256 = versions.content_hash(files)
    if (known := _of_content(store, sha256)) is not None:
        return known
    uri = mlflow_log.mlflow_uri(store)
    versions.write_files(store, files)
    as_of = versions.run_as_of(files)
    number = mlflow_log.log_version(uri, run_id, files, calendar.closes([as_of])[0])
    version = Version(
        versions.NAME,
        number,
        sha256,
        f"models/{sha256}/",
        run_id,
        as_of.isoformat(),
        versions.run_target(files),
    )
    versions.record(store, version)
    return _of_content(store, sha256) or version


def promote(store: Store, version: str, *, who: str, why: str, when: datetime) -> Version:
    """Make ``version`` the champion after checking it; a champion promoted again changes nothing.

    Parameters
    ----------
    version : str
        Its number.
    who, why : str
        For the audit trail.
    when : datetime
        Timezone-aware.

    Raises
    ------
    NotFound
        If there is no such version.
    ModelError
        If it fails a check; the pointer has not moved then.
    """
    return _install(store, versions.find(store, version), "promote", who=who, why=why, when=when)


def rollback(store: Store, *, who: str, why: str, when: datetime, to: str | None = None) -> Version:
    """Make an earlier version the champion again, after checking it.

    Parameters
    ----------
    to : str or None
        The version; by default the one that the present champion was promoted over, so that
        each further rollback goes one step further back.

    Raises
    ------
    NotFound
        If there is no such version, no earlier one, or it was never champion.
    ModelError
        If it fails a check; the pointer has not moved then.
    """
    done = [event for event in pointer.history(store) if event.done]
    number = _predecessor(store, done) if to is None else to
    target = versions.find(store, number)
    if number not in {event.new for event in done}:
        raise NotFound(
            found=f"version {number}, which was never champion",
            expected="a former champion",
            where=f"registry of {store.uri}",
            remedy="Promote it instead, if that is what you want: `volcast registry promote`.",
        )
    return _install(store, target, "rollback", who=who, why=why, when=when)


def verify(store: Store, version: str) -> Champion:
    """Check one version as `champion` would; see there for what it raises."""
    return versions.load(store, versions.find(store, version))


def champion(store: Store) -> Champion:
    """Return the champion, with every check passed.

    Raises
    ------
    ModelError
        If there is none yet, a file is missing or altered, it was made with another xgboost, or
        its golden forecasts come out differently.
    """
    version = pointer.champion_pointer(store)
    if version is None:
        raise ModelError(
            found="no champion",
            expected="a promoted version",
            where=f"registry of {store.uri}",
            remedy="Train and promote one: `volcast train`.",
        )
    return versions.load(store, version)


def _install(
    store: Store, version: Version, kind: pointer.Move, *, who: str, why: str, when: datetime
) -> Version:
    if pointer.champion_pointer(store) == version:
        return version
    versions.load(store, version)
    uri = mlflow_log.mlflow_uri(store)
    pointer.move(store, version, kind, who=who, why=why, when=when)
    mlflow_log.set_aliases(uri, version.version)
    return version


def _predecessor(store: Store, done: list[pointer.Event]) -> str:
    now = pointer.champion_pointer(store)
    for event in reversed(done):
        if now and event.kind == "promote" and event.new == now.version and event.old is not None:
            return event.old
    raise NotFound(
        found="no earlier champion",
        expected="a version that the present champion was promoted over",
        where=f"registry of {store.uri}",
        remedy="See `volcast registry history`.",
    )


def _of_content(store: Store, sha256: str) -> Version | None:
    """Return the first version of that content, so that two racing registrations agree."""
    return next((item for item in versions.list_versions(store) if item.sha256 == sha256), None)
