"""Read the newest features of a symbol from the online store, through Feast."""

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from botocore.exceptions import BotoCoreError, ClientError
from feast import FeatureStore
from feast.errors import FeastError
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from pydantic import SecretStr
from redis.exceptions import RedisError

from feature_repo.online import online_features
from feature_repo.opening import open_feature_store
from volcast.core.errors import StoreUnavailable

_FAULTS = (
    FeastError, OSError, sqlite3.Error, RedisError, BotoCoreError, ClientError, DecodeError,
)  # fmt: skip
"""What Feast raises when its registry or its online store fails."""


@dataclass(frozen=True)
class FeatureRow:
    """Every feature of one symbol in the online store, by name, available at a session's close.

    It is unconfirmed once a later read failed, or found none: there may be a newer one.
    """

    session: date
    values: Mapping[str, float | None]
    confirmed: bool = True


class OnlineFeatures:
    """The online store of a volcast store, opened at the first read."""

    def __init__(self, store_uri: str, online: SecretStr | None = None) -> None:
        self._uri, self._online = store_uri, online
        self._store: FeatureStore | None = None
        self._lock = threading.Lock()  # Feast shares one SQLite connection among threads

    def newest(self, symbol: str) -> FeatureRow | None:
        """Return the newest features of ``symbol``, of whatever age; None if there are none."""
        try:
            with self._lock:
                self._store = self._store or open_feature_store(self._uri, online=self._online)
                features = online_features(self._store, symbol)
        except _FAULTS as error:
            raise StoreUnavailable(
                found=f"{type(error).__name__}: {error}", expected="an online store that answers",
                where="online features", remedy="Materialize the features, or repair the store.",
            ) from error  # fmt: skip
        # A session closes in New York on the same day as in UTC.
        return None if features is None else FeatureRow(features[0].date(), features[1])
