"""Simulated markets: stochastic volatility with leverage, and a VIX tied to it."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core import calendar
from volcast.core.settings import SYNTHETIC_UNIVERSE
from volcast.data.sources.source import PRICES, Fetched, market_rows, nothing
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["SyntheticSource"]

_Floats = NDArray[np.float64]

_START = date(2000, 1, 3)
_PERSISTENCE, _VOL_OF_VOL, _LEVERAGE = 0.98, 0.16, -0.7
_OVERNIGHT = 0.2
"""Share of a session's variance that falls before its open."""
_PREMIUM = 1.2
"""Implied variance as a multiple of expected variance."""
_DIVIDEND_EVERY, _DIVIDEND = 63, 0.004
_SHOCKS = 8
"""Standard normals per symbol and session: gap, session, state, 2 high, 2 low, volume."""

_UNIVERSE = SYNTHETIC_UNIVERSE
_ANNUAL_VOL = {_UNIVERSE.bond: 0.12, _UNIVERSE.credit: 0.08}
_BETA = {_UNIVERSE.bond: -0.3, _UNIVERSE.credit: 0.6}
_INDEX_SESSIONS = {_UNIVERSE.iv: 22, _UNIVERSE.iv_3m: 63, _UNIVERSE.iv_9d: 6}
_LATE_START = {_UNIVERSE.iv_9d: date(2003, 1, 2)}
_OWN_MOVES = {_UNIVERSE.iv_9d: 0.03}
"""Standard deviation of an index's log close around what the state implies."""


