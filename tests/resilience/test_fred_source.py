"""FRED's source against a loopback server that speaks its JSON; all numbers are made up."""

import json
import logging
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from pydantic import SecretStr

from tests.faulty_feed import Feed
from tests.loopback import QuietHandler, serving
from volcast.core import calendar
from volcast.core.errors import ConfigError, ContractError, SourceUnavailable
from volcast.core.settings import Universe, read_settings
from volcast.data.ingest import IngestReport, ingest
from volcast.data.sources import Composed, Fetched, FredMacro, YahooSource, open_source
from volcast.store import Store
from volcast.store.tables import RAW_MACRO

KEY = "canary0key0of0thirty0two0letters"
TODAY = "2026-01-14"
AFTER = date(2026, 1, 15)

History = dict[str, list[tuple[str, str]]]
"""By observation date: the days on which its value was published or changed, and the values."""

UNRATE: History = {
    "2025-08-01": [("2025-09-05", "4.3"), ("2025-10-03", "4.3"), ("2026-01-09", "4.4")],
    "2025-09-01": [("2025-11-20", "4.4")],
}
CPI: History = {
    "2025-09-01": [("2025-10-24", "100.5")],
    "2025-10-01": [("2025-12-18", ".")],
    "2025-11-01": [("2025-12-18", "101.25")],
}
NFCI: History = {
    "2025-12-19": [("2025-12-24", "-0.50"), ("2025-12-31", "-0.51"), ("2026-01-07", "-0.49")],
    "2025-12-26": [("2025-12-31", "-0.52"), ("2026-01-07", "-0.53")],
}
DGS10: History = {
    "2025-12-24": [("2025-12-26", "4.10")],
    "2025-12-25": [("2025-12-26", ".")],
    "2025-12-26": [("2025-12-29", "4.20")],
}
HANG, CUT = (0, b""), (-1, b"")


def refusal(message: str) -> tuple[int, bytes]:
    content = {"error_code": 400, "error_message": f"Bad Request.  {message}"}
    return 400, json.dumps(content).encode()


BAD_KEY = refusal(
    "The value for variable api_key is not registered.  "
    "Read https://fred.stlouisfed.org/docs/api/api_key.html for more information."
)


@dataclass
class Fred:
    """The answers of the loopback server: the faults in turn, then the series."""

    url: str
    series: dict[str, History]
    page: int = 100_000
    faults: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def source(self, timeout_seconds: float = 5.0, key: str = KEY) -> FredMacro:
        return FredMacro(
            SecretStr(key), sleep=self.waits.append, base_url=self.url,
            timeout_seconds=timeout_seconds,
        )  # fmt: skip

    def answer(self, url: str) -> tuple[int, bytes]:
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.keys.append(query.pop("api_key", None))
        self.requests.append(query)
        if self.faults:
            return self.faults.pop(0)
        if self.keys[-1] != KEY:
            return BAD_KEY
        if query["series_id"] not in self.series:
            return refusal("The series does not exist.")
        series = self.series[query["series_id"]]
        days = sorted({day for history in series.values() for day, _ in history})
        begin, end = query.get("realtime_start", TODAY), query.get("realtime_end", TODAY)
        inside = [day for day in days if begin <= day <= end]
        if parts.path == "/fred/series/vintagedates":
            return self._list(query, "vintage_dates", inside)
        if len(inside) > 2000:
            return refusal(
                f"There are {len(inside)} vintage dates in the specified real-time period."
            )
        rows = observed(series, begin, end, query)
        return self._list(query, "observations", rows)

    def _list(self, query: dict[str, str], name: str, items: Sequence[Any]) -> tuple[int, bytes]:
        start = int(query["offset"])
        answer = {
            "count": len(items), "offset": start, "limit": self.page,
            name: items[start : start + self.page],
        }  # fmt: skip
        return 200, json.dumps(answer).encode()


def observed(series: History, begin: str, end: str, query: dict[str, str]) -> list[dict[str, str]]:
    """Rows by real-time period, its edges clamped to the one query for, as FRED does."""
    rows = []
    for day, history in sorted(series.items()):
        if not query["observation_start"] <= day <= query["observation_end"]:
            continue
        ends = [str(date.fromisoformat(start) - timedelta(days=1)) for start, _ in history[1:]]
        spans = zip(history, [*ends, "9999-12-31"], strict=True)
        shown = [
            {"realtime_start": max(start, begin), "realtime_end": min(stop, end),
             "date": day, "value": value}
            for (start, value), stop in spans
            if start <= end and stop >= begin
        ]  # fmt: skip
        rows += shown[:1] if query.get("output_type") == "4" else shown
    return rows


