"""Losses of a volatility forecast."""

from math import nan

import numpy as np
from numpy.typing import NDArray

__all__ = ["gain", "log_r2", "qlike_losses", "rmse_points"]

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

    Examples
    --------
    >>> qlike_losses(np.array([0.04, 0.04]), np.array([0.04, 0.02])).round(4)
    array([0.    , 0.3069])
    """
    ratio = variance / forecast
    return ratio - np.log(ratio) - 1.0


def gain(ours: Floats, theirs: Floats) -> float:
    """Return the share by which our mean loss is below theirs; negative if above.

    Examples
    --------
    >>> gain(np.array([0.3, 0.5]), np.array([0.5, 0.5]))
    0.19999999999999996
    """
    return 1.0 - float(ours.mean() / theirs.mean())


def rmse_points(rv: Floats, forecast: Floats) -> float:
    """Root mean squared error in volatility points, of volatilities in decimals, f8[n] each.

    Examples
    --------
    >>> round(rmse_points(np.array([0.10, 0.20]), np.array([0.13, 0.24])), 3)
    3.536
    """
    return float(100 * np.sqrt(np.mean((rv - forecast) ** 2)))


def log_r2(rv: Floats, forecast: Floats) -> float:
    """Share of the variance of log volatility, f8[n] each, that the forecast explains.

    ``1 - sum (log rv - log f)^2 / sum (log rv - mean log rv)^2``, without a refit: a biased
    forecast pays for its bias. NaN of one row, or of volatilities that are all the same.

    Examples
    --------
    >>> log_r2(np.array([0.1, 0.2, 0.4]), np.array([0.1, 0.2, 0.4]))
    1.0
    """
    error = np.log(rv) - np.log(forecast)
    spread = np.log(rv) - np.log(rv).mean()
    squares = float(spread @ spread)
    return 1 - float(error @ error) / squares if squares > 0 else nan
