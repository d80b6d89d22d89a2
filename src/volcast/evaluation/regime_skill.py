"""Skill of regimes: forecasts of a turbulent week, compared with VIX alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core.names import STATES
from volcast.evaluation.rows import in_periods
from volcast.evaluation.walkforward import Progress
from volcast.features.catalog import REGIME_MODELS

__all__ = ["RegimeSkill", "regime_skill", "turbulent_weeks"]

Floats = NDArray[np.float64]

_TOP = 0.8
_FEWEST = 756
_WEAK_PENALTY = 1e4
"""Inverse strength of the logit's ridge: enough to be finite where states are certain."""

# The probability of the first state is one less the others.
_INPUTS = {
    model: [f"{kind}_{state}" for state in list(STATES)[1:]]
    for kind, model in REGIME_MODELS.items()
} | {"VIX alone": ["iv"]}


@dataclass(frozen=True)
class RegimeSkill:
    """Scores of one forecaster of turbulent weeks over one period.

    Of ``rows`` sessions, the same for every forecaster, ``events`` were followed by a turbulent
    week; ``brier`` is the mean squared error of the probability, ``auc`` .5 without skill.
    """

    name: str
    period: str
    rows: int
    events: int
    brier: float
    auc: float


def turbulent_weeks(
    rows: pd.DataFrame, forecast: "pd.Series[float] | None" = None,
    progress: Progress | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Forecast "the next five sessions are in the top quintile of volatility", walking forward.

    At the first session of each quarter one logit per forecaster is fitted on the rows whose label
    had ended; the bound is the quintile of their labels.

    Parameters
    ----------
    rows : pandas.DataFrame
        As `volcast.evaluation.walkforward.walk_forward` takes.
    forecast : pandas.Series or None
        Volatility forecasts by position, to be judged as a forecaster too, under "volcast".

    Returns
    -------
    pandas.DataFrame
        ``session``, ``event`` (0, 1; null before its end) and a probability a forecaster.
    """
    rows = rows.reset_index(drop=True)
    inputs = {name: rows[columns].to_numpy(dtype=float) for name, columns in _INPUTS.items()}
    if forecast is not None:
        inputs["volcast"] = np.log(forecast.to_numpy(dtype=float))[:, None]
    quarter = pd.PeriodIndex(pd.to_datetime(rows["session"]), freq="Q")
    labels, ends = rows["rv_5d"].to_numpy(dtype=float), rows["label_end_session"]
    result = pd.DataFrame({"session": rows["session"], "event": np.nan})
    result[list(inputs)] = np.nan
    for done, each in enumerate(quarters := quarter.unique()):
        if progress:
            progress("quarters of regime skill", done, len(quarters))
        block = np.flatnonzero(quarter == each)
        past = (ends.notna() & (ends < rows["session"].iloc[block[0]])).to_numpy()
        if past.sum() < _FEWEST:
            continue
        bound = np.quantile(labels[past], _TOP)
        event = labels > bound
        result.loc[block, "event"] = np.where(np.isfinite(labels), event, np.nan)[block]
        for name, x in inputs.items():
            result.loc[block, name] = _logit(x, past, event, block)
    return result


def _logit(
    x: Floats, past: NDArray[np.bool_], event: NDArray[np.bool_], block: NDArray[np.intp]
) -> Floats:
    """Fit on ``past`` rows that have inputs; return the probabilities of the block's, else NaN."""
    from sklearn.linear_model import LogisticRegression

    whole = np.asarray(np.isfinite(x).all(axis=1), dtype=np.bool_)
    training, ready = past & whole, whole[block]
    result = np.full(len(block), np.nan)
    if training.sum() >= _FEWEST and event[training].any() and ready.any():
        centre, scale = np.mean(x[training], axis=0), np.std(x[training], axis=0)
        model = LogisticRegression(C=_WEAK_PENALTY, solver="newton-cholesky")
        model.fit((x[training] - centre) / scale, event[training])
        result[ready] = model.predict_proba((x[block][ready] - centre) / scale)[:, 1]
    return result


def regime_skill(weeks: pd.DataFrame) -> list[RegimeSkill]:
    """Score what `turbulent_weeks` returned, on the sessions on which every forecaster has a value.

    A forecaster that has none at all, as VIX where there is none, is left out.
    """
    from sklearn.metrics import roc_auc_score

    names = [name for name in weeks.columns[2:] if weeks[name].notna().any()]
    scored = weeks[weeks[["event", *names]].notna().all(axis=1)]
    result = []
    for period, part in in_periods(scored).items():
        event = part["event"].to_numpy(dtype=float)
        if not 0 < event.sum() < len(event):
            continue
        probabilities = {"their share, always": np.full(len(part), event.mean())}
        probabilities |= {name: part[name].to_numpy(dtype=float) for name in names}
        result += [
            RegimeSkill(
                name=name,
                period=period,
                rows=len(part),
                events=int(event.sum()),
                brier=float(np.mean((probability - event) ** 2)),
                auc=float(roc_auc_score(event, probability)),
            )
            for name, probability in probabilities.items()
        ]
    return result
