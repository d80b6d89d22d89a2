"""features_daily: every version of every session's features."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from volcast.core.errors import ContractError
from volcast.core.settings import Universe
from volcast.data.vintages import Vintage, vintages
from volcast.features.catalog import FEATURES_DAILY, market_names
from volcast.features.macro import macro_features
from volcast.features.market import compute
from volcast.features.regimes import regime_features
from volcast.features.yearly_fits import yearly_features
from volcast.store import Store, WriteReport
from volcast.store.tables import CURATED_MARKET_DAILY, RAW_MACRO

__all__ = ["build", "versions", "with_context"]

_SAME = 1e-9
"""Relative difference up to which a value is the same in two vintages."""


def build(store: Store, universe: Universe, as_of: date) -> WriteReport:
    """Compute every version of the features up to ``as_of`` and write what is new or changed.

    Raises
    ------
    ContractError
        If the target has no curated row.
    """
    history = vintages(store, as_of)
    if universe.target not in set(history[-1].curated["symbol"]):
        raise ContractError(
            found=f"no row of {universe.target}", expected="curated rows of the target",
            where=f"{store.uri}, {CURATED_MARKET_DAILY.name} up to {as_of}",
            remedy="Run `volcast ingest` first, with the universe's target.",
        )  # fmt: skip
    return store.write(FEATURES_DAILY, with_context(versions(history, universe), store, universe))


def versions(history: Sequence[Vintage], universe: Universe) -> pd.DataFrame:
    """Compute every version of every session's market features.

    A session has one created at its close, and one for each later vintage that changed it, created
    when that vintage began. Columns are those of features_daily that `with_context` does not add.
    """
    parts, before = [], None
    for vintage in history:
        now = compute(vintage.curated, universe)
        close = now["event_timestamp"]
        new = now[vintage.holds(close)]
        parts.append(new.assign(created_timestamp=new["event_timestamp"]))
        if before is not None:
            past = now[close < vintage.since]
            changed = past[~_same(past, before)]
            parts.append(changed.assign(created_timestamp=vintage.since))
        before = now
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)


def with_context(rows: pd.DataFrame, store: Store, universe: Universe) -> pd.DataFrame:
    """Add the macro, event and regime features as of each session's close.

    All versions of a session get the same ones: a price restated later changes the market features
    of a new version only. Only the universe's target has regimes.

    Parameters
    ----------
    rows : pandas.DataFrame
        All versions, as of `versions`.
    store : Store
        Has raw.macro, and caches the fits of the regimes.

    Returns
    -------
    pandas.DataFrame
        Columns of features_daily, rows in the order of ``rows``.
    """
    raw = store.read(RAW_MACRO).to_pandas(date_as_object=False)
    closes = pd.DatetimeIndex(rows["event_timestamp"].drop_duplicates().sort_values())
    whole = rows.merge(
        macro_features(raw, closes), left_on="event_timestamp", right_index=True, how="left"
    )
    at_close = rows[rows["created_timestamp"] == rows["event_timestamp"]]
    key = ["symbol", "session"]
    sessions = rows[key].drop_duplicates().sort_values(key)
    whole = whole.merge(yearly_features(sessions.merge(at_close, on=key, how="left")), on=key)
    own = at_close[at_close["symbol"] == universe.target].sort_values("session")
    regimes = regime_features(own.reset_index(drop=True), store, universe.target)
    whole = whole.merge(regimes.assign(symbol=universe.target), on=key, how="left")
    return whole[list(FEATURES_DAILY.schema.names)]


def _same(rows: pd.DataFrame, before: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Mark the rows whose features are those of ``before``."""
    key = ["symbol", "session"]
    stored = rows[key].merge(before[[*key, *market_names()]], on=key, how="left", indicator=True)
    values, old = (frame[market_names()].to_numpy(dtype=float) for frame in (rows, stored))
    same = np.isclose(values, old, rtol=_SAME, atol=1e-12, equal_nan=True).all(axis=1)
    return same & (stored["_merge"] == "both").to_numpy()  # type: ignore[no-any-return]
