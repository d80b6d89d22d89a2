"""Macro features: what had been published by each session's close, and nothing later.

A value of the first fetch of its series counts from ``available_at``; a value of a later fetch
from that fetch, so that a late correction never changes sessions already computed.
"""

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.data.vintages import macro_versions
from volcast.features.catalog import names

__all__ = ["macro_features"]

_CHANGE_SESSIONS = 22
_DAILY_DAYS, _WEEKLY_DAYS, _MONTHLY_DAYS = 15, 35, 130
"""Maximum age of the newest observation: its publication lag, one period and some days. The
feature of a series that has stopped is then null."""


@dataclass
class _Published:
    """The values of one series as published by one moment."""

    values: dict[pd.Timestamp, float] = field(default_factory=dict)
    dates: list[pd.Timestamp] = field(default_factory=list)

    def add(self, date: pd.Timestamp, value: float) -> None:
        if date not in self.values:
            insort(self.dates, date)
        self.values[date] = value

    def newest(self) -> float:
        return self.values[self.dates[-1]]

    def year_before(self) -> float:
        """Return the value of the observation 12 months before the newest; NaN without one."""
        return self.values.get(self.dates[-1] - pd.DateOffset(years=1), np.nan)

    def mean(self, count: int) -> float:
        last = [self.values[date] for date in self.dates[-count:]]
        return float(np.mean(last)) if len(last) == count else np.nan


@dataclass(frozen=True)
class _Input:
    """One number read from one series: the first of ``series`` that has rows."""

    series: tuple[str, ...]
    max_age_days: int
    statistic: Callable[[_Published], float] = _Published.newest


_INPUTS = {
    "rate_3m": _Input(("DGS3MO",), _DAILY_DAYS),
    "rate_2y": _Input(("DGS2",), _DAILY_DAYS),
    "rate_10y": _Input(("DGS10",), _DAILY_DAYS),
    "policy_rate": _Input(("DFF",), _DAILY_DAYS),
    "credit_spread": _Input(("BAA10Y",), _DAILY_DAYS),
    "high_yield_spread": _Input(("BAMLH0A0HYM2",), _DAILY_DAYS),
    "unemployment": _Input(("UNRATE",), _MONTHLY_DAYS),
    "unemployment_change_12m": _Input(
        ("UNRATE",), _MONTHLY_DAYS, lambda s: s.newest() - s.year_before()
    ),
    "claims_growth": _Input(("ICSA",), _WEEKLY_DAYS, lambda s: np.log(s.mean(4) / s.mean(52))),
    "inflation_12m": _Input(
        ("CPI_vintages", "CPIAUCSL"), _MONTHLY_DAYS, lambda s: s.newest() / s.year_before() - 1
    ),
    "industrial_growth_12m": _Input(
        ("INDPRO",), _MONTHLY_DAYS, lambda s: np.log(s.newest() / s.year_before())
    ),
    "financial_conditions": _Input(("NFCI",), _WEEKLY_DAYS),
    "ism": _Input(("ISM_PMI_first_print",), _MONTHLY_DAYS),
}


def macro_features(raw: pd.DataFrame, closes: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the macro features as known at each of ``closes``.

    Parameters
    ----------
    raw : pandas.DataFrame
        Rows of raw.macro, all vintages, any order; dates as datetime64.
    closes : pandas.DatetimeIndex, UTC, shape (n,)
        Sorted, no repeats.

    Returns
    -------
    pandas.DataFrame, shape (n, macro features)
        Indexed by ``closes``; null where a series is absent, or its newest value too old.
    """
    versions = macro_versions(raw).dropna(subset="value")
    by_series = {str(name): rows for name, rows in versions.groupby("series", sort=False)}
    features = pd.DataFrame(index=closes)
    for name, source in _INPUTS.items():
        rows = next((by_series[one] for one in source.series if one in by_series), None)
        features[name] = np.nan if rows is None else _at_closes(rows, source, closes)
    features["term_spread"] = features["rate_10y"] - features["rate_2y"]
    for name in ("term_spread", "credit_spread"):
        features[f"{name}_change_{_CHANGE_SESSIONS}"] = features[name].diff(_CHANGE_SESSIONS)
    return features[names("macro")]


def _at_closes(rows: pd.DataFrame, source: _Input, closes: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Return the statistic of one series at each close; NaN before its first value or if stale."""
    history = _history(rows, source.statistic)
    last = history["known_at"].searchsorted(closes, side="right") - 1
    latest = history.iloc[last]
    age = closes.tz_convert(None) - pd.DatetimeIndex(latest["newest"])
    fresh = (last >= 0) & (age <= pd.Timedelta(days=source.max_age_days))
    return np.where(fresh, latest["value"].to_numpy(), np.nan)


def _history(rows: pd.DataFrame, statistic: Callable[[_Published], float]) -> pd.DataFrame:
    """Return each moment at which the series changed, the statistic then, and its newest date."""
    series, values, newest = _Published(), [], []
    last = ~rows["known_at"].duplicated(keep="last")
    columns = (rows["observation_date"].tolist(), rows["value"].tolist(), last.tolist())
    for date, value, moment_ends in zip(*columns, strict=True):
        series.add(date, value)
        if moment_ends:
            values.append(statistic(series))
            newest.append(series.dates[-1])
    moments = rows.loc[last, "known_at"]
    return pd.DataFrame({"known_at": moments, "value": values, "newest": newest})
