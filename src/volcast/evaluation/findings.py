"""What a walk-forward found on one symbol, and what was made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd

from volcast.evaluation.ablation import Ablation, ablate
from volcast.evaluation.garch import garch_forecasts
from volcast.evaluation.regime_skill import RegimeSkill, regime_skill, turbulent_weeks
from volcast.evaluation.rows import scored
from volcast.evaluation.table import diagnostics
from volcast.evaluation.walkforward import Progress
from volcast.models.blend import Blend
from volcast.store import Store

__all__ = ["Findings"]


@dataclass(frozen=True)
class Findings:
    """A walk-forward and all that a report can show of it.

    Parameters
    ----------
    symbol : str
    first, as_of : date
        The sessions shown are those from ``first`` on; the walk was made at the close of
        ``as_of``.
    whole : pandas.DataFrame
        Columns of an evaluation file, every session walked over.
    features : pandas.DataFrame
        What was walked forward on; rows as in ``whole``.
    blend : Blend or None
        The model of the last fold.
    regimes : sequence of RegimeSkill
    ablations : sequence of Ablation
    """

    symbol: str
    first: date
    as_of: date
    whole: pd.DataFrame
    features: pd.DataFrame
    blend: Blend | None
    regimes: Sequence[RegimeSkill] = ()
    ablations: Sequence[Ablation] = ()

    @property
    def rows(self) -> pd.DataFrame:
        """The sessions shown, on the index of ``whole``."""
        return self.whole[self.whole["session"].between(self.first, self.as_of)]

    @cached_property
    def diagnostics(self) -> dict[str, dict[str, Any]]:
        """Bias and confidence set of the sessions shown; see `volcast.evaluation.table`."""
        return diagnostics(scored(self.rows))

    def with_garch(self, store: Store, progress: Progress | None = None) -> "Findings":
        """Return the same with the GARCH baselines; ``store`` keeps their fits."""
        fitted = garch_forecasts(self.features, store, progress=progress)
        return replace(self, whole=self.whole.assign(**fitted))

    def with_regime_skill(self) -> "Findings":
        """Return the same with the worth of regimes measured on the sessions shown."""
        weeks = turbulent_weeks(self.features, self.whole["forecast"])
        return replace(self, regimes=regime_skill(weeks.loc[self.rows.index]))

    def with_ablations(self, seed: int, progress: Progress | None = None) -> "Findings":
        """Return the same with the worth of each group of features, on the sessions shown."""
        return replace(self, ablations=ablate(self.features, self.rows, seed, progress=progress))
