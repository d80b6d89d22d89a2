"""Look the newest features of a symbol up in the online store, through Feast."""

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

__all__ = ["FeatureRow", "LastKnown", "OnlineFeatures"]

_FAULTS = (
    FeastError,
    OSError,
    sqlite3.Error,
    RedisError,
    BotoCoreError,
    ClientError,
    DecodeError,
)
"""What Feast lets through when its registry or its online store fails."""


@dataclass(frozen=True)
class FeatureRow:
    """The features of one symbol as the online store has them.

    Parameters
    ----------
    session : date
        Whose close they are known at.
    values : mapping of str to float or None
        Every feature of the service, by name.
    """

    session: date
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class LastKnown:
    """What the online store last said of one symbol.

    Parameters
    ----------
    row : FeatureRow or None
        Its newest features; None if it had none.
    confirmed : bool
        Whether that is of the last look; not if the store did not answer it.
    """

    row: FeatureRow | None
    confirmed: bool


class OnlineFeatures:
    """The online store behind one volcast store, opened at the first look-up and then held.

    Parameters
    ----------
    store_uri : str
        As for ``volcast.store.Store.open``.
    online : SecretStr or None
        The setting ``online_store``.
    """

    def __init__(self, store_uri: str, online: SecretStr | None = None) -> None:
        self._uri, self._online = store_uri, online
        self._store: FeatureStore | None = None
        self._turn = threading.Lock()  # Feast shares one SQLite connection among threads

    def newest(self, symbol: str) -> FeatureRow | None:
        """Return the newest features of ``symbol``; None if there are none.

        Nothing here enforces an age, so the caller must look at ``session``.

        Raises
        ------
        StoreUnavailable
            If the online store cannot be opened or read.
        """
        try:
            with self._turn:
                self._store = self._store or open_feature_store(self._uri, online=self._online)
                found = online_features(self._store, symbol)
        except _FAULTS as error:
            raise StoreUnavailable(
                found=f"{type(error).__name__}: {error}",
                expected="an online store that answers",
                where="online features",
                remedy="Materialize the features, or mend the store.",
            ) from error
        # A session closes in New York on the same day as in UTC.
        return None if found is None else FeatureRow(found[0].date(), found[1])