@pytest.fixture
def fred() -> Iterator[Fred]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            status, body = state.answer(self.path)
            if status == 0:
                state.over.wait(30)
            if status <= 0:
                return
            self.answer(status, body)

    series = {"UNRATE": UNRATE, "CPIAUCSL": CPI, "NFCI": NFCI, "DGS10": DGS10}
    with serving(Handler) as url:
        state = Fred(url, {k: dict(v) for k, v in series.items()})
        yield state
        state.over.set()


def of(fetched: Fetched, series: str) -> list[tuple[str, str, float]]:
    rows = fetched.rows[fetched.rows["series"] == series]
    return [
        (str(day.date()), f"{public:%Y-%m-%d %H:%M}", value)
        for day, public, value in zip(
            rows["observation_date"], rows["available_at"], rows["value"], strict=True
        )
    ]


def test_each_value_counts_from_the_end_of_its_day_in_new_york(fred: Fred) -> None:
    fetched = fred.source().macro(None, AFTER)
    assert of(fetched, "UNRATE") == [
        ("2025-08-01", "2025-09-06 04:00", 4.3),
        ("2025-08-01", "2026-01-10 05:00", 4.4),
        ("2025-09-01", "2025-11-21 05:00", 4.4),
    ]
    rules = fetched.rows.loc[fetched.rows["series"] == "UNRATE", "lag_rule"]
    assert set(rules) == {"published: end of the vintage day in New York"}

    # NFCI is estimated again each week: only the initial releases count.
    assert of(fetched, "NFCI") == [
        ("2025-12-19", "2025-12-25 05:00", -0.50),
        ("2025-12-26", "2026-01-01 05:00", -0.52),
    ]
    months = [(day, value) for day, _, value in of(fetched, "CPIAUCSL")]
    assert months == [("2025-09-01", 100.5), ("2025-11-01", 101.25)]
    assert fetched.dropped == {"CPIAUCSL: no value": 1, "DGS10: no value": 1}


def test_a_daily_market_series_has_an_assumed_lag_and_no_vintages(fred: Fred) -> None:
    fetched = fred.source().macro(None, AFTER)
    assert of(fetched, "DGS10") == [
        ("2025-12-24", "2025-12-30 00:00", 4.1),
        ("2025-12-26", "2025-12-31 00:00", 4.2),
    ]
    rules = fetched.rows.loc[fetched.rows["series"] == "DGS10", "lag_rule"]
    assert rules.str.startswith("assumed: daily").all()
    assert all(
        "realtime_start" not in query for query in fred.requests if "DGS10" in query.values()
    )


def test_pages_are_read_to_the_end(fred: Fred) -> None:
    whole = fred.source().macro(None, AFTER)
    fred.page, fred.requests = 2, []
    pd.testing.assert_frame_equal(fred.source().macro(None, AFTER).rows, whole.rows)
    offsets = [query["offset"] for query in fred.requests if query["series_id"] == "UNRATE"]
    assert offsets == ["0", "2", "0", "2"]


def test_a_list_that_changes_while_it_is_read_is_refused(fred: Fred) -> None:
    fred.page = 2
    answer = fred.answer

    def growing(url: str) -> tuple[int, bytes]:
        answered = answer(url)
        if "DGS10" in url:
            fred.series["DGS10"] = DGS10 | {"2025-12-29": [("2025-12-30", "4.3")]}
        return answered

    fred.answer = growing  # type: ignore[method-assign]
    with pytest.raises(SourceUnavailable, match="FRED, DGS10"):
        fred.source().macro(None, AFTER)


def test_more_vintages_than_one_query_may_cover_are_requested_in_parts(fred: Fred) -> None:
    first = date(2010, 1, 1)
    days = [str(first + timedelta(days=n)) for n in range(4500)]
    history: History = {day: [(day, "7")] for day in days}
    changed = zip((0, 1999, 2000, 4400), "1231", strict=True)
    history["2009-12-26"] = [(days[at], value) for at, value in changed]
    fred.series = {"ICSA": history, "NFCI": history}
    fetched = fred.source().macro(None, AFTER)
    assert [value for day, _, value in of(fetched, "ICSA") if day == "2009-12-26"] == [1, 2, 3, 1]
    assert len(of(fetched, "ICSA")) == 4504
    assert of(fetched, "NFCI")[0] == ("2009-12-26", "2010-01-02 05:00", 1.0)
    assert len(of(fetched, "NFCI")) == 4501
    windows = [query for query in fred.requests if query.get("output_type") == "1"]
    assert [query["realtime_start"] for query in windows] == [days[0], days[2000], days[4000]]


