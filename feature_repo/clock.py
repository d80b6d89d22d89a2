"""The times of the online store, the same in every time zone."""

import sqlite3
from datetime import UTC, datetime
from functools import lru_cache

# Registers the converters that are replaced below, so it must come first.
import feast.infra.online_stores.sqlite  # noqa: F401

__all__ = ["keep_times_in_utc"]


@lru_cache(maxsize=1)
def keep_times_in_utc() -> None:
    """Make Feast's SQLite store write and read its timestamps as the UTC that they are.

    Feast strips the zone and then counts seconds as if the time were local: written in New York
    and read in London, a close moves by five hours, and the next session's looks old.
    """
    sqlite3.register_adapter(datetime, _seconds)
    sqlite3.register_converter("timestamp", _naive_utc)


def _seconds(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _naive_utc(stored: bytes) -> datetime:
    return datetime.fromtimestamp(int(stored), UTC).replace(tzinfo=None)
