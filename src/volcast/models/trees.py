"""One round of parallel trees on what implied (or long-run) variance leaves unexplained.

XGBoost costs a second to import, so it is imported inside the functions that need it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xgboost

__all__ = ["PARAMETERS", "Trees", "fit_trees"]

Floats = NDArray[np.float64]

PARAMETERS: dict[str, object] = {
    "objective": "reg:squarederror",
    "tree_method": "hist",
    "num_parallel_tree": 150,
    "learning_rate": 1.0,
    "max_depth": 7,
    "min_child_weight": 30,
    "subsample": 0.63,
    "colsample_bynode": 0.33,
    "reg_lambda": 0.0,
    "max_bin": 64,
    "base_score": 0.0,
    # One thread: the same bytes on every machine, and far less CPU on rows this few.
    "nthread": 1,
}


@dataclass(frozen=True)
class Trees:
    """Trees that forecast ``log variance - anchor``, and the log of their smearing factor."""

    booster: "xgboost.Booster"
    log_smearing: float

    def log_ratio(self, x: Floats) -> Floats:
        """Return ``log variance - anchor``, f8[n], for rows x, f8[n, k]."""
        margin = self.booster.inplace_predict(x, predict_type="margin")
        return margin.astype(np.float64) + self.log_smearing  # type: ignore[no-any-return]

    def contributions(self, x: Floats) -> tuple[float, Floats]:
        """Return the base and the TreeSHAP values, f8[n, k], that sum to `log_ratio`."""
        import xgboost

        data = xgboost.DMatrix(x, nthread=1)
        shap = self.booster.predict(data, pred_contribs=True)
        shap = shap.astype(np.float64)
        return float(shap[0, -1]) + self.log_smearing, shap[:, :-1]


def fit_trees(
    x: Floats, log_ratio: Floats, seed: int, parameters: Mapping[str, object] = PARAMETERS
) -> Trees:
    """Fit the trees, and scale them so that ``mean(v / fit)`` is one on the training rows.

    A fit of logs under-forecasts the mean of what it is the log of; see Duan (1983), "Smearing
    estimate".

    Parameters
    ----------
    x : f8[n, k]
        Scale-free features.
    log_ratio : f8[n]
        Log realized variance less the anchor.
    seed : int
        Of the sampling of rows and columns.
    parameters : mapping
        XGBoost's own.
    """
    import xgboost

    data = xgboost.DMatrix(x, label=log_ratio, nthread=1)
    booster = xgboost.train(dict(parameters) | {"seed": seed}, data, num_boost_round=1)
    fit = booster.predict(data, output_margin=True).astype(np.float64)
    return Trees(booster, float(np.log(np.mean(np.exp(log_ratio - fit)))))