@pytest.mark.parametrize(
    ("last", "count"), [(date(1999, 1, 4), 0), (date(2026, 1, 9), 2), (date(2026, 1, 10), 3)]
)
def test_the_vintages_of_the_last_day_are_left_for_the_next_time(
    fred: Fred, last: date, count: int
) -> None:
    assert len(of(fred.source().macro(None, last), "UNRATE")) == count


def test_a_series_that_fred_does_not_have_is_noted(fred: Fred) -> None:
    del fred.series["NFCI"]
    fetched = fred.source().macro(None, AFTER)
    assert "FRED has no NFCI." in fetched.notes
    assert set(fetched.rows["series"]) == {"UNRATE", "CPIAUCSL", "DGS10"}
    assert fred.waits == []


@pytest.mark.parametrize(
    "fault",
    [(429, b"Too Many Requests"), (500, b""), (503, b"<html>"), (423, b"{}"), (302, b""), HANG, CUT,
     (200, b'{"count": 1, "observa'), (200, b"<html>please log in</html>"), (200, b"\xff\xfe{")],
    ids=["429", "500", "503", "locked", "moved", "hang", "cut", "truncated", "page", "bytes"],
)  # fmt: skip
def test_a_request_recovers_from_a_passing_fault(fred: Fred, fault: tuple[int, bytes]) -> None:
    whole = fred.source().macro(None, AFTER)
    fred.faults = [fault] * 2
    fetched = fred.source(timeout_seconds=0.3).macro(None, AFTER)
    pd.testing.assert_frame_equal(fetched.rows, whole.rows)
    assert len(fred.waits) == 2
    assert 0.5 <= fred.waits[0] <= 1.5


def row(**changed: object) -> tuple[int, bytes]:
    one = {"realtime_start": TODAY, "realtime_end": TODAY, "date": "2025-12-24", "value": "4.1"}
    return listed([one | changed])


def listed(rows: object, **changed: object) -> tuple[int, bytes]:
    return 200, json.dumps({"count": 1, "limit": 9, "observations": rows} | changed).encode()


@pytest.mark.parametrize(
    "answer",
    [(404, b"Not Found"), refusal("Variable file_type is not one of the values."),
     (200, b"[]"), (200, b'{"count": 1}'), listed({}), listed([], count="1"),
     listed([], limit=None),
     listed([4.1]), row(value="four"), row(value=None), row(value="inf"), row(date="24/12/2025"),
     listed([{"date": "2025-12-24", "value": "4.1"}]),
     listed([{"date": "2025-12-24", "realtime_start": TODAY, "value": v} for v in "45"], count=2)],
    ids=["404", "400", "list", "no rows", "rows as object", "count as text", "no limit",
         "bare number", "text", "null", "infinite", "other date", "no day of publication",
         "two values"],
)  # fmt: skip
def test_an_answer_of_another_shape_is_not_requested_again(
    fred: Fred, answer: tuple[int, bytes]
) -> None:
    fred.faults = [answer]
    with pytest.raises(ContractError, match="FRED, BAA10Y"):
        fred.source().macro(None, AFTER)
    assert fred.waits == []


def test_a_key_that_fred_refuses_is_a_fault_of_the_settings(fred: Fred) -> None:
    unknown = KEY[::-1]
    with pytest.raises(ConfigError, match="VOLCAST_FRED_API_KEY") as caught:
        fred.source(key=unknown).macro(None, AFTER)
    assert caught.value.field == "fred_api_key"
    assert unknown not in "".join(traceback.format_exception(caught.value))
    assert (len(fred.requests), fred.waits) == (1, [])


