"""Thirteen faults that real feeds have had, each at 25 random places: nothing bad is published."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.faulty_feed import AS_OF, BEFORE, CONTENT, NOW, UNIVERSE, Feed, truth
from tests.yahoo_server import EMPTY, HANG, Answer, Yahoo, body, chart, page, yahoo_server
from volcast.core.errors import ContractError, SourceUnavailable, VolcastError
from volcast.data.ingest import ingest
from volcast.data.sources.source import Source
from volcast.data.validate import validate
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, RAW_MARKET

SEEDS = range(25)
CODES = {"QualityError": 10, "ContractError": 10, "SourceUnavailable": 20, "StaleInput": 40}
TRUTH = truth()
YESTERDAY = datetime(2024, 11, 27, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store into which the sound feed went, up to the session before."""
    folder = tmp_path_factory.mktemp("published")
    store = Store.open(str(folder))
    ingest(store, Feed(TRUTH), UNIVERSE, now=YESTERDAY, as_of=None)
    validate(store, UNIVERSE, BEFORE)
    return folder


@pytest.fixture
def copied(published: Path, tmp_path: Path) -> Store:
    """A copy of the published store."""
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    return Store.open(str(tmp_path))


def curated(store: Store) -> pd.DataFrame:
    return store.read(CURATED_MARKET_DAILY).to_pandas(date_as_object=False)


def attempt(store: Store, source: Source, now: datetime) -> VolcastError | None:
    """Ingest and validate; return the error it ended in."""
    try:
        report = ingest(store, source, UNIVERSE, now=now, as_of=None)
        validate(store, UNIVERSE, report.as_of)
    except VolcastError as error:
        return error
    return None


def bad_rows(rows: pd.DataFrame, factor: float = 1.0) -> list[str]:
    """Name the rows that are not the truth, times the target's factor."""
    wrong = []
    for symbol, frame in TRUTH.items():
        actual = rows[rows["symbol"] == symbol].set_index("session")
        expected = frame.set_index("session").reindex(actual.index)
        names = ["close"] if symbol == "VIX" else ["open", "high", "low", "close"]
        scale = expected[names].div(actual[names])
        # A split of the whole history is no fault: one factor over all rows of the symbol.
        allowed = 1 / factor if symbol == "SPY" else 1.0
        split = symbol == "TLT" and scale.std().max() < 1e-9
        near = scale.notna() & (split | ((scale - allowed).abs() < 1e-6))
        wrong += [f"{symbol} {day.date()}" for day in actual.index[~near.all(axis=1)]]
    return wrong


def judged(store: Store, error: VolcastError | None, expected: type[VolcastError] | None) -> None:
    """Assert that a run ended as it had to."""
    assert type(error) is (expected or type(None)), error
    if error is not None:
        assert error.exit_code == CODES[type(error).__name__]
        assert error.retryable == isinstance(error, SourceUnavailable)


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_feed_with_a_fault_publishes_nothing_bad(
    kind: str, seed: int, published: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng([seed, *kind.encode()])
    fresh = seed % 2 == 1
    case = CONTENT[kind](TRUTH, rng, fresh)
    if not fresh:
        shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    store = Store.open(str(tmp_path))
    before = curated(store)
    error = attempt(store, case.feed, case.now)
    after = curated(store)
    judged(store, error, case.expected)
    assert bad_rows(after, case.factor) == []
    if error is not None:
        pd.testing.assert_frame_equal(after, before)
    else:
        keys = pd.MultiIndex.from_frame(after[["symbol", "session"]])
        assert pd.MultiIndex.from_frame(before[["symbol", "session"]]).isin(keys).all()
        late = case.now < datetime(2024, 11, 29, 18, tzinfo=UTC)
        newest = after.loc[after["symbol"] == "SPY", "session"].max().date()
        assert newest == (BEFORE if late else AS_OF)
    fetched = [symbol for symbols in case.feed.requests for symbol in symbols]
    # Once; twice where the overlap showed that more than it was restated.
    assert all(fetched.count(symbol) <= 2 for symbol in fetched)


@lru_cache(maxsize=3)
def truth_of(symbol: str) -> Answer:
    """Return Yahoo's answer of the truth."""
    rows = TRUTH[symbol]
    quote = {name: rows[name].tolist() for name in ("open", "high", "low", "close", "volume")}
    return body(chart(rows["session"], quote, rows["adj_close"]))


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Yahoo]:
    with yahoo_server(monkeypatch, page(404)) as server:
        server.answers = {"SPY": truth_of("SPY"), "^VIX": truth_of("VIX"), "TLT": truth_of("TLT")}
        yield server


