"""Realized error: published forecasts scored by their outcome, the latest against those before.

A shock in the market raises the loss of every forecast. So the loss is compared with that of a
simple baseline on the same rows, and is worse only where ours rose by more than the baseline's.
"""

from dataclasses import dataclass
from datetime import date
from math import erfc, sqrt
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core.settings import Universe
from volcast.evaluation.losses import rmse_points
from volcast.evaluation.table import losses
from volcast.inference.selection import official_forecasts, out_of_sample
from volcast.store import Store, WriteReport
from volcast.store.tables import (
    LABELS_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_REALIZED_ERROR,
    PREDICTIONS_DAILY,
)

__all__ = [
    "BEFORE",
    "RECENT",
    "Shift",
    "State",
    "coverage_p",
    "official_scores",
    "performance",
    "relative_losses",
    "score",
    "shift",
]

Floats = NDArray[np.float64]
State = Literal["better", "worse", "same", "too-few"]

RECENT, BEFORE, FEWEST = 20, 252, 60
"""Forecasts: the latest, those they are compared with, and the fewest of these for a test."""

LEVEL = 0.005
"""What a p-value must be under in a daily check. A month of 21 checks is then falsely called worse
no more than 5 % of the time (docs/adr/0021, tests/performance_trials.py)."""

_CAP = 0.1
"""Added to both losses, a third of a usual one: a forecast that hit by luck weighs no more."""

_LOSSES = {"har_rv": "qlike_har", "vix": "qlike_vix", "log_har": "qlike_log_har",
           "har_x": "qlike_har_x"}  # fmt: skip

_REFERENCES = ("har_x", "log_har", "har_rv")
"""What a forecast is compared with, the nearest to it first: the less noise in their difference,
the smaller the change that is seen."""

_LAGS = 9
"""Twice the overlap of five-session outcomes, less one."""


@dataclass(frozen=True)
class Shift:
    """Whether the latest losses are of another level; one-sided p of "no worse", "no better"."""

    state: State
    p_worse: float
    p_better: float


def score(store: Store, universe: Universe, as_of: date) -> WriteReport:
    """Write the score of every forecast whose outcome was known at the close of ``as_of``.

    Hindsight is left out: a forecast of a session before its version's newest training session,
    or of a version that does not record it.
    """
    symbols = [universe.target]
    forecasts = store.read(PREDICTIONS_DAILY, symbols=symbols, last=as_of)
    labels = store.read(LABELS_DAILY, symbols=symbols, last=as_of).to_pandas()
    outcomes = labels.loc[
        labels["label_end_session"] <= as_of, ["session", "rv_5d", "label_end_session"]
    ]
    rows = out_of_sample(forecasts).merge(outcomes, on="session")
    scored = rows[
        ["symbol", "session", "model_version", "role", "label_end_session", "rv_5d", "rv_5d_hat"]
    ].assign(
        qlike=losses(rows, "rv_5d_hat"),
        error_points=100 * (rows["rv_5d_hat"] - rows["rv_5d"]),
        inside_80=rows["rv_5d"].between(rows["lo80"], rows["hi80"]),
        inside_95=rows["rv_5d"].between(rows["lo95"], rows["hi95"]),
        **{column: losses(rows, f"baseline_{name}") for name, column in _LOSSES.items()},
    )
    return store.write(MONITORING_REALIZED_ERROR, scored)


def performance(store: Store, universe: Universe, as_of: date) -> dict[str, object]:
    """Compare the latest scored forecasts with those before; return the row that was written.

    One forecast of each session counts, as `inference.selection` decides; the same scores and
    champion give the same row of monitoring.performance.
    """
    rows = official_scores(store, universe.target, as_of)
    recent, before = rows.iloc[-RECENT:], rows.iloc[-RECENT - BEFORE : -RECENT]
    row: dict[str, object] = {
        "symbol": universe.target,
        "session": as_of,
        "recent_n": len(recent),
        "before_n": len(before),
        "recent_to": rows["session"].iloc[-1] if len(rows) else None,
        **_described("recent", recent),
        **_described("before", before),
    }
    if len(before) < FEWEST:
        row |= {
            "state": "too-few",
            "detail": f"{len(rows)} forecasts scored; {RECENT + FEWEST} are needed for a test",
        }
    else:
        row |= _tested(recent, before)
    store.write(MONITORING_PERFORMANCE, pd.DataFrame([row]))
    return row


def official_scores(store: Store, symbol: str, as_of: date | None = None) -> pd.DataFrame:
    """Return the rows of monitoring.realized_error of official forecasts, one a session, sorted.

    With ``as_of``, only those whose outcome was known at its close.
    """
    scores = store.read(MONITORING_REALIZED_ERROR, symbols=[symbol], last=as_of).to_pandas()
    if as_of is not None:
        scores = scores[scores["label_end_session"] <= as_of]
    keys = ["session", "model_version", "role"]
    official = official_forecasts(store, symbol, last=as_of).select(keys).to_pandas()
    rows: pd.DataFrame = official.merge(scores, on=keys)
    return rows


