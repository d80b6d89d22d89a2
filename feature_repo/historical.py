"""Training data: each session's features as of its close."""

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc

from feature_repo.definitions import FORECAST
from feature_repo.opening import open_feature_store
from feature_repo.places import CACHE
from volcast.core.errors import NotFound
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store

__all__ = ["training_frame"]


def training_frame(
    store_uri: str, symbol: str, as_of: date, *, first: date | None = None, cache: Path = CACHE
) -> pd.DataFrame:
    """Read the features of each session as of its close through Feast.

    ``filter_by_created_timestamp`` leaves out rows restated later; Feast's default would join the
    last version. A session without a row created by its close is left out, not filled.

    Parameters
    ----------
    as_of, first : date
        Last and first session, both inclusive; ``first`` defaults to the earliest stored.
    cache : Path
        As in `open_feature_store`.

    Returns
    -------
    pandas.DataFrame, shape (sessions, 2 + features)
        ``symbol``, ``session`` (date), then float64 features in definition order, NaN for null;
        sorted by session.

    Raises
    ------
    NotFound
        If the symbol has no row in that span created by its close.
    """
    rows = Store.open(store_uri).read(FEATURES_DAILY, symbols=[symbol], first=first, last=as_of)
    in_time = pc.less_equal(rows["created_timestamp"], rows["event_timestamp"])
    keys = rows.filter(in_time).select(["symbol", "session", "event_timestamp"]).to_pandas()
    keys = keys.drop_duplicates("session")
    if keys.empty:
        raise NotFound(
            found=f"no features of {symbol} up to {as_of}",
            expected="features_daily rows created by their session's close",
            where=store_uri,
            remedy="Run the features step, or ask for another symbol or date.",
        )
    feature_store = open_feature_store(store_uri, cache)
    joined: pd.DataFrame = feature_store.get_historical_features(
        entity_df=keys,
        features=feature_store.get_feature_service(FORECAST),
        filter_by_created_timestamp=True,
    ).to_df()
    joined = joined.sort_values("session", ignore_index=True)
    return joined[["symbol", "session", *names()]].astype(dict.fromkeys(names(), "float64"))
