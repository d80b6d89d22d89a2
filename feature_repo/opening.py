"""Open the feature store that belongs to a volcast store."""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from feature_repo.definitions import SYMBOL, features_daily, forecast
from feature_repo.places import CACHE, SETTINGS, Places, locate
from feature_repo.sdk import feast
from volcast.core.online_store import Redis
from volcast.store import Store

__all__ = ["open_feature_store", "scratch_feature_store"]


def open_feature_store(
    store_uri: str, cache: Path = CACHE, online: SecretStr | None = None
) -> feast.FeatureStore:
    """Open the feature store over the features of ``store_uri`` for long-lived use.

    It is created if needed. The registry's file name is a hash of the definitions and the online
    store (without password), and the file is renamed into place: readers never see a part of
    Feast's write, and processes that create it at once create the same one. The table in DynamoDB
    is created with it.

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
    ready = places.online is not None or places.sqlite.exists()
    if not (registry.exists() and ready):
        with scratch_feature_store(places) as scratch:
            os.replace(scratch.config.registry.path, registry)
    return feast.FeatureStore(config=_config(places, registry))


@contextmanager
def scratch_feature_store(places: Places) -> Iterator[feast.FeatureStore]:
    """Open the feature store with a temporary registry and the real online store.

    A kill while materializing would leave the shared registry marked as materializing.
    """
    places.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.state, prefix=".registry-") as folder:
        feature_store = feast.FeatureStore(config=_config(places, Path(folder) / "registry.db"))
        view = features_daily(places.features)
        feature_store.apply([SYMBOL, view, forecast(view)])
        yield feature_store


def _config(places: Places, registry: Path) -> feast.RepoConfig:
    _register_utc_times()
    return feast.RepoConfig(
        **SETTINGS,
        registry={"path": str(registry), "cache_ttl_seconds": 0},
        online_store=_online_config(places),
        repo_path=Path(__file__).parent,
    )


def _online_config(places: Places) -> dict[str, Any]:
    """Return Feast's configuration of the online store, whose text shows no password."""
    if places.online is None:
        return {"type": "sqlite", "path": str(places.sqlite)}
    if isinstance(places.online, Redis):
        return {"type": "feature_repo.redis_store.ForwardRedisOnlineStore", "server": places.online}
    prefix = f"{places.online.prefix}." if places.online.prefix else ""
    return {
        "type": "feature_repo.dynamodb_store.ForwardDynamoDBOnlineStore",
        "region": places.online.region,
        "endpoint_url": places.online.endpoint,
        "table_name_template": prefix + "{project}.{table_name}",
    }


def _fingerprint(places: Places) -> str:
    view = features_daily(places.features)
    shape, service = view.to_proto().spec, forecast(view).to_proto().spec
    for holder in (shape, *service.features):
        holder.batch_source.ClearField("meta")  # the moment it was made, in this process
    specs = (SYMBOL.to_proto().spec, shape, service)
    parts = [spec.SerializeToString(deterministic=True) for spec in specs]
    texts = (feast.__version__, SETTINGS, _online_config(places))
    parts += [str(text).encode() for text in texts]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _register_utc_times() -> None:
    """Make Feast's SQLite store write its timestamps in UTC.

    Feast strips the zone and then counts seconds as if the time were local. Converters belong to
    the whole process, where another library may replace them: hence at each opening.
    """
    sqlite3.register_adapter(
        datetime, lambda moment: int(feast.utils.make_tzaware(moment).timestamp())
    )
