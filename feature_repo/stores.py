"""The online store that was chosen, as Feast's configuration of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from redis.exceptions import RedisError

from volcast.core.errors import StoreUnavailable
from volcast.core.online_store import OnlineStore, Redis

__all__ = ["SQLITE", "online_config", "reached"]

SQLITE = "online.db"
"""The file of the embedded store, in the folder of the feature store's state."""


def online_config(chosen: OnlineStore | None, state: Path) -> dict[str, Any]:
    """Return the ``online_store`` section of Feast's configuration.

    It shows no password, printed or written; Feast loads the classes that are named in it.

    Parameters
    ----------
    chosen : OnlineStore or None
        None for an SQLite file.
    state : Path
        The folder of that file.
    """
    if chosen is None:
        return {"type": "sqlite", "path": str(state / SQLITE)}
    if isinstance(chosen, Redis):
        return {"type": "feature_repo.redis_store.ForwardRedisOnlineStore", "server": chosen}
    prefix = f"{chosen.prefix}." if chosen.prefix else ""
    return {
        "type": "feature_repo.dynamodb_store.ForwardDynamoDBOnlineStore",
        "region": chosen.region,
        "endpoint_url": chosen.endpoint,
        "table_name_template": prefix + "{project}.{table_name}",
        "consistent_reads": True,  # materialize looks at what it has just written
    }


@contextmanager
def reached(chosen: OnlineStore | None) -> Iterator[None]:
    """Turn what Redis or DynamoDB raise into an error that says to try again.

    Raises
    ------
    StoreUnavailable
        If the store does not answer, or refuses.
    """
    try:
        yield
    except (RedisError, BotoCoreError, ClientError) as error:
        raise StoreUnavailable(
            found=f"{type(error).__name__}: {error}",
            expected="an online store that answers",
            where=str(chosen),
            remedy="Try again; if it stays so, look at the store and at VOLCAST_ONLINE_STORE.",
        ) from error
