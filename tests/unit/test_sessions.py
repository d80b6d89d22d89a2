"""One rule decides the session of every run and answer."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from serving.lookup import OnlineFeatures
from serving.state import VolcastModel
from serving.watcher import ModelWatcher
from volcast.core.errors import NotFound, RequestError
from volcast.core.settings import Universe
from volcast.data.sessions import require_session, resolve_as_of
from volcast.data.validate import validate
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
SUNDAY, NOT_CLOSED = date(2024, 3, 3), date(2024, 3, 5)


def curated(store: Store, source: str, *days: date) -> Store:
    price = dict.fromkeys(("open", "high", "low", "close", "adjustment"), 1.0)
    row = {"symbol": "SPY", "source": source, "known_at": NOW, "flags": [], **price}
    store.write(CURATED_MARKET_DAILY, pd.DataFrame([{**row, "session": day} for day in days]))
    return store


def served(store: Store, as_of: date | None) -> dict[str, date]:
    model, features = VolcastModel(), OnlineFeatures(store.uri)
    ModelWatcher(store, model, features, Universe(), lambda: NOW, as_of, 3).check()
    return dict(model.state.sessions)


@pytest.mark.parametrize(
    ("source", "as_of", "session"),
    [
        ("csv", None, date(2021, 12, 31)),
        ("yfinance", None, date(2024, 3, 4)),
        ("csv", date(2020, 1, 2), date(2020, 1, 2)),
        ("yfinance", date(2024, 3, 4), date(2024, 3, 4)),
    ],
)
def test_server_and_library_work_for_the_same_session(
    store: Store, source: str, as_of: date | None, session: date
) -> None:
    curated(store, source, date(2018, 3, 1), date(2021, 12, 31))
    assert resolve_as_of(store, "SPY", as_of, now=NOW) == session
    assert served(store, as_of) == {"SPY": session}


@pytest.mark.parametrize("day", [SUNDAY, NOT_CLOSED])
def test_a_day_that_is_not_a_closed_session_is_never_another_day(store: Store, day: date) -> None:
    curated(store, "csv", date(2024, 3, 1))
    with pytest.raises(RequestError) as refused:
        resolve_as_of(store, "SPY", day, now=NOW)
    assert refused.value.field == "as_of"
    assert served(store, day) == {}


def test_a_day_without_trading_raises_the_same_error_everywhere(store: Store) -> None:
    with pytest.raises(RequestError):
        require_session(SUNDAY)
    with pytest.raises(RequestError):
        validate(store, Universe(), SUNDAY)


def test_a_symbol_without_rows_has_no_present_session(store: Store) -> None:
    curated(store, "csv", date(2024, 3, 1))
    with pytest.raises(NotFound):
        resolve_as_of(store, "QQQ", None, now=NOW)
    assert served(curated(store, "csv", date(2024, 3, 1)), None) == {"SPY": date(2024, 3, 1)}
