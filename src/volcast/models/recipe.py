"""Recipes: which features a model uses, and against which anchor it forecasts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from volcast.core import calendar
from volcast.features.catalog import names
from volcast.models.trees import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BASELINE_INPUTS", "RECIPES", "Recipe", "choose", "choose_name"]

BASELINE_INPUTS = (
    "rv_1", "rv_5", "rv_22", "ewma94", "vix",
    "g252", "g1_less_g252", "g5_less_g252", "g22_less_g252",
)  # fmt: skip
"""Features that the baselines need; a null costs a baseline, never the forecast."""

_FEWEST_IMPLIED = 504


@dataclass(frozen=True)
class Recipe:
    """A way to build the model; all of it is data, so that a version carries its own.

    Parameters
    ----------
    name : str
        What to call it.
    anchor : str
        The feature, a log variance, that the trees forecast against.
    anchor_shares : dict of float
        Features whose multiples are added to the anchor: with a third each of g5_less_g252 and
        g22_less_g252 on g252 it is the mean of three log variances. Trees cannot forecast beyond
        their training rows; an anchor that follows the market does it for them.
    tree_features, linear_features : tuple of str
        Inputs of the trees and of the gamma regression.
    tree_weight : float
        Share of the trees in the mean of log variances.
    tree_parameters : dict
        XGBoost's own.
    fixed_shares : dict of float
        Features whose multiples are added to the log variance of both parts; neither learns them.
    optional_features : tuple of str
        Those of the trees' inputs that may be null, as where a series begins late.
    """

    name: str
    anchor: Literal["iv", "g252"]
    tree_features: tuple[str, ...]
    linear_features: tuple[str, ...]
    tree_weight: float = 0.5
    tree_parameters: dict[str, object] = field(default_factory=lambda: dict(PARAMETERS))
    anchor_shares: dict[str, float] = field(default_factory=dict)
    fixed_shares: dict[str, float] = field(default_factory=dict)
    optional_features: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, for a file."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Recipe":
        """Return the recipe that `as_dict` gave; KeyError or TypeError if it is none."""
        lists = ("tree_features", "linear_features", "optional_features")
        named = {name: tuple(stored[name]) for name in lists}
        return cls(**(dict(stored) | named))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Every feature of the model itself, in the order of its signature."""
        return tuple(dict.fromkeys((self.anchor, *self.tree_features, *self.linear_inputs)))

    @property
    def linear_inputs(self) -> tuple[str, ...]:
        """Inputs of the regression and, last, those whose coefficients are the fixed shares."""
        return (*self.linear_features, *sorted(self.fixed_shares))

    @property
    def anchor_terms(self) -> dict[str, float]:
        """Features that the anchor is the weighted sum of; all among `features`."""
        # Sorted, for a file does not preserve their order.
        shares = self.anchor_shares | self.fixed_shares
        return {self.anchor: 1.0} | dict(sorted(shares.items()))

    def anchor_parts(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the terms of the anchor, f8[n, terms], of rows x, f8[n, k], as `features`."""
        at = [self.features.index(name) for name in self.anchor_terms]
        parts: NDArray[np.float64] = x[:, at] * np.array(list(self.anchor_terms.values()))
        return parts

    @property
    def required(self) -> tuple[str, ...]:
        """Features without which there is no forecast."""
        return tuple(name for name in self.features if name not in self.optional_features)

    @cached_property
    def signature(self) -> tuple[str, ...]:
        """The model's features first, then what else the baselines need."""
        return tuple(dict.fromkeys((*self.features, *BASELINE_INPUTS)))


def _scale_free(group: Literal["iv", "range"], anchor: str) -> tuple[str, ...]:
    return tuple(name for name in names(group, "common") if name != anchor)


_SCALED_RETURNS = ("ret_1_scaled", "ret_5_scaled", "ret_22_scaled")

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="blend-iv",
            anchor="iv",
            tree_features=_scale_free("iv", "iv"),
            linear_features=(
                "iv", "g1_less_iv", "g5_less_iv", "g22_less_iv", "iv_less_mean22", *_SCALED_RETURNS,
            ),
            fixed_shares={"event_weight": 0.5, "iv_9d_surprise": 0.5},
        ),
        Recipe(
            name="blend-range",
            anchor="g252",
            tree_features=_scale_free("range", "g252"),
            linear_features=(
                "g252", "g1_less_g252", "g5_less_g252", "g22_less_g252", "g66_less_g252",
                *_SCALED_RETURNS,
            ),
            anchor_shares={"g5_less_g252": 1 / 3, "g22_less_g252": 1 / 3},
            fixed_shares={"event_weight": 0.75},
        ),
    )
}  # fmt: skip
"""blend-iv where there is implied volatility, blend-range where there is none."""


def choose(training: "pd.DataFrame", recipes: Mapping[str, Recipe] = RECIPES) -> Recipe:
    """Choose the recipe that the training rows can feed.

    blend-iv where at least two years of rows have implied volatility, one of the last five among
    them; on the embedded sample, two years of it did 7 % better than all years without.

    Parameters
    ----------
    training : pandas.DataFrame
        Every feature, one row a session, sorted.
    recipes : mapping
        One each under the names of `RECIPES`.
    """
    ready = training[list(recipes["blend-iv"].required)].notna().all(axis=1)
    return recipes[choose_name(ready.to_numpy())]


def choose_name(ready: NDArray[np.bool_]) -> str:
    """Return the name that `choose` chooses, from which rows have the features of blend-iv."""
    enough = ready.sum() >= _FEWEST_IMPLIED and ready[-calendar.HORIZON :].any()
    return "blend-iv" if enough else "blend-range"