PASSING: dict[str, tuple[Answer, int]] = {
    # yfinance itself sends two requests where the status is in the 400s.
    "429": (page(429), 2), "5xx": (page(503), 1), "time-out": (HANG, 1), "empty": (body(EMPTY), 1),
}  # fmt: skip
ATTEMPTS = 4


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_failing_service_is_tried_again_a_bounded_number_of_times(
    kind: str, seed: int, copied: Store, yahoo: Yahoo
) -> None:
    rng = np.random.default_rng([seed, *kind.encode()])
    fault, requests = PASSING[kind]
    failing = ATTEMPTS if seed % 3 == 0 else int(rng.integers(1, ATTEMPTS))
    # Without bars of another symbol than the target the run goes on.
    sound_first = 0 if kind == "empty" else int(rng.integers(0, 3))
    yahoo.faults = [*[None] * sound_first, *[fault] * (failing * requests)]
    store = copied
    before, raw = curated(store), store.read(RAW_MARKET)
    source = yahoo.source(timeout_seconds=0.2)
    if failing < ATTEMPTS:
        report = ingest(store, source, UNIVERSE, now=NOW, as_of=None)
        assert (report.as_of, report.added, report.restated) == (AS_OF, 3, 0)
        assert len(yahoo.waits) == failing
        rows = store.read(RAW_MARKET).to_pandas(date_as_object=False)
        assert bad_rows(rows) == []
    else:
        error = attempt(store, source, NOW)
        judged(store, error, SourceUnavailable)
        assert len(yahoo.waits) == ATTEMPTS - 1
        assert store.read(RAW_MARKET).equals(raw)
    pd.testing.assert_frame_equal(curated(store), before)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_answer_without_a_column_ends_at_once(seed: int, copied: Store, yahoo: Yahoo) -> None:
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(yahoo.answers)))
    answer = json.loads(yahoo.answers[name][1])
    quote = answer["chart"]["result"][0]["indicators"]["quote"][0]
    del quote[str(rng.choice(sorted(quote)))]
    yahoo.answers[name] = body(answer)
    store = copied
    before, raw = curated(store), store.read(RAW_MARKET)
    judged(store, attempt(store, yahoo.source(), NOW), ContractError)
    assert yahoo.waits == []
    assert store.read(RAW_MARKET).equals(raw)
    pd.testing.assert_frame_equal(curated(store), before)


@pytest.mark.parametrize("seed", SEEDS)
def test_columns_of_several_levels_are_read_if_all_are_of_one_symbol(
    seed: int, copied: Store, yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yfinance

    rng = np.random.default_rng(seed)
    hit, two, flipped = rng.choice(["SPY", "^VIX", "TLT"]), seed % 2 == 1, rng.random() < 0.5
    plain = yfinance.Ticker.history

    def history(self: yfinance.Ticker, **options: object) -> pd.DataFrame:
        frame = plain(self, **options)
        if self.ticker != hit:
            return frame
        levelled = pd.concat({n: frame for n in (hit, *(["QQQ"] if two else []))}, axis=1)
        return levelled.swaplevel(axis=1) if flipped else levelled

    monkeypatch.setattr(yfinance.Ticker, "history", history)
    store = copied
    before, raw = curated(store), store.read(RAW_MARKET)
    if two:
        judged(store, attempt(store, yahoo.source(), NOW), ContractError)
        assert store.read(RAW_MARKET).equals(raw)
    else:
        assert ingest(store, yahoo.source(), UNIVERSE, now=NOW, as_of=None).added == 3
        assert bad_rows(store.read(RAW_MARKET).to_pandas(date_as_object=False)) == []
    assert yahoo.waits == []
    pd.testing.assert_frame_equal(curated(store), before)


def test_after_a_fault_the_sound_feed_is_published_whole(published: Path, tmp_path: Path) -> None:
    for kind in CONTENT:
        folder = tmp_path / kind
        shutil.copytree(published, folder)
        store = Store.open(str(folder))
        case = CONTENT[kind](TRUTH, np.random.default_rng(1), fresh=False)
        attempt(store, case.feed, case.now)
        assert attempt(store, Feed(TRUTH), datetime(2024, 11, 30, 12, tzinfo=UTC)) is None
        rows = curated(store)
        assert bad_rows(rows) == []
        assert len(rows) == sum(len(frame) for frame in TRUTH.values())