def relative_losses(ours: Floats, reference: Floats) -> Floats:
    """Return ``log((ours + c) / (reference + c))`` of QLIKE, c = .1: bounded where QLIKE is not."""
    return np.log((ours + _CAP) / (reference + _CAP))


def shift(before: Floats, recent: Floats) -> Shift:
    """Test whether the mean of ``recent`` differs from that of ``before``.

    The standard error is that of a mean over as many rows, seen in every window of ``before``, so
    dependence inside a window is part of it; the statistic is compared with Student's t with
    n / w degrees of freedom, the windows that do not overlap.

    Parameters
    ----------
    before, recent : f8[n], f8[w]
        Relative losses in order of time, n > w.

    References
    ----------
    Giacomini and Rossi (2009), "Detecting and predicting forecast breakdowns", for the question;
    Politis, Romano and Wolf (1999), "Subsampling", for the error from windows.
    """
    from scipy.special import stdtr

    n, width = len(before), len(recent)
    sums = np.concatenate([[0.0], np.cumsum(before - before.mean())])
    means = (sums[width:] - sums[:-width]) / width
    error = sqrt(float(np.mean(means**2)) * (1 + width / n))
    difference = float(recent.mean() - before.mean())
    if error <= 0:
        return Shift("same", 0.5, 0.5)
    p_better = float(stdtr(n / width, difference / error))
    p_worse = float(stdtr(n / width, -difference / error))
    state: State = "worse" if p_worse < LEVEL else "better" if p_better < LEVEL else "same"
    return Shift(state, p_worse, p_better)


def coverage_p(inside: NDArray[np.bool_], level: float) -> float:
    """Return the two-sided p-value of "the intervals hold ``level`` of the outcomes".

    The variance of the share is that of the stated level, and what neighbours have in common is
    added: ``level (1 - level) + 2 sum_k (1 - k / 10) max(g_k, 0)``, g the autocovariances around
    the level up to lag 9.

    Parameters
    ----------
    inside : bool[n]
        In order of time.
    level : float
        A share, such as .80.

    References
    ----------
    Christoffersen (1998), "Evaluating interval forecasts"; Newey and West (1987).
    """
    hits = inside.astype(float) - level
    n = len(hits)
    variance = level * (1 - level)
    for lag in range(1, min(_LAGS, n - 1) + 1):
        weight = 1 - lag / (_LAGS + 1)
        variance += 2 * weight * max(float(hits[lag:] @ hits[:-lag]) / n, 0.0)
    return erfc(abs(float(hits.mean())) * sqrt(n / variance) / sqrt(2))


def _described(window: str, rows: pd.DataFrame) -> dict[str, object]:
    """Return the scores of a window; null where it is empty or a baseline lacks a row."""
    if not len(rows):
        return {}
    rv, forecast = (rows[name].to_numpy(dtype=float) for name in ("rv_5d", "rv_5d_hat"))
    scores = {
        "qlike": float(rows["qlike"].mean()),
        "qlike_har": float(rows["qlike_har"].mean(skipna=False)),
        "qlike_vix": float(rows["qlike_vix"].mean(skipna=False)),
        "rmse_points": rmse_points(rv, forecast),
        "coverage_80": float(rows["inside_80"].mean()),
        "coverage_95": float(rows["inside_95"].mean()),
    }
    return {f"{window}_{name}": value for name, value in scores.items()}


def _tested(recent: pd.DataFrame, before: pd.DataFrame) -> dict[str, object]:
    both = pd.concat([before, recent])
    latest = both.iloc[-BEFORE:]
    covered = {
        f"p_coverage_{level}": coverage_p(latest[f"inside_{level}"].to_numpy(bool), level / 100)
        for level in (80, 95)
    }
    complete = (name for name in _REFERENCES if both[_LOSSES[name]].notna().all())
    reference = next(complete, None)
    if reference is None:
        detail = "no baseline on every row, so there is nothing to compare the losses with"
        return covered | {"state": "too-few", "detail": detail}
    ours, theirs = (
        [part[column].to_numpy(dtype=float) for part in (before, recent)]
        for column in ("qlike", _LOSSES[reference])
    )
    result = shift(*(relative_losses(a, b) for a, b in zip(ours, theirs, strict=True)))
    then, now = (a.mean() / b.mean() - 1 for a, b in zip(ours, theirs, strict=True))
    return covered | {
        "state": result.state,
        "p_worse": result.p_worse,
        "p_better": result.p_better,
        "reference": reference,
        "recent_qlike_reference": float(theirs[1].mean()),
        "before_qlike_reference": float(theirs[0].mean()),
        "detail": f"QLIKE against {reference}: {100 * now:+.1f} % over the latest {len(recent)} "
        f"forecasts, {100 * then:+.1f} % over the {len(before)} before",
    }
