"""Statistics of one forecast, and of many at once, on the rows they are compared on."""

from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SIGNIFICANT", "confidence_set", "diebold_mariano", "mincer_zarnowitz"]

Floats = NDArray[np.float64]

SIGNIFICANT = 0.05
"""What a p-value is under for a difference to be called significant."""

_COSINES = 24

_LAGS = 10
"""Of the HAC variance: five-session forecasts overlap, so no fewer than twice the overlap."""

_BLOCK = 22
"""Mean length of the bootstrap's blocks: a month, well over the overlap of five sessions."""


def diebold_mariano(ours: Floats, theirs: Floats) -> float:
    """Return the one-sided Diebold-Mariano p-value of "our mean loss is no lower than theirs".

    The long-run variance is the mean square of the ``m`` slowest cosines of the difference d,
    ``L_k = sqrt(2/n) * sum_t d_t cos(pi k (t - 1/2) / n)``, m = min(24, n - 1), and the statistic
    then Student's t with m degrees of freedom. Up to 25 rows that is the t-test of a mean.

    Parameters
    ----------
    ours, theirs : f8[n]
        Losses on the same rows, in order of time.

    References
    ----------
    Lazarus, Lewis, Stock and Watson (2018), "HAR inference: recommendations for practice";
    Coroneo and Iacone (2020), "Comparing predictive accuracy in small samples using
    fixed-smoothing asymptotics".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> theirs = rng.gamma(2, 0.2, 500)
    >>> ours = 0.9 * theirs + rng.normal(0, 0.1, 500)
    >>> diebold_mariano(ours, theirs) < 0.01
    True
    >>> diebold_mariano(theirs, theirs)
    0.5
    """
    from scipy.special import stdtr

    difference = ours - theirs
    n = len(difference)
    m = min(_COSINES, n - 1)
    at = np.arange(0.5, n) * np.pi / n
    waves = np.cos(np.outer(np.arange(1, m + 1), at)) @ difference
    variance = 2.0 / n * float(waves @ waves) / max(m, 1)
    if variance <= 0:
        return 0.5
    return float(stdtr(m, float(difference.mean()) * sqrt(n / variance)))


def mincer_zarnowitz(rv: Floats, forecast: Floats) -> dict[str, float]:
    """Regress realized on forecast variance: an unbiased forecast has intercept 0 and slope 1.

    Parameters
    ----------
    rv, forecast : f8[n]
        Volatilities, annualised decimals, in order of time.

    Returns
    -------
    dict of str to float
        intercept and slope, of annualised variance; their HAC standard errors intercept_error and
        slope_error; r2; and p_unbiased, the Wald test's p-value of "intercept 0 and slope 1".

    References
    ----------
    Mincer and Zarnowitz (1969); Newey and West (1987), Bartlett kernel of 10 lags.
    """
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tools.tools import add_constant

    fit = OLS(rv**2, add_constant(forecast**2)).fit(cov_type="HAC", cov_kwds={"maxlags": _LAGS})
    test: Any = fit.wald_test((np.eye(2), np.array([0.0, 1.0])), scalar=True, use_f=False)
    (intercept, slope), (intercept_error, slope_error) = fit.params, fit.bse
    return {
        "intercept": float(intercept),
        "slope": float(slope),
        "intercept_error": float(intercept_error),
        "slope_error": float(slope_error),
        "r2": float(fit.rsquared),
        "p_unbiased": float(test.pvalue),
    }


def confidence_set(losses: "pd.DataFrame") -> dict[str, float]:
    """Return each model's p-value in the model confidence set: range statistic, bootstrapped.

    A model is in the set of level ``1 - size`` while its p-value is above ``size``. Of columns
    that are equal to one another one is tested.

    Parameters
    ----------
    losses : pandas.DataFrame, f8[n, k]
        Losses of each model, columns by name, in order of time.

    References
    ----------
    Hansen, Lunde and Nason (2011), "The model confidence set".
    """
    from arch.bootstrap import MCS

    distinct = losses.T.drop_duplicates().T
    if distinct.shape[1] == 1:
        return dict.fromkeys(losses.columns, 1.0)
    mcs = MCS(
        distinct, size=0.10, reps=1000, block_size=_BLOCK, method="R", bootstrap="stationary",
        seed=7,
    )  # fmt: skip
    mcs.compute()
    p_values = mcs.pvalues["Pvalue"]
    twin = {
        name: next(n for n in distinct.columns if (distinct[n] == losses[name]).all())
        for name in losses.columns
    }
    return {name: float(p_values[twin[name]]) for name in losses.columns}
