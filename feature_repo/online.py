"""The online store: each symbol's newest features, written and looked up by symbol."""

import io
import math
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from feast import FeatureService, FeatureStore
from pydantic import SecretStr

from feature_repo.definitions import FORECAST
from feature_repo.opening import CACHE, locate, scratch_feature_store, translated_errors
from volcast.core import calendar
from volcast.core.errors import StaleInput
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store
from volcast.store.local import locked

__all__ = ["WINDOW", "materialize", "online_features"]

WINDOW = timedelta(days=30)
"""Span that each run reads again, so that late rows are included."""


def materialize(
    store_uri: str,
    as_of: date,
    *,
    expect: Sequence[str] = (),
    cache: Path = CACHE,
    online: SecretStr | None = None,
) -> dict[str, datetime]:
    """Put each symbol's newest features up to ``as_of`` into the online store.

    The window slides, unlike that of ``materialize_incremental``, which skips late rows. A store
    that already has a session after ``as_of`` is not changed. Processes of one machine take turns,
    because in SQLite Feast lets an older write win; Redis and DynamoDB compare and write in one
    atomic step. Of two versions of one session the last written wins.

    Parameters
    ----------
    expect : sequence of str
        Symbols that must have features of ``as_of`` or later afterwards.
    cache, online
        As in `open_feature_store`.

    Returns
    -------
    dict of str to datetime
        Event timestamp (UTC) now online, for each symbol with rows in the window.

    Raises
    ------
    StaleInput
        If an expected symbol's newest features are of an earlier session.
    """
    store = Store.open(store_uri)
    end = calendar.closes([as_of])[0].to_pydatetime()
    rows = store.read(FEATURES_DAILY, first=(end - WINDOW).date(), last=as_of)
    symbols = sorted({*rows.column("symbol").to_pylist(), *expect})
    places = locate(store, cache, online)
    with (
        locked(places.state / ".materialize.lock"),
        translated_errors(places.online),
        scratch_feature_store(places) as feature_store,
    ):
        stamps = _event_timestamps(feature_store, symbols)
        if len(rows) and max(stamps.values(), default=end) <= end:
            with redirect_stdout(io.StringIO()):
                feature_store.materialize(end - WINDOW, end, [FEATURES_DAILY.name])
            stamps = _event_timestamps(feature_store, symbols)
    newest = [(symbol, stamps.get(symbol)) for symbol in expect]
    behind = [f"{name} at {stamp}" for name, stamp in newest if stamp is None or stamp < end]
    if behind:
        raise StaleInput(
            found=", ".join(behind),
            expected=f"features of the close {end.isoformat()}",
            where="online store",
            remedy="Run the features step for that session.",
        )
    return stamps


def online_features(
    feature_store: FeatureStore, symbol: str
) -> tuple[datetime, dict[str, float | None]] | None:
    """Look up a symbol's newest features.

    Feast does not enforce the view's TTL online: the caller judges the age. Returned are the close
    (UTC) of their session and the features by name, None for null; None for an unknown symbol.
    """
    result = feature_store.get_online_features(
        features=_service(feature_store), entity_rows=[{"symbol": symbol}]
    ).to_dict(include_event_timestamps=True)
    newest = max(result[f"{name}__ts"][0] for name in names())
    if newest == 0:
        return None
    values = ((name, result[name][0]) for name in names())
    return datetime.fromtimestamp(newest, UTC), {
        name: None if value is None or math.isnan(value) else float(value) for name, value in values
    }


@lru_cache(maxsize=1)
def _service(feature_store: FeatureStore) -> FeatureService:
    # Fetched per call it would cost ten times the look-up itself.
    return feature_store.get_feature_service(FORECAST, allow_cache=True)


def _event_timestamps(feature_store: FeatureStore, symbols: Sequence[str]) -> dict[str, datetime]:
    rows = ((symbol, online_features(feature_store, symbol)) for symbol in symbols)
    return {symbol: row[0] for symbol, row in rows if row is not None}
