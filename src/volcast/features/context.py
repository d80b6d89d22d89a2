"""Features of a session's surroundings: the economy and the regime, as known at its close.

They are joined to every version of a session: a price restated later moves the market features
of a new version, but not what was known of its surroundings then.
"""

import pandas as pd

from volcast.core.settings import Universe
from volcast.features.macro import macro_features
from volcast.features.regimes import regime_features
from volcast.store import Store
from volcast.store.tables import FEATURES_DAILY, RAW_MACRO

__all__ = ["with_context"]


def with_context(rows: pd.DataFrame, store: Store, universe: Universe) -> pd.DataFrame:
    """Add the macro and regime features.

    Parameters
    ----------
    rows : pandas.DataFrame
        Symbol, session, event_timestamp, created_timestamp, iv_symbol and the market features;
        all versions.
    store : Store
        Holds raw.macro, and keeps the fits of the regimes.
    universe : Universe
        Regimes are those of its target; the rows of other symbols have none.

    Returns
    -------
    pandas.DataFrame
        Columns of features_daily, rows in the order given.
    """
    raw = store.read(RAW_MACRO).to_pandas(date_as_object=False)
    closes = pd.DatetimeIndex(rows["event_timestamp"].drop_duplicates().sort_values())
    whole = rows.merge(
        macro_features(raw, closes), left_on="event_timestamp", right_index=True, how="left"
    )
    known_then = rows["created_timestamp"] == rows["event_timestamp"]
    own = rows[known_then & (rows["symbol"] == universe.target)].sort_values("session")
    regimes = regime_features(own.reset_index(drop=True), store, universe.target)
    whole = whole.merge(
        regimes.assign(symbol=universe.target), on=["symbol", "session"], how="left"
    )
    return whole[list(FEATURES_DAILY.schema.names)]
