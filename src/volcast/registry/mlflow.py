"""MLflow, an optional mirror of the registry for people to browse. Nothing is read back from it.

Its import costs seconds, so it is imported inside the functions.
"""

import logging
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from volcast.core import calendar
from volcast.core.errors import ConfigError, StoreUnavailable, VolcastError
from volcast.registry import pointer
from volcast.registry.run_files import Lineage, Metrics, read_decision
from volcast.registry.versions import NAME, Version, list_versions
from volcast.store import Store
from volcast.store.universe import recall_or_none

__all__ = ["mirror", "sync"]

_ENVIRONMENT = "VOLCAST_MLFLOW_URI"
_LOG = logging.getLogger(__name__)


def mirror(store: Store) -> None:
    """Bring the MLflow of ``VOLCAST_MLFLOW_URI`` up to date; a failure is logged as a warning."""
    if not os.environ.get(_ENVIRONMENT):
        return
    try:
        sync(store)
    except VolcastError as error:
        _LOG.warning("MLflow is not up to date; run `volcast registry sync` later: %s", error)


def sync(store: Store) -> int:
    """Add what MLflow lacks, set its aliases to the pointers; return the count of versions added.

    MLflow numbers versions itself: each is found by its tag ``sha256``, and its number in the
    store is the tag ``volcast.version``.

    ConfigError is raised without ``VOLCAST_MLFLOW_URI`` or MLflow itself, StoreUnavailable if it
    cannot be read or written.
    """
    versions = list_versions(store)
    with _client() as client:
        if not client.search_registered_models(f"name='{NAME}'"):
            client.create_registered_model(NAME)
        mirrored = client.search_model_versions(f"name='{NAME}'")
        numbers = {item.tags.get("sha256"): item.version for item in mirrored}
        missing = [version for version in versions if version.sha256 not in numbers]
        for version in missing:
            numbers[version.sha256] = _add(client, store, version)
        aliases = client.get_registered_model(NAME).aliases
        for alias, named in _aliases(store, versions).items():
            if named is not None:
                client.set_registered_model_alias(NAME, alias, numbers[named.sha256])
            elif alias in aliases:
                client.delete_registered_model_alias(NAME, alias)
    return len(missing)


def _aliases(store: Store, versions: Sequence[Version]) -> dict[str, Version | None]:
    """Return whom each alias names; those of another symbol than the target end in -SYMBOL."""
    universe, symbols = recall_or_none(store), {version.target for version in versions}
    own = {universe.target, ""} if universe else symbols
    aliases: dict[str, Version | None] = {}
    for symbol in sorted(symbols):
        suffix = "" if symbol in own else "-" + re.sub(r"\W", "_", symbol)
        aliases[f"champion{suffix}"] = pointer.champion_pointer(store, symbol)
        aliases[f"challenger{suffix}"] = pointer.challenger_pointer(store, symbol)
    return aliases


def _add(client: Any, store: Store, version: Version) -> str:
    # A server refuses a path without a scheme: it takes it for one of its own.
    root = f"{store.uri}/" if "://" in store.uri else ""
    added = client.create_model_version(
        NAME,
        f"{root}{version.uri}",
        run_id=_add_run(client, store, version),
        tags={"sha256": version.sha256, "volcast.version": version.version},
    )
    return str(added.version)


def _add_run(client: Any, store: Store, version: Version) -> str:
    from mlflow.entities import Metric, Param

    lineage = Lineage.from_bytes(store.objects.get(f"{version.uri}lineage.json"), version.uri)
    metrics = Metrics.from_bytes(store.objects.get(f"{version.uri}metrics.json"), version.uri)
    tags = {"sha256": version.sha256, "volcast.run_id": version.run_id}
    if decision := read_decision(store, version.run_id):
        tags |= {"gate.passed": str(decision.passed).lower(), "gate.kind": decision.kind}
    at_ms = int(calendar.closes([lineage.as_of])[0].timestamp() * 1000)
    experiment = client.get_experiment_by_name(NAME)
    run = client.create_run(
        client.create_experiment(NAME) if experiment is None else experiment.experiment_id,
        start_time=at_ms,
        run_name=version.run_id[:12],
        tags=tags,
    )
    client.log_batch(
        run.info.run_id,
        metrics=[
            Metric(name, float(value), at_ms, 0)
            for name, value in _leaves(metrics.as_dict())
            if isinstance(value, int | float) and not isinstance(value, bool)
        ],
        params=[Param(name, str(value)) for name, value in _leaves(lineage.as_dict())],
    )
    client.set_terminated(run.info.run_id, end_time=at_ms)
    return str(run.info.run_id)


def _leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield ``(dotted path, value)`` of each scalar in nested JSON; null is left out.

    An item of a list goes by its own name, if it has one.
    """
    if isinstance(tree, list):
        names = (
            item.get("name", i) if isinstance(item, dict) else i for i, item in enumerate(tree)
        )
        tree = dict(zip(names, tree, strict=True))
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from _leaves(branch, f"{path}.{name}" if path else str(name))
    elif tree is not None:
        yield path, tree


@contextmanager
def _client() -> Iterator[Any]:
    """Yield a client of the MLflow in the environment, its errors turned into this project's."""
    uri = os.environ.get(_ENVIRONMENT, "")
    if not uri:
        raise ConfigError(
            found="no address", expected="the address of an MLflow server",
            where=f"environment {_ENVIRONMENT}",
            remedy="Set it. The registry works without MLflow; only its mirror needs this.",
        )  # fmt: skip
    # MLflow reads these while it is imported: no usage data, and no minutes of retries.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    with warnings.catch_warnings():
        # Deprecations between MLflow and SQLAlchemy: nothing a user of volcast could fix.
        warnings.simplefilter("ignore")
        try:
            import alembic  # noqa: F401
            import mlflow
            import sqlalchemy
            from mlflow.store.db.db_types import DATABASE_ENGINES
        except ImportError as error:
            raise ConfigError(
                found=f"{error}", expected="mlflow-skinny, sqlalchemy and alembic installed",
                where=f"environment {_ENVIRONMENT}", remedy="Install them, or unset the variable.",
            ) from error  # fmt: skip
        # They log what is also raised, with its traceback, and each try of a request.
        for noisy in ("mlflow", "alembic", "urllib3.connectionpool"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        try:
            engine = uri.partition(":")[0].partition("+")[0]
            if engine in DATABASE_ENGINES and not _is_new(uri):
                # MLflow would try minutes long to open a database that is locked, or is none.
                database = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
                sqlalchemy.inspect(database).get_table_names()
            yield mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        except Exception as error:
            # The error depends on what is at the address: one of MLflow, SQLAlchemy, alembic,
            # a database's driver, requests, protobuf, or a parser that meets another answer.
            if isinstance(error, VolcastError):
                raise
            sentence = re.sub("//[^/@ ]*@", "//", str(error).strip().partition("\n")[0])
            raise StoreUnavailable(
                found=f"{type(error).__name__}: {sentence[:200]}",
                expected="an MLflow server, or a database of MLflow's",
                where=_ENVIRONMENT,
                remedy="Check that it can be written, then run `volcast registry sync`.",
            ) from error


def _is_new(uri: str) -> bool:
    """Whether it is of a file of SQLite that MLflow has yet to make, with its folder."""
    scheme, _, path = uri.partition("///")
    return scheme.startswith("sqlite:") and not Path(path.partition("?")[0]).exists()
