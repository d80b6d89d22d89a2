"""Ridge gamma regression with a log link: half its deviance is QLIKE, so it fits the loss."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volcast.core.errors import ContractError

__all__ = ["GammaRegression", "fit_gamma"]

Floats = NDArray[np.float64]

_RIDGE = 1e-3
_MAX_STEPS = 100
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class GammaRegression:
    """``log E[v | x] = intercept + coefficients . x``, with ``means`` of x in training."""

    intercept: float
    coefficients: Floats
    means: Floats

    def log_variance(self, x: Floats) -> Floats:
        """Return log expected variance, f8[n], for rows x, f8[n, k]."""
        # Not x @ coefficients, whose last digit depends on how many rows are forecast at once.
        line: Floats = self.intercept + (x * self.coefficients).sum(axis=1)
        return line


def fit_gamma(x: Floats, variance: Floats) -> GammaRegression:
    """Fit scikit-learn's GammaRegressor on standardised inputs; the intercept is not penalised.

    Its score equation makes ``mean(v / fit)`` one on the training rows, so that no smearing
    factor is needed.

    Parameters
    ----------
    x : f8[n, k]
        Finite inputs.
    variance : f8[n]
        Realized variance, > 0.

    Raises
    ------
    ContractError
        If the fit does not converge, or an input is constant.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> fit = fit_gamma(x, np.exp(-3 + 0.5 * x[:, 0]))
    >>> fit.log_variance(np.array([[0.0]])).round(3)
    array([-3.])
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import GammaRegressor

    means, scales = x.mean(axis=0), x.std(axis=0)
    constant = scales <= 1e-12 * np.maximum(np.abs(means), 1.0)
    if constant.any():
        raise _unfit(f"constant inputs at positions {np.flatnonzero(constant).tolist()}")
    regressor = GammaRegressor(
        alpha=_RIDGE, solver="newton-cholesky", max_iter=_MAX_STEPS, tol=_TOLERANCE
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            regressor.fit((x - means) / scales, variance)
        except ConvergenceWarning as warning:
            raise _unfit(str(warning)) from warning
    slopes = regressor.coef_ / scales
    return GammaRegression(float(regressor.intercept_ - slopes @ means), slopes, means)


def _unfit(found: str) -> ContractError:
    return ContractError(
        found=found, expected="inputs that vary and a fit that converges",
        where="gamma regression", remedy="Look for constant or exploding features.",
    )  # fmt: skip
