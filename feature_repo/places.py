"""Where the features of a volcast store are, on disk and online, and the clients that go there."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import SecretStr

from volcast.core.errors import StoreUnavailable
from volcast.core.online_store import DynamoDB, OnlineStore, Redis, read_online_store
from volcast.store import Store

if TYPE_CHECKING:
    import redis

__all__ = [
    "CACHE", "SETTINGS", "Places", "dynamodb_resource", "locate", "redis_client",
    "translated_errors",
]  # fmt: skip

CACHE = Path("var/cache")
"""Default folder for Feast's own files of a remote store."""

SETTINGS: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("feature_store.yaml").read_text(encoding="utf-8")
)
"""Feast's settings that are the same for every store."""

_SECONDS = 1.0
"""Timeout of a connection and of an answer."""


@dataclass(frozen=True)
class Places:
    """The volcast store with the features, the folder of Feast's files, and the online store."""

    features: str
    state: Path
    online: OnlineStore | None

    @property
    def sqlite(self) -> Path:
        """The file that is the online store where no other is set."""
        return self.state / "online.db"


def locate(store: Store, cache: Path = CACHE, online: SecretStr | None = None) -> Places:
    """Return the places of ``store``; Feast's files are in it if local, else in ``cache``."""
    owner = hashlib.sha256(store.uri.encode()).hexdigest()[:16]
    folder = cache / owner if "://" in store.uri else Path(store.uri)
    chosen = None if online is None else read_online_store(online.get_secret_value())
    return Places(store.uri, folder.resolve() / "feast", chosen)


def redis_client(at: Redis) -> "redis.Redis":
    """Return a client that gives up soon; redis-py's default waits for 10 s and more."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis(
        host=at.host,
        port=at.port,
        db=at.database,
        username=at.user,
        password=at.password.get_secret_value() if at.password else None,
        ssl=at.tls,
        socket_connect_timeout=_SECONDS,
        socket_timeout=_SECONDS,
        # One retry at once, since a pooled connection may be of a server that restarted.
        retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
    )


def dynamodb_resource(region: str, endpoint: str | None) -> Any:
    """Return boto3's resource with short timeouts; its default is five times a minute."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=_SECONDS, read_timeout=_SECONDS,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )  # fmt: skip
    return boto3.Session().resource(
        "dynamodb", region_name=region, endpoint_url=endpoint, config=config
    )


@contextmanager
def translated_errors(online: OnlineStore | None) -> Iterator[None]:
    """Turn errors of SQLite, Redis and DynamoDB into StoreUnavailable."""
    try:
        yield
    except _faults(online) as error:
        raise StoreUnavailable(
            found=f"{type(error).__name__}: {error}",
            expected="an online store that answers",
            where=str(online or "online store in a file"),
            remedy="Try again; if it persists, check the store and VOLCAST_ONLINE_STORE.",
        ) from error


def _faults(online: OnlineStore | None) -> tuple[type[Exception], ...]:
    """Return what the client of one kind of store raises; only that client is imported."""
    if isinstance(online, Redis):
        from redis.exceptions import RedisError

        return (RedisError,)
    if isinstance(online, DynamoDB):
        from botocore.exceptions import BotoCoreError, ClientError

        return (BotoCoreError, ClientError)
    return (sqlite3.Error,)
