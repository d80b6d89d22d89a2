"""Market regimes: states named calm, normal and stressed, with filtered probabilities.

A Gaussian mixture looks at the last week's range variance alone; a hidden Markov model looks at
each day's and remembers. Both are refitted at the first session of each year on all sessions
before it, and used until the next. A session's probabilities are filtered: they rest on sessions up
to it, unlike smoothed ones, which flatter any evaluation. The states share one variance: with
separate variances the widest state claims the calmest sessions too (.71 "stressed" on SPY).
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from volcast.core.hashing import digest, library_versions
from volcast.core.names import STATES
from volcast.features.catalog import STATE_FEATURES, names
from volcast.store import Store
from volcast.store.cache import Parameters, get_or_fit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MIN_ROWS", "filtered", "regime_columns", "regime_features"]

MIN_ROWS = 756
"""Fewest sessions before a first fit: three years."""

_BURN_IN = 252
"""Sessions before a year at which its filter starts, from the stationary distribution. What came
earlier is forgotten: the chain's second eigenvalue to this power is below 1e-4."""

_SMALLEST_SHARE = 0.02
"""Of sessions in a state; a fit with a smaller share has collapsed: the previous one is used."""

_LEAST_VARIANCE = 1e-3
_DIGITS = 8
"""Significant digits of stored parameters: the digits beyond differ between machines."""

_VERSION = 1
_LIBRARIES = ("hmmlearn", "numpy", "scikit-learn")

Kind = Literal["gmm", "hmm"]
Floats = NDArray[np.float64]
_INPUTS: dict[Kind, str] = {"gmm": "g5_less_g252", "hmm": "g1_less_g252"}


def regime_features(rows: "pd.DataFrame", store: Store, symbol: str) -> "pd.DataFrame":
    """Return the probability of each state from the sessions up to each close.

    Parameters
    ----------
    rows : pandas.DataFrame
        Session and market features of one symbol as of each session's close, sorted by session.
    store : Store
        Caches the fits, so that a year is fitted once.

    Returns
    -------
    pandas.DataFrame, shape (len(rows), 7)
        Session and the regime features; null before the first fit, and where the input is null.
    """
    import pandas as pd

    years = _years(rows)
    columns = {name: np.full(len(rows), np.nan) for name in names("regime")}
    for kind, column in _INPUTS.items():
        y = (rows[column] + rows["g252"]).to_numpy(dtype=float)
        for year, fit in zip(years, _fits(store, symbol, kind, y, years), strict=True):
            if fit is None:
                continue
            start = max(0, year.start - _BURN_IN)
            probabilities = filtered(y[start : year.stop], fit)[year.start - start :]
            for state, probability in zip(STATES, probabilities.T, strict=True):
                columns[f"{kind}_{state}"][year] = probability
    return pd.concat([rows["session"], pd.DataFrame(columns, index=rows.index)], axis=1)


def regime_columns(features: Mapping[str, float | None]) -> dict[str, object]:
    """Return the regime columns of predictions_daily, by the hidden Markov model.

    Without the probability of each state every column is None.
    """
    values = [features.get(name) for name in STATE_FEATURES]
    finite = [float(value) for value in values if value is not None and np.isfinite(value)]
    columns = ["regime", *(f"p_{state}" for state in STATES)]
    if len(finite) < len(STATES):
        return dict.fromkeys(columns)
    regime = list(STATES)[int(np.argmax(finite))]
    return dict(zip(columns, [regime, *finite], strict=True))


def filtered(y: Floats, fit: Parameters) -> Floats:
    """Return ``P(state_t | y_1..y_t)``, f8[n, 3]: the forward recursion, no look ahead.

    ``p_t ~ (p_t-1 A) * N(y_t; means, variance)``, from the stationary distribution. At a null y the
    chain moves on unobserved and the row is null. A mixture is a chain with equal rows of A.

    Parameters
    ----------
    y : f8[n]
        Log variance, in order of sessions.
    fit : mapping
        ``means`` f8[3], ``variance`` of every state; ``transitions`` f8[3, 3].

    References
    ----------
    Hamilton (1989), "A new approach to the economic analysis of nonstationary time series".
    """
    chain = np.asarray(fit["transitions"])
    means = np.asarray(fit["means"])
    logs = -0.5 * (y[:, None] - means) ** 2 / fit["variance"]
    likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
    belief, result = _stationary(chain), np.full((len(y), len(means)), np.nan)
    for t, observed in enumerate(np.isfinite(y)):
        if t:
            belief = belief @ chain
        if observed:
            belief = belief * likelihood[t]
            belief = belief / belief.sum()
            result[t] = belief
    return result


