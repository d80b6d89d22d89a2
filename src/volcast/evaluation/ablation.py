"""What each group of features is worth: the walk-forward again, with it and without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import pandas as pd

from volcast.evaluation.losses import gain
from volcast.evaluation.rows import in_periods, scored
from volcast.evaluation.statistics import diebold_mariano
from volcast.evaluation.table import losses
from volcast.evaluation.walkforward import Progress, walk_forward
from volcast.features.catalog import Group, names
from volcast.models.recipe import RECIPES, Recipe

__all__ = ["ADDED", "REMOVED", "Ablation", "ablate", "with_group", "without"]

ADDED: Mapping[str, Group] = {
    "macroeconomic series": "macro", "market regimes": "regime", "other symbols": "cross",
}  # fmt: skip
"""Groups that the recipe does not use; the trees are given their columns, null where they are."""

REMOVED: Mapping[str, tuple[str, ...]] = {
    "scaled returns": ("ret_1_scaled", "ret_5_scaled", "ret_22_scaled"),
    "drawdown and largest move": ("drawdown_66", "max_move_22"),
    "moves of implied volatility": (
        "iv_change_1", "iv_change_5", "iv_less_mean22", "iv_less_min252",
    ),
    "scheduled events": ("event_weight",),
    "nine-day implied volatility": ("iv_9d_surprise",),
}  # fmt: skip
"""Columns of the recipe that are left out together."""

Kind = Literal["added", "removed"]


@dataclass(frozen=True)
class Ablation:
    """The recipe with a group of columns compared with it without, on the same rows.

    Parameters
    ----------
    group, period : str
    kind : {"added", "removed"}
        Whether the group was added to the recipe, which does without it, or taken out of it.
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
    """Return the recipes without these columns, wherever they enter."""
    return {
        name: replace(
            recipe,
            tree_features=tuple(f for f in recipe.tree_features if f not in columns),
            linear_features=tuple(f for f in recipe.linear_features if f not in columns),
            fixed_shares={f: s for f, s in recipe.fixed_shares.items() if f not in columns},
        )
        for name, recipe in recipes.items()
    }


def ablate(
    rows: pd.DataFrame, walked: pd.DataFrame, seed: int, *, progress: Progress | None = None
) -> list[Ablation]:
    """Walk forward with each group added that has a value, and with each taken out that varies.

    Parameters
    ----------
    rows : pandas.DataFrame
        What was walked forward on.
    walked : pandas.DataFrame
        The recipe's own evaluation on them.
    """
    altered: list[tuple[str, Kind, dict[str, Recipe]]] = [
        *(
            (name, "added", with_group(group))
            for name, group in ADDED.items()
            if rows[names(group)].notna().any(axis=None)
        ),
        *(
            (name, "removed", without(columns))
            for name, columns in REMOVED.items()
            if rows[list(columns)].nunique().gt(1).any()
        ),
    ]
    measured: list[Ablation] = []
    for i, (group, kind, recipes) in enumerate(altered, start=1):
        walk = f"walk {i} of {len(altered)} of the ablation, {group} {kind}: "
        shown = partial(_named, progress, walk) if progress else None
        other = walk_forward(rows, seed, shown, recipes).rows[["session", "forecast"]]
        both = scored(walked.merge(other, on="session", suffixes=("", "_other")))
        for period, part in in_periods(both[both["forecast_other"].notna()]).items():
            measured.append(_measured(group, kind, period, part))
    return measured


def _named(progress: Progress, walk: str, what: str, done: int, total: int) -> None:
    progress(walk + what, done, total)


def _measured(group: str, kind: Kind, period: str, rows: pd.DataFrame) -> Ablation:
    own, other = losses(rows, "forecast"), losses(rows, "forecast_other")
    having, lacking = (other, own) if kind == "added" else (own, other)
    return Ablation(
        group=group,
        kind=kind,
        period=period,
        rows=len(rows),
        with_group=float(having.mean()),
        without=float(lacking.mean()),
        gain=gain(having, lacking),
        p_better=diebold_mariano(having, lacking),
    )