@pytest.mark.parametrize(
    "fault",
    [HANG, CUT, (429, b""), (503, KEY.encode()), (200, f'<a href="?api_key={KEY}">'.encode()),
     refusal(f"No such path ?k={KEY}"), refusal(f"api_key {KEY} is not registered"),
     (302, KEY.encode()), listed([KEY])],
)  # fmt: skip
def test_a_lasting_fault_ends_after_bounded_attempts_without_the_key_in_error_or_log(
    fred: Fred, fault: tuple[int, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fred.source().macro(None, AFTER)
    fred.faults, fred.requests = [fault] * 50, []
    with pytest.raises((ConfigError, ContractError, SourceUnavailable)) as caught:
        fred.source(timeout_seconds=0.2).macro(None, AFTER)
    if isinstance(caught.value, SourceUnavailable):
        assert (len(fred.requests), len(fred.waits)) == (7, 6)
        assert 31 <= sum(fred.waits) <= 95
    text = "".join(traceback.format_exception(caught.value))
    chain = caught.value.__cause__ or caught.value
    assert "/fred/series/observations" in caplog.text
    assert KEY not in text + repr(chain) + repr(getattr(chain, "request", "")) + caplog.text
    assert KEY not in repr(fred.source()) + repr(vars(fred.source()))
    assert set(fred.keys) == {KEY}


def test_requests_go_through_the_proxy_of_the_environment(
    fred: Fred, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTP_PROXY", fred.url)
    fred.url = "http://fred.invalid"
    assert len(of(fred.source().macro(None, AFTER), "UNRATE")) == 3


def fetch(store: Store, fred: Fred, day: int) -> IngestReport:
    universe = Universe(iv="", iv_3m="", bond="", credit="")
    days = pd.DatetimeIndex(calendar.sessions(date(2025, 12, 1), date(2026, 1, 31)))
    prices = pd.DataFrame({"session": days}).assign(
        open=10.0, high=12.0, low=9.0, close=11.0, adj_close=11.0, volume=100.0
    )
    now = datetime(2026, 1, day, 22, tzinfo=UTC)
    return ingest(
        store, Composed(Feed({"SPY": prices}), fred.source().macro), universe, now=now, as_of=None
    )


def test_a_later_vintage_adds_one_row_and_the_same_again_none(store: Store, fred: Fred) -> None:
    assert fetch(store, fred, 14).macro_added == 9
    first = {key: store.objects.get(key) for key in store.objects.list("")}
    again = fetch(store, fred, 14)
    assert (again.macro_added, again.macro_restated) == (0, 0)
    assert {key: store.objects.get(key) for key in store.objects.list("")} == first
    assert not any(KEY.encode() in data or KEY in key for key, data in first.items())
    fred.series["CPIAUCSL"]["2025-09-01"] = [*CPI["2025-09-01"], ("2026-01-14", "100.4")]
    assert fetch(store, fred, 14).macro_added == 0
    report = fetch(store, fred, 15)
    assert (report.macro_added, report.macro_restated) == (1, 0)
    rows = store.read(RAW_MACRO, symbols=["CPIAUCSL"]).to_pandas().sort_values("available_at")
    of_september = rows[rows["observation_date"] == date(2025, 9, 1)]
    assert of_september["value"].tolist() == [100.5, 100.4]
    assert set(rows["source"]) == {"fred"}


def test_a_daily_value_that_changes_counts_from_its_ingestion(store: Store, fred: Fred) -> None:
    fetch(store, fred, 14)
    fred.series["DGS10"]["2025-12-26"] = [("2025-12-29", "4.25")]
    assert fetch(store, fred, 15).macro_restated == 1
    rows = store.read(RAW_MACRO, symbols=["DGS10"]).to_pandas().sort_values("available_at")
    assert rows["available_at"].iloc[-1] == pd.Timestamp("2026-01-15 22:00", tz="UTC")


def test_an_outage_of_fred_delays_no_price_and_is_noted(store: Store, fred: Fred) -> None:
    fred.faults = [(500, b"")] * 50
    report = fetch(store, fred, 14)
    assert (report.added > 0, report.macro_added) == (True, 0)
    assert any(note.startswith("No macro rows this time: FRED") for note in report.notes)
    assert not any(KEY in note for note in report.notes)
    fred.faults = []
    assert fetch(store, fred, 14).macro_added == 9


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_yahoo_is_the_only_source(
    key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOLCAST_FRED_API_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("VOLCAST_FRED_API_KEY", key)
    source = open_source(read_settings(source="yfinance"))
    assert isinstance(source, YahooSource)
    assert source.macro(None, None).rows.empty


def test_with_a_key_yahoos_market_goes_with_freds_macro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_FRED_API_KEY", KEY)
    settings = read_settings(source="yfinance")
    source = open_source(settings)
    assert isinstance(source, Composed)
    assert (source.name, source.live, source.symbols) == ("yfinance", True, ())
    assert KEY not in repr(settings) + settings.model_dump_json() + repr(vars(source))
