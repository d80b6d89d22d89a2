"""Read a symbol's newest features online, as Feast lays them out, without Feast.

Tests of each kind of store compare every row with the answer of Feast's own look-up.
"""

import math
import sqlite3
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from feature_repo.places import (
    SETTINGS,
    Places,
    dynamodb_resource,
    redis_client,
    translated_errors,
)
from volcast.core.errors import ConfigError, ContractError
from volcast.core.online_store import DynamoDB, Redis
from volcast.features.catalog import FEATURES_DAILY, names

__all__ = ["OnlineRows"]

_PROJECT, _VIEW = SETTINGS["project"], FEATURES_DAILY.name

_KEY_VERSION = 3
"""Of the layout of Feast's entity keys that is read here."""

_STRING = 2
"""The number of the type of strings in Feast's ``ValueType``."""

_DOUBLE = b"\x29"
"""Protobuf's tag of ``double_val``, field 5 of Feast's ``Value``."""

_Stored: TypeAlias = tuple[datetime, Mapping[str, bytes | None]]
"""The time of a row, and its serialised values by feature."""

_Read: TypeAlias = Callable[[bytes], _Stored | None]
"""Returns what is stored under an entity key."""


class OnlineRows:
    """The rows of one online store; its client is made at the first look-up, and kept.

    Raises
    ------
    ConfigError
        If the project's keys are laid out in a version that is not known here.
    """

    def __init__(self, places: Places) -> None:
        version = SETTINGS["entity_key_serialization_version"]
        if version != _KEY_VERSION:
            raise ConfigError(
                found=f"entity_key_serialization_version {version}", expected=str(_KEY_VERSION),
                where="feature_store.yaml", remedy="Set it back, or read it in feature_repo.rows.",
            )  # fmt: skip
        self._places = places
        self._read: _Read | None = None
        self._lock = threading.Lock()

    def newest(self, symbol: str) -> tuple[datetime, dict[str, float | None]] | None:
        """Return the close (UTC) of the newest session and its features; None if there is none.

        Features are by name, None for null, of whatever age: the caller judges it.

        Raises
        ------
        StoreUnavailable
            If the store does not answer.
        ContractError
            If a value is not one that `materialize` writes.
        """
        with self._lock, translated_errors(self._places.online):
            self._read = self._read or _reader(self._places)
            stored = self._read(_key(symbol))
        if stored is None:
            return None
        close, values = stored
        return close, {name: _number(values.get(name), symbol, name) for name in names()}


def _reader(places: Places) -> _Read:
    if isinstance(places.online, Redis):
        return _redis_reader(places.online)
    if isinstance(places.online, DynamoDB):
        return _dynamodb_reader(places.online)
    return _sqlite_reader(places.sqlite)


def _sqlite_reader(path: Path) -> _Read:
    features = frozenset(names())
    query = f"SELECT feature_name, value, event_ts FROM {_PROJECT}_{_VIEW} WHERE entity_key = ?"  # noqa: S608

    def read(key: bytes) -> _Stored | None:
        if not path.exists():
            return None
        # Opened each time, because the file may be replaced, and never made.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
            rows = [row for row in connection.execute(query, (key,)) if row[0] in features]
        values = {name: value for name, value, _ in rows}
        return (_moment(max(stamp for *_, stamp in rows)), values) if rows else None

    return read


def _redis_reader(at: Redis) -> _Read:
    import mmh3
    from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

    client: Any = redis_client(at)  # redis-py types its answers for asyncio too
    hashes = [mmh3.hash(f"{_VIEW}:{name}", signed=False) for name in names()]
    fields = [f"_ts:{_VIEW}".encode(), *(struct.pack("<I", one) for one in hashes)]

    def read(key: bytes) -> _Stored | None:
        stamp, *values = client.hmget(key + _PROJECT.encode(), fields)
        if stamp is None:
            return None
        return _moment(Timestamp.FromString(stamp).seconds), dict(zip(names(), values, strict=True))

    return read


def _dynamodb_reader(at: DynamoDB) -> _Read:
    import mmh3

    prefix = f"{at.prefix}." if at.prefix else ""
    table, resource = f"{prefix}{_PROJECT}.{_VIEW}", dynamodb_resource(at.region, at.endpoint)

    def read(key: bytes) -> _Stored | None:
        entity = {"entity_id": mmh3.hash_bytes(key).hex()}
        request = {table: {"Keys": [entity], "ConsistentRead": True}}
        try:
            answer = resource.batch_get_item(RequestItems=request)["Responses"]
        except resource.meta.client.exceptions.ResourceNotFoundException:
            return None  # `materialize` makes the table
        item = next(iter(answer.get(table, [])), None)
        if item is None:
            return None
        values = {name: bytes(value) for name, value in item["values"].items()}
        return datetime.fromisoformat(item["event_ts"]), values

    return read


def _key(symbol: str) -> bytes:
    """Return Feast's serialised entity key of one symbol, in version 3."""
    texts = [b"symbol", symbol.encode()]
    parts = [struct.pack("<II", _STRING, len(text)) + text for text in texts]
    return struct.pack("<I", 1) + b"".join(parts)


def _number(value: bytes | None, symbol: str, name: str) -> float | None:
    """Return the number of Feast's serialised ``Value``; None for null, NaN and absence."""
    if not value:
        return None
    if value[:1] != _DOUBLE or len(value) != 9:
        raise ContractError(
            found=f"a value of {len(value)} bytes", expected="a double of protobuf",
            where=f"online features of {symbol}, {name}",
            remedy="Materialize the features with this version of volcast.",
        )  # fmt: skip
    number: float = struct.unpack("<d", value[1:])[0]
    return None if math.isnan(number) else number


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
