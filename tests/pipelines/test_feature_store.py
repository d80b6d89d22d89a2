"""Training data and the online store, on features with planted revisions."""

import hashlib
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.contract_rows import feature_rows
from tests.markets import UNIVERSE, fill
from volcast.core import calendar
from volcast.core.errors import NotFound, StaleInput
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.steps import call
from volcast.store import Store

SYMBOLS = ("SPX", "000001")
FIRST, LAST = date(2017, 1, 3), date(2018, 12, 28)
RESTATED = 100.0
"""Added to every value of a restated row."""


def _restated(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    again = rows.sample(count, random_state=seed)
    later = again["created_timestamp"] + pd.to_timedelta(draw.integers(1, 20, count), unit="D")
    return again.assign(created_timestamp=later, **(again[names()] + RESTATED))


@pytest.fixture(scope="module")
def versions() -> pd.DataFrame:
    parts = [feature_rows(symbol, FIRST, LAST, seed) for seed, symbol in enumerate(SYMBOLS)]
    return pd.concat([*parts, *(_restated(part, 90, 7) for part in parts)], ignore_index=True)


@pytest.fixture(scope="module")
def store_uri(tmp_path_factory: pytest.TempPathFactory, versions: pd.DataFrame) -> str:
    store = Store.open(str(tmp_path_factory.mktemp("revised")))
    store.write(FEATURES_DAILY, versions)
    return store.uri


def test_the_training_frame_has_each_session_as_known_at_its_close(store_uri, versions):
    from feature_repo.historical import training_frame

    frame = training_frame(store_uri, "SPX", LAST)
    first = versions[
        (versions["symbol"] == "SPX")
        & (versions["created_timestamp"] == versions["event_timestamp"])
    ]
    assert list(frame["session"]) == list(first["session"])
    assert set(frame[names()].dtypes) == {np.dtype("float64")}
    np.testing.assert_array_equal(frame[names()], first[names()])


def test_a_span_of_sessions_is_inclusive_and_a_symbol_of_digits_is_no_number(store_uri):
    from feature_repo.historical import training_frame

    first, last = date(2018, 3, 5), date(2018, 3, 9)
    frame = training_frame(store_uri, "000001", last, first=first)
    assert list(frame["session"]) == calendar.sessions(first, last)
    assert set(frame["symbol"]) == {"000001"}
    assert frame["ret_1"].notna().all()
    with pytest.raises(NotFound, match="no features of NONE"):
        training_frame(store_uri, "NONE", LAST)


def test_training_uses_the_values_that_feast_returns(tmp_path, monkeypatch):
    from feast import FeatureStore

    store = Store.open(str(tmp_path))
    settled = {"as_of": str(fill(store, 6)), "universe": UNIVERSE.model_dump_json()}

    def trained() -> str:
        return call("train", store.uri, **settled, report=str(tmp_path / "report.html")).values[0]

    plain = trained()
    retrieve = FeatureStore.get_historical_features

    def retrieve_shifted(*args: Any, **kwargs: Any) -> Any:
        frame = retrieve(*args, **kwargs).to_df()
        frame.loc[900:1000, "g5_less_iv"] += 0.5
        return SimpleNamespace(to_df=lambda: frame)

    monkeypatch.setattr(FeatureStore, "get_historical_features", retrieve_shifted)
    shifted = trained()
    for name in ("model/model.ubj", "evaluation.parquet"):
        files = [store.objects.get(f"runs/{run}/{name}") for run in (plain, shifted)]
        assert files[0] != files[1]


def test_the_online_store_has_the_newest_session_up_to_as_of(tmp_path):
    from feature_repo.online import materialize
    from feature_repo.places import locate
    from feature_repo.rows import OnlineRows

    rows = feature_rows("SPX", date(2018, 11, 1), date(2018, 12, 21), 3)
    half_day = feature_rows("SPX", date(2018, 12, 24), date(2018, 12, 24), 4)
    later = feature_rows("SPX", date(2018, 12, 26), LAST, 5)
    Store.open(str(tmp_path)).write(FEATURES_DAILY, pd.concat([rows, half_day, later]))
    stamps = materialize(str(tmp_path), date(2018, 12, 24), expect=["SPX"])
    half_day_close = datetime(2018, 12, 24, 18, tzinfo=UTC)
    assert stamps == {"SPX": half_day_close}
    online = OnlineRows(locate(Store.open(str(tmp_path)))).newest("SPX")
    assert online == (half_day_close, half_day.iloc[0][names()].to_dict())


def test_features_older_than_as_of_are_refused_as_stale(tmp_path):
    from feature_repo.online import materialize

    rows = feature_rows("SPX", date(2018, 12, 3), date(2018, 12, 20), 3)
    Store.open(str(tmp_path)).write(FEATURES_DAILY, rows)
    with pytest.raises(StaleInput, match="SPX at 2018-12-20"):
        materialize(str(tmp_path), LAST, expect=["SPX"])


def test_feast_never_writes_the_contract_tables(store_uri):
    from feature_repo.historical import training_frame
    from feature_repo.online import materialize

    def digests() -> dict[Path, str]:
        files = (Path(store_uri) / FEATURES_DAILY.name).rglob("*.parquet")
        return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = digests()
    training_frame(store_uri, "SPX", LAST)
    materialize(store_uri, LAST)
    assert digests() == before


def test_two_processes_that_open_a_new_store_make_one_registry(tmp_path):
    Store.open(str(tmp_path)).write(FEATURES_DAILY, feature_rows("SPX", date(2018, 12, 3), LAST, 3))
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
