"""FRED's macro series: every vintage of the revised ones, with the day it was published."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from json import JSONDecodeError
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

import httpx
import numpy as np
import pandas as pd
import pydantic
from pydantic import SecretStr

from volcast.core.errors import ConfigError, ContractError, SourceUnavailable
from volcast.data.sources.publication_lag import VINTAGE_DAY, end_of_day
from volcast.data.sources.source import Fetched, join, macro_series, nothing, retried, unavailable
from volcast.store.tables import RAW_MACRO

__all__ = ["FredMacro"]

_ATTEMPTS = 7
"""The waits add up to about a minute, since FRED allows 120 requests a minute."""
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


@dataclass(frozen=True)
class FredMacro:
    """Macro series of the Federal Reserve Bank of St. Louis, dated by their publication.

    - Revised series (CPIAUCSL, ICSA, INDPRO, UNRATE): every value of an observation, available
      from the end of the day on which FRED first published it.
    - NFCI, whose whole history is re-estimated each week: only the initial release. Before its
      first vintage (2011) no value was public.
    - Daily market series: today's values and the assumed lag of ``publication_lag``. They are
      practically never revised, and BAMLH0A0HYM2 has no vintages at all. A changed value counts
      from its ingestion.

    Values of a publication day that is not over could still change, so ``last`` is the first day
    whose vintages are left out. A forecast of that session could not use them.

    The key is never logged, stored or shown in an error. ``seed`` is of the jitter between
    attempts, ``timeout_seconds`` of the connection and of each part of an answer.
    """

    api_key: SecretStr
    seed: int = 7
    sleep: Callable[[float], None] = time.sleep
    base_url: str = "https://api.stlouisfed.org"
    timeout_seconds: float = 30.0

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch every series; one that FRED does not have is noted.

        Raises
        ------
        SourceUnavailable
            If every attempt fails in a way that may pass, or a list changes while it is read.
        ConfigError
            At the first attempt, if FRED does not accept the key.
        ContractError
            At the first attempt, if it rejects the query, or the answer has another shape.
        """
        rng = random.Random(self.seed)  # noqa: S311
        retry = partial(retried, attempts=_ATTEMPTS, sleep=self.sleep, rng=rng)
        transport, timeout = _Keyed(self.api_key, self.base_url), self.timeout_seconds
        with httpx.Client(base_url=self.base_url, transport=transport, timeout=timeout) as client:
            names = sorted((*_REVISED, *_RE_ESTIMATED, *_NOT_REVISED))
            series = [_Series(name, client, self.api_key, retry) for name in names]
            return join([one.fetch(first, last) for one in series], RAW_MACRO)


class _Observation(pydantic.BaseModel):
    day: date = pydantic.Field(validation_alias="date")
    vintage: date = pydantic.Field(validation_alias="realtime_start")
    value: Literal["."] | pydantic.FiniteFloat
    """A point is FRED's null."""


_Row = TypeVar("_Row")


class _Page(pydantic.BaseModel, Generic[_Row]):
    """One page of a list, and how many rows the list and a page have."""

    model_config = pydantic.ConfigDict(hide_input_in_errors=True)

    count: pydantic.StrictInt
    limit: pydantic.StrictInt
    rows: list[_Row] = pydantic.Field(
        validation_alias=pydantic.AliasChoices("observations", "vintage_dates")
    )


class _UnknownSeries(Exception):
    """FRED has no such series, or no vintages of it."""


