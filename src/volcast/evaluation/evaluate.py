"""Evaluate a target from curated rows; needs no champion."""

from datetime import date

import pandas as pd

from volcast.config import Universe
from volcast.contracts import CURATED_MARKET_DAILY
from volcast.errors import NotFound
from volcast.evaluation.walkforward import Progress, walk_forward
from volcast.features.compute import compute
from volcast.features.store import as_known_then
from volcast.labels import realized
from volcast.storage import Store
from volcast.training import labelled

__all__ = ["evaluate"]


def evaluate(
    store: Store, universe: Universe, first: date, last: date, *,
    seed: int = 7, progress: Progress | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Walk forward over the whole history and return the sessions from ``first`` to ``last``.

    The walk always begins where the history allows, so a session's forecast does not depend on
    the dates asked for. Features are read as known then from features_daily where they stand
    there for this target and implied volatility; else they are computed from curated rows.

    Parameters
    ----------
    store : Store
        Holds curated.market_daily.
    universe : Universe
        Names the target and its implied-volatility symbol.
    first, last : date
        Bounds, inclusive.
    seed : int
        Of the trees.
    progress : callable or None
        Called with the count of fits done, and of all.

    Returns
    -------
    pandas.DataFrame
        `EVALUATION_COLUMNS`, one row a session; rv_5d and forecasts null where unknown.

    Raises
    ------
    NotFound
        If the target has no curated row between the bounds.
    """
    curated = store.read(CURATED_MARKET_DAILY).to_pandas()
    own = curated[curated["symbol"] == universe.target]
    if not own["session"].between(first, last).any():
        raise NotFound(
            found=f"no row of {universe.target} from {first} to {last} (symbols: "
            f"{', '.join(sorted(set(curated['symbol']))) or 'none'})",
            expected="curated rows of the target", where=store.uri,
            remedy="Ingest the symbol, or name another with --target.",
        )  # fmt: skip
    # Rows after the last session asked for serve as outcomes alone.
    frame = _features(store, universe, curated, last)
    rows = labelled(frame, realized(own, universe), date.max)
    result = walk_forward(rows, seed, progress).rows
    return result[result["session"].between(first, last)].reset_index(drop=True)


def _features(store: Store, universe: Universe, curated: pd.DataFrame, last: date) -> pd.DataFrame:
    stored = as_known_then(store, universe.target, last)
    own = curated[(curated["symbol"] == universe.target) & (curated["session"] <= last)]
    wanted = universe.iv if universe.iv in set(curated["symbol"]) else None
    if len(stored) == len(own) and set(stored["iv_symbol"]) == {wanted}:
        return stored
    computed = compute(curated[curated["session"] <= last], universe)
    return computed[computed["symbol"] == universe.target].reset_index(drop=True)
