"""The model: trees and a gamma regression, averaged in log variance, so that both explain it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from volcast.models.gamma import GammaRegression, fit_gamma
from volcast.models.recipe import Recipe
from volcast.models.trees import Trees, fit_trees

if TYPE_CHECKING:
    import pandas as pd

if TYPE_CHECKING:
    import shap

__all__ = ["Blend", "Explanation", "fit_blend", "linear_data", "tree_data"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """``base + contributions.sum(axis=1)`` is log variance; ``base`` is that at the mean features.

    ``contributions`` are f8[n, k], one column a feature of the recipe, in its order.
    """

    base: float
    contributions: Floats


@dataclass(frozen=True)
class Blend:
    """The mean of both parts' log variance; rows x are f8[n, k], as ``recipe.features``.

    ``anchor_means`` are the means of the anchor's terms over the training rows.
    """

    recipe: Recipe
    trees: Trees
    linear: GammaRegression
    anchor_means: Floats

    def log_variance(self, x: Floats) -> Floats:
        """Return log annualised variance, f8[n]."""
        tree_columns, linear_columns, _ = self._positions
        anchor: Floats = self.recipe.anchor_parts(x).sum(axis=1)
        of_trees = anchor + self.trees.log_ratio(x[:, tree_columns])
        of_linear = self.linear.log_variance(x[:, linear_columns])
        share = self.recipe.tree_weight
        return share * of_trees + (1 - share) * of_linear

    def explain(self, x: Floats) -> Explanation:
        """Explain each row: tree SHAP values and linear terms, added up by feature."""
        tree_columns, linear_columns, anchor = self._positions
        base, shap = self.trees.contributions(x[:, tree_columns])
        linear = (x[:, linear_columns] - self.linear.means) * self.linear.coefficients
        share, parts = self.recipe.tree_weight, np.zeros_like(x)
        parts[:, tree_columns] += share * shap
        parts[:, anchor] += share * (self.recipe.anchor_parts(x) - self.anchor_means)
        parts[:, linear_columns] += (1 - share) * linear
        at_mean = float(self.linear.log_variance(self.linear.means[None, :])[0])
        whole = share * (float(self.anchor_means.sum()) + base) + (1 - share) * at_mean
        return Explanation(whole, parts)

    def shap_explanation(self, x: Floats) -> "shap.Explanation":
        """Return `explain` as the shap package has it, for its users and for charts."""
        import shap

        why = self.explain(x)
        return shap.Explanation(
            why.contributions,
            base_values=np.full(len(x), why.base),
            data=x,
            feature_names=list(self.recipe.features),
        )

    @cached_property
    def _positions(self) -> tuple[list[int], list[int], list[int]]:
        """Positions of the inputs of trees, regression and anchor among the features."""
        recipe = self.recipe
        at = {name: i for i, name in enumerate(recipe.features)}
        groups = (recipe.tree_features, recipe.linear_inputs, recipe.anchor_terms)
        trees, linear, anchor = ([at[name] for name in group] for group in groups)
        return trees, linear, anchor


def fit_blend(
    recipe: Recipe, rows: "pd.DataFrame", seed: int, *, trees: Trees | None = None
) -> Blend:
    """Fit the blend.

    Parameters
    ----------
    recipe : Recipe
        What to fit.
    rows : pandas.DataFrame
        The recipe's features, all finite, and ``variance``, realized and annualised.
    seed : int
        Of the trees.
    trees : Trees or None
        Trees to keep from an earlier fit: they are refitted less often than the regression.

    Examples
    --------
    >>> from volcast.models.recipe import RECIPES
    >>> recipe, rng = RECIPES["blend-iv"], np.random.default_rng(0)
    >>> import pandas as pd
    >>> rows = pd.DataFrame({name: rng.normal(-4, 0.5, 300) for name in recipe.features})
    >>> rows["variance"] = np.exp(rows["iv"] + rng.normal(0, 0.3, 300))
    >>> blend = fit_blend(recipe, rows, seed=7)
    >>> x = rows[list(recipe.features)].to_numpy()
    >>> why = blend.explain(x)
    >>> total = why.base + why.contributions.sum(axis=1)
    >>> bool(np.abs(total - blend.log_variance(x)).max() < 1e-4)
    True
    """
    if trees is None:
        trees = fit_trees(*tree_data(recipe, rows), seed, recipe.tree_parameters)
    linear = _with_fixed(recipe, rows, fit_gamma(*linear_data(recipe, rows)))
    anchor = recipe.anchor_parts(rows[list(recipe.features)].to_numpy(dtype=float))
    return Blend(recipe, trees, linear, anchor.mean(axis=0))


def tree_data(recipe: Recipe, rows: "pd.DataFrame") -> tuple[Floats, Floats]:
    """Return what the trees are fitted on: inputs f8[n, k], and log variance less the anchor."""
    anchor = recipe.anchor_parts(rows[list(recipe.features)].to_numpy(dtype=float))
    x = rows[list(recipe.tree_features)].to_numpy(dtype=float)
    return x, np.log(rows["variance"].to_numpy(dtype=float)) - anchor.sum(axis=1)


def linear_data(recipe: Recipe, rows: "pd.DataFrame") -> tuple[Floats, Floats]:
    """Return what the gamma regression is fitted on: inputs f8[n, k], and variance.

    The variance is over the exponential of the fixed shares, which the fit is not to learn.
    """
    x = rows[list(recipe.linear_features)].to_numpy(dtype=float)
    names, shares = list(recipe.fixed_shares), list(recipe.fixed_shares.values())
    offset = rows[names].to_numpy(dtype=float) @ np.array(shares, dtype=float)
    return x, rows["variance"].to_numpy(dtype=float) * np.exp(-offset)


def _with_fixed(recipe: Recipe, rows: "pd.DataFrame", fit: GammaRegression) -> GammaRegression:
    """Return the regression with the fixed shares as its last coefficients."""
    names = sorted(recipe.fixed_shares)
    shares = np.array([recipe.fixed_shares[name] for name in names])
    means = rows[names].to_numpy(dtype=float).mean(axis=0)
    return GammaRegression(
        fit.intercept, np.append(fit.coefficients, shares), np.append(fit.means, means)
    )
