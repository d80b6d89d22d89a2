"""Walk forward: every forecast made with what was known at its session's close, and no more.

Trees are refitted each quarter; the regression, baselines and intervals each month.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.evaluation.folds import (
    LONGER_HISTORY,
    MIN_TRAINING,
    Fold,
    folds,
    narrowed,
    refuse_leaks,
    rows_at,
)  # fmt: skip
from volcast.evaluation.rows import EVALUATION_COLUMNS
from volcast.models.baselines import fit_baselines
from volcast.models.blend import Blend, fit_blend, tree_data
from volcast.models.intervals import Calibration, Offsets
from volcast.models.recipe import RECIPES, Recipe
from volcast.models.trees import Trees, fit_trees

__all__ = ["Progress", "WalkForward", "walk_forward"]

Progress = Callable[[str, int, int], None]
"""Takes what is counted, how many are done, and of how many; 0 of 1 is one that has begun."""


@dataclass(frozen=True)
class WalkForward:
    """The forecasts, one row a session, and what the intervals have learnt from them.

    ``blend`` is the model of the last fold, ``recipe`` what that fold chose.
    """

    rows: pd.DataFrame
    calibration: Calibration
    recipe: Recipe
    blend: Blend | None


def walk_forward(
    rows: pd.DataFrame, seed: int, progress: Progress | None = None,
    recipes: Mapping[str, Recipe] = RECIPES,
) -> WalkForward:  # fmt: skip
    """Forecast every session that has three years of training rows before it.

    Parameters
    ----------
    rows : pandas.DataFrame
        Features of one symbol with ``session``, ``symbol``, ``rv_5d`` and ``label_end_session``,
        one row a session, sorted.
    seed : int
        Of the trees.
    progress : callable or None
        Called with the tree fits done, and of all; then with the months forecast.
    recipes : mapping
        What each fold chooses from, by `volcast.models.recipe.choose`.

    Returns
    -------
    WalkForward
        ``rows`` has `EVALUATION_COLUMNS`, those of GARCH null; a session before the first fold,
        or without the features, has null forecasts.

    Raises
    ------
    ContractError
        If no session has enough training rows.

    Examples
    --------
    Noise in place of features; the first forecasts come after three years of labels.

    >>> from datetime import date
    >>> from volcast.features.catalog import names
    >>> rng, days = np.random.default_rng(0), calendar.sessions(date(2015, 1, 2), date(2018, 3, 1))
    >>> rows = pd.DataFrame({name: rng.normal(-4, 0.5, len(days)) for name in names()})
    >>> rows = rows.assign(session=days, symbol="SPY", rv_5d=rng.uniform(0.1, 0.3, len(days)))
    >>> rows["label_end_session"] = [calendar.after(day, calendar.HORIZON) for day in days]
    >>> walked = walk_forward(rows, seed=7).rows
    >>> walked.loc[walked["forecast"].notna(), "session"].min()
    datetime.date(2018, 2, 1)
    """
    rows = rows.reset_index(drop=True)
    data = narrowed(rows, recipes)
    cut = folds(data, recipes)
    if not cut:
        raise ContractError(
            found=f"{len(rows)} sessions", expected=f"at least {MIN_TRAINING} training rows",
            where="walk-forward", remedy=LONGER_HISTORY,
        )  # fmt: skip
    refuse_leaks(data, cut)
    walk = _Walk(data)
    fitted = _fit_all_trees(data, cut, seed, progress)
    for done, (fold, trees) in enumerate(zip(cut, fitted, strict=True), start=1):
        walk.forecast(fold, trees, seed)
        if progress:
            progress("months", done, len(cut))
    walk.learn(len(data))
    whole = rows[["session", "symbol", "rv_5d"]].assign(**walk.values)
    return WalkForward(
        whole[list(EVALUATION_COLUMNS)], walk.calibration, cut[-1].recipe, walk.blend
    )


class _Walk:
    """The state carried from fold to fold: forecasts made, and what was learnt from outcomes."""

    def __init__(self, data: pd.DataFrame) -> None:
        self.data, self.calibration = data, Calibration()
        self.blend: Blend | None = None
        self.values = {name: np.full(len(data), np.nan) for name in EVALUATION_COLUMNS[3:]}
        self._in_force: list[Offsets | None] = [None] * len(data)
        self._sessions = pd.to_datetime(data["session"]).to_numpy()
        self._outcomes = data["rv_5d"].to_numpy(dtype=float)
        # The session at whose close each outcome is known, or would be.
        self._known_on = data["label_end_session"].to_numpy(copy=True)
        for i in np.flatnonzero(np.isnat(self._known_on)):
            end = calendar.after(data["session"].iloc[i], calendar.HORIZON)
            self._known_on[i] = np.datetime64(end)
        self._learnt = 0

    def forecast(self, fold: Fold, trees: Trees, seed: int) -> None:
        """Fit what is fitted monthly, and forecast the fold's sessions."""
        self.learn(fold.first)
        offsets = self.calibration.offsets()
        block = self.data.iloc[fold.first : fold.last]
        self._in_force[fold.first : fold.last] = [offsets] * len(block)
        baselines = fit_baselines(rows_at(self.data, fold.known_at))
        for name, values in baselines.forecast(block).items():
            self.values[name][fold.first : fold.last] = values
        at = fold.forecast_at
        if not len(at):
            return
        training = rows_at(self.data, fold.training_at)
        self.blend = fit_blend(fold.recipe, training, seed, trees=trees)
        x = rows_at(self.data, at)[list(fold.recipe.features)].to_numpy(dtype=float)
        half = self.blend.log_variance(x) / 2
        self.values["forecast"][at] = np.exp(half)
        for name, value in (offsets or {}).items():
            self.values[name][at] = np.exp(half + value)

    def learn(self, first: int) -> None:
        """Teach the residuals of forecasts whose outcome was known before row ``first``."""
        while self._learnt < first and (
            first == len(self.data) or self._known_on[self._learnt] < self._sessions[first]
        ):
            outcome = self._outcomes[self._learnt]
            forecast = self.values["forecast"][self._learnt]
            # A window over a missing session has no outcome, now or ever.
            if np.isfinite(forecast) and np.isfinite(outcome):
                residual = float(np.log(outcome / forecast))
                self.calibration.learn(residual, self._in_force[self._learnt])
            self._learnt += 1


def _fit_all_trees(
    data: pd.DataFrame, cut: Sequence[Fold], seed: int, progress: Progress | None
) -> list[Trees]:
    """Fit the trees of all folds, side by side: a fit has one thread and no memory of another."""

    def fit(fold: Fold) -> Trees:
        x, log_ratio = tree_data(fold.recipe, rows_at(data, fold.training_at))
        return fit_trees(x, log_ratio, seed, fold.recipe.tree_parameters)

    fresh = [fold for fold in cut if fold.new_trees]
    fitted: list[Trees] = []
    if progress:
        progress("trees", 0, len(fresh))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for trees in pool.map(fit, fresh):
            fitted.append(trees)
            if progress:
                progress("trees", len(fitted), len(fresh))
    position = np.cumsum([fold.new_trees for fold in cut]) - 1
    return [fitted[i] for i in position]
