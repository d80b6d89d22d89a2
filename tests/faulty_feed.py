"""A made-up feed with known true prices, and the faults of real feeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ContractError, QualityError, StaleInput, VolcastError
from volcast.core.settings import Universe
from volcast.data.ingest import OVERLAP_DAYS
from volcast.data.sources.source import PRICES, Fetched, join, market_rows, nothing
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["AS_OF", "BEFORE", "CONTENT", "NOW", "UNIVERSE", "Case", "Feed", "truth"]

AS_OF, BEFORE = date(2024, 11, 29), date(2024, 11, 27)
"""The half day after Thanksgiving, and the session before that holiday."""

NOW = datetime(2024, 11, 29, 22, tzinfo=UTC)
_FETCHED_FROM = pd.Timestamp(BEFORE) - pd.Timedelta(days=OVERLAP_DAYS)
HOLIDAYS = (date(2024, 9, 2), date(2024, 11, 28))
UNIVERSE = Universe(target="SPY", iv="VIX", iv_3m="", bond="TLT", credit="")

Outcome = type[VolcastError] | None
Frames = dict[str, pd.DataFrame]


def truth(seed: int = 3) -> Frames:
    """Return what happened, by symbol: 320 sessions of prices, volume and adjusted closes."""
    rng = np.random.default_rng(seed)
    sessions = pd.DatetimeIndex(calendar.sessions(date(2023, 8, 1), AS_OF))[-320:]
    moves = rng.normal(0, 0.01, len(sessions))
    vix = np.round(20 * np.exp(np.cumsum(-4 * moves + rng.normal(0, 0.02, len(sessions)))), 2)
    vix = np.clip(vix, 9, 90)
    bond = 0.5 * moves + rng.normal(0, 0.006, len(sessions))
    walks = {"SPY": 400 * np.exp(np.cumsum(moves)), "TLT": 90 * np.exp(np.cumsum(bond)), "VIX": vix}
    return {name: _bars(name, close, sessions, rng) for name, close in walks.items()}


def _bars(
    name: str, close: "np.ndarray[tuple[int], np.dtype[np.float64]]", sessions: pd.DatetimeIndex,
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    close = np.round(close, 2)
    opened = np.round(np.r_[close[0], close[:-1]] * np.exp(rng.normal(0, 0.003, len(close))), 2)
    up, down = np.exp(np.abs(rng.normal(0, 0.004, (2, len(close)))))
    paid = 0.0 if name == "VIX" else 0.004
    grown = np.cumprod(1 + np.where(np.arange(1, len(close) + 1) % 63 == 0, paid, 0.0))
    return pd.DataFrame(
        {
            "session": sessions, "open": opened,
            "high": np.round(np.maximum(opened, close) * up + 0.01, 2),
            "low": np.round(np.minimum(opened, close) / down - 0.01, 2),
            "close": close, "adj_close": close * grown / grown[-1],
            "volume": 0.0 if name == "VIX" else np.round(rng.uniform(1e6, 2e6, len(close))),
        }
    )  # fmt: skip


@dataclass
class Feed:
    """A source of frames of prices."""

    frames: Frames
    name: str = "yfinance"
    live: bool = True
    symbols: tuple[str, ...] = ()
    requests: list[tuple[str, ...]] = field(default_factory=list)

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch the rows of the frames."""
        self.requests.append(tuple(symbols))
        names = [name for name in symbols if name in self.frames]
        parts = [market_rows(self.frames[n], n, self.name, first=first, last=last) for n in names]
        return join([Fetched(part) for part in parts], RAW_MARKET)

    def macro(self, first: date | None, last: date | None) -> Fetched:  # noqa: ARG002
        """Fetch nothing."""
        return nothing(RAW_MACRO)


@dataclass(frozen=True)
class Case:
    """A feed with one fault, and the error that ingest and validate end in (None: the run goes on).

    ``factor`` is the multiple of the truth that the target's prices are, as after a split.
    """

    feed: Feed
    expected: Outcome
    now: datetime = NOW
    factor: float = 1.0


def _place(rng: np.random.Generator, fresh: bool) -> tuple[str, int]:
    """Choose a symbol and how many sessions before the newest; in a live overlap unless fresh."""
    back = 0 if rng.random() < 0.4 else int(rng.integers(1, 300 if fresh else 14))
    return str(rng.choice(["SPY", "VIX", "TLT"])), back


def _stops(symbol: str, back: int) -> Outcome:
    return QualityError if symbol == "SPY" and back == 0 else None


def _put(frames: Frames, symbol: str, back: int, column: str, value: float) -> Feed:
    frame = frames[symbol].copy()
    frame.loc[len(frame) - 1 - back, column] = value
    return Feed(frames | {symbol: frame})


