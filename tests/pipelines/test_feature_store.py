"""The feature store against plain pandas, on features with planted revisions."""

import hashlib
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.markets import UNIVERSE, fill
from volcast.core import calendar
from volcast.core.errors import NotFound, StaleInput
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store
from volcast.training.train import train

SYMBOLS = ("SPX", "000001")
FIRST, LAST = date(2017, 1, 3), date(2018, 12, 28)
RESTATED = 100.0
"""Added to every value of a restated row, so that one look tells the versions apart."""


def _features(symbol: str, first: date, last: date, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    sessions = calendar.sessions(first, last)
    rows = pd.DataFrame(draw.normal(size=(len(sessions), len(names()))), columns=names())
    closes = calendar.closes(sessions)
    return rows.assign(
        symbol=symbol, session=sessions, event_timestamp=closes, created_timestamp=closes
    )


def _restated(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    again = rows.sample(count, random_state=seed)
    later = again["created_timestamp"] + pd.to_timedelta(draw.integers(1, 20, count), unit="D")
    return again.assign(created_timestamp=later, **(again[names()] + RESTATED))


@pytest.fixture(scope="module")
def versions() -> pd.DataFrame:
    parts = [_features(symbol, FIRST, LAST, seed) for seed, symbol in enumerate(SYMBOLS)]
    return pd.concat([*parts, *(_restated(part, 90, 7) for part in parts)], ignore_index=True)


@pytest.fixture(scope="module")
def store_uri(tmp_path_factory: pytest.TempPathFactory, versions: pd.DataFrame) -> str:
    store = Store.open(str(tmp_path_factory.mktemp("revised")))
    store.write(FEATURES_DAILY, versions)
    return store.uri


@pytest.fixture(scope="module")
def moments() -> pd.DataFrame:
    draw = np.random.default_rng(11)
    span = int((LAST - FIRST).days * 86_400)
    stamps = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(draw.integers(0, span, 300), unit="s")
    symbols = draw.choice(SYMBOLS, 300)
    return pd.DataFrame({"symbol": symbols, "event_timestamp": stamps}).drop_duplicates()


def _joined(store_uri: str, moments: pd.DataFrame, *, known_only: bool) -> pd.DataFrame:
    from feature_repo.opening import open_feature_store

    feature_store = open_feature_store(store_uri)
    answer = feature_store.get_historical_features(
        entity_df=moments.copy(),
        features=feature_store.get_feature_service("forecast"),
        filter_by_created_timestamp=known_only,
    )
    rows: pd.DataFrame = answer.to_df()
    return rows.sort_values(["symbol", "event_timestamp"], ignore_index=True)


def _known_at(versions: pd.DataFrame, symbol: str, moment: pd.Timestamp) -> "pd.Series[float]":
    rows = versions[versions["symbol"] == symbol]
    rows = rows[(rows["event_timestamp"] <= moment) & (rows["created_timestamp"] <= moment)]
    rows = rows[rows["event_timestamp"] >= moment - timedelta(days=10)]
    if rows.empty:
        return pd.Series(np.nan, index=names())
    return rows.sort_values(["event_timestamp", "created_timestamp"]).iloc[-1][names()]


def test_joins_are_features_at_close_at_300_random_moments(
    store_uri: str, versions: pd.DataFrame, moments: pd.DataFrame
) -> None:
    joined = _joined(store_uri, moments, known_only=True)
    expected = [_known_at(versions, row.symbol, row.event_timestamp) for row in joined.itertuples()]
    np.testing.assert_array_equal(
        joined[names()].to_numpy(float), np.array([list(row) for row in expected], float)
    )


def test_without_the_filter_a_later_revision_leaks(store_uri: str, moments: pd.DataFrame) -> None:
    known = _joined(store_uri, moments, known_only=True)
    leaked = _joined(store_uri, moments, known_only=False)
    assert (leaked["ret_1"] > known["ret_1"] + RESTATED / 2).sum() > 10


def test_the_training_frame_holds_each_session_as_known_at_its_close(
    store_uri: str, versions: pd.DataFrame
) -> None:
    from feature_repo.historical import training_frame

    frame = training_frame(store_uri, "SPX", LAST)
    first = versions[
        (versions["symbol"] == "SPX")
        & (versions["created_timestamp"] == versions["event_timestamp"])
    ]
    assert list(frame["session"]) == list(first["session"])
    assert set(frame[names()].dtypes) == {np.dtype("float64")}
    np.testing.assert_array_equal(frame[names()], first[names()])


def test_a_span_of_sessions_is_inclusive_at_both_ends(store_uri: str) -> None:
    from feature_repo.historical import training_frame

    frame = training_frame(store_uri, "SPX", date(2018, 3, 9), first=date(2018, 3, 5))
    assert list(frame["session"]) == calendar.sessions(date(2018, 3, 5), date(2018, 3, 9))


def test_a_symbol_of_digits_is_not_taken_for_a_number(store_uri: str) -> None:
    from feature_repo.historical import training_frame

    frame = training_frame(store_uri, "000001", LAST)
    assert set(frame["symbol"]) == {"000001"}
    assert frame["ret_1"].notna().all()


def test_a_symbol_without_features_is_not_found(store_uri: str) -> None:
    from feature_repo.historical import training_frame

    with pytest.raises(NotFound, match="no features of NONE"):
        training_frame(store_uri, "NONE", LAST)


def test_training_uses_the_values_that_feast_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feast import FeatureStore

    from feature_repo.historical import training_frame

    store = Store.open(str(tmp_path))
    last = fill(store, 6)
    plain = train(store, UNIVERSE, last, training_frame(store.uri, UNIVERSE.target, last))
    retrieve = FeatureStore.get_historical_features

    def retrieve_shifted(*args: Any, **kwargs: Any) -> Any:
        frame = retrieve(*args, **kwargs).to_df()
        frame.loc[900:1000, "g5_less_iv"] += 0.5
        return SimpleNamespace(to_df=lambda: frame)

    monkeypatch.setattr(FeatureStore, "get_historical_features", retrieve_shifted)
    shifted = train(store, UNIVERSE, last, training_frame(store.uri, UNIVERSE.target, last))
    for name in ("model/model.ubj", "evaluation.parquet"):
        assert store.objects.get(plain.folder + name) != store.objects.get(shifted.folder + name)


def test_the_online_store_holds_the_newest_session_up_to_as_of(tmp_path: Path) -> None:
    from feature_repo.online import materialize, online_features
    from feature_repo.opening import open_feature_store

    rows = _features("SPX", date(2018, 11, 1), date(2018, 12, 28), 3)
    Store.open(str(tmp_path)).write(FEATURES_DAILY, rows)
    answer = materialize(str(tmp_path), date(2018, 12, 24), expect=["SPX"])
    half_day_close = datetime(2018, 12, 24, 18, tzinfo=UTC)
    assert answer == {"SPX": half_day_close}

    found = online_features(open_feature_store(str(tmp_path)), "SPX")
    stored = rows[rows["session"] == date(2018, 12, 24)].iloc[0]
    assert found == (half_day_close, {name: stored[name] for name in names()})


def test_features_older_than_as_of_are_refused_as_stale(tmp_path: Path) -> None:
    from feature_repo.online import materialize

    rows = _features("SPX", date(2018, 12, 3), date(2018, 12, 20), 3)
    Store.open(str(tmp_path)).write(FEATURES_DAILY, rows)
    with pytest.raises(StaleInput, match="SPX at 2018-12-20"):
        materialize(str(tmp_path), LAST, expect=["SPX"])


def test_feast_never_writes_the_contract_tables(store_uri: str) -> None:
    from feature_repo.historical import training_frame
    from feature_repo.online import materialize

    def digests() -> dict[Path, str]:
        files = (Path(store_uri) / FEATURES_DAILY.name).rglob("*.parquet")
        return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = digests()
    training_frame(store_uri, "SPX", LAST)
    materialize(store_uri, LAST)
    assert digests() == before


def test_two_processes_that_open_a_new_store_make_one_registry(tmp_path: Path) -> None:
    Store.open(str(tmp_path)).write(FEATURES_DAILY, _features("SPX", date(2018, 12, 3), LAST, 3))
    code = (
        "import sys; from feature_repo.opening import open_feature_store as o;"
        "print(o(sys.argv[1]).get_feature_service('forecast').name)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)
    ]
    assert [one.communicate(timeout=300)[0].strip() for one in both] == ["forecast", "forecast"]
    left = sorted(path.name for path in (tmp_path / "feast").iterdir())
    assert [name.partition("-")[0] for name in left] == ["online.db", "registry"]
