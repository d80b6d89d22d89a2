"""Open the feature store that belongs to a volcast store."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import feast
import yaml
from feast import FeatureStore, RepoConfig
from pydantic import SecretStr

from feature_repo.clock import keep_times_in_utc
from feature_repo.entities import SYMBOL
from feature_repo.services import forecast
from feature_repo.stores import SQLITE, online_config
from feature_repo.views import features_daily
from volcast.core.errors import ConfigError
from volcast.core.online_store import OnlineStore, read_online_store
from volcast.store import Store
from volcast.store.tables import FEATURES_DAILY

__all__ = ["CACHE", "Places", "locate", "open_feature_store", "scratch_feature_store"]

CACHE = Path("var/cache")
"""Where the local copies of a remote store lie, unless told otherwise."""

_YAML = Path(__file__).with_name("feature_store.yaml")


@dataclass(frozen=True)
class Places:
    """Where Feast finds the features, keeps its registry, and has its online store."""

    features: Path
    state: Path
    online: OnlineStore | None

    @property
    def ready(self) -> bool:
        """Whether the online store is there: an SQLite file is made with the registry."""
        return self.online is not None or (self.state / SQLITE).exists()


def locate(store: Store, cache: Path = CACHE, online: SecretStr | None = None) -> Places:
    """Return the places of ``store``: inside it if it is local, else under ``cache``.

    Features of a remote store are copied to local disk first: the offline store reads files.
    """
    features = store.local_folder(FEATURES_DAILY, cache).resolve()
    chosen = None if online is None else read_online_store(online.get_secret_value())
    if "://" not in store.uri:
        return Places(features, Path(store.uri).resolve() / "feast", chosen)
    owner = hashlib.sha256(store.uri.encode()).hexdigest()[:16]
    return Places(features, cache.resolve() / owner / "feast", chosen)


def open_feature_store(
    store_uri: str, cache: Path = CACHE, online: SecretStr | None = None
) -> FeatureStore:
    """Open the feature store over the features of ``store_uri``, made first if need be.

    The registry is a file named by a hash of the definitions and of the online store (not of its
    password), put in place whole by a rename: new definitions or paths give a new file, two
    processes that make it at once make the same one, and a reader never sees Feast's own write,
    which truncates the file it replaces. Of DynamoDB the table is made with it.

    Parameters
    ----------
    store_uri : str
        The volcast store: a local folder or ``s3://bucket/prefix``.
    cache : Path
        For a remote store, where the local copies lie.
    online : SecretStr or None
        The setting ``online_store``; None for an SQLite file beside the registry. Training has no
        need of it.

    Returns
    -------
    feast.FeatureStore
        For long-lived use; one call costs seconds, for the import.

    Raises
    ------
    ConfigError
        If feature_store.yaml names a variable that has no value.
    """
    places = locate(Store.open(store_uri), cache, online)
    registry = places.state / f"registry-{_fingerprint(places)}.db"
    if not (registry.exists() and places.ready):
        with scratch_feature_store(places) as scratch:
            os.replace(scratch.config.registry.path, registry)
    return FeatureStore(config=_config(places, registry))


@contextmanager
def scratch_feature_store(places: Places) -> Iterator[FeatureStore]:
    """Open the feature store with a registry of its own, which is gone afterwards.

    The online store is the real one. Materializing through a scratch registry keeps Feast from
    rewriting the shared one, and a kill from leaving the view marked as materializing for ever.
    """
    places.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.state, prefix=".registry-") as folder:
        feature_store = FeatureStore(config=_config(places, Path(folder) / "registry.db"))
        view = features_daily(places.features)
        feature_store.apply([SYMBOL, view, forecast(view)])
        yield feature_store


def _config(places: Places, registry: Path) -> RepoConfig:
    keep_times_in_utc()
    values = {**os.environ, "VOLCAST_FEAST_REGISTRY": str(registry)}
    template = Template(_YAML.read_text(encoding="utf-8"))
    missing = sorted(set(template.get_identifiers()) - set(values))
    if missing:
        raise ConfigError(
            found=f"no value for {', '.join(missing)}",
            expected="every variable that it names",
            where=str(_YAML),
            remedy="Set them in the environment.",
        )
    return RepoConfig(
        **yaml.safe_load(template.substitute(values)),
        online_store=online_config(places.online, places.state),
        repo_path=_YAML.parent,
    )


def _fingerprint(places: Places) -> str:
    view = features_daily(places.features)
    shape, service = view.to_proto().spec, forecast(view).to_proto().spec
    for holder in (shape, *service.features):
        holder.batch_source.ClearField("meta")  # the moment it was made, in this process
    specs = (SYMBOL.to_proto().spec, shape, service)
    parts = [spec.SerializeToString(deterministic=True) for spec in specs]
    where = str(online_config(places.online, places.state))
    parts += [feast.__version__.encode(), _YAML.read_bytes(), where.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