@dataclass(frozen=True)
class _Series:
    """One series of FRED's web service: whole lists from pages, and errors without the key."""

    name: str
    client: httpx.Client
    key: SecretStr
    retry: Callable[[Callable[[], Any]], Any]

    def fetch(self, first: date | None, last: date | None) -> Fetched:
        """Return the values between two dates as published before ``last``."""
        try:
            read = self._read(first, last)
        except _UnknownSeries:
            return nothing(RAW_MACRO, f"FRED has no {self.name}.")
        if self.name not in _NOT_REVISED:
            ends = end_of_day(read["vintage"])
            read = read.assign(available_at=ends, lag_rule=VINTAGE_DAY)
        fetched = macro_series(read, self.name, "fred", first=first, last=last)
        if self.name not in _RE_ESTIMATED:
            return fetched
        initial = fetched.rows.drop_duplicates("observation_date", ignore_index=True)
        return replace(fetched, rows=initial)

    def _read(self, first: date | None, last: date | None) -> pd.DataFrame:
        """Return date, vintage and value of every vintage before ``last``, or of today's values."""
        observations = partial(
            self._whole, "series/observations", _Page[_Observation],
            observation_start=str(first or _EARLIEST), observation_end=str(last or _LAST_DAY),
        )  # fmt: skip
        if self.name in _NOT_REVISED:
            return self._typed(observations())
        kind = _INITIAL_RELEASE if self.name in _RE_ESTIMATED else _BY_REAL_TIME
        span = {"realtime_start": _FIRST_DAY, "realtime_end": _LAST_DAY}
        days = self._whole("series/vintagedates", _Page[date], **span)
        rows = []
        for begin, end in _windows(sorted(set(days)), last):
            rows += observations(realtime_start=begin, realtime_end=end, output_type=kind)
        read = self._typed(rows)
        return read if last is None else read[read["vintage"] < pd.Timestamp(last)]

    def _typed(self, rows: list[_Observation]) -> pd.DataFrame:
        read = pd.DataFrame(map(dict, rows), columns=["day", "vintage", "value"])
        read = read.rename(columns={"day": "date"})
        read["value"] = pd.to_numeric(read["value"], errors="coerce").astype(np.float64)
        for name in ("date", "vintage"):
            read[name] = pd.to_datetime(read[name]).astype("datetime64[us]")
        read = read.drop_duplicates(ignore_index=True)
        repeated = read[read.duplicated(["date", "vintage"])]
        if len(repeated):
            raise self._other_shape(f"two values of one day: {repeated.head(1)}")
        return read

    def _whole(self, path: str, page_type: type[_Page[_Row]], **query: str | int) -> list[_Row]:
        """Return a list from all of its pages.

        No limit is sent: FRED's default is its maximum, 100 000 observations.
        """
        rows: list[_Row] = []
        totals = set()
        while True:
            full = query | {"series_id": self.name, "offset": len(rows), "file_type": "json"}
            try:
                page = page_type.model_validate(self.retry(partial(self._get, path, full)))
            except pydantic.ValidationError as error:
                raise self._other_shape(str(error)) from error
            rows += page.rows
            totals.add(page.count)
            if len(totals) > 1:
                raise self._unavailable(f"{sorted(totals)} rows of {path} while they were read")
            # A short page ends the list too: the count of initial releases is undocumented.
            if len(rows) >= page.count or len(page.rows) < page.limit:
                return rows

    def _get(self, path: str, query: dict[str, str | int]) -> Any:
        try:
            response = self.client.get(f"/fred/{path}", params=query)
        except httpx.RequestError as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error
        if response.status_code in (400, 404):
            raise self._refused(response)
        if response.status_code != 200:
            raise self._unavailable(f"HTTP {response.status_code}")
        try:
            return response.json()
        except (JSONDecodeError, UnicodeDecodeError) as error:
            # A truncated body, or a page of a proxy.
            raise self._unavailable(f"no JSON: {error}") from error

    def _refused(self, response: httpx.Response) -> Exception:
        text = self._without_key(response.text)[:300]
        if "api_key" in text:
            return ConfigError(
                found="a key that FRED does not accept",
                expected="a registered key, 32 lower-case letters and digits",
                where="VOLCAST_FRED_API_KEY",
                remedy="Set it to a key of your FRED account; without one there is no macro data.",
                field="fred_api_key",
            )
        if "does not exist" in text:
            return _UnknownSeries(self.name)
        return self._other_shape(f"HTTP {response.status_code}: {text}")

    def _unavailable(self, found: str) -> SourceUnavailable:
        return unavailable(f"FRED, {self.name}", self._without_key(found), "a whole answer")

    def _other_shape(self, found: str) -> ContractError:
        return ContractError(
            found=found, expected="a list by page", where=f"FRED, {self.name}",
            remedy="FRED has changed; compare volcast.data.sources.fred with its documentation.",
        )  # fmt: skip

    def _without_key(self, text: str) -> str:
        key = self.key.get_secret_value()
        return text.replace(key, "***").replace(quote(key, safe=""), "***")


def _windows(days: list[date], last: date | None) -> Iterator[tuple[str, str]]:
    """Yield spans of real time of at most 2000 vintages each.

    A span dates values from before it to its first day: they are no change, and are dropped.
    """
    for start in range(0, len(days), _MOST_VINTAGES):
        if last is not None and days[start] >= last:
            return
        after = days[start + _MOST_VINTAGES :][:1]
        yield str(days[start]), str(after[0] - timedelta(days=1)) if after else _LAST_DAY


class _Keyed(httpx.HTTPTransport):
    """Adds the key to what is sent alone: all logs and errors of httpx show the request's URL."""

    def __init__(self, key: SecretStr, base_url: str) -> None:
        url = httpx.URL(base_url)
        # httpx uses the environment's proxies only with its default transport.
        super().__init__(proxy=None if proxy_bypass(url.host) else getproxies().get(url.scheme))
        self._key = key

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a copy that has the key in its query."""
        url = request.url.copy_set_param("api_key", self._key.get_secret_value())
        keyed = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream,
            extensions=request.extensions,
        )  # fmt: skip
        return super().handle_request(keyed)
