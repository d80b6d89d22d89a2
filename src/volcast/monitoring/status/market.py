"""The price of the target, and the regime its market was in."""

from datetime import date

import pandas as pd

from volcast.features.catalog import STATE_FEATURES
from volcast.features.point_in_time import features_at_close
from volcast.monitoring.status.missing import Missing
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

__all__ = ["ribbon"]

_HMM = list(STATE_FEATURES)


def ribbon(store: Store, symbol: str, last: date | None = None) -> pd.DataFrame | Missing:
    """Return each session's close with its regime as its own close could know it.

    Returns
    -------
    pandas.DataFrame
        session, close (price), regime (calm, normal or stressed; null before the first fit) and
        hmm_calm, hmm_normal, hmm_stressed (probabilities); one row a session, sorted.
    """
    prices: pd.DataFrame = store.read(CURATED_MARKET_DAILY, symbols=[symbol], last=last).to_pandas()
    if not len(prices):
        return Missing(
            f"There is no validated price of {symbol}.", "Fetch and validate: `volcast ingest`."
        )
    states = features_at_close(store, symbol, prices["session"].iloc[-1])[["session", *_HMM]]
    rows: pd.DataFrame = prices[["session", "close"]].merge(states, on="session", how="left")
    complete = rows[_HMM].notna().all(axis=1)
    rows["regime"] = None
    if complete.any():
        largest = rows.loc[complete, _HMM].to_numpy(dtype=float).argmax(axis=1)
        rows.loc[complete, "regime"] = [STATE_FEATURES[_HMM[place]] for place in largest]
    return rows
