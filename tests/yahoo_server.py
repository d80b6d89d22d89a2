"""A loopback server in Yahoo's place, with faults on request."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
from curl_cffi import requests

from tests.loopback import QuietHandler, serving
from volcast.data.sources import YahooSource

__all__ = ["EMPTY", "HANG", "Answer", "Yahoo", "body", "chart", "page", "yahoo_server"]

Answer = tuple[int, bytes]

HANG: Answer = (0, b"")
EMPTY = {"chart": {"result": [], "error": None}}


def page(status: int) -> Answer:
    """Return a page of prose under an HTTP status."""
    return status, b"<html><body>Oops</body></html>"


def body(answer: object) -> Answer:
    """Return an answer in JSON."""
    return 200, json.dumps(answer).encode()


def chart(
    sessions: Sequence[Any], quote: dict[str, Any], adjusted: Any, zone: str = "America/New_York"
) -> dict[str, Any]:
    """Return an answer (v8) of daily bars at the opens of the sessions."""
    opens = pd.DatetimeIndex(sessions) + pd.Timedelta(hours=14, minutes=30)
    meta = {
        "currency": "USD", "symbol": "SPY", "instrumentType": "ETF", "firstTradeDate": 728317800,
        "regularMarketTime": int(opens[-1].timestamp()), "gmtoffset": -18000, "timezone": "EST",
        "priceHint": 2, "exchangeTimezoneName": zone, "dataGranularity": "1d",
        "validRanges": ["1d", "max"],
    }  # fmt: skip
    result = {
        "meta": meta,
        "timestamp": [int(stamp.timestamp()) for stamp in opens],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": list(adjusted)}]},
    }
    return {"chart": {"result": [result], "error": None}}


@dataclass
class Yahoo:
    """The answers of the loopback server: the faults in turn (None: none), then the charts."""

    url: str
    otherwise: Answer
    faults: list[Answer | None] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    waits: list[float] = field(default_factory=list)

    def answer(self, path: str) -> Answer:
        if "/v8/finance/chart/" not in path:
            return 404, b""
        self.paths.append(path)
        fault = self.faults.pop(0) if self.faults else None
        symbol = unquote(urlsplit(path).path.rsplit("/", 1)[-1])
        return fault or self.answers.get(symbol, self.otherwise)

    def source(self, timeout_seconds: float = 5.0) -> YahooSource:
        return YahooSource(
            sleep=self.waits.append, new_session=self._session, timeout_seconds=timeout_seconds
        )

    def _session(self) -> requests.Session:
        session: Any = requests.Session()
        send, base = session.request, self.url

        def to_loopback(method: str, url: str, **options: Any) -> Any:
            parts = urlsplit(url)
            return send(method, f"{base}{parts.path}", **options)

        session.request = to_loopback
        return session


@contextmanager
def yahoo_server(patch: pytest.MonkeyPatch, otherwise: Answer) -> Iterator[Yahoo]:
    """Serve ``otherwise`` by default, to a yfinance without caches."""
    from yfinance import base, data

    patch.setattr(data.SingletonMeta, "_instances", {})
    patch.setattr(base, "_tz_info_fetch_ctr", 0)

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            status, body = state.answer(self.path)
            if not status:
                state.over.wait(30)
                return
            self.answer(status, body)

    with serving(Handler) as url:
        state = Yahoo(url, otherwise)
        yield state
        state.over.set()
