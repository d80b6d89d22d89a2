"""Losses and the test of their difference; all on the variance scale unless said otherwise."""

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["DieboldMariano", "diebold_mariano", "qlike_losses", "rmse_points"]

Floats = NDArray[np.float64]


def qlike_losses(variance: Floats, forecast: Floats) -> Floats:
    """QLIKE of each forecast: ``v/f - log(v/f) - 1``; 0 for a perfect one.

    Parameters
    ----------
    variance, forecast : f8[n]
        Realized and forecast variance, the same unit, both > 0.

    References
    ----------
    Patton (2011), "Volatility forecast comparison using imperfect volatility proxies".
    """
    ratio = variance / forecast
    return ratio - np.log(ratio) - 1.0


def rmse_points(rv: Floats, forecast: Floats) -> float:
    """Root mean squared error in volatility points, of volatilities in decimals, f8[n] each."""
    return float(100 * np.sqrt(np.mean((rv - forecast) ** 2)))


@dataclass(frozen=True)
class DieboldMariano:
    """Outcome of a Diebold-Mariano test.

    Parameters
    ----------
    mean_difference : float
        Mean of loss a minus loss b; negative if a is better.
    statistic : float
        The mean difference over its HAC standard error.
    p_better : float
        One-sided p-value of "a is no better than b": small if a is better.
    p_two_sided : float
        Two-sided p-value of "equal".
    """

    mean_difference: float
    statistic: float
    p_better: float
    p_two_sided: float


def diebold_mariano(loss_a: Floats, loss_b: Floats, lags: int = 10) -> DieboldMariano:
    """Test whether two forecasts on the same rows have equal loss.

    Parameters
    ----------
    loss_a, loss_b : f8[n]
        Losses in order of time, the same rows.
    lags : int
        Lags of the Bartlett kernel; forecasts over 5 sessions overlap, so no fewer than 10.

    References
    ----------
    Diebold and Mariano (1995); Newey and West (1987) for the variance.
    """
    difference = loss_a - loss_b
    n = len(difference)
    centred = difference - difference.mean()
    variance = float(centred @ centred) / n
    for lag in range(1, min(lags, n - 1) + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(centred[lag:] @ centred[:-lag]) / n
    if variance <= 0:
        return DieboldMariano(float(difference.mean()), 0.0, 0.5, 1.0)
    statistic = float(difference.mean()) / sqrt(variance / n)
    return DieboldMariano(
        mean_difference=float(difference.mean()),
        statistic=statistic,
        p_better=0.5 * erfc(-statistic / sqrt(2)),
        p_two_sided=erfc(abs(statistic) / sqrt(2)),
    )
