"""Compute the market features of every symbol at once, from curated rows.

All statistics run forwards over sessions, so rows after t cannot change a value at t.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.data.checks.prints import Wide, reverts, wide
from volcast.features.catalog import VARIANCE_FLOOR, market_names

if TYPE_CHECKING:
    from pandas.core.window import Rolling

    # Not at run time: the drift check imports this module where there is no pydantic 2.
    from volcast.core.settings import Universe

__all__ = ["SESSIONS_A_YEAR", "compute", "log_returns", "range_variance"]

SESSIONS_A_YEAR = 252

_MONTH = 22

_CARRY_SESSIONS = 5
"""Maximum number of sessions that an implied-volatility print is carried forward."""


def log_returns(close: Wide, adjustment: Wide) -> Wide:
    """Total log returns, ``log(close_t / close_t-1 * adjustment_t)``; null on a first row.

    Over a session without a row the return reaches back to the last price there is.
    """
    return np.log(close / close.ffill().shift(1) * adjustment)  # type: ignore[return-value]


def range_variance(open_: Wide, high: Wide, low: Wide, close: Wide, adjustment: Wide) -> Wide:
    """Range variance of each session, annualised.

    ``252 * (overnight^2 + 0.5 log(high/low)^2 - (2 log 2 - 1) log(close/open)^2)``, the overnight
    return adjusted for dividends; after Garman and Klass (1980). Floored at `VARIANCE_FLOOR`.

    A session with a price that reverts (`reverts`) counts at most as the larger of 252 times its
    squared return and the mean of the 22 sessions before, without those that revert themselves.
    """
    overnight = np.log(open_ / close.ffill().shift(1) * adjustment)
    spread, body = np.log(high / low), np.log(close / open_)
    daily = overnight**2 + 0.5 * spread**2 - (2 * np.log(2) - 1) * body**2
    variance = SESSIONS_A_YEAR * daily
    reverted = reverts(high, low, close, adjustment)
    usual = variance.mask(reverted).rolling(_MONTH, min_periods=1).mean().shift()
    most = np.fmax(usual, SESSIONS_A_YEAR * log_returns(close, adjustment) ** 2)
    capped = variance.mask(reverted, np.fmin(variance, most))
    return capped.clip(lower=VARIANCE_FLOOR)  # type: ignore[no-any-return]


def compute(curated: pd.DataFrame, universe: "Universe") -> pd.DataFrame:
    """Compute the features of every asset in ``curated``.

    Parameters
    ----------
    curated : pandas.DataFrame
        Rows of curated.market_daily, any order, all symbols of the universe and more.
    universe : Universe
        Only its target has implied-volatility features; features of absent symbols are null.

    Returns
    -------
    pandas.DataFrame
        Columns symbol, session, event_timestamp, iv_symbol and `market_names`; one row for each
        row of an asset, sorted by symbol and session. Null where a window is not yet full.
    """
    fields = wide(curated)
    assets = [name for name in fields["close"].columns if name not in universe.indices]
    own = {name: frame[assets] for name, frame in fields.items()}
    returns = log_returns(own["close"], own["adjustment"])
    variance = range_variance(own["open"], own["high"], own["low"], own["close"], own["adjustment"])
    panel = _return_features(returns) | _range_features(variance, returns)
    panel |= _implied_features(fields["close"], panel, universe, assets)
    panel |= _cross_features(returns, universe)
    return _long(panel, own["close"].notna(), universe, universe.iv in fields["close"])


def _last(frame: Wide | pd.Series, n: int) -> "Rolling[Any]":
    """Return the window of the last n sessions; one in ten, and at least one, may lack a row."""
    return frame.rolling(n, min_periods=n - max(1, n // 10))


def _log(variance: Wide) -> Wide:
    return np.log(variance.clip(lower=VARIANCE_FLOOR))  # type: ignore[return-value]


def _return_features(r: Wide) -> dict[str, Wide]:
    squares = SESSIONS_A_YEAR * r**2
    sums = {n: _last(r, n).sum() for n in (5, 22)}
    sd = _last(r, 22).std()
    # Prices from returns, so that dividends do not look like drawdowns; a session without a
    # price carries the level on.
    price = r.fillna(0.0).cumsum().where(r.notna())
    ewma = squares.ewm(alpha=0.06, adjust=False, min_periods=22).mean()
    return {
        "ret_1": r,
        "ret_5": sums[5],
        "ret_22": sums[22],
        "rv_1": squares**0.5,
        "rv_5": _last(squares, 5).mean().clip(lower=0) ** 0.5,
        "rv_10": _last(squares, 10).mean().clip(lower=0) ** 0.5,
        "rv_22": _last(squares, 22).mean().clip(lower=0) ** 0.5,
        "ewma94": ewma**0.5,
        "ret_1_scaled": r / sd,
        "ret_5_scaled": sums[5] / (sd * 5**0.5),
        "ret_22_scaled": sums[22] / (sd * 22**0.5),
        "drawdown_66": price - _last(price, 66).max(),
        "drawdown_252": price - _last(price, 252).max(),
        "max_move_22": np.log((_last(r.abs(), 22).max() / sd).where(lambda x: x > 0)),
    }


def _range_features(g: Wide, r: Wide) -> dict[str, Wide]:
    logs = {n: _log(_last(g, n).mean()) for n in (5, 22, 66, 252)} | {1: _log(g)}
    r5 = _log(SESSIONS_A_YEAR * _last((r**2), 5).mean())
    panel = {f"g{n}_less_g252": logs[n] - logs[252] for n in (1, 5, 22, 66)}
    panel |= {
        "g252": logs[252],
        "r5_less_g252": r5 - logs[252],
        "g_sd_22": _last(logs[1], 22).std(),
    }
    # Those with an underscore are for `_implied_features`, which subtracts iv instead.
    return panel | {f"_g{n}": logs[n] for n in (1, 5, 22, 66)} | {"_r5": r5}


def _implied_features(
    close: Wide, panel: dict[str, Wide], universe: "Universe", assets: list[str]
) -> dict[str, Wide]:
    vix, term, nine = (pd.DataFrame(np.nan, index=close.index, columns=assets) for _ in range(3))
    target = universe.target
    for frame, symbol in ((vix, universe.iv), (term, universe.iv_3m)):
        if symbol in close and target in assets:
            frame[target] = close[symbol].ffill(limit=_CARRY_SESSIONS) / 100
    if universe.iv in close and universe.iv_9d in close and target in assets:
        # Both of the same session: a carried print of either would make a difference of its own.
        nine[target] = close[universe.iv_9d] / close[universe.iv]
    iv = pd.DataFrame(np.log(vix**2))
    implied = {f"g{n}_less_iv": panel.pop(f"_g{n}") - iv for n in (1, 5, 22, 66)}
    return implied | {
        "r5_less_iv": panel.pop("_r5") - iv,
        "iv": iv,
        "iv_change_1": iv.diff(1),
        "iv_change_5": iv.diff(5),
        "iv_less_mean22": iv - _last(iv, 22).mean(),
        "iv_less_min252": iv - _last(iv, 252).min(),
        "vix": vix,
        "vix_change_1": vix.diff(1),
        "vix_change_5": vix.diff(5),
        "vix3m_slope": np.log(term / vix),
        "iv_9d_less_iv": 2 * np.log(nine),
    }


def _cross_features(r: Wide, universe: "Universe") -> dict[str, Wide]:
    panel: dict[str, Wide] = {}
    for role, symbol in (("bond", universe.bond), ("credit", universe.credit)):
        other = r[symbol] if symbol in r else pd.Series(np.nan, index=r.index)
        single = {
            f"{role}_ret_1": other,
            f"{role}_ret_5": _last(other, 5).sum(),
            f"{role}_ret_22": _last(other, 22).sum(),
            f"{role}_rv_22": (SESSIONS_A_YEAR * _last((other**2), 22).mean()).clip(lower=0) ** 0.5,
        }
        panel |= {
            name: pd.DataFrame({c: series for c in r.columns}, index=r.index)
            for name, series in single.items()
        }
        panel[f"{role}_corr_66"] = _last(r, 66).corr(other)
    return panel


def _long(
    panel: dict[str, Wide], present: Wide, universe: "Universe", implied: bool
) -> pd.DataFrame:
    """Stack to one row a symbol and session that has prices."""
    rows, columns = np.nonzero(present.to_numpy())
    order = np.lexsort((rows, np.asarray(present.columns, dtype=str)[columns]))
    rows, columns = rows[order], columns[order]
    symbols = np.asarray(present.columns, dtype=object)[columns]
    sessions = pd.DatetimeIndex(present.index)
    of_target = (symbols == universe.target) & implied
    frame = {
        "symbol": symbols,
        "session": sessions[rows].date,
        "event_timestamp": calendar.closes(list(sessions.date))[rows],
        "iv_symbol": pd.Series(None, index=range(len(symbols)), dtype=object).mask(
            of_target, universe.iv
        ),
    }
    for name in market_names():
        values = panel[name].to_numpy(dtype=float)[rows, columns]
        frame[name] = np.where(np.isfinite(values), values, np.nan)
    return pd.DataFrame(frame)
