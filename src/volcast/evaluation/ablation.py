"""What each group of features is worth: the walk-forward again, with it and without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import pandas as pd

from volcast.evaluation.losses import gain
from volcast.evaluation.rows import PERIODS, scored
from volcast.evaluation.statistics import diebold_mariano
from volcast.evaluation.table import losses
from volcast.evaluation.walkforward import Progress, walk_forward
from volcast.features.catalog import Group, names
from volcast.models.recipe import RECIPES, Recipe

__all__ = ["ADDED", "REMOVED", "Ablation", "ablate", "with_group", "without"]

ADDED: tuple[Group, ...] = ("macro", "regime", "cross")
"""Groups that the recipe does not use; the trees are given their columns, null where they are."""

REMOVED: Mapping[str, tuple[str, ...]] = {
    "scaled returns": ("ret_1_scaled", "ret_5_scaled", "ret_22_scaled"),
    "drawdown and largest move": ("drawdown_66", "max_move_22"),
    "moves of implied volatility": (
        "iv_change_1", "iv_change_5", "iv_less_mean22", "iv_less_min252",
    ),
}  # fmt: skip
"""Columns of the recipe that are left out together."""

Kind = Literal["added", "removed"]


@dataclass(frozen=True)
class Ablation:
    """The recipe with a group of columns against it without, on the same rows.

    Parameters
    ----------
    group : str
    kind : {"added", "removed"}
        Whether the group was added to the recipe, which does without it, or taken out of it.
    period : str
    rows : int
    with_group, without : float
        Mean QLIKE.
    gain : float
        Share of the QLIKE without the group that the group saves; negative where it harms.
    p_better : float
        One-sided Diebold-Mariano p-value of "the group is no help".
    """

    group: str
    kind: Kind
    period: str
    rows: int
    with_group: float
    without: float
    gain: float
    p_better: float


def with_group(group: Group, recipes: Mapping[str, Recipe] = RECIPES) -> dict[str, Recipe]:
    """Return the recipes, their trees given the columns of a further group."""
    columns = tuple(names(group))
    return {
        name: replace(
            recipe,
            tree_features=(*recipe.tree_features, *columns),
            optional_features=(*recipe.optional_features, *columns),
        )
        for name, recipe in recipes.items()
    }


def without(columns: Sequence[str], recipes: Mapping[str, Recipe] = RECIPES) -> dict[str, Recipe]:
    """Return the recipes without these columns, in trees and regression."""
    left_out = set(columns)

    def remaining(features: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in features if name not in left_out)

    return {
        name: replace(
            recipe,
            tree_features=remaining(recipe.tree_features),
            linear_features=remaining(recipe.linear_features),
        )
        for name, recipe in recipes.items()
    }


def ablate(
    rows: pd.DataFrame, walked: pd.DataFrame, seed: int, *,
    progress: Progress | None = None,
) -> list[Ablation]:  # fmt: skip
    """Walk forward with each group added, and with each taken out.

    Parameters
    ----------
    rows : pandas.DataFrame
        What was walked forward on.
    walked : pandas.DataFrame
        The recipe's own evaluation on them.
    seed : int
        Of the trees.
    progress : callable or None
        Called with the count of walks done, and of all.

    Returns
    -------
    list of Ablation
        A group and period each; groups without a value on any row are left out.
    """
    altered: list[tuple[str, Kind, dict[str, Recipe]]] = [
        (group, "added", with_group(group))
        for group in ADDED
        if rows[names(group)].notna().any(axis=None)
    ]
    altered += [(name, "removed", without(columns)) for name, columns in REMOVED.items()]
    measured: list[Ablation] = []
    for i, (group, kind, recipes) in enumerate(altered):
        other = walk_forward(rows, seed, recipes=recipes).rows
        measured += _comparisons(group, kind, walked, other)
        if progress:
            progress(i + 1, len(altered))
    return measured


def _comparisons(
    group: str, kind: Kind, walked: pd.DataFrame, other: pd.DataFrame
) -> list[Ablation]:
    both = walked.merge(other[["session", "forecast"]], on="session", suffixes=("", "_other"))
    both = both[both["forecast_other"].notna()]
    spans = {"all": (date.min, date.max), **PERIODS}
    measured = []
    for period, span in spans.items():
        part = scored(both[both["session"].between(*span)])
        if part.empty:
            continue
        own, changed = losses(part, "forecast"), losses(part, "forecast_other")
        having, lacking = (changed, own) if kind == "added" else (own, changed)
        measured.append(
            Ablation(
                group=group,
                kind=kind,
                period=period,
                rows=len(part),
                with_group=float(having.mean()),
                without=float(lacking.mean()),
                gain=gain(having, lacking),
                p_better=diebold_mariano(having, lacking),
            )
        )
    return measured
