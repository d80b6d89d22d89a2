"""The folds of the walk-forward: what each is fitted on, and the guard against leaks.

Expanding window, cut each month; a fold trains on rows whose label ended before the fold's first
session, which purges the five sessions that overlap it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core.errors import ContractError
from volcast.models.recipe import RECIPES, Recipe, choose_name

__all__ = [
    "LONGER_HISTORY",
    "MIN_TRAINING",
    "Fold",
    "folds",
    "known_before",
    "narrowed",
    "refuse_leaks",
    "rows_at",
    "training_rows",
    "usable",
]

MIN_TRAINING = 756
"""Fewest training rows with range features before a first fold: three years."""

LONGER_HISTORY = (
    "Provide a longer history of the target: an evaluation needs about 1,030 sessions, a forecast "
    "about 1,290."
)
"""What to do about a history that is too short, as tables or in a store."""

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Rows ``[first, last)`` are forecast by what is fitted on rows whose label is known.

    ``known_at`` and ``training_at`` are positions of these, the latter of those that have the
    features of the recipe: three hundred folds of copies would take a gigabyte. ``forecast_at`` are
    the positions of the fold's own rows that have them.
    """

    first: int
    last: int
    known_at: Positions
    training_at: Positions
    forecast_at: Positions
    recipe: Recipe
    new_trees: bool


def narrowed(rows: pd.DataFrame, recipes: Mapping[str, Recipe] = RECIPES) -> pd.DataFrame:
    """Return the columns that the walk-forward reads, indexed from 0, and ``variance``."""
    features = dict.fromkeys(name for recipe in recipes.values() for name in recipe.signature)
    rv = rows["rv_5d"].astype(float)
    values = rows[list(features)].astype(float).assign(rv_5d=rv, variance=rv**2).copy()
    ends = pd.to_datetime(rows["label_end_session"])
    named = rows[["session", "symbol"]].assign(label_end_session=ends)
    return pd.concat([named, values], axis=1).reset_index(drop=True)


def known_before(rows: pd.DataFrame, before: date) -> Positions:
    """Return the positions of rows whose label had ended before the session ``before``."""
    ends = rows["label_end_session"]
    # Typed already in `narrowed` rows, for which this runs once in each of hundreds of folds.
    days = ends if ends.dtype.kind == "M" else pd.to_datetime(ends)
    return np.flatnonzero((days < pd.Timestamp(before)).to_numpy())


def rows_at(rows: pd.DataFrame, positions: Positions) -> pd.DataFrame:
    """Return the rows at sorted positions: a view where they follow each other."""
    if len(positions) and positions[-1] - positions[0] + 1 == len(positions):
        return rows.iloc[positions[0] : positions[-1] + 1]
    return rows.iloc[positions]


def training_rows(rows: pd.DataFrame, before: date) -> pd.DataFrame:
    """Return the rows whose label had ended before the session ``before``, with ``variance``.

    ``rows`` are features with ``session``, ``rv_5d`` and ``label_end_session``, sorted.
    """
    past = rows.iloc[known_before(rows, before)]
    return past.assign(variance=past["rv_5d"].astype(float) ** 2)


def usable(rows: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Return the rows that have every feature of the recipe that must be there."""
    return rows[rows[list(recipe.required)].notna().all(axis=1)]


def folds(rows: pd.DataFrame, recipes: Mapping[str, Recipe] = RECIPES) -> list[Fold]:
    """Cut `narrowed` rows at the first session of each month, once there is enough to train on."""
    months = pd.PeriodIndex(pd.to_datetime(rows["session"]), freq="M")
    starts = [i for i in range(len(rows)) if i == 0 or months[i] != months[i - 1]]
    ready = {
        name: rows[list(recipe.required)].notna().all(axis=1).to_numpy()
        for name, recipe in recipes.items()
    }
    has_range = rows["g252"].notna().to_numpy()
    cut: list[Fold] = []
    for first, last in zip(starts, [*starts[1:], len(rows)], strict=True):
        past = known_before(rows, rows["session"].iloc[first])
        if has_range[past].sum() < MIN_TRAINING:
            continue
        chosen = choose_name(ready["blend-iv"][past])
        recipe, training = recipes[chosen], past[ready[chosen][past]]
        own = first + np.flatnonzero(ready[chosen][first:last])
        fresh = not cut or months[first].month % 3 == 1 or cut[-1].recipe != recipe
        cut.append(Fold(first, last, past, training, own, recipe, fresh))
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
        used = np.concatenate([fold.known_at, fold.training_at])
        leaking = used[~(ends[used] < starts[fold.first]) | (used >= fold.first)]
        if len(leaking):
            row = rows.iloc[leaking.min()]
            raise ContractError(
                found=f"a fold from {rows['session'].iloc[fold.first]} fitted on the session "
                f"{row['session']}, whose label ends on {row['label_end_session']}",
                expected="labels that had ended before the fold", where="walk-forward",
                remedy="Cut folds in order of time, and purge the sessions before each.",
            )  # fmt: skip
