"""Inference: what is published adds up, and a backfill is the days run one by one."""

import hashlib
import math
import shutil
from pathlib import Path

import pytest

from tests.markets import UNIVERSE, crown, curated, fill
from volcast import registry
from volcast.core import calendar
from volcast.core.errors import ModelError, QualityError, StaleInput
from volcast.features.build import build
from volcast.inference.forecast import infer, predict_row
from volcast.inference.publish import backfill, publish
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, PREDICTIONS_DAILY

YEARS = 6
DAYS = 60


@pytest.fixture(scope="module")
def crowned(tmp_path_factory) -> Store:
    """A store with a champion trained sixty sessions before its data ends."""
    store = Store.open(str(tmp_path_factory.mktemp("crowned") / "store"))
    sessions = sorted(set(curated(YEARS)["session"]))
    last = fill(store, YEARS, as_of=sessions[-DAYS - 1])
    crown(store, last)
    return store


@pytest.fixture
def own(crowned, tmp_path) -> Store:
    shutil.copytree(crowned.uri, tmp_path / "own")
    return Store.open(str(tmp_path / "own"))


def tree(store: Store, table: str) -> dict[str, str]:
    folder = Path(store.uri) / table
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def later_sessions(store):
    have = store.read(CURATED_MARKET_DAILY).column("session").to_pylist()
    return [s for s in sorted(set(curated(YEARS)["session"])) if s > max(have)]


@pytest.mark.slow
def test_a_backfill_equals_the_same_days_run_one_by_one(own, tmp_path):
    shutil.copytree(own.uri, tmp_path / "at_once")
    at_once = Store.open(str(tmp_path / "at_once"))
    rows = curated(YEARS)
    days = later_sessions(own)
    assert len(days) == DAYS
    for day in days:
        own.write(CURATED_MARKET_DAILY, rows[rows["session"] == day])
        build(own, UNIVERSE, day)
        publish(own, infer(own, UNIVERSE, day))
    at_once.write(CURATED_MARKET_DAILY, rows[rows["session"].isin(days)])
    build(at_once, UNIVERSE, days[-1])
    backfill(at_once, UNIVERSE, days[0], days[-1])
    for table in ("predictions_daily", "features_daily"):
        assert tree(own, table) == tree(at_once, table)
    assert len(own.read(PREDICTIONS_DAILY)) == DAYS


def test_parts_add_up_and_targets_are_the_five_sessions_after(own):
    as_of = max(own.read(CURATED_MARKET_DAILY).column("session").to_pylist())
    row = infer(own, UNIVERSE, as_of).to_pylist()[0]
    total = row["base_log_variance"] + row["others_contribution"]
    total += sum(driver["contribution"] for driver in row["drivers"])
    assert total == pytest.approx(math.log(row["rv_5d_hat"] ** 2), abs=1e-12)
    sizes = [abs(driver["contribution"]) for driver in row["drivers"]]
    assert (len(sizes), sizes) == (5, sorted(sizes, reverse=True))
    week = calendar.sessions(row["target_from"], row["target_to"])
    assert (len(week), calendar.after(as_of, 1)) == (5, week[0])
    assert row["lo95"] < row["lo80"] < row["hi80"] < row["hi95"]


def test_a_session_without_features_is_stale_and_nothing_is_published(own):
    day = later_sessions(own)[0]
    with pytest.raises(StaleInput, match=f"no features of SYN for {day}") as caught:
        infer(own, UNIVERSE, day)
    assert caught.value.exit_code == 40
    assert len(own.read(PREDICTIONS_DAILY)) == 0


def test_a_missing_feature_is_named_and_an_optional_one_only_costs_its_baseline(own):
    champion = registry.champion(own, "SYN")
    as_of = max(own.read(CURATED_MARKET_DAILY).column("session").to_pylist())
    features = dict.fromkeys(champion.forecaster.signature, 0.1)
    row = predict_row(champion.forecaster, "1", "SYN", as_of, features | {"vix": None})
    assert row["baseline_vix"] is None
    assert row["rv_5d_hat"] > 0
    with pytest.raises(StaleInput, match="no value of g5_less_iv"):
        predict_row(champion.forecaster, "1", "SYN", as_of, features | {"g5_less_iv": None})


@pytest.mark.parametrize(
    ("column", "value"), [("rv_5d_hat", 9.0), ("hi80", 0.001), ("lo95", math.inf)]
)
def test_a_forecast_that_cannot_be_true_is_not_published(own, column, value):
    as_of = max(own.read(CURATED_MARKET_DAILY).column("session").to_pylist())
    row = infer(own, UNIVERSE, as_of).to_pylist()[0] | {column: value}
    with pytest.raises(QualityError, match="forecast to publish"):
        publish(own, PREDICTIONS_DAILY.conform(own_table([row])))
    assert len(own.read(PREDICTIONS_DAILY)) == 0


def own_table(rows):
    return PREDICTIONS_DAILY.empty().from_pylist(rows, schema=PREDICTIONS_DAILY.schema)


def test_without_a_champion_there_is_no_forecast(store):
    last = fill(store, 2)
    with pytest.raises(ModelError) as caught:
        infer(store, UNIVERSE, last)
    assert (caught.value.exit_code, caught.value.http_status) == (10, 503)


def test_a_champion_of_another_target_forecasts_nothing(own):
    as_of = max(own.read(CURATED_MARKET_DAILY).column("session").to_pylist())
    other = UNIVERSE.model_copy(update={"target": UNIVERSE.bond, "bond": ""})
    with pytest.raises(ModelError, match="no champion of SYNBOND"):
        infer(own, other, as_of)


def test_a_published_forecast_never_changes(own):
    as_of = max(own.read(CURATED_MARKET_DAILY).column("session").to_pylist())
    first = infer(own, UNIVERSE, as_of)
    assert publish(own, first).added == 1
    changed = {"rv_5d_hat": first.column("rv_5d_hat")[0].as_py() * 1.01}
    for rows in (infer(own, UNIVERSE, as_of), own_table([first.to_pylist()[0] | changed])):
        report = publish(own, rows)
        assert (report.added, report.replaced, report.unchanged) == (0, 0, 1)
    assert own.read(PREDICTIONS_DAILY).equals(first)


def test_a_row_has_the_last_session_its_model_was_trained_on(own):
    sessions = own.read(CURATED_MARKET_DAILY, symbols=["SYN"]).column("session").to_pylist()
    trained = registry.champion(own, "SYN").version.as_of
    rows = [infer(own, UNIVERSE, day).to_pylist()[0] for day in (sessions[-30], sessions[-1])]
    assert {row["model_as_of"].isoformat() for row in rows} == {trained}
    assert [row["session"] < row["model_as_of"] for row in rows] == [True, False]
