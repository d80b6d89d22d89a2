"""Highs and lows that revert within their session, as of a wrong print."""

import numpy as np
import pandas as pd

from volcast.core import calendar

__all__ = ["Wide", "reverts", "wide"]

REVERTED = 8.0
"""Deviations that a high or low may lie outside the closes around it. Of 41,000 sessions of eight
funds 2001-2021 five are beyond, an open or low of LQD and a high or low of EFA; the flash crashes
of 2010 and 2015, whose closes moved too, are at most 4, and another quiet session at 6.8."""

_WINDOW, _FEWEST = 66, 22

_RARE, _MONTH = 3, 22
"""Wrong prints are rare: where this many of the sessions of a month before are far outside their
closes too, the feed has changed, which is for the drift check to see."""

Wide = pd.DataFrame
"""f8[sessions, symbols]; null where a symbol has no row."""


def wide(rows: pd.DataFrame) -> dict[str, Wide]:
    """Spread prices and adjustment of curated rows, over every session from first to last.

    Returns
    -------
    dict of pandas.DataFrame
        By open, high, low, close and adjustment.
    """
    index = pd.MultiIndex.from_arrays([pd.to_datetime(rows["session"]), rows["symbol"]])
    fields = ["open", "high", "low", "close", "adjustment"]
    spread = rows.set_axis(index)[fields].unstack()
    first, last = spread.index.min().date(), spread.index.max().date()
    spread = spread.reindex(pd.DatetimeIndex(calendar.sessions(first, last), name="session"))
    return {field: pd.DataFrame(spread[field]).astype(float) for field in fields}


def reverts(high: Wide, low: Wide, close: Wide, adjustment: Wide) -> Wide:
    """Mark sessions whose high or low, and so perhaps the open, lies far outside both closes.

    Both are that of the session and the one before; far is over `REVERTED` times the session's own
    absolute return and the standard deviation of the 66 returns before it, so a crash or gap that
    stays, or a flash crash whose close moves too, is not marked. Neither is a session after a month
    with three such. Rows after t change no mark at t, and none is made before there are 22 returns.

    Returns
    -------
    pandas.DataFrame
        bool[sessions, symbols].
    """
    before = close.ffill().shift() / adjustment
    returns = pd.DataFrame(np.log(close / before))
    usual = returns.rolling(_WINDOW, min_periods=_FEWEST).std().shift()
    above, below = np.log(high / np.fmax(close, before)), np.log(np.fmin(close, before) / low)
    far = REVERTED * np.maximum(usual, returns.abs())
    outside = pd.DataFrame(np.fmax(above, below) > far)
    recent = outside.rolling(_MONTH, min_periods=1).sum().shift().fillna(0)
    return outside & (recent < _RARE)
