"""FRED's web service: complete lists from pages, typed errors, and a key that never shows."""

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
from volcast.data.sources.source import Retry

__all__ = ["FredApi", "UnknownSeries", "other_shape"]

_ATTEMPTS = 7
"""The waits add up to about a minute, since FRED allows 120 requests a minute."""


class UnknownSeries(Exception):
    """FRED has no such series, or no vintages of it."""


class FredApi:
    """One session with the service.

    The transport adds the key to the query, so that no log line, exception or repr of httpx, all
    of which show the URL, contains it.

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
        For the connection, and between two parts of an answer.
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
        """Return the session."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Close the connections."""
        self._client.close()

    def whole(self, path: str, field: str, series: str, **query: str | int) -> list[Any]:
        """Return the list ``field`` of an answer from all of its pages.

        No limit is sent: FRED's default is its maximum, 100 000 observations.

        Raises
        ------
        UnknownSeries
            If FRED has no such series.
        SourceUnavailable
            If every attempt is refused (423, 429, 5xx), times out or returns no JSON; or if the
            list changes while its pages are read.
        ConfigError
            At the first attempt, if FRED does not accept the key.
        ContractError
            At the first attempt, if it rejects the query, or the answer has another shape.
        """
        listed: list[Any] = []
        counts = set()
        while True:
            full = query | {"series_id": series, "offset": len(listed), "file_type": "json"}
            answer = self._retry(partial(self._get, path, series, full))
            page, count, limit = _page(answer, field, series)
            listed += page
            counts.add(count)
            if len(counts) > 1:
                raise self._unavailable(series, f"{sorted(counts)} {field} while they were read")
            # A short page ends the list too: the count of initial releases is undocumented.
            if len(listed) >= count or len(page) < limit:
                return listed

    def _get(self, path: str, series: str, query: dict[str, str | int]) -> Any:
        try:
            response = self._client.get(f"/fred/{path}", params=query)
        except httpx.RequestError as error:
            raise self._unavailable(series, f"{type(error).__name__}: {error}") from error
        if response.status_code == 400:
            raise self._refused(series, response)
        if response.status_code == 404:
            raise other_shape(series, f"HTTP 404 for /fred/{path}")
        if response.status_code != 200:
            raise self._unavailable(series, f"HTTP {response.status_code}")
        try:
            return response.json()
        except (JSONDecodeError, UnicodeDecodeError) as error:
            # A truncated body, or a page of a proxy.
            raise self._unavailable(series, f"no JSON: {error}") from error

    def _refused(self, series: str, response: httpx.Response) -> Exception:
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
            return UnknownSeries(series)
        return other_shape(series, f"HTTP 400: {text}")

    def _unavailable(self, series: str, found: str) -> SourceUnavailable:
        return SourceUnavailable(
            found=self._without_key(found),
            expected="a whole answer",
            where=f"FRED, {series}",
            remedy="Run again later; the stored rows are unchanged.",
        )

    def _without_key(self, text: str) -> str:
        key = self._key.get_secret_value()
        return text.replace(key, "***").replace(quote(key, safe=""), "***")


class _Keyed(httpx.BaseTransport):
    """Sends a copy of each request with the key in its query."""

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
    # httpx uses the environment's proxies only with its default transport.
    return None if proxy_bypass(url.host) else getproxies().get(url.scheme)


def _page(answer: Any, field: str, series: str) -> tuple[list[Any], int, int]:
    content = answer if isinstance(answer, dict) else {}
    page, count, limit = (content.get(name) for name in (field, "count", "limit"))
    if not isinstance(page, list) or not isinstance(count, int) or not isinstance(limit, int):
        summary = f"{type(answer).__name__} of {sorted(content)}"
        raise other_shape(series, summary, f"a list {field}, its count and limit")
    return page, count, limit


def other_shape(series: str, found: str, expected: str = "a list by page") -> ContractError:
    """Return the error of an answer that is not in the documented shape."""
    return ContractError(
        found=found,
        expected=expected,
        where=f"FRED, {series}",
        remedy="FRED has changed; compare volcast.data.sources.fred with its documentation.",
    )
