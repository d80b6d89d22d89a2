"""Evaluate a target from curated rows; needs no champion."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pandas as pd

from volcast.core.errors import ConfigError, NotFound
from volcast.core.settings import Universe
from volcast.data.vintages import Vintage, vintages
from volcast.evaluation.findings import Findings
from volcast.evaluation.walkforward import Progress, walk_forward
from volcast.features.build import versions
from volcast.features.context import with_context
from volcast.features.labels import as_known, realized
from volcast.features.point_in_time import labelled
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

__all__ = ["evaluate"]


def evaluate(
    store: Store, universe: Universe, first: date, last: date, *,
    seed: int = 7, progress: Progress | None = None,
) -> Findings:  # fmt: skip
    """Walk forward over the whole history, to show the sessions from ``first`` to ``last``.

    The walk always begins where the history allows, so a session's forecast does not depend on
    the dates asked for. Features and labels are computed from the prices known at each moment;
    a price restated later reaches no earlier forecast.

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
    Findings
        Its rows have `EVALUATION_COLUMNS`, one a session; rv_5d and forecasts null where unknown,
        and the GARCH baselines null until `Findings.with_garch`.

    Raises
    ------
    ConfigError
        If the target is one of the universe's volatility indices.
    NotFound
        If the target has no curated row between the bounds.
    """
    curated = store.read(CURATED_MARKET_DAILY).to_pandas()
    own = curated[curated["symbol"] == universe.target]
    if universe.target in universe.indices:
        raise ConfigError(
            found=f"target {universe.target}, a volatility index of the universe",
            expected="an asset", where="--target", remedy="Name an asset, or another --iv.",
        )  # fmt: skip
    if not own["session"].between(first, last).any():
        raise NotFound(
            found=f"no row of {universe.target} from {first} to {last} (symbols: "
            f"{', '.join(sorted(set(curated['symbol']))) or 'none'})",
            expected="curated rows of the target", where=store.uri,
            remedy="Ingest the symbol, or name another with --target.",
        )  # fmt: skip
    known = vintages(store, curated["session"].max())
    rows = _as_known(known, store, universe, last)
    walked = walk_forward(rows, seed, progress)
    # Forecasts rest on what was known; they are scored by what is known now.
    today = realized(own, universe).set_index("session")["rv_5d"]
    result = walked.rows.assign(rv_5d=walked.rows["session"].map(today).astype(float))
    return Findings(universe.target, first, last, result, rows, walked.blend)


def _as_known(
    known: Sequence[Vintage], store: Store, universe: Universe, last: date
) -> pd.DataFrame:
    """Return the target's features and labels, each as known at its own moment."""
    only = [replace(vintage, curated=_relevant(vintage.curated, universe)) for vintage in known]
    features = with_context(versions(only, universe), store, universe)
    then = features["created_timestamp"] <= features["event_timestamp"]
    frame = features[then & (features["symbol"] == universe.target) & (features["session"] <= last)]
    labels = as_known(only, universe)
    return labelled(frame, labels[labels["symbol"] == universe.target], date.max)


def _relevant(curated: pd.DataFrame, universe: Universe) -> pd.DataFrame:
    return curated[curated["symbol"].isin(universe.symbols)]
