"""Ridge gamma regression with a log link: half its deviance is QLIKE, so it fits the loss."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volcast.core.errors import ContractError

__all__ = ["GammaRegression", "fit_gamma"]

Floats = NDArray[np.float64]

_RIDGE = 1e-3
_MAX_STEPS = 100
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class GammaRegression:
    """``log E[v | x] = intercept + coefficients . x``, with ``means`` of x in training."""

    intercept: float
    coefficients: Floats
    means: Floats

    def log_variance(self, x: Floats) -> Floats:
        """Return log expected variance, f8[n], for rows x, f8[n, k]."""
        # Not x @ coefficients, whose last digit depends on how many rows are asked for at once.
        line: Floats = self.intercept + (x * self.coefficients).sum(axis=1)
        return line


def fit_gamma(x: Floats, variance: Floats) -> GammaRegression:
    """Fit by Newton's method on standardised inputs; the intercept is not penalised.

    Its score equation makes ``mean(v / fit)`` one on the training rows, so that no smearing
    factor is wanted.

    Parameters
    ----------
    x : f8[n, k]
        Finite inputs, none constant.
    variance : f8[n]
        Realized variance, > 0.

    Raises
    ------
    ContractError
        If the fit does not converge, or an input is constant.
    """
    means, scales = x.mean(axis=0), x.std(axis=0)
    constant = scales <= 1e-12 * np.maximum(np.abs(means), 1.0)
    if constant.any():
        raise _unfit(f"constant inputs at positions {np.flatnonzero(constant).tolist()}")
    design = np.column_stack([np.ones(len(x)), (x - means) / scales])
    penalty = np.full(design.shape[1], _RIDGE * len(x))
    penalty[0] = 0.0
    start = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ np.log(variance))
    start[0] += np.log(np.mean(variance / np.exp(design @ start)))
    beta = _newton(design, variance, penalty, start)
    slopes = beta[1:] / scales
    return GammaRegression(float(beta[0] - slopes @ means), slopes, means)


def _newton(design: Floats, variance: Floats, penalty: Floats, beta: Floats) -> Floats:
    """Minimise the convex ``sum(v exp(-eta) + eta) + penalty/2 beta^2`` by damped Newton steps."""

    def cost(at: Floats) -> float:
        eta = design @ at
        return float(np.sum(variance * np.exp(-eta) + eta) + 0.5 * penalty @ at**2)

    now = cost(beta)
    for _ in range(_MAX_STEPS):
        ratio = variance * np.exp(-(design @ beta))
        score = design.T @ (ratio - 1) - penalty * beta
        information = (design * ratio[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(information, score)
        if np.abs(step).max() < _TOLERANCE:
            return beta
        while (then := cost(beta + step)) > now + 1e-9 * abs(now):
            step = step / 2
        beta, now = beta + step, then
    raise _unfit(f"a last step of {np.abs(step).max():.2g} after {_MAX_STEPS} steps")


def _unfit(found: str) -> ContractError:
    return ContractError(
        found=found, expected="inputs that vary and a fit that converges",
        where="gamma regression", remedy="Look for constant or exploding features.",
    )  # fmt: skip
