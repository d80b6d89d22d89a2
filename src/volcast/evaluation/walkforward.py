"""Walk forward: every forecast made with what was known at its session's close, and no more.

Expanding window; trees refitted each quarter, the regression, baselines and intervals each month.
A fold trains on rows whose label ended before the fold's first session, which purges the five
sessions that overlap it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast import calendar
from volcast.errors import ContractError
from volcast.evaluation.columns import EVALUATION_COLUMNS
from volcast.models.baselines import fit_baselines
from volcast.models.blend import Blend, fit_blend, tree_data
from volcast.models.conformal import Calibration, Offsets
from volcast.models.recipe import RECIPES, Recipe, choose
from volcast.models.trees import Trees, fit_trees

__all__ = [
    "MIN_TRAINING",
    "Fold",
    "Progress",
    "WalkForward",
    "folds",
    "refuse_leaks",
    "training_rows",
    "usable",
    "walk_forward",
]

MIN_TRAINING = 756
"""Fewest training rows with range features before a first fold: three years."""

Progress = Callable[[int, int], None]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Rows ``[first, last)`` are forecast by what is fitted on rows whose label is known.

    ``known`` and ``training`` take these out of all rows, the latter those that have the features
    of the recipe: positions alone are kept, for three hundred folds of copies would take a
    gigabyte.
    """

    first: int
    last: int
    known_at: Positions
    training_at: Positions
    recipe: Recipe
    new_trees: bool

    def known(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows whose label had ended before the fold."""
        return _with_variance(rows.iloc[self.known_at])

    def training(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the known rows that the recipe can be fitted on."""
        return _with_variance(rows.iloc[self.training_at])


@dataclass(frozen=True)
class WalkForward:
    """The forecasts, one row a session, and what the intervals have learnt from them.

    ``blend`` is the model of the last fold, ``recipe`` what that fold chose.
    """

    rows: pd.DataFrame
    calibration: Calibration
    recipe: Recipe
    blend: Blend | None


def training_rows(rows: pd.DataFrame, before: date) -> pd.DataFrame:
    """Return the rows whose label had ended before the session ``before``.

    Parameters
    ----------
    rows : pandas.DataFrame
        Features with ``session``, ``rv_5d`` (null while unknown) and ``label_end_session``;
        sorted by session.
    """
    ended = rows["label_end_session"].notna() & (rows["label_end_session"] < before)
    return _with_variance(rows[ended])


def _with_variance(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(variance=rows["rv_5d"].astype(float) ** 2)


def _positions(rows: pd.DataFrame) -> Positions:
    return rows.index.to_numpy(dtype=np.int64)


def usable(rows: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Return the rows that have every feature of the recipe that must be there."""
    return rows[rows[list(recipe.required)].notna().all(axis=1)]


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
        Called with the count of tree fits done, and of all.
    recipes : mapping
        What each fold chooses from, as `volcast.models.recipe.choose` says.

    Returns
    -------
    WalkForward
        ``rows`` has `EVALUATION_COLUMNS`, those of GARCH null; a session before the first fold,
        or without the features, has null forecasts.

    Raises
    ------
    ContractError
        If no session has enough training rows.
    """
    rows = rows.reset_index(drop=True)
    cut = folds(rows, recipes)
    if not cut:
        raise ContractError(
            found=f"{len(rows)} sessions", expected=f"at least {MIN_TRAINING} training rows",
            where="walk-forward", remedy="Ingest a longer history of the target.",
        )  # fmt: skip
    refuse_leaks(rows, cut)
    trees = _fit_all_trees(rows, cut, seed, progress)
    result = pd.DataFrame({name: np.nan for name in EVALUATION_COLUMNS[3:]}, index=rows.index)
    calibration, learnt = Calibration(), 0
    in_force: dict[int, Offsets | None] = {}
    blend: Blend | None = None
    for fold, fold_trees in zip(cut, trees, strict=True):
        learnt = _learn(calibration, rows, result, in_force, learnt, fold.first)
        offsets = calibration.offsets()
        block = rows.iloc[fold.first : fold.last]
        ready = usable(block, fold.recipe)
        in_force |= dict.fromkeys(ready.index, offsets)
        for name, values in fit_baselines(fold.known(rows)).forecast(block).items():
            result.loc[block.index, name] = values
        if len(ready):
            blend = fit_blend(fold.recipe, fold.training(rows), seed, trees=fold_trees)
            _forecast_fold(result, ready, blend, offsets)
    _learn(calibration, rows, result, in_force, learnt, len(rows))
    whole = pd.concat([rows[["session", "symbol", "rv_5d"]], result], axis=1)
    return WalkForward(whole[list(EVALUATION_COLUMNS)], calibration, cut[-1].recipe, blend)


def folds(rows: pd.DataFrame, recipes: Mapping[str, Recipe] = RECIPES) -> list[Fold]:
    """Cut the rows at the first session of each month, from the first with enough behind it.

    Parameters
    ----------
    rows : pandas.DataFrame
        As for `walk_forward`, indexed from 0.
    recipes : mapping
        As for `walk_forward`.
    """
    months = pd.PeriodIndex(pd.to_datetime(rows["session"]), freq="M")
    starts = [i for i in range(len(rows)) if i == 0 or months[i] != months[i - 1]]
    cut: list[Fold] = []
    for first, last in zip(starts, [*starts[1:], len(rows)], strict=True):
        known = training_rows(rows, rows["session"].iloc[first])
        if known["g252"].notna().sum() < MIN_TRAINING:
            continue
        recipe = choose(known, recipes)
        training = usable(known, recipe)
        fresh = not cut or months[first].month % 3 == 1 or cut[-1].recipe != recipe
        cut.append(Fold(first, last, _positions(known), _positions(training), recipe, fresh))
    return cut


def refuse_leaks(rows: pd.DataFrame, cut: Sequence[Fold]) -> None:
    """Raise unless every fold is fitted on what was known before its first session, and no more.

    A shuffled split, or one without the purge of the sessions whose label reaches into the fold,
    flatters every number that follows.

    Raises
    ------
    ContractError
        Naming the first fold and row at fault.
    """
    ends = pd.to_datetime(rows["label_end_session"]).to_numpy()
    starts = pd.to_datetime(rows["session"]).to_numpy()
    for fold in cut:
        used = np.union1d(fold.known_at, fold.training_at)
        leaking = used[~(ends[used] < starts[fold.first]) | (used >= fold.first)]
        if len(leaking):
            row = rows.iloc[leaking[0]]
            raise ContractError(
                found=f"a fold from {rows['session'].iloc[fold.first]} fitted on the session "
                f"{row['session']}, whose label ends on {row['label_end_session']}",
                expected="labels that had ended before the fold", where="walk-forward",
                remedy="Cut folds in order of time, and purge the sessions before each.",
            )  # fmt: skip


def _fit_all_trees(
    rows: pd.DataFrame, cut: list[Fold], seed: int, progress: Progress | None
) -> list[Trees]:
    """Fit the trees of all folds, side by side: a fit has one thread and no memory of another."""
    fresh = [fold for fold in cut if fold.new_trees]

    def fit(fold: Fold) -> Trees:
        return fit_trees(
            *tree_data(fold.recipe, fold.training(rows)), seed, fold.recipe.tree_parameters
        )

    fitted: list[Trees] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for trees in pool.map(fit, fresh):
            fitted.append(trees)
            if progress:
                progress(len(fitted), len(fresh))
    position = np.cumsum([fold.new_trees for fold in cut]) - 1
    return [fitted[i] for i in position]


def _forecast_fold(
    result: pd.DataFrame, ready: pd.DataFrame, blend: Blend, offsets: Offsets | None
) -> None:
    x = ready[list(blend.recipe.features)].to_numpy(dtype=float)
    half = blend.log_variance(x) / 2
    result.loc[ready.index, "forecast"] = np.exp(half)
    for name, value in (offsets or {}).items():
        result.loc[ready.index, name] = np.exp(half + value)


def _learn(
    calibration: Calibration, rows: pd.DataFrame, result: pd.DataFrame,
    in_force: dict[int, Offsets | None], start: int, first: int,
) -> int:  # fmt: skip
    """Teach the residuals that became known before row ``first``; return where to go on."""
    before = rows["session"].iloc[first] if first < len(rows) else date.max
    position = start
    while (
        position < first
        and calendar.after(rows["session"].iloc[position], calendar.HORIZON) < before
    ):
        forecast, outcome = result["forecast"].iloc[position], rows["rv_5d"].iloc[position]
        # A window over a missing session has no outcome, now or ever.
        if np.isfinite(forecast) and pd.notna(outcome):
            calibration.learn(float(np.log(outcome / forecast)), in_force[position])
        position += 1
    return position
