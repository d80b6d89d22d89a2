"""Feast's Redis store, with short timeouts and no step back to an older session."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import redis
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.utils import make_tzaware
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

from feature_repo.places import redis_client
from volcast.core.online_store import Redis

__all__ = ["ForwardRedisOnlineStore", "ForwardRedisOnlineStoreConfig"]


class ForwardRedisOnlineStoreConfig(RedisOnlineStoreConfig):  # type: ignore[misc]
    """Where the server is; Feast finds this class by the store's name."""

    type: str = f"{__name__}.ForwardRedisOnlineStore"
    server: Redis


class ForwardRedisOnlineStore(RedisOnlineStore):  # type: ignore[misc]
    """The layout is Feast's own: one hash a symbol, its fields named by hashed feature names.

    No key expires: the reader judges the age of a row, and an expired one would look like an
    unknown symbol.
    """

    _client: redis.Redis | None = None

    def _get_client(self, online_store_config: ForwardRedisOnlineStoreConfig) -> redis.Redis:
        # Feast's connection string breaks at a comma in a password and has no retry policy.
        if self._client is None:
            self._client = redis_client(online_store_config.server)
        return self._client

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[Any, dict[str, Any], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write each row unless a later session's is there, in one atomic step per symbol.

        Feast compares and writes in two steps, and skips a restated row of the stored session.
        """
        client = self._get_client(config.online_store)
        for entity, values, moment, _ in data:
            (key,) = self._generate_redis_keys_for_entities(config, [entity])
            _, fields = self._generate_hset_keys_for_features(table, list(values))
            stamp = Timestamp()
            stamp.FromDatetime(make_tzaware(moment))
            row = dict(zip(fields, [*values.values(), stamp], strict=True))
            _put_forward(client, key, fields[-1], row)
            if progress:
                progress(1)


def _put_forward(client: redis.Redis, key: bytes, stamped: bytes, row: dict[bytes, Any]) -> None:
    def put(pipeline: Any) -> None:
        stored = Timestamp.FromString(pipeline.hget(key, stamped) or b"")
        pipeline.multi()
        if stored.ToNanoseconds() <= row[stamped].ToNanoseconds():
            written = {field: value.SerializeToString() for field, value in row.items()}
            pipeline.hset(key, mapping=written)

    client.transaction(put, key)  # again from the start whenever another wrote in between
