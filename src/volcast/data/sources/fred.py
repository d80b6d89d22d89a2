"""FRED's macro series: every vintage of the revised ones, with the day it was published."""

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from pydantic import SecretStr

from volcast.data.sources.fred_api import FredApi, UnknownSeries, other_shape
from volcast.data.sources.publication_lag import VINTAGE_DAY, available_at, end_of_day
from volcast.data.sources.source import MACRO_COLUMNS, Fetched, between, changes, join, nothing
from volcast.store.tables import RAW_MACRO

__all__ = ["FredMacro"]

_URL = "https://api.stlouisfed.org"
_TIMEOUT_SECONDS = 30.0
_EARLIEST = date(1980, 1, 1)
"""No market row is older."""
_FIRST_DAY, _LAST_DAY = "1776-07-04", "9999-12-31"
"""FRED's notation for all of real time."""
_MOST_VINTAGES = 2000
"""FRED refuses a JSON query of more."""

_REVISED = ("CPIAUCSL", "ICSA", "INDPRO", "UNRATE")
_RE_ESTIMATED = ("NFCI",)
_NOT_REVISED = ("BAA10Y", "BAMLH0A0HYM2", "DFF", "DGS10", "DGS2", "DGS3MO", "VIXCLS")

_BY_REAL_TIME, _INITIAL_RELEASE = 1, 4


class FredMacro:
    """Macro series of the Federal Reserve Bank of St. Louis, dated by their publication.

    - Revised series (CPIAUCSL, ICSA, INDPRO, UNRATE): every value of an observation, available
      from the end of the day on which FRED first published it.
    - NFCI, whose whole history is re-estimated each week: only the initial release. Before its
      first vintage (2011) no value was public.
    - Daily market series: today's values and the assumed lag of ``publication_lag``. They are
      practically never revised; they have more vintages than one query returns (2000), which
      begin decades after their values, and BAMLH0A0HYM2 has none. A changed value counts from
      its ingestion.

    Values of a publication day that is not over could still change, so ``last`` is the first day
    whose vintages are left out. A forecast of that session could not use them.

    Parameters
    ----------
    api_key : pydantic.SecretStr
        Never logged, stored or shown in an error.
    seed : int
        For the jitter between attempts.
    sleep : callable
        Waits that many seconds.
    base_url : str
        Scheme and host of the service.
    timeout_seconds : float
        Per HTTP request.
    """

    def __init__(
        self,
        api_key: SecretStr,
        seed: int = 7,
        sleep: Callable[[float], None] = time.sleep,
        base_url: str = _URL,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._key, self._base_url = api_key, base_url
        self._seed, self._sleep, self._timeout = seed, sleep, timeout_seconds

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch every series; one that FRED does not have is noted.

        Raises
        ------
        SourceUnavailable, ConfigError, ContractError
            As `FredApi.whole`.
        """
        with FredApi(
            self._key, self._base_url,
            sleep=self._sleep, seed=self._seed, timeout_seconds=self._timeout,
        ) as api:  # fmt: skip
            names = sorted((*_REVISED, *_RE_ESTIMATED, *_NOT_REVISED))
            return join([_series(api, name, first, last) for name in names], RAW_MACRO)


def _series(api: FredApi, series: str, first: date | None, last: date | None) -> Fetched:
    try:
        read = _read(api, series, first, last)
    except UnknownSeries:
        return nothing(RAW_MACRO, f"FRED has no {series}.")
    valued = read[read["value"].notna()].reset_index(drop=True)
    if series in _NOT_REVISED:
        moments, rule = available_at(series, valued["date"])
        rows = valued.assign(available_at=moments, lag_rule=rule)
    else:
        rows = valued.assign(available_at=end_of_day(valued["vintage"]), lag_rule=VINTAGE_DAY)
        rows = changes(rows)
    if series in _RE_ESTIMATED:
        rows = rows.drop_duplicates("date")
    rows = rows.rename(columns={"date": "observation_date"}).assign(series=series, source="fred")
    rows = between(rows[MACRO_COLUMNS], "observation_date", first, last)
    missing = len(read) - len(valued)
    return Fetched(rows, {f"{series}: no value": missing} if missing else {})


def _read(api: FredApi, series: str, first: date | None, last: date | None) -> pd.DataFrame:
    span = {"observation_start": str(first or _EARLIEST), "observation_end": str(last or _LAST_DAY)}
    if series in _NOT_REVISED:
        rows = api.whole("series/observations", "observations", series, **span)
        return _typed(rows, series)
    kind = _INITIAL_RELEASE if series in _RE_ESTIMATED else _BY_REAL_TIME
    rows = []
    for begin, end in _windows(_vintage_days(api, series), last):
        rows += api.whole(
            "series/observations", "observations", series,
            realtime_start=begin, realtime_end=end, output_type=kind, **span,
        )  # fmt: skip
    read = _typed(rows, series)
    return read if last is None else read[read["vintage"] < pd.Timestamp(last)]


def _vintage_days(api: FredApi, series: str) -> list[date]:
    listed = api.whole(
        "series/vintagedates", "vintage_dates", series,
        realtime_start=_FIRST_DAY, realtime_end=_LAST_DAY,
    )  # fmt: skip
    try:
        return sorted({date.fromisoformat(day) for day in listed})
    except (TypeError, ValueError) as error:
        raise other_shape(series, str(error)) from error


def _windows(days: list[date], last: date | None) -> Iterator[tuple[str, str]]:
    """Yield spans of real time of at most 2000 vintages each.

    A span dates values from before it to its first day: they are no change, and are dropped.
    """
    for start in range(0, len(days), _MOST_VINTAGES):
        if last is not None and days[start] >= last:
            return
        after = days[start + _MOST_VINTAGES :][:1]
        end = str(after[0] - timedelta(days=1)) if after else _LAST_DAY
        yield str(days[start]), end


def _typed(rows: list[Any], series: str) -> pd.DataFrame:
    """Return date, vintage and value; "." is FRED's null."""
    try:
        columns = {
            "date": [row["date"] for row in rows],
            "vintage": [row["realtime_start"] for row in rows],
            "value": [np.nan if row["value"] == "." else float(row["value"]) for row in rows],
        }
        read = pd.DataFrame(columns).astype({"value": np.float64})
        for name in ("date", "vintage"):
            read[name] = pd.to_datetime(read[name], format="%Y-%m-%d").astype("datetime64[us]")
    except (KeyError, TypeError, ValueError) as error:
        raise other_shape(series, f"{type(error).__name__}: {error}") from error
    read = read.drop_duplicates(ignore_index=True)
    repeated = read[read.duplicated(["date", "vintage"])]
    if len(repeated) or np.isinf(read["value"]).any():
        raise other_shape(series, f"two values of one day, or an infinite one: {repeated.head(1)}")
    return read
