"""Features with a fit of their own: the weight of scheduled events, and the 9-day surprise.

Both are fitted at the first session of each year on the sessions before it and used until the
next, per symbol, on features as of each close.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core import calendar
from volcast.features.catalog import names
from volcast.features.events import covered_until, event_flags

__all__ = ["event_weight", "iv_9d_surprise", "yearly_features"]

Floats = NDArray[np.float64]

_RIDGE = 20.0
"""Added to the sum of squares of each flag: an event that occurs four times a year has few."""

_EVENT_ROWS, _SURPRISE_ROWS = 756, 120
"""Fewest earlier sessions of a fit; the 9-day index began much later than the others."""

_WEIGHT_LIMIT, _SURPRISE_LIMIT = 0.6, 0.45

_SURPRISE_INPUTS = (
    "iv", "g1_less_iv", "g5_less_iv", "g22_less_iv", "iv_less_mean22", "iv_change_1",
    "iv_change_5", "ret_1_scaled", "ret_5_scaled",
)  # fmt: skip

_INPUTS = tuple(
    dict.fromkeys(
        (*_SURPRISE_INPUTS, "iv_9d_less_iv", "g252", *(f"g{n}_less_g252" for n in (1, 5, 22)))
    )
)


def yearly_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Return both features of every symbol.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``symbol``, ``session`` and the market features as of each close, one row a session, sorted
        by both; null features where a session's prices came later than its close.

    Returns
    -------
    pandas.DataFrame
        symbol, session and the features; never null.
    """
    values = {name: np.zeros(len(rows)) for name in names("event")}
    read = rows[["session", *_INPUTS]]
    for at in rows.groupby("symbol", sort=False).indices.values():
        one = read.iloc[at]
        values["event_weight"][at] = event_weight(one)
        values["iv_9d_surprise"][at] = iv_9d_surprise(one)
    return rows[["symbol", "session"]].assign(**values)


def event_weight(rows: pd.DataFrame) -> Floats:
    """Return the weight of the events in each session's target window, f8[n].

    Log range variance is regressed on the session before and on the flags of `event_flags`; the
    exponential of the flags' part, over its mean in the fit, is what a session weighs. The feature
    is the log of the mean weight of the next five planned sessions, less its own mean up to then;
    0 before the first fit, and where the calendar of events has ended.
    """
    flags = event_flags()
    x, count = flags.to_numpy(), len(flags.columns)
    sessions = pd.DatetimeIndex(pd.to_datetime(rows["session"]))
    at = flags.index.get_indexer(sessions)
    windows = np.minimum(at[:, None] + np.arange(1, calendar.HORIZON + 1), len(flags) - 1)
    logs = _log_levels(rows)
    y, raw = logs["g1"].to_numpy(), np.full(len(rows), np.nan)
    # Where implied volatility has too few rows, 252-day range takes its place.
    for level in ("iv", "g252"):
        before = logs[["g1", "g5", "g22", level, "return"]].shift(1).to_numpy()
        inputs = np.column_stack([np.ones(len(rows)), before, x[at]])
        ridge = np.diag(np.repeat([0.0, _RIDGE], [inputs.shape[1] - count, count]))
        gram, moment, done = ridge, np.zeros(len(ridge)), 0
        for past, now in _years(sessions, inputs, y, _EVENT_ROWS):
            # Sums grow by the rows of a year: the work must not grow with the square of the years.
            new, targets, done = inputs[past[done:]], y[past[done:]], len(past)
            gram, moment = gram + new.T @ new, moment + new.T @ targets
            if np.isfinite(raw[now]).all():
                continue
            # Not `solve`: of a symbol whose prices hardly move, range variances are all equal.
            slopes = np.linalg.lstsq(gram, moment, rcond=None)[0][-count:]
            mean = np.exp(x[at[past]] @ slopes).mean()
            weights = np.exp(_line(x[windows[now]], slopes))
            raw[now] = np.log(weights.mean(axis=1) / mean)
    centred = pd.Series(raw) - pd.Series(raw).expanding().mean()
    covered = flags.index[windows[:, -1]] <= pd.Timestamp(covered_until())
    bounded = centred.clip(-_WEIGHT_LIMIT, _WEIGHT_LIMIT)
    return np.where(covered, bounded.fillna(0.0).to_numpy(), 0.0)


def iv_9d_surprise(rows: pd.DataFrame) -> Floats:
    """Return what of the 9-day against the 30-day index is not explained by either, f8[n].

    The residual of ``iv_9d_less_iv`` regressed on implied volatility, range and returns; 0 without
    the 9-day index, and before the first fit.
    """
    x = np.column_stack([np.ones(len(rows)), rows[list(_SURPRISE_INPUTS)].to_numpy(dtype=float)])
    y = rows["iv_9d_less_iv"].to_numpy(dtype=float)
    residual = np.full(len(rows), np.nan)
    sessions = pd.DatetimeIndex(pd.to_datetime(rows["session"]))
    for past, now in _years(sessions, x, y, _SURPRISE_ROWS):
        slopes = np.linalg.lstsq(x[past], y[past], rcond=None)[0]
        residual[now] = y[now] - _line(x[now], slopes)
    bounded: Floats = np.nan_to_num(residual.clip(-_SURPRISE_LIMIT, _SURPRISE_LIMIT))
    return bounded


def _log_levels(rows: pd.DataFrame) -> pd.DataFrame:
    """Return log variances and the scaled return, as float64."""
    g252 = rows["g252"].astype(float)
    levels = {f"g{n}": rows[f"g{n}_less_g252"].astype(float) + g252 for n in (1, 5, 22)}
    implied, scaled = rows["iv"].astype(float), rows["ret_1_scaled"].astype(float)
    return pd.DataFrame(levels | {"g252": g252, "iv": implied, "return": scaled})


def _years(
    sessions: pd.DatetimeIndex, x: Floats, y: Floats, fewest: int
) -> Iterator[tuple[NDArray[np.int64], slice]]:
    """Yield the earlier finite rows and the rows of each year that has enough of the former."""
    ready = np.flatnonzero(np.isfinite(x).all(axis=1) & np.isfinite(y))
    _, starts = np.unique(sessions.year, return_index=True)
    for start, end in zip(starts, [*starts[1:], len(sessions)], strict=True):
        past = ready[ready < start]
        if len(past) >= fewest:
            yield past, slice(int(start), int(end))


def _line(x: Floats, slopes: Floats) -> Floats:
    """Return x times slopes, summed over the last axis."""
    # Not x @ slopes, whose last digit depends on how many rows the year has so far.
    line: Floats = (x * slopes).sum(axis=-1)
    return line
