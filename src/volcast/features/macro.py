"""Macro features: what had been published by each session's close, and nothing later.

A value counts from ``available_at`` if it came with the first fetch of its series, which is taken
as the history that was known; else from its fetch, if that is later. A late correction so never
reaches back into sessions whose features had been computed.
"""

from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from volcast.data.vintages import macro_versions
from volcast.features.catalog import names

__all__ = ["macro_features"]

_CHANGE_SESSIONS = 22
_DAILY_DAYS, _WEEKLY_DAYS, _MONTHLY_DAYS = 15, 35, 130
"""How old the newest observation may be before the feature is null: its publication lag, one period
and some days, so that a series which has stopped is not carried on for ever."""


@dataclass
class _Known:
    """The values of one series as they stand at a moment of the sweep."""

    values: dict[pd.Timestamp, float] = field(default_factory=dict)
    dates: list[pd.Timestamp] = field(default_factory=list)

    def learn(self, date: pd.Timestamp, value: float) -> None:
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


def _change_12m(known: _Known) -> float:
    return known.newest() - known.year_before()


def _growth_12m(known: _Known) -> float:
    return known.newest() / known.year_before() - 1


def _log_growth_12m(known: _Known) -> float:
    return float(np.log(known.newest() / known.year_before()))


def _claims_growth(known: _Known) -> float:
    return float(np.log(known.mean(4) / known.mean(52)))


@dataclass(frozen=True)
class _Input:
    """One number read from one series: the first of ``series`` that has rows."""

    series: tuple[str, ...]
    max_age_days: int
    statistic: Callable[[_Known], float] = _Known.newest


_CPI = ("CPI_vintages", "CPIAUCSL")
_INPUTS: Mapping[str, _Input] = {
    "rate_3m": _Input(("DGS3MO",), _DAILY_DAYS),
    "rate_2y": _Input(("DGS2",), _DAILY_DAYS),
    "rate_10y": _Input(("DGS10",), _DAILY_DAYS),
    "policy_rate": _Input(("DFF",), _DAILY_DAYS),
    "credit_spread": _Input(("BAA10Y",), _DAILY_DAYS),
    "high_yield_spread": _Input(("BAMLH0A0HYM2",), _DAILY_DAYS),
    "unemployment": _Input(("UNRATE",), _MONTHLY_DAYS),
    "unemployment_change_12m": _Input(("UNRATE",), _MONTHLY_DAYS, _change_12m),
    "claims_growth": _Input(("ICSA",), _WEEKLY_DAYS, _claims_growth),
    "inflation_12m": _Input(_CPI, _MONTHLY_DAYS, _growth_12m),
    "industrial_growth_12m": _Input(("INDPRO",), _MONTHLY_DAYS, _log_growth_12m),
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
    known = macro_versions(raw)
    by_series = {str(name): rows for name, rows in known.groupby("series", sort=False)}
    found = pd.DataFrame(
        {name: _read(wanted, by_series, closes) for name, wanted in _INPUTS.items()}, index=closes
    )
    found["term_spread"] = found["rate_10y"] - found["rate_2y"]
    for name in ("term_spread", "credit_spread"):
        found[f"{name}_change_{_CHANGE_SESSIONS}"] = found[name].diff(_CHANGE_SESSIONS)
    return found[names("macro")]


def _read(
    wanted: _Input, by_series: Mapping[str, pd.DataFrame], closes: pd.DatetimeIndex
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    rows = next((by_series[name] for name in wanted.series if name in by_series), None)
    nothing = np.full(len(closes), np.nan)
    if rows is None:
        return nothing
    moments, values, newest = _swept(rows[rows["value"].notna()], wanted.statistic)
    last = np.searchsorted(moments, closes.as_unit("us").to_numpy(), side="right") - 1
    seen = last >= 0
    age = closes.tz_convert(None).as_unit("us").to_numpy()[seen] - newest[last[seen]]
    fresh = age <= np.timedelta64(wanted.max_age_days, "D")
    nothing[seen] = np.where(fresh, values[last[seen]], np.nan)
    return nothing


def _swept(
    rows: pd.DataFrame, statistic: Callable[[_Known], float]
) -> tuple["np.ndarray[tuple[int], np.dtype[np.datetime64]]", ...]:  # fmt: skip
    """Return each moment at which the series changed, the statistic then, and its newest date."""
    known, values, newest = _Known(), [], []
    last = ~rows["known_at"].duplicated(keep="last")
    columns = (rows["observation_date"].tolist(), rows["value"].tolist(), last.tolist())
    for date, value, moment_ends in zip(*columns, strict=True):
        known.learn(date, value)
        if moment_ends:
            values.append(statistic(known))
            newest.append(known.dates[-1])
    moments = pd.DatetimeIndex(rows.loc[last, "known_at"]).as_unit("us").to_numpy()
    return moments, np.asarray(values), pd.DatetimeIndex(newest).as_unit("us").to_numpy()
