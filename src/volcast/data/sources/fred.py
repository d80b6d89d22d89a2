"""FRED's macro series: every vintage of the revised ones, with the day it was published."""

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from pydantic import SecretStr

from volcast.core.errors import ContractError
from volcast.data.sources.fred_api import FredApi, UnknownSeries
from volcast.data.sources.protocol import MACRO_COLUMNS, Fetched, join, nothing
from volcast.data.sources.publication_lag import VINTAGE_DAY, available_at, end_of_day
from volcast.data.sources.rows import between, changes
from volcast.store.tables import RAW_MACRO

__all__ = ["FredMacro"]

_URL = "https://api.stlouisfed.org"
_TIMEOUT_SECONDS = 30.0
_EARLIEST = date(1980, 1, 1)
"""No market row is older."""
_FIRST_DAY, _LAST_DAY = "1776-07-04", "9999-12-31"
"""FRED's own words for all of real time."""
_MOST_VINTAGES = 2000
"""In one question in JSON; a wider one is refused."""

_REVISED = ("CPIAUCSL", "ICSA", "INDPRO", "UNRATE")
_RE_ESTIMATED = ("NFCI",)
_NOT_REVISED = ("BAA10Y", "BAMLH0A0HYM2", "DFF", "DGS10", "DGS2", "DGS3MO", "VIXCLS")

_BY_REAL_TIME, _INITIAL_RELEASE = 1, 4


class FredMacro:
    """Macro series of the Federal Reserve Bank of St. Louis, dated by their publication.

    - Revised series (CPIAUCSL, ICSA, INDPRO, UNRATE): each value an observation has had, from
      the end of the day on which FRED first showed it.
    - NFCI, whose whole history is estimated anew each week: the initial release alone. Before
      its first vintage (2011) no value was public.
    - Daily market series: today's values and the assumed lag of ``publication_lag``. They are
      practically never revised; their vintages are more than FRED gives at once (2000), begin
      decades after their values, and BAMLH0A0HYM2 has none. A value that does change counts from
      its ingestion.

    A day of publication that is not over could still change; ``last`` is therefore the first day
    whose vintages are left out. A forecast of that session could not use them.

    Parameters
    ----------
    api_key : pydantic.SecretStr
        Never logged, stored or shown in an error.
    seed : int
        Of the jitter between attempts.
    sleep : callable
        Waits that many seconds.
    base_url : str
        Scheme and host of the service.
    timeout_seconds : float
        Of one HTTP request.
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
        SourceUnavailable
            If FRED refuses (423, 429, 5xx), does not answer in time, or answers nothing usable,
            each time it is asked.
        ConfigError
            At once, if FRED does not accept the key.
        ContractError
            At once, if an answer has another shape than the documented one.
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
        raise _other_shape(series, str(error)) from error


def _windows(days: list[date], last: date | None) -> Iterator[tuple[str, str]]:
    """Yield spans of real time of at most 2000 vintages each.

    A span shows a value that was there before it as if published on its first day: the value is
    no change then, and falls away.
    """
    for start in range(0, len(days), _MOST_VINTAGES):
        if last is not None and days[start] >= last:
            return
        after = days[start + _MOST_VINTAGES :][:1]
        end = str(after[0] - timedelta(days=1)) if after else _LAST_DAY
        yield str(days[start]), end


def _typed(rows: list[Any], series: str) -> pd.DataFrame:
    """Return date, vintage and value; "." is FRED's word for no value."""
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
        raise _other_shape(series, f"{type(error).__name__}: {error}") from error
    read = read.drop_duplicates(ignore_index=True)
    twice = read[read.duplicated(["date", "vintage"])]
    if len(twice) or np.isinf(read["value"]).any():
        raise _other_shape(series, f"two values of one day, or an infinite one: {twice.head(1)}")
    return read


def _other_shape(series: str, found: str) -> ContractError:
    return ContractError(
        found=found,
        expected="one number, or '.', of each date and day of publication",
        where=f"FRED, {series}",
        remedy="FRED has changed; compare volcast.data.sources.fred with its documentation.",
    )
