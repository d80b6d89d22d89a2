"""Checks of raw market rows; a row that fails one is quarantined with the check's name."""

import pandas as pd

from volcast.core.names import EQUITY_VOLATILITY
from volcast.data.checks.suite import Check, Verdict, judge

__all__ = ["RANGE_TOLERANCE", "RAW_ROWS", "judge_rows", "range_measures"]

RANGE_TOLERANCE = 1e-6
"""Share of the close by which high, low, open and close may contradict each other. None of 42,000
real rows of SPY, TLT, HYG and five more funds, nor of 5,031 of the sample's index, does at all;
prices scaled in 32-bit floats may, by 1e-7. A cent on the dearest of them is 2e-5."""

HIGHEST_PRICE = 1e9
"""Above every real price; refuses infinity."""

INDEX_POINTS = {"equity": (1.0, 200.0), "other": (1.0, 1000.0)}
"""Plausible closes of an implied-volatility index: of a stock index (`EQUITY_VOLATILITY`; VIX has
been between 9.1 and 82.7, VXO at 150), and of anything else (oil's OVX was at 325, VVIX at 208)."""

_PRICES = ("open", "high", "low", "close")


def _row(name: str, measure: str, low: float, high: float | None = None) -> Check:
    return Check("raw", name, "warning", measure, low, high, above=high == HIGHEST_PRICE)


RAW_ROWS = (
    _row("off_calendar", "is a session", 1),
    Check("raw", "contradicting_repeat", "warning", key=("symbol", "session", "ingested_at")),
    *(_row(f"{p}_missing", f"{p} is there", 1) for p in _PRICES),
    *(_row(f"{p}_not_positive", f"{p} of assets", 0, HIGHEST_PRICE) for p in _PRICES),
    _row("high_below_low", "high over low", -RANGE_TOLERANCE),
    _row("high_below_open_or_close", "high over open and close", -RANGE_TOLERANCE),
    _row("low_above_open_or_close", "open and close over low", -RANGE_TOLERANCE),
    _row("adjustment_not_positive", "adjustment", 0, HIGHEST_PRICE),
    _row("bar_repeated", "is a bar of its own", 1),
    _row("close_implausible", "close of equity indices", *INDEX_POINTS["equity"]),
    _row("close_impossible", "close of other indices", *INDEX_POINTS["other"]),
)
"""All are warnings: whether broken rows stop the run is decided by the checks of the table."""


def judge_rows(rows: pd.DataFrame) -> Verdict:
    """Run every row check on all rows at once.

    ``rows`` has the columns of raw.market, and row (a unique number), kind (asset or index),
    on_calendar, and repeats (whether the bar is that of the session before).
    """
    asset = rows["kind"] == "asset"
    equity = ~asset & rows["symbol"].isin(EQUITY_VOLATILITY)
    there = {f"{name} is there": rows[name].notna().astype(float) for name in _PRICES}
    of_assets = {f"{name} is there": there[f"{name} is there"].where(asset) for name in _PRICES[:3]}
    measured = rows.assign(
        **{"is a session": rows["on_calendar"].astype(float)},
        **{"is a bar of its own": 1.0 - rows["repeats"].astype(float)},
        **(there | of_assets),
        **{f"{name} of assets": rows[name].where(asset) for name in _PRICES},
        **{name: values.where(asset) for name, values in range_measures(rows).items()},
        **{"close of equity indices": rows["close"].where(equity)},
        **{"close of other indices": rows["close"].where(~asset & ~equity)},
    )
    return judge(RAW_ROWS, measured)


def range_measures(rows: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    """Return how far each row is from contradicting itself, as shares of its close."""
    scale = rows["close"].abs()
    body = rows[["open", "close"]]
    return {
        "high over low": (rows["high"] - rows["low"]) / scale,
        "high over open and close": (rows["high"] - body.max(axis=1)) / scale,
        "open and close over low": (body.min(axis=1) - rows["low"]) / scale,
    }
