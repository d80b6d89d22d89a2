"""MLflow, the record of runs, versions and aliases. Nothing is served from it.

Its import and start cost seconds of CPU, so it is imported here, inside the functions, and only
when there is something to write.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from volcast.core.errors import ConfigError, StoreUnavailable
from volcast.registry.run_files import Lineage, Metrics, read_decision
from volcast.registry.versions import NAME, content_hash
from volcast.store import Store

__all__ = ["log_version", "mlflow_uri", "set_aliases"]

_ENVIRONMENT = "VOLCAST_MLFLOW_URI"
_SQLITE = "sqlite:///"


def mlflow_uri(store: Store) -> str:
    """Return where MLflow's records are: a file in a local store, else a named server.

    Raises
    ------
    ConfigError
        If the store is remote and no server is named.
    """
    if store.uri.startswith("s3://"):
        uri = os.environ.get(_ENVIRONMENT, "")
        if uri:
            return uri
        raise ConfigError(
            found=f"the store {store.uri} and no {_ENVIRONMENT}",
            expected="the address of an MLflow server",
            where=f"environment {_ENVIRONMENT}",
            remedy="Set it, or use a local store, which keeps MLflow's records in a file.",
        )
    return _SQLITE + str(Path(store.uri) / "registry" / "mlflow.db")


def log_version(store: Store, run_id: str, files: Mapping[str, bytes], closed: datetime) -> str:
    """Record a run and a model version in MLflow; return the version's number.

    Parameters
    ----------
    store : Store
        The store whose version it is; `mlflow_uri` says where its records are.
    run_id : str
        The training run.
    files : mapping of name to bytes
        The version's files; metrics.json and lineage.json become metrics and parameters, the
        gate's recorded decision tags. A
        version that MLflow has of this content already is found, not made again.
    closed : datetime
        UTC close of the run's as_of, which stands for the run's time.
    """
    sha256 = content_hash(files)
    # A server takes a path without a scheme for one of its own, and refuses it.
    root = f"{store.uri}/" if "://" in store.uri else ""
    with _client(mlflow_uri(store)) as client:
        known = client.search_model_versions(f"name='{NAME}' and tags.sha256='{sha256}'")
        if known:
            return str(min(int(version.version) for version in known))
        tags = {"sha256": sha256, "volcast.run_id": run_id}
        if decision := read_decision(store, run_id):
            tags |= {"gate.passed": str(decision.passed).lower(), "gate.kind": decision.kind}
        run = _log_run(client, files, tags, closed)
        if not client.search_registered_models(f"name='{NAME}'"):
            client.create_registered_model(NAME)
        version = client.create_model_version(
            NAME, f"{root}models/{sha256}/", run_id=run, tags={"sha256": sha256}
        )
        return str(version.version)


def set_aliases(uri: str, aliases: Mapping[str, str | None]) -> None:
    """Point each alias to a version; one that points to None is removed."""
    with _client(uri) as client:
        known = client.get_registered_model(NAME).aliases
        for alias, version in aliases.items():
            if version is not None:
                client.set_registered_model_alias(NAME, alias, version)
            elif alias in known:
                client.delete_registered_model_alias(NAME, alias)


def _log_run(
    client: Any, files: Mapping[str, bytes], tags: dict[str, str], closed: datetime
) -> str:
    entities = _mlflow().entities
    at_ms = int(closed.timestamp() * 1000)
    lineage = Lineage.from_bytes(files["lineage.json"]).as_dict()
    metrics = Metrics.from_bytes(files["metrics.json"]).as_dict()
    run = client.create_run(
        _experiment(client), start_time=at_ms, run_name=tags["volcast.run_id"][:12], tags=tags
    )
    client.log_batch(
        run.info.run_id,
        metrics=[
            entities.Metric(name, float(value), at_ms, 0)
            for name, value in _leaves(metrics)
            if isinstance(value, int | float) and not isinstance(value, bool)
        ],
        params=[entities.Param(name, str(value)) for name, value in _leaves(lineage)],
    )
    client.set_terminated(run.info.run_id, end_time=at_ms)
    return str(run.info.run_id)


def _experiment(client: Any) -> str:
    known = client.get_experiment_by_name(NAME)
    if known is not None:
        return str(known.experiment_id)
    return str(client.create_experiment(NAME))


def _leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield ``(dotted path, value)`` of each scalar in nested JSON; null is left out.

    An item of a list goes by its own name, if it has one.
    """
    branches: list[tuple[object, object]] = []
    if isinstance(tree, dict):
        branches = list(tree.items())
    elif isinstance(tree, list):
        for i, item in enumerate(tree):
            branches.append((item.get("name", i) if isinstance(item, dict) else i, item))
    elif tree is not None:
        yield path, tree
    for name, branch in branches:
        yield from _leaves(branch, f"{path}.{name}" if path else str(name))


@contextmanager
def _client(uri: str) -> Iterator[Any]:
    """Yield an MLflow client that fails as this project does."""
    with warnings.catch_warnings():
        # Deprecations between MLflow and SQLAlchemy: nothing a user of volcast could mend.
        warnings.simplefilter("ignore")
        mlflow = _mlflow()
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if uri.startswith(_SQLITE):
                _create_whole(Path(uri.removeprefix(_SQLITE)))
            yield mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        except (mlflow.exceptions.MlflowException, SQLAlchemyError) as error:
            raise StoreUnavailable(
                found=f"{type(error).__name__}: {error}",
                expected="MLflow's records",
                where=uri,
                remedy="Check that it can be reached and written, then run the step again.",
            ) from error


def _mlflow() -> Any:
    """Import MLflow; quiet, and with its telemetry off, which it reads while it is imported."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return mlflow


def _create_whole(database: Path) -> None:
    """Make the database under another name first: MLflow cannot mend one half made by a kill."""
    if database.exists():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="mlflow-", dir=database.parent) as folder:
        unfinished = Path(folder) / database.name
        _mlflow().MlflowClient(tracking_uri=f"{_SQLITE}{unfinished}")
        with suppress(FileExistsError):  # another process was first
            os.link(unfinished, database)