def _stationary(chain: Floats) -> Floats:
    """Return pi with ``pi A = pi``, by least squares with the sum of one as a further equation."""
    size = len(chain)
    equations = np.vstack([chain.T - np.eye(size), np.ones(size)])
    solved = np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]
    positive = np.clip(solved, 0.0, None)
    shares: Floats = positive / positive.sum()
    return shares


def _years(rows: "pd.DataFrame") -> list[slice]:
    """Return the positions of each year's rows."""
    year = [session.year for session in rows["session"]]
    firsts = np.flatnonzero(np.diff(year, prepend=0)).tolist()
    return [slice(first, end) for first, end in pairwise([*firsts, len(year)])]


def _fits(
    store: Store, symbol: str, kind: Kind, y: Floats, years: Sequence[slice]
) -> list[Parameters | None]:
    """Return the parameters in force in each year; None before there are enough rows."""
    samples: dict[str, Floats] = {}
    keys: list[str | None] = []
    for year in years:
        past = y[: year.start]
        sample = past[np.isfinite(past)]
        key = digest(kind, _VERSION, sample.tolist(), library_versions(_LIBRARIES))[:32]
        if len(sample) >= MIN_ROWS:
            samples[key] = sample
        keys.append(key if key in samples else None)
    fits = get_or_fit(
        store,
        f"regimes/{symbol}",
        list(samples),
        lambda missing: [_fit(kind, samples[key]) for key in missing],
    )
    in_force: list[Parameters | None] = []
    for in_year in keys:
        previous = in_force[-1] if in_force else None
        in_force.append(fits[in_year] if in_year and fits[in_year]["sound"] else previous)
    return in_force


def _fit(kind: Kind, sample: Floats) -> Parameters:
    """Fit from the thirds of the sample, without random numbers; states are sorted by mean."""
    third = np.digitize(sample, np.quantile(sample, [1 / 3, 2 / 3]))
    parts = [sample[third == i] for i in range(len(STATES))]
    means = np.asarray([part.mean() for part in parts])
    variance = float(np.mean([part.var() for part in parts])) + _LEAST_VARIANCE
    with warnings.catch_warnings():
        # A fit that did not converge is judged by its states, like any other.
        warnings.simplefilter("ignore")
        fit = {"gmm": _fit_gmm, "hmm": _fit_hmm}[kind](sample[:, None], means, variance)
    order = np.argsort(fit["means"])
    chain = fit["transitions"][np.ix_(order, order)]
    chain = chain / chain.sum(axis=1, keepdims=True)
    share = float(_stationary(chain).min())
    finite = all(np.isfinite(values).all() for values in fit.values())
    return {
        "means": _rounded(fit["means"][order]),
        "variance": _rounded(fit["variance"])[0],
        "transitions": [_rounded(row) for row in chain],
        "sound": bool(finite and share >= _SMALLEST_SHARE),
    }


def _fit_gmm(x: Floats, means: Floats, variance: float) -> Mapping[str, Floats]:
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        len(STATES), covariance_type="tied", max_iter=500, reg_covar=_LEAST_VARIANCE,
        weights_init=np.full(len(STATES), 1 / len(STATES)), means_init=means[:, None],
        precisions_init=np.full((1, 1), 1 / variance), random_state=0,
    ).fit(x)  # fmt: skip
    return {
        "means": model.means_.ravel(),
        "variance": model.covariances_.ravel(),
        "transitions": np.tile(model.weights_, (len(STATES), 1)),
    }


def _fit_hmm(x: Floats, means: Floats, variance: float) -> Mapping[str, Floats]:
    from hmmlearn.hmm import GaussianHMM

    logging.getLogger("hmmlearn").setLevel(logging.ERROR)
    size = len(STATES)
    model = GaussianHMM(
        size, covariance_type="tied", n_iter=200, min_covar=_LEAST_VARIANCE, init_params=""
    )
    model.startprob_ = np.full(size, 1 / size)
    model.transmat_ = np.full((size, size), 0.03) + np.eye(size) * 0.91
    model.means_, model.covars_ = means[:, None], np.full((1, 1), variance)
    model.fit(x)
    return {
        "means": model.means_.ravel(),
        "variance": np.ravel(model.covars_)[:1],
        "transitions": model.transmat_,
    }


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]