class SyntheticSource:
    """A seeded market on XNYS sessions from 2000-01-03.

    Each symbol has its own random numbers, drawn session by session: more symbols, more years or a
    later end change no existing row. The first six symbols are those of ``SYNTHETIC_UNIVERSE``,
    then come ``SYN00006`` and on. ``years`` are those of a fetch without a last date. The 9-day
    index starts in 2003.
    """

    name = "synthetic"
    live = False

    def __init__(self, symbols: int = 6, years: int = 20, seed: int = 7) -> None:
        self.symbols = (*_UNIVERSE.symbols, *(f"SYN{i:05d}" for i in range(6, symbols)))[:symbols]
        self._end = date(_START.year + years - 1, 12, 31)
        self._seed = seed

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch the symbols that exist; adjusted closes are scaled to the first session."""
        names = [symbol for symbol in symbols if symbol in self.symbols]
        notes = ["The synthetic market is simulated; its figures say nothing about a real market."]
        notes += [f"The synthetic market has no {s}." for s in symbols if s not in names]
        days = pd.DatetimeIndex(pd.to_datetime(calendar.sessions(_START, last or self._end)))
        if not names or not len(days):
            return nothing(RAW_MARKET, *notes)
        # The target is always simulated: other assets and both indices depend on its shocks.
        assets = [_UNIVERSE.target, *(name for name in names if name not in _INDEX_SESSIONS)]
        assets = list(dict.fromkeys(assets))
        shocks = np.stack([self._shocks(symbol, len(days)) for symbol in assets], axis=1)
        prices = _assets(assets, shocks) | self._indices(names, shocks[:, 0])
        parts = []
        for symbol in names:
            columns = dict(zip((*PRICES, "volume"), prices[symbol], strict=True))
            rows = pd.DataFrame({"session": days} | columns)
            rows = rows[rows["session"] >= pd.Timestamp(_LATE_START.get(symbol, _START))]
            parts.append(market_rows(rows, symbol, self.name, first=first, last=last))
        return Fetched(pd.concat(parts, ignore_index=True), {}, tuple(notes))

    def macro(self, first: date | None, last: date | None) -> Fetched:  # noqa: ARG002
        """Fetch nothing: no macro series is simulated."""
        return nothing(RAW_MACRO)

    def _shocks(self, symbol: str, count: int) -> _Floats:
        rng = np.random.default_rng([self._seed, self.symbols.index(symbol)])
        return rng.standard_normal((count, _SHOCKS))

    def _indices(self, names: Sequence[str], target: _Floats) -> dict[str, tuple[_Floats, ...]]:
        state = _log_variance_state(target[:, None])[1:, 0]
        indices = {}
        for symbol in (name for name in names if name in _INDEX_SESSIONS):
            expected = _expected_variance(state, np.log(0.16**2 / 252), _INDEX_SESSIONS[symbol])
            own = self._shocks(symbol, len(target))
            close = 100 * np.sqrt(252 * _PREMIUM * expected)
            if symbol in _OWN_MOVES:
                close *= np.exp(_OWN_MOVES[symbol] * own[:, 3])
            indices[symbol] = _index_bars(close, own)
        return indices


def _log_variance_state(shocks: _Floats) -> _Floats:
    """Return x of log variance = level + x, f8[n + 1, m], an AR(1) that falls when prices rise.

    ``x[t]`` is the state during session t. Of the shocks, f8[n, m, k], column 1 moves the price
    from open to close, column 2 is the state's own.
    """
    own = np.sqrt(1 - _LEVERAGE**2)
    innovations = _VOL_OF_VOL * (_LEVERAGE * shocks[:, :, 1] + own * shocks[:, :, 2])
    state = np.zeros((len(shocks) + 1, shocks.shape[1]))
    for t, innovation in enumerate(innovations):
        state[t + 1] = _PERSISTENCE * state[t] + innovation
    return state


def _expected_variance(state: _Floats, level: float, horizon: int) -> _Floats:
    """Return the mean daily variance expected over the next sessions, f8[n].

    ``mean_j exp(level + phi^j x + s^2 (1 - phi^(2j)) / (2 (1 - phi^2)))``, j = 0..horizon-1.
    """
    ahead = _PERSISTENCE ** np.arange(horizon)
    spread = _VOL_OF_VOL**2 * (1 - ahead**2) / (1 - _PERSISTENCE**2)
    expected: _Floats = np.exp(level + state[:, None] * ahead + spread / 2).mean(axis=1)
    return expected


def _assets(names: Sequence[str], shocks: _Floats) -> dict[str, tuple[_Floats, ...]]:
    """Return ``(open, high, low, close, adj_close, volume)`` of each asset, each f8[n]."""
    vol = np.array([_ANNUAL_VOL.get(name, 0.16 if name == names[0] else 0.25) for name in names])
    beta = np.array([1.0, *(_BETA.get(name, 0.5) for name in names[1:])])[:, None]
    moves = beta * shocks[:, :1, :3] + np.sqrt(1 - beta**2) * shocks[:, :, :3]
    state = _log_variance_state(moves)[:-1]
    sd = np.sqrt(vol**2 / 252 * np.exp(state))
    gap = np.sqrt(_OVERNIGHT) * sd * moves[:, :, 0]
    session = np.sqrt(1 - _OVERNIGHT) * sd * moves[:, :, 1]
    bars = _bars(gap, session, (1 - _OVERNIGHT) * sd**2, shocks[:, :, 3:7])
    paid = np.where(np.arange(1, len(shocks) + 1) % _DIVIDEND_EVERY == 0, _DIVIDEND, 0.0)
    grown = np.cumprod(1 + paid)
    volume = np.round(1e7 * np.exp(0.5 * state + 0.2 * shocks[:, :, 7]))
    return {
        name: (*(b[:, i] for b in bars), np.round(bars[3][:, i] * grown, 8), volume[:, i])
        for i, name in enumerate(names)
    }


def _bars(gap: _Floats, session: _Floats, variance: _Floats, shocks: _Floats) -> list[_Floats]:
    """Return open, high, low and close, each f8[n, m], from log returns.

    The extremes are those of a Brownian bridge from open to close:
    ``max = (c + sqrt(c^2 - 2 s^2 log U)) / 2``, U uniform (Karatzas and Shreve 1991, 2.8);
    ``-2 log U`` is a sum of two squared normals.
    """
    close = np.log(100.0) + np.cumsum(gap + session, axis=0)
    opened = close - session
    minus_2_log_u = shocks[:, :, ::2] ** 2 + shocks[:, :, 1::2] ** 2
    reach = np.sqrt(session[:, :, None] ** 2 + variance[:, :, None] * minus_2_log_u)
    high = opened + (session + reach[:, :, 0]) / 2
    low = opened + (session - reach[:, :, 1]) / 2
    return [np.round(np.exp(log_price), 4) for log_price in (opened, high, low, close)]


def _index_bars(close: _Floats, shocks: _Floats) -> tuple[_Floats, ...]:
    before = np.concatenate([close[:1], close[:-1]])
    opened = before * np.exp(0.01 * shocks[:, 0])
    high = np.maximum(opened, close) * np.exp(0.02 * np.abs(shocks[:, 1]))
    low = np.minimum(opened, close) * np.exp(-0.02 * np.abs(shocks[:, 2]))
    bars = [np.round(prices, 4) for prices in (opened, high, low, close)]
    return (*bars, bars[3], np.zeros(len(close)))
