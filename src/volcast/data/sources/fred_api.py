"""FRED's web service: whole lists by page, errors by what can be done, and the key kept unseen."""

import random
from collections.abc import Callable
from functools import partial
from json import JSONDecodeError
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

import httpx
from pydantic import SecretStr

from volcast.core.errors import ConfigError, ContractError, SourceUnavailable
from volcast.data.sources.retry import Retry

__all__ = ["FredApi", "UnknownSeries"]

_ATTEMPTS = 7
"""Their waits come to about a minute, for FRED counts requests (120) by the minute."""


class UnknownSeries(Exception):
    """FRED answered that it has no such series, or no vintages of it."""


class FredApi:
    """One session with the service.

    The key goes into the query below the client, so that no log line, exception or repr of
    httpx, all of which show the URL, can show it.

    Parameters
    ----------
    key : pydantic.SecretStr
    base_url : str
        Scheme and host.
    sleep : callable
        Waits that many seconds, between attempts.
    seed : int
        Of the jitter of the waits.
    timeout_seconds : float
        Of connecting, and of each silence while an answer is read.
    """

    def __init__(
        self, key: SecretStr, base_url: str, *, sleep: Callable[[float], None], seed: int,
        timeout_seconds: float,
    ) -> None:  # fmt: skip
        self._key = key
        self._retry = Retry(_ATTEMPTS, sleep, random.Random(seed))  # noqa: S311
        self._client = httpx.Client(
            base_url=base_url, transport=_Keyed(key, base_url), timeout=timeout_seconds
        )

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Close the connections."""
        self._client.close()

    def whole(self, path: str, field: str, series: str, **query: str | int) -> list[Any]:
        """Return the list ``field`` of an answer, all of its pages.

        No limit is asked for: FRED's default is the most that it gives, 100 000 observations.

        Raises
        ------
        UnknownSeries
            If FRED has no such series.
        SourceUnavailable
            If FRED refuses (423, 429, 5xx), does not answer in time or answers no JSON, each time
            it is asked; or if the list changes while its pages are read.
        ConfigError
            At once, if FRED does not accept the key.
        ContractError
            At once, if it does not accept the question, or answers in another shape.
        """
        listed: list[Any] = []
        counts = set()
        while True:
            asked = query | {"series_id": series, "offset": len(listed), "file_type": "json"}
            answer = self._retry(partial(self._ask, path, series, asked))
            page, count, limit = _page(answer, field, series)
            listed += page
            counts.add(count)
            if len(counts) > 1:
                raise self._unavailable(series, f"{sorted(counts)} {field} while they were read")
            # A short page ends the list too: of initial releases FRED does not say what it counts.
            if len(listed) >= count or len(page) < limit:
                return listed

    def _ask(self, path: str, series: str, query: dict[str, str | int]) -> Any:
        try:
            response = self._client.get(f"/fred/{path}", params=query)
        except httpx.RequestError as error:
            raise self._unavailable(series, f"{type(error).__name__}: {error}") from error
        if response.status_code == 400:
            raise self._refused(series, response)
        if response.status_code == 404:
            raise _other_shape(series, f"HTTP 404 for /fred/{path}")
        if response.status_code != 200:
            raise self._unavailable(series, f"HTTP {response.status_code}")
        try:
            return response.json()
        except (JSONDecodeError, UnicodeDecodeError) as error:
            # A body that is cut short, or a page of something that stands between.
            raise self._unavailable(series, f"no JSON: {error}") from error

    def _refused(self, series: str, response: httpx.Response) -> Exception:
        said = self._without_key(response.text)[:300]
        if "api_key" in said:
            return ConfigError(
                found="a key that FRED does not accept",
                expected="a registered key, 32 lower-case letters and digits",
                where="VOLCAST_FRED_API_KEY",
                remedy="Set it to a key of your FRED account; without one there is no macro data.",
                field="fred_api_key",
            )
        if "does not exist" in said:
            return UnknownSeries(series)
        return _other_shape(series, f"HTTP 400: {said}")

    def _unavailable(self, series: str, found: str) -> SourceUnavailable:
        return SourceUnavailable(
            found=self._without_key(found),
            expected="a whole answer",
            where=f"FRED, {series}",
            remedy="Run again later; what was stored before stands.",
        )

    def _without_key(self, text: str) -> str:
        key = self._key.get_secret_value()
        return text.replace(key, "***").replace(quote(key, safe=""), "***")


class _Keyed(httpx.BaseTransport):
    """Sends a request with the key in its query; the request it was given stays without."""

    def __init__(self, key: SecretStr, base_url: str) -> None:
        self._key = key
        self._below = httpx.HTTPTransport(proxy=_proxy(httpx.URL(base_url)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a copy that carries the key."""
        keyed = httpx.Request(
            request.method,
            request.url.copy_set_param("api_key", self._key.get_secret_value()),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return self._below.handle_request(keyed)

    def close(self) -> None:
        """Close the connections."""
        self._below.close()


def _proxy(url: httpx.URL) -> str | None:
    # httpx heeds the environment's proxies only with a transport of its own.
    return None if proxy_bypass(url.host) else getproxies().get(url.scheme)


def _page(answer: Any, field: str, series: str) -> tuple[list[Any], int, int]:
    given = answer if isinstance(answer, dict) else {}
    page, count, limit = (given.get(name) for name in (field, "count", "limit"))
    if not isinstance(page, list) or not isinstance(count, int) or not isinstance(limit, int):
        raise _other_shape(
            series,
            f"{type(answer).__name__} of {sorted(given)}",
            f"a list {field}, its count and limit",
        )
    return page, count, limit


def _other_shape(series: str, found: str, expected: str = "a list by page") -> ContractError:
    return ContractError(
        found=found,
        expected=expected,
        where=f"FRED, {series}",
        remedy="FRED has changed; compare volcast.data.sources.fred with its documentation.",
    )
