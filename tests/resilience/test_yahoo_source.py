"""Yahoo's source against a loopback server that misbehaves; all prices are made up."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.yahoo_server import EMPTY, HANG, Answer, Yahoo, body, chart, page, yahoo_server
from volcast.core.errors import ContractError, SourceUnavailable, VolcastError
from volcast.core.settings import Universe
from volcast.data.ingest import ingest
from volcast.store import Store

SESSIONS = [date(2024, 3, day) for day in (4, 5, 6, 7, 8)]
COLUMNS = {
    "open": [100.0, 101.0, 102.0, 101.5, 103.0],
    "high": [101.5, 102.5, 103.0, 103.5, 104.0],
    "low": [99.5, 100.5, 101.0, 101.0, 102.5],
    "close": [101.0, 102.0, 101.5, 103.0, 103.5],
    "volume": [1000, 1100, 1200, 1300, 1400],
}
ADJUSTED = [100.0, 100.0 * 102 / 101, 101.5 / 101 * 101, 104.03 / 1.01 * 1.01, 104.535]


def answer(zone: str = "America/New_York", **columns: Any) -> Answer:
    """Return the chart of the sessions; a column of None is left out."""
    quote = {name: values for name, values in (COLUMNS | columns).items() if values}
    return body(chart(SESSIONS, quote, ADJUSTED, zone))


NOT_FOUND = {
    "chart": {
        "result": None,
        "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
    }
}


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Yahoo]:
    with yahoo_server(monkeypatch, answer()) as server:
        yield server


def test_bars_keep_raw_prices_and_the_dividend_as_an_adjustment(yahoo: Yahoo) -> None:
    rows = yahoo.source().market(["SPY"], None, date(2024, 3, 8)).rows
    assert [day.date() for day in rows["session"]] == SESSIONS
    assert rows["close"].tolist() == COLUMNS["close"]
    assert len(yahoo.paths) == 1
    assert rows["adjustment"].isna().tolist() == [True, False, False, False, False]
    assert rows["adjustment"].tolist()[1] == 1.0
    dividend = (ADJUSTED[2] / ADJUSTED[1]) / (COLUMNS["close"][2] / COLUMNS["close"][1])
    assert rows["adjustment"].tolist()[2] == pytest.approx(dividend, rel=1e-12)


@pytest.mark.parametrize(
    "fault",
    [page(429), page(500), page(503), page(403), HANG, body(EMPTY), (200, b'{"chart": {"resu')],
    ids=["429", "500", "503", "403", "hang", "empty", "truncated"],
)
def test_a_request_recovers_from_a_passing_fault(yahoo: Yahoo, fault: tuple[int, bytes]) -> None:
    # yfinance itself sends two requests where the status is in the 400s.
    yahoo.faults = [fault] * (4 if fault[0] in (403, 429) else 2)
    rows = yahoo.source(timeout_seconds=0.4).market(["SPY"], None, date(2024, 3, 8)).rows
    assert rows["close"].tolist() == COLUMNS["close"]
    assert len(yahoo.waits) == 2
    assert 0.5 <= yahoo.waits[0] <= 1.5
    assert 1.0 <= yahoo.waits[1] <= 3.0


@pytest.mark.parametrize(
    "other",
    [answer(open=None), answer(close=["a"] * 5), answer(close=[1.0, 2.0])],
    ids=["missing column", "text", "ragged"],
)
def test_an_answer_of_another_shape_is_not_requested_again(yahoo: Yahoo, other: Answer) -> None:
    yahoo.answers["SPY"] = other
    with pytest.raises(ContractError, match="Yahoo, SPY"):
        yahoo.source().market(["SPY"], None, date(2024, 3, 8))
    assert yahoo.waits == []


def test_an_unknown_symbol_is_noted_and_the_others_are_fetched(yahoo: Yahoo) -> None:
    yahoo.answers["HYG"] = (404, json.dumps(NOT_FOUND).encode())
    fetched = yahoo.source().market(["SPY", "HYG"], None, date(2024, 3, 8))
    assert set(fetched.rows["symbol"]) == {"SPY"}
    assert any("HYG" in note for note in fetched.notes)
    assert yahoo.waits == []


NO_BARS = body({"chart": {"result": [{"meta": {}, "indicators": {"quote": [{}]}}], "error": None}})


@pytest.mark.parametrize(
    ("blank", "waits"), [(body(EMPTY), 3), (NO_BARS, 3), (answer(close=[None] * 5), 0)],
    ids=["no result", "no bars", "all null"],
)  # fmt: skip
def test_a_blank_symbol_is_noted_unless_it_is_the_target(
    yahoo: Yahoo, store: Store, blank: Answer, waits: int
) -> None:
    yahoo.answers["HYG"] = blank
    universe = Universe(target="SPY", iv="", iv_3m="", bond="", credit="HYG")
    now = datetime(2024, 3, 8, 22, tzinfo=UTC)
    with pytest.raises(VolcastError, match="Yahoo, HYG"):
        ingest(store, yahoo.source(), universe, now=now, as_of=None, also=["HYG"])
    assert len(yahoo.waits) == waits
    report = ingest(store, yahoo.source(), universe, now=now, as_of=None)
    assert report.added == len(SESSIONS)
    assert ["HYG" in warning for warning in report.warnings] == [True]


def test_a_hang_after_an_unknown_symbol_is_not_taken_for_another_one(yahoo: Yahoo) -> None:
    yahoo.answers = {"HYG": (404, json.dumps(NOT_FOUND).encode()), "TLT": HANG}
    with pytest.raises(SourceUnavailable, match="TLT"):
        yahoo.source(timeout_seconds=0.3).market(["HYG", "TLT"], None, date(2024, 3, 8))


def test_sessions_are_the_exchanges_own_days(yahoo: Yahoo) -> None:
    yahoo.answers["^VIX9D"] = answer(zone="America/Chicago")
    rows = yahoo.source().market(["VIX9D"], None, date(2024, 3, 8)).rows
    assert set(rows["symbol"]) == {"VIX9D"}
    assert [day.date() for day in rows["session"]] == SESSIONS
    assert all("VIX9D" in path for path in yahoo.paths)


@pytest.mark.parametrize(
    ("symbol", "ticker"), [("VXN", "^VXN"), ("OVX", "^OVX"), ("^GVZ", "^GVZ"), ("VXX", "VXX")]
)
def test_a_known_index_is_requested_as_yahoo_names_it(
    yahoo: Yahoo, symbol: str, ticker: str
) -> None:
    assert set(yahoo.source().market([symbol], None, None).rows["symbol"]) == {symbol}
    assert {unquote(urlsplit(path).path.rsplit("/", 1)[-1]) for path in yahoo.paths} == {ticker}


def test_nothing_is_cached_on_disk(yahoo: Yahoo) -> None:
    import yfinance

    yahoo.source().market(["SPY"], None, date(2024, 3, 8))
    assert yfinance.cache._TzDBManager.get_location().startswith(os.devnull)
    assert yfinance.cache._TzDBManager._db is None
