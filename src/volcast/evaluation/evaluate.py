"""Evaluate a target from curated rows; needs no champion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import pandas as pd

from volcast.core import calendar
from volcast.core.errors import NotFound
from volcast.core.settings import Universe
from volcast.data.guards import require_assets
from volcast.data.vintages import Vintage, vintages
from volcast.evaluation.ablation import Ablation, ablate
from volcast.evaluation.garch import garch_forecasts
from volcast.evaluation.regime_skill import RegimeSkill, regime_skill, turbulent_weeks
from volcast.evaluation.rows import scored
from volcast.evaluation.table import diagnostics
from volcast.evaluation.walkforward import Progress, walk_forward
from volcast.features.build import versions, with_context
from volcast.features.labels import as_of_their_end, realized
from volcast.features.point_in_time import labelled
from volcast.models.blend import Blend
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

__all__ = ["EvaluationResult", "evaluate"]


@dataclass(frozen=True)
class EvaluationResult:
    """A walk-forward and all that a report can show of it.

    Parameters
    ----------
    symbol : str
    first, as_of : date
        The sessions shown; the walk was made at the close of ``as_of``.
    all_rows : pandas.DataFrame
        Columns of an evaluation file and ``iv_symbol``, the index of implied volatility that was
        used; every session walked over.
    features : pandas.DataFrame
        What was walked forward on; rows as in ``all_rows``.
    blend : Blend or None
        The model of the last fold.
    iv : str
        The index of implied volatility that was used; empty for none.
    """

    symbol: str
    first: date
    as_of: date
    all_rows: pd.DataFrame
    features: pd.DataFrame
    blend: Blend | None
    iv: str = ""
    regimes: Sequence[RegimeSkill] = ()
    ablations: Sequence[Ablation] = ()

    @property
    def rows(self) -> pd.DataFrame:
        """The sessions shown, on the index of ``all_rows``."""
        return self.all_rows[self.all_rows["session"].between(self.first, self.as_of)]

    @cached_property
    def diagnostics(self) -> dict[str, dict[str, float]]:
        """Bias and confidence set of the sessions shown; see `volcast.evaluation.table`."""
        return diagnostics(scored(self.rows))

    def with_garch(self, store: Store, progress: Progress | None = None) -> "EvaluationResult":
        """Return the same with the GARCH baselines; ``store`` caches their fits."""
        fitted = garch_forecasts(self.features, store, progress=progress)
        return replace(self, all_rows=self.all_rows.assign(**fitted))

    def with_regime_skill(self, progress: Progress | None = None) -> "EvaluationResult":
        """Return the same with the worth of regimes measured on the sessions shown."""
        weeks = turbulent_weeks(self.features, self.all_rows["forecast"], progress)
        return replace(self, regimes=regime_skill(weeks.loc[self.rows.index]))

    def with_ablations(self, seed: int, progress: Progress | None = None) -> "EvaluationResult":
        """Return the same with the worth of each group of features, on the sessions shown."""
        return replace(self, ablations=ablate(self.features, self.rows, seed, progress=progress))


def evaluate(
    store: Store, universe: Universe, first: date, last: date, *,
    seed: int = 7, progress: Progress | None = None,
) -> EvaluationResult:  # fmt: skip
    """Walk forward over the whole history, to show the sessions from ``first`` to ``last``.

    The walk always begins where the history allows, so a session's forecast does not depend on
    these dates. Features and labels are computed from the prices known at each moment;
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
        Called with what is done, and of all.

    Raises
    ------
    ConfigError
        If the target is one of the universe's volatility indices.
    NotFound
        If the target has no curated row between the bounds.
    """
    own = store.read(CURATED_MARKET_DAILY, symbols=[universe.target]).to_pandas()
    require_assets(universe)
    if not own["session"].between(first, last).any():
        raise NotFound(
            found=f"no row of {universe.target} from {first} to {last} (symbols: "
            f"{', '.join(store.symbols(CURATED_MARKET_DAILY)) or 'none'})",
            expected="curated rows of the target", where=store.uri,
            remedy="Ingest the symbol, or name another with --target.",
        )  # fmt: skip
    if progress:
        progress("features as known then", 0, 1)
    rows = _rows_as_known(vintages(store, calendar.LAST, universe.symbols), store, universe, last)
    walked = walk_forward(rows, seed, progress)
    # Forecasts rest on what was known; they are scored by what is known now.
    today = realized(own, universe).set_index("session")["rv_5d"]
    iv = universe.iv if rows["iv"].notna().any() else ""
    result = walked.rows.assign(
        rv_5d=walked.rows["session"].map(today).astype(float), iv_symbol=iv or None
    )
    return EvaluationResult(universe.target, first, last, result, rows, walked.blend, iv)


def _rows_as_known(
    history: Sequence[Vintage], store: Store, universe: Universe, last: date
) -> pd.DataFrame:
    """Return the target's features and labels, each as known at its own moment."""
    features = with_context(versions(history, universe), store, universe)
    then = features["created_timestamp"] <= features["event_timestamp"]
    frame = features[then & (features["symbol"] == universe.target) & (features["session"] <= last)]
    labels = as_of_their_end(history, universe)
    return labelled(frame, labels[labels["symbol"] == universe.target], date.max)
