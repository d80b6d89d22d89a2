"""Labels: the volatility that was realized over the five sessions after each session."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.vintages import Vintage, vintages
from volcast.features.catalog import VARIANCE_FLOOR
from volcast.features.market import SESSIONS_A_YEAR, log_returns
from volcast.store import Store, WriteReport
from volcast.store.tables import LABELS_DAILY

__all__ = ["as_of_their_end", "build", "realized"]


def realized(curated: pd.DataFrame, universe: Universe) -> pd.DataFrame:
    """Compute rv_5d of every asset and session whose next five sessions all have prices.

    ``rv_5d(t) = sqrt(252/5 * sum_{i=1..5} r_{t+i}^2)``, r the log return of the adjusted close;
    annualised, in decimals, no lower than the square root of `VARIANCE_FLOOR`.

    Parameters
    ----------
    curated : pandas.DataFrame
        Rows of curated.market_daily.
    universe : Universe
        Its implied-volatility indices get no label.

    Returns
    -------
    pandas.DataFrame
        Columns of labels_daily, sorted by symbol and session.
    """
    frames = [
        _of_one(rows.sort_values("session"), str(symbol))
        for symbol, rows in curated.groupby("symbol", sort=True)
        if symbol not in universe.indices
    ]
    return pd.concat(frames, ignore_index=True) if frames else LABELS_DAILY.empty().to_pandas()


def _of_one(rows: pd.DataFrame, symbol: str) -> pd.DataFrame:
    index = calendar.sessions(rows["session"].iloc[0], rows["session"].iloc[-1])
    prices = rows.set_index("session")[["close", "adjustment"]].reindex(index)
    returns = log_returns(prices[["close"]], prices[["adjustment"]].set_axis(["close"], axis=1))
    # A two-session return over a hole would be counted at its square: such windows get no label.
    whole = returns["close"].where(prices["close"].shift(1).notna())
    forward = (whole**2).rolling(calendar.HORIZON).sum().shift(-calendar.HORIZON)
    variance = (SESSIONS_A_YEAR / calendar.HORIZON * forward).clip(lower=VARIANCE_FLOOR)
    ready = np.flatnonzero(variance.notna().to_numpy())
    ends = [index[i + calendar.HORIZON] for i in ready]
    return pd.DataFrame(
        {
            "symbol": symbol,
            "session": [index[i] for i in ready],
            "rv_5d": np.sqrt(variance.to_numpy()[ready]),
            "label_end_session": ends,
            "event_timestamp": calendar.closes(ends),
        }
    )


def build(store: Store, universe: Universe, as_of: date) -> WriteReport:
    """Write the labels whose five sessions had ended at the close of ``as_of`` to labels_daily."""
    return store.write(LABELS_DAILY, as_of_their_end(vintages(store, as_of), universe))


def as_of_their_end(history: Sequence[Vintage], universe: Universe) -> pd.DataFrame:
    """Compute each label from the prices of its last close; later corrections do not change it.

    Training uses these; a score may use `realized` of today's prices instead.
    """
    parts = []
    for vintage in history:
        rows = realized(vintage.curated, universe)
        parts.append(rows[vintage.holds(rows["event_timestamp"])])
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)
