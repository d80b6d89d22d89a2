"""Yahoo's daily bars through yfinance, raw prices and the adjusted close."""

import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from json import JSONDecodeError
from typing import Any

import pandas as pd

from volcast.core.errors import ContractError, SourceUnavailable
from volcast.core.names import VOLATILITY_INDICES
from volcast.data.sources.formats import prices_of, tabulate
from volcast.data.sources.source import (
    PRICES,
    Fetched,
    join,
    market_rows,
    nothing,
    retried,
    unavailable,
)  # fmt: skip
from volcast.store.tables import RAW_MACRO, RAW_MARKET

__all__ = ["YahooSource"]

_EARLIEST = date(1980, 1, 2)
_TIMEOUT_SECONDS = 10.0
_ATTEMPTS = 4
_AT_YAHOO = {name: f"^{name}" for name in VOLATILITY_INDICES} | {"SPX": "^GSPC"}
_NO_MACRO = "No macro rows: Yahoo has none; a free FRED key in VOLCAST_FRED_API_KEY adds them."


class _UnknownSymbol(Exception):
    """Yahoo has no such symbol."""


class _Blank(SourceUnavailable):
    """Yahoo answered without a bar."""

    def __init__(self) -> None:
        super().__init__(found="no bars", expected="daily bars", where="Yahoo", remedy="")


class YahooSource:
    """Yahoo's chart service; every answer is checked, and requests that may recover are retried.

    ``seed`` is of the jitter between attempts, ``timeout_seconds`` of one HTTP request;
    ``new_session`` creates the HTTP session, by default one of curl_cffi.
    """

    name = "yfinance"
    live = True
    symbols: tuple[str, ...] = ()

    def __init__(
        self,
        seed: int = 7,
        sleep: Callable[[float], None] = time.sleep,
        new_session: Callable[[], Any] | None = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311
        self._retry = partial(retried, attempts=_ATTEMPTS, sleep=sleep, rng=rng)
        self._new_session = new_session
        self._timeout = timeout_seconds

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch daily bars; all symbols, or none. One that has no bars is unusable, not an error.

        Raises
        ------
        SourceUnavailable
            If every attempt is refused (429, 5xx), times out or returns nothing usable.
        ContractError
            At the first attempt, if an answer does not have the shape of daily bars.
        """
        session = self._checked_session()
        return join([self._symbol(s, first, last, session) for s in symbols], RAW_MARKET)

    def macro(self, first: date | None, last: date | None) -> Fetched:  # noqa: ARG002
        """Fetch nothing: Yahoo publishes no macro series."""
        return nothing(RAW_MACRO, _NO_MACRO)

    def _symbol(self, symbol: str, first: date | None, last: date | None, session: Any) -> Fetched:
        ticker = _AT_YAHOO.get(symbol, symbol)
        try:
            frame = self._retry(lambda: self._history(ticker, first, last, session))
        except _UnknownSymbol:
            return nothing(RAW_MARKET, f"Yahoo has no {symbol} (requested as {ticker}).")
        except _Blank:
            error = unavailable(f"Yahoo, {ticker}", "an answer without bars", "daily bars")
            return replace(nothing(RAW_MARKET), unusable={symbol: error})
        prices = _bars(frame, ticker)
        if prices["close"].isna().all():
            no_close = _other_shape(ticker, "no numbers in close")
            return replace(nothing(RAW_MARKET), unusable={symbol: no_close})
        return Fetched(market_rows(prices, symbol, self.name, first=first, last=last))

    def _history(self, ticker: str, first: date | None, last: date | None, session: Any) -> Any:
        import yfinance
        from yfinance.exceptions import YFException

        _isolate(yfinance)
        yfinance.config.debug.hide_exceptions = False
        session.volcast_last_status = 0
        span = {"start": first or _EARLIEST, "end": last and last + timedelta(days=1)}
        request = yfinance.Ticker(ticker, session=session)
        # Without a time zone, which only start and end use, yfinance requests it each time.
        request._tz = "America/New_York"
        try:
            frame = request.history(
                **span, interval="1d", auto_adjust=False, back_adjust=False, repair=False,
                actions=False, keepna=True, timeout=self._timeout,
            )  # fmt: skip
        except (YFException, OSError, JSONDecodeError) as error:
            # curl's errors are OSErrors; a truncated body or an HTML page is not JSON.
            if session.volcast_last_status == 404:
                raise _UnknownSymbol from error
            if session.volcast_last_status == 200 and isinstance(error, YFException):
                raise _Blank from error
            raise unavailable(
                f"Yahoo, {ticker}", f"{type(error).__name__}: {error}", "daily bars"
            ) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise _other_shape(ticker, f"{type(error).__name__}: {error}") from error
        if frame is None or frame.empty:
            raise _Blank
        return frame

    def _checked_session(self) -> Any:
        """Return a session with a time-out that raises on a 5xx, which yfinance would parse.

        A 4xx is left to yfinance, which then tries another kind of cookie.
        """
        from curl_cffi import requests

        new = self._new_session or partial(requests.Session, impersonate="chrome")
        session: Any = new()
        send = session.request

        def request(method: str, url: str, **options: Any) -> Any:
            response = send(method, url, **(options | {"timeout": self._timeout}))
            if "/v8/finance/chart/" in url:
                session.volcast_last_status = response.status_code
                if response.status_code >= 500:
                    ticker = url.rsplit("/", 1)[-1]
                    raise unavailable(
                        f"Yahoo, {ticker}", f"HTTP {response.status_code}", "daily bars"
                    )
            return response

        session.request = request
        return session


def _isolate(yfinance: Any) -> None:
    """Turn off yfinance's caches and log."""
    # A folder that cannot be created turns its files off: no time zone or cookie of an earlier
    # run is unpickled, nothing is written to the home folder. The memory cache would return the
    # failure of the first attempt to the second.
    yfinance.set_tz_cache_location(os.path.join(os.devnull, "none"))
    yfinance.data.YfData.cache_get.cache_clear()
    # Every failure raises; its own text lines do not belong in a log of JSON lines.
    yfinance.utils.get_yf_logger().setLevel(logging.CRITICAL)


def _bars(frame: pd.DataFrame, ticker: str) -> pd.DataFrame:
    """Return prices by session; the columns must be those of unadjusted daily bars."""
    if isinstance(frame.index, pd.DatetimeIndex):
        # The label is the exchange's day; in UTC it could be the day before or after.
        frame = frame.tz_localize(None)
    table = tabulate(frame, f"Yahoo, {ticker}")
    if missing := {*PRICES, "volume"} - {*table}:
        raise _other_shape(ticker, f"no {', '.join(sorted(missing))} in {list(frame.columns)}")
    return prices_of(table)


def _other_shape(ticker: str, found: str) -> ContractError:
    return ContractError(
        found=found, expected="raw and adjusted prices by day", where=f"Yahoo, {ticker}",
        remedy="Yahoo or yfinance has changed; compare volcast.data.sources.yahoo with it.",
    )  # fmt: skip
