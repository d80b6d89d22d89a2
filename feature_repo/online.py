"""Put each symbol's newest features into the online store."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import date, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from feature_repo.opening import scratch_feature_store
from feature_repo.places import CACHE, locate, translated_errors
from feature_repo.rows import OnlineRows
from volcast.core import calendar
from volcast.core.errors import StaleInput
from volcast.features.catalog import FEATURES_DAILY
from volcast.store import Store
from volcast.store.local import locked

__all__ = ["WINDOW", "materialize"]

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
        As in `feature_repo.opening.open_feature_store`.

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
    online_rows = OnlineRows(places)
    with (
        locked(places.state / ".materialize.lock"),
        translated_errors(places.online),
        scratch_feature_store(places) as feature_store,
    ):
        stamps = _event_timestamps(online_rows, symbols)
        if len(rows) and max(stamps.values(), default=end) <= end:
            with redirect_stdout(io.StringIO()):
                feature_store.materialize(end - WINDOW, end, [FEATURES_DAILY.name])
            stamps = _event_timestamps(online_rows, symbols)
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


def _event_timestamps(rows: OnlineRows, symbols: Sequence[str]) -> dict[str, datetime]:
    newest = ((symbol, rows.newest(symbol)) for symbol in symbols)
    return {symbol: row[0] for symbol, row in newest if row is not None}