def nan_close(frames: Frames, rng: np.random.Generator, fresh: bool) -> Case:
    """A bar without a close."""
    symbol, back = _place(rng, fresh)
    return Case(_put(frames, symbol, back, "close", np.nan), _stops(symbol, back))


def price_not_positive(frames: Frames, rng: np.random.Generator, fresh: bool) -> Case:
    """A price of zero or less."""
    symbol, back = _place(rng, fresh)
    column = "close" if symbol == "VIX" else str(rng.choice(PRICES[:4]))
    value = float(rng.choice([0.0, -1.0, -99.99]))
    return Case(_put(frames, symbol, back, column, value), _stops(symbol, back))


def duplicate_date(frames: Frames, rng: np.random.Generator, fresh: bool) -> Case:
    """A date twice: the same row again, or another one."""
    symbol, back = _place(rng, fresh)
    frame, differs = frames[symbol], bool(rng.random() < 0.5)
    again = frame.iloc[[len(frame) - 1 - back]].copy()
    if differs:
        again["high"] *= 1 + rng.uniform(0.001, 0.1)
    twice = pd.concat([frame, again], ignore_index=True)
    return Case(Feed(frames | {symbol: twice}), ContractError if differs else None)


def stale_last_bar(frames: Frames, rng: np.random.Generator, fresh: bool) -> Case:
    """The newest bar is the one before once more, or is not there."""
    symbol, _ = _place(rng, fresh)
    frame = frames[symbol].copy()
    if rng.random() < 0.5:
        short = frames | {symbol: frame.iloc[:-1]}
        return Case(Feed(short), StaleInput if symbol == "SPY" else None)
    values = [*PRICES, "volume"]
    frame.loc[len(frame) - 1, values] = frame.loc[len(frame) - 2, values].to_numpy(dtype=float)
    return Case(Feed(frames | {symbol: frame}), _stops(symbol, 0))


def half_day(frames: Frames, rng: np.random.Generator, fresh: bool) -> Case:
    """A session that ends at 13:00: fetched before, its bar is incomplete."""
    minute = int(rng.integers(1, 420))
    now = datetime(2024, 11, 29, 14, 30, tzinfo=UTC) + pd.Timedelta(minutes=minute).to_pytimedelta()
    if now >= datetime(2024, 11, 29, 18, tzinfo=UTC):
        return Case(Feed(frames), None, now)
    partial = {name: frame.copy() for name, frame in frames.items()}
    for frame in partial.values():
        frame.loc[len(frame) - 1, ["close", "adj_close"]] *= 1 + rng.uniform(-0.01, 0.01)
    return Case(Feed(partial), None, now)


def holiday_row(frames: Frames, rng: np.random.Generator, fresh: bool) -> Case:
    """A bar on a day on which the exchange is shut."""
    symbol, _ = _place(rng, fresh)
    day = pd.Timestamp(HOLIDAYS[int(rng.integers(0, 2))] if fresh else HOLIDAYS[1])
    frame = frames[symbol]
    extra = frame[frame["session"] < day].tail(1).assign(session=day)
    if rng.random() < 0.5:
        extra[["high"]] *= 1.01
    with_it = pd.concat([frame, extra], ignore_index=True)
    return Case(Feed(frames | {symbol: with_it}), None)


def restated_split(frames: Frames, rng: np.random.Generator, fresh: bool) -> Case:
    """A split that is applied to a part of the history alone; at times to all, which is right."""
    factor = 1 / float(rng.choice([1.5, 2, 3, 4, 10]))
    symbol = str(rng.choice(["SPY", "TLT"])) if not fresh else "SPY"
    frame = frames[symbol].copy()
    if rng.random() < 0.2:
        frame[list(PRICES)] *= factor
        return Case(Feed(frames | {symbol: frame}), None, factor=factor if symbol == "SPY" else 1.0)
    at = int(rng.integers(61, len(frame) - 1))
    part = frame.index < at if rng.random() < 0.5 or fresh else frame.index >= at
    frame.loc[part, list(PRICES)] *= factor
    # Only recent sessions of a live source are fetched; changes of older ones are not seen.
    seen = fresh or (frame.loc[part, "session"] >= _FETCHED_FROM).any()
    return Case(Feed(frames | {symbol: frame}), QualityError if symbol == "SPY" and seen else None)


CONTENT: dict[str, Callable[[Frames, np.random.Generator, bool], Case]] = {
    fault.__name__: fault
    for fault in (
        nan_close, price_not_positive, duplicate_date, stale_last_bar, half_day, holiday_row,
        restated_split,
    )
}  # fmt: skip
