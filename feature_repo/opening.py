"""Open the feature store that belongs to a volcast store."""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feast

# Registers the converters that `_register_utc_times` replaces, so it must come first.
import feast.infra.online_stores.sqlite
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from feast import FeatureStore, RepoConfig
from feast.utils import make_tzaware
from pydantic import SecretStr
from redis.exceptions import RedisError

from feature_repo.definitions import SYMBOL, features_daily, forecast
from volcast.core.errors import StoreUnavailable
from volcast.core.online_store import OnlineStore, Redis, read_online_store
from volcast.store import Store

__all__ = ["CACHE", "locate", "open_feature_store", "scratch_feature_store", "translated_errors"]

CACHE = Path("var/cache")
"""Default folder for Feast's own files of a remote store."""

_YAML = Path(__file__).with_name("feature_store.yaml")
_SQLITE = "online.db"


@dataclass(frozen=True)
class _Places:
    """The volcast store with the features, the folder of Feast's files, and the online store."""

    features: str
    state: Path
    online: OnlineStore | None


def locate(store: Store, cache: Path = CACHE, online: SecretStr | None = None) -> _Places:
    """Return the places of ``store``; Feast's files are in it if local, else in ``cache``."""
    owner = hashlib.sha256(store.uri.encode()).hexdigest()[:16]
    folder = cache / owner if "://" in store.uri else Path(store.uri)
    chosen = None if online is None else read_online_store(online.get_secret_value())
    return _Places(store.uri, folder.resolve() / "feast", chosen)


def open_feature_store(
    store_uri: str, cache: Path = CACHE, online: SecretStr | None = None
) -> FeatureStore:
    """Open the feature store over the features of ``store_uri`` for long-lived use.

    It is created if needed. The registry's file name is a hash of the definitions and the online
    store (without password), and the file is renamed into place: readers never see a part of
    Feast's write, and processes that create it at once create the same one. The table in DynamoDB
    is created with it. Of a store that is read-only the registry is kept in memory.

    Parameters
    ----------
    cache : Path
        Folder for Feast's own files of a remote store.
    online : SecretStr or None
        The setting ``online_store``; None for an SQLite file next to the registry.
    """
    places = locate(Store.open(store_uri), cache, online)
    registry = places.state / f"registry-{_fingerprint(places)}.db"
    # An SQLite file is made with the registry.
    ready = places.online is not None or (places.state / _SQLITE).exists()
    if not (registry.exists() and ready):
        if places.state.exists() and not os.access(places.state, os.W_OK):
            with scratch_feature_store(places, tempfile.gettempdir()) as scratch:
                scratch.refresh_registry()  # from then on in memory
                return scratch
        with scratch_feature_store(places) as scratch:
            os.replace(scratch.config.registry.path, registry)
    return FeatureStore(config=_config(places, registry))


@contextmanager
def scratch_feature_store(
    places: _Places, parent: str | Path | None = None
) -> Iterator[FeatureStore]:
    """Open the feature store with a temporary registry, in ``parent``, and the real online store.

    A kill while materializing would leave the shared registry marked as materializing.
    """
    places.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent or places.state, prefix=".registry-") as folder:
        feature_store = FeatureStore(config=_config(places, Path(folder) / "registry.db"))
        view = features_daily(places.features)
        feature_store.apply([SYMBOL, view, forecast(view)])
        yield feature_store


@contextmanager
def translated_errors(online: OnlineStore | None) -> Iterator[None]:
    """Turn errors of SQLite, Redis and DynamoDB into StoreUnavailable."""
    try:
        yield
    except (sqlite3.OperationalError, RedisError, BotoCoreError, ClientError) as error:
        raise StoreUnavailable(
            found=f"{type(error).__name__}: {error}",
            expected="an online store that answers",
            where=str(online or "online store in a file"),
            remedy="Try again; if it persists, check the store and VOLCAST_ONLINE_STORE.",
        ) from error


def _config(places: _Places, registry: Path) -> RepoConfig:
    _register_utc_times()
    return RepoConfig(
        **yaml.safe_load(_YAML.read_text(encoding="utf-8")),
        registry={"path": str(registry), "cache_ttl_seconds": 0},
        online_store=_online_config(places),
        repo_path=_YAML.parent,
    )


def _online_config(places: _Places) -> dict[str, Any]:
    """Return Feast's configuration of the online store, whose text shows no password."""
    if places.online is None:
        return {"type": "sqlite", "path": str(places.state / _SQLITE)}
    if isinstance(places.online, Redis):
        return {"type": "feature_repo.redis_store.ForwardRedisOnlineStore", "server": places.online}
    prefix = f"{places.online.prefix}." if places.online.prefix else ""
    return {
        "type": "feature_repo.dynamodb_store.ForwardDynamoDBOnlineStore",
        "region": places.online.region,
        "endpoint_url": places.online.endpoint,
        "table_name_template": prefix + "{project}.{table_name}",
        "consistent_reads": True,  # materialize reads what it has just written
    }


def _fingerprint(places: _Places) -> str:
    view = features_daily(places.features)
    shape, service = view.to_proto().spec, forecast(view).to_proto().spec
    for holder in (shape, *service.features):
        holder.batch_source.ClearField("meta")  # the moment it was made, in this process
    specs = (SYMBOL.to_proto().spec, shape, service)
    parts = [spec.SerializeToString(deterministic=True) for spec in specs]
    where = str(_online_config(places))
    parts += [feast.__version__.encode(), _YAML.read_bytes(), where.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _register_utc_times() -> None:
    """Make Feast's SQLite store write and read its timestamps in UTC.

    Feast strips the zone and then counts seconds as if the time were local. The converters belong
    to the whole process, and IPython, which shap imports where it is installed, replaces this one:
    so it is registered each time a store is opened, and reads the text of IPython's history too.
    """
    sqlite3.register_adapter(datetime, lambda moment: int(make_tzaware(moment).timestamp()))
    sqlite3.register_converter("timestamp", _utc_time)


def _utc_time(stored: bytes) -> datetime:
    if stored.isdigit():
        return datetime.fromtimestamp(int(stored), UTC).replace(tzinfo=None)
    return datetime.fromisoformat(stored.decode())
