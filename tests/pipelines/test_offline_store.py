"""The offline store against plain loops over rows, and what it refuses."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volcast import calendar
from volcast.contracts import FEATURES_DAILY
from volcast.errors import ConfigError, ContractError, CorruptFile, NotFound, RequestError
from volcast.features.definitions import names
from volcast.storage import Store

SYMBOLS = ("SPX", "000001", "^VIX")
FIRST, LAST = date(2016, 11, 1), date(2018, 2, 28)
TTL = timedelta(days=10)
MICROSECOND = timedelta(microseconds=1)
START = datetime(2017, 3, 1, 21, tzinfo=UTC)
END = datetime(2017, 9, 1, 20, tzinfo=UTC)

Row = dict[str, Any]


def _versions(symbol: str, seed: int) -> pd.DataFrame:
    """Return rows with gaps; some came late, some were revised, up to three times."""
    draw = np.random.default_rng(seed)
    sessions = [
        day for day in calendar.sessions(FIRST, LAST) if day.month != 5 and draw.random() > 0.1
    ]
    closes = calendar.closes(sessions)
    rows = pd.DataFrame(draw.normal(size=(len(sessions), len(names()))), columns=names())
    rows = rows.mask(draw.random(rows.shape) < 0.1)
    rows = rows.assign(
        symbol=symbol, session=sessions, event_timestamp=closes, created_timestamp=closes
    )
    late = draw.random(len(rows)) < 0.2
    rows["created_timestamp"] += pd.to_timedelta(
        np.where(late, draw.integers(1, 9, len(rows)), 0), "D"
    )
    parts = [rows]
    for again in range(3):
        part = rows.sample(40, random_state=seed + again)
        days = pd.to_timedelta(draw.integers(10 * again + 10, 10 * again + 19, 40), "D")
        parts.append(part.assign(created_timestamp=part["created_timestamp"] + days))
    everything = pd.concat(parts, ignore_index=True)
    return everything.assign(ret_1=seed * 10_000.0 + np.arange(len(everything)))


@pytest.fixture(scope="module")
def versions() -> pd.DataFrame:
    parts = [_versions(symbol, seed) for seed, symbol in enumerate(SYMBOLS)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def store_uri(tmp_path_factory: pytest.TempPathFactory, versions: pd.DataFrame) -> str:
    store = Store.open(str(tmp_path_factory.mktemp("versions")))
    store.write(FEATURES_DAILY, versions)
    return store.uri


@pytest.fixture(scope="module")
def asked(versions: pd.DataFrame) -> pd.DataFrame:
    """Return 300 rows: any moments, and those where something just begins or ends to count."""
    draw = np.random.default_rng(5)
    edges = []
    for row in versions.sample(200, random_state=3).itertuples():
        event, created = row.event_timestamp, row.created_timestamp
        edge = [event, created, event + TTL][draw.integers(3)]
        edges.append((row.symbol, edge + MICROSECOND * int(draw.integers(-1, 2))))
    span = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(draw.uniform(-30, 520, 80), "D")
    free = list(zip(draw.choice(SYMBOLS, 80), span.floor("us"), strict=True))
    unknown = [("NONE", pd.Timestamp(LAST, tz="UTC")), (None, pd.Timestamp(LAST, tz="UTC"))] * 5
    rows = pd.DataFrame([*edges, *free, *unknown], columns=["symbol", "event_timestamp"])
    rows = pd.concat([rows, rows.head(10)]).sample(frac=1, random_state=1, ignore_index=True)
    return rows.assign(note=[f"row {number}" for number in range(len(rows))])


def _joined(
    store_uri: str, entity_df: Any, *, known_only: bool = True, **more: Any
) -> pd.DataFrame:
    from feature_repo.opening import open_feature_store

    feature_store = open_feature_store(store_uri)
    service = feature_store.get_feature_service("forecast")
    job = feature_store.get_historical_features(
        entity_df=entity_df, features=service, filter_by_created_timestamp=known_only, **more
    )
    rows: pd.DataFrame = job.to_df()
    return rows


def _counts(row: Row, moment: datetime, known_only: bool, ttl: timedelta) -> bool:
    if known_only and row["created_timestamp"] > moment:
        return False
    return moment - ttl <= row["event_timestamp"] <= moment


def _searched(
    rows: list[Row], asked: pd.DataFrame, known_only: bool, ttl: timedelta = TTL
) -> list[list[float]]:
    answers = []
    for symbol, moment in zip(asked["symbol"], asked["event_timestamp"], strict=True):
        best: Row | None = None
        for row in rows:
            if row["symbol"] != symbol or not _counts(row, moment, known_only, ttl):
                continue
            if best is None or _age(row) > _age(best):
                best = row
        answers.append([best[name] if best else np.nan for name in names()])
    return answers


def _age(row: Row) -> tuple[datetime, datetime]:
    return row["event_timestamp"], row["created_timestamp"]


@pytest.mark.parametrize("known_only", [True, False])
def test_300_rows_get_what_a_search_through_all_versions_finds(
    store_uri: str, versions: pd.DataFrame, asked: pd.DataFrame, known_only: bool
) -> None:
    joined = _joined(store_uri, asked, known_only=known_only)
    expected = _searched(versions.to_dict("records"), asked, known_only)
    assert len(asked) == 300
    np.testing.assert_array_equal(joined[names()].to_numpy(), np.array(expected, float))
    assert 100 < joined["ret_1"].notna().sum() < 290


def test_rows_come_back_as_they_were_asked_for_with_the_features_beside(
    store_uri: str, asked: pd.DataFrame
) -> None:
    joined = _joined(store_uri, asked)
    assert list(joined.columns) == [*asked.columns, *names()]
    pd.testing.assert_frame_equal(joined[list(asked.columns)], asked)


def test_the_answer_may_be_written_to(store_uri: str, asked: pd.DataFrame) -> None:
    joined = _joined(store_uri, asked)
    for name in joined.columns:
        joined.loc[0, name] = joined.loc[1, name]
    assert list(joined.loc[0].astype(str)) == list(joined.loc[1].astype(str))


@pytest.mark.parametrize(
    "told",
    [
        lambda stamps: stamps.dt.tz_convert("America/New_York"),
        lambda stamps: stamps.dt.tz_localize(None),
        lambda stamps: stamps.dt.as_unit("ns"),
        lambda stamps: stamps.astype(object),
        lambda stamps: pd.Series([stamp.to_pydatetime() for stamp in stamps], dtype=object),
    ],
    ids=["another zone", "no zone", "nanoseconds", "objects", "datetimes"],
)
def test_a_moment_is_the_same_however_it_is_told(
    store_uri: str, asked: pd.DataFrame, told: Callable[["pd.Series[Any]"], "pd.Series[Any]"]
) -> None:
    same = asked.assign(event_timestamp=told(asked["event_timestamp"]))
    known = _joined(store_uri, asked)[names()]
    pd.testing.assert_frame_equal(_joined(store_uri, same)[names()], known)


def test_a_row_without_a_moment_gets_nothing(store_uri: str, asked: pd.DataFrame) -> None:
    timeless = asked.assign(event_timestamp=pd.NaT)
    timeless["event_timestamp"] = timeless["event_timestamp"].dt.tz_localize("UTC")
    assert _joined(store_uri, timeless)[names()].isna().all(axis=None)
    assert len(_joined(store_uri, asked.head(0))) == 0


def test_full_names_say_the_view(store_uri: str, asked: pd.DataFrame) -> None:
    joined = _joined(store_uri, asked, full_feature_names=True)
    assert list(joined.columns[3:]) == [f"features_daily__{name}" for name in names()]
    short = _joined(store_uri, asked)
    np.testing.assert_array_equal(joined["features_daily__vix"], short["vix"])


def test_files_of_other_symbols_and_years_are_not_opened(
    tmp_path: Path, versions: pd.DataFrame
) -> None:
    store = Store.open(str(tmp_path))
    store.write(FEATURES_DAILY, versions)
    files = sorted((tmp_path / "features_daily").rglob("*.parquet"))
    needed = tmp_path / "features_daily" / "symbol=000001" / "year=2017" / "data.parquet"
    for file in set(files) - {needed}:
        file.write_bytes(b"no Parquet")
    when = pd.to_datetime(["2017-02-01 22:00", "2017-11-30 22:00"], utc=True)
    joined = _joined(store.uri, pd.DataFrame({"symbol": "000001", "event_timestamp": when}))
    assert joined["ret_1"].notna().all()


@pytest.fixture
def flat(tmp_path: Path, versions: pd.DataFrame) -> Path:
    """Return a folder whose files name no symbol, of which one has no zone and one other units."""
    halves = versions.iloc[::2], versions.iloc[1::2]
    for name, unit, half in zip(("a", "b"), ("ns", "ms"), halves, strict=True):
        times = half[["event_timestamp", "created_timestamp"]]
        times = times.apply(lambda column, unit=unit: column.dt.as_unit(unit))
        naive = times.apply(lambda column: column.dt.tz_localize(None))
        rows = half.assign(**(naive if name == "b" else times))
        pq.write_table(
            pa.Table.from_pandas(rows, preserve_index=False), tmp_path / f"{name}.parquet"
        )
    return tmp_path
