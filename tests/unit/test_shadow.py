"""The challenger forecasts next to the champion, and can never stop it."""

import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tests.markets import NOON, UNIVERSE, crown, curated, features_of, fill
from volcast import registry
from volcast.core import calendar
from volcast.core.errors import ModelError, StaleInput
from volcast.inference import forecast
from volcast.inference.forecast import infer, predict_row, shadow
from volcast.inference.publish import backfill, publish
from volcast.registry.run_files import GateDecision
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY
from volcast.training import gate, train
from volcast.training.gate import take_as_challenger

pytestmark = pytest.mark.xdist_group("shadow")

YEARS, DAYS = 6, 20
AUDIT = {"who": "ana", "why": "new", "when": NOON}


@pytest.fixture(scope="module")
def shadowed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A champion and a challenger of another seed, both trained twenty sessions before the end."""
    store = Store.open(str(tmp_path_factory.mktemp("shadowed") / "store"))
    last = fill(store, YEARS)
    earlier = calendar.after(last, -DAYS)
    crown(store, earlier)
    run = train.train(store, UNIVERSE, earlier, features_of(store, earlier), seed=8)
    registry.challenge(store, registry.register(store, run.run_id).version, **AUDIT)
    return store


@pytest.fixture
def own(shadowed: Store, tmp_path: Path) -> Store:
    shutil.copytree(shadowed.uri, tmp_path / "own")
    return Store.open(str(tmp_path / "own"))


def last_sessions(count: int) -> list[date]:
    return sorted(set(curated(YEARS)["session"]))[-count:]


def published(store: Store) -> list[tuple[date, str, str]]:
    rows = store.read(PREDICTIONS_DAILY).to_pylist()
    return [(row["session"], row["model_version"], row["role"]) for row in rows]


def test_the_challengers_forecast_is_its_own_from_the_same_features(own: Store) -> None:
    day = last_sessions(1)[0]
    champion = infer(own, UNIVERSE, day).to_pylist()[0]
    challenged = shadow(own, UNIVERSE, day, day)
    row = challenged.rows.to_pylist()[0]
    assert challenged.summary == "version 2, sessions forecast: 1"
    assert (row["role"], row["model_version"], champion["role"]) == ("challenger", "2", "champion")
    features = forecast._features(own, UNIVERSE, day, day).loc[day]
    alone = predict_row(registry.verify(own, "2").forecaster, "2", "SYN", day, features)
    assert row["rv_5d_hat"] == alone["rv_5d_hat"] != champion["rv_5d_hat"]
    assert row["feature_hash"] == champion["feature_hash"]
    assert row["model_as_of"].isoformat() == registry.find(own, "2").as_of


def test_both_are_in_the_table(own: Store) -> None:
    first, *_, last = days = last_sessions(DAYS)
    filled = backfill(own, UNIVERSE, first, last)
    assert (filled.report.added, filled.challenger) == (DAYS, "version 2, sessions forecast: 20")
    versions = (("1", "champion"), ("2", "challenger"))
    assert published(own) == [(day, *version) for day in days for version in versions]
    assert backfill(own, UNIVERSE, first, last).report.unchanged == DAYS


def test_a_backfill_gives_the_challengers_rows_of_the_same_days_run_one_by_one(own: Store) -> None:
    days = last_sessions(5)
    singly = [shadow(own, UNIVERSE, day, day).rows.to_pylist()[0] for day in days]
    assert shadow(own, UNIVERSE, days[0], days[-1]).rows.to_pylist() == singly


def test_without_a_challenger_there_is_no_row_and_no_summary(own: Store) -> None:
    registry.retire(own, "SYN", **AUDIT)
    day = last_sessions(1)[0]
    challenged = shadow(own, UNIVERSE, day, day)
    assert (len(challenged.rows), challenged.summary) == (0, "")
    assert publish(own, challenged.rows).added == 0


@pytest.mark.parametrize("name", ["linear.json", "challengers/SYN.json"])
def test_a_challenger_with_an_altered_file_is_left_out(own: Store, name: str) -> None:
    pointer = name.startswith("challengers")
    key = f"registry/{name}" if pointer else registry.find(own, "2").uri + name
    own.objects.put(key, b" " + own.objects.get(key)[1:])
    day = last_sessions(1)[0]
    filled = backfill(own, UNIVERSE, day, day)
    assert name in filled.challenger
    assert published(own) == [(day, "1", "champion")]


FAULTS = [
    ModelError(found="a", expected="b", where="c", remedy="d"),
    StaleInput(found="a", expected="b", where="c", remedy="d"),
    ValueError("feature shape"),
    KeyError("iv"),
    TypeError("None"),
    ZeroDivisionError("0"),
    FloatingPointError("overflow"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_error_of_the_challenger_costs_its_forecast_of_that_day_alone(
    own: Store, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    days = last_sessions(3)

    def failing(forecaster, version, symbol, session, features):
        if version == "2" and session != days[2]:
            raise fault
        return predict_row(forecaster, version, symbol, session, features)

    monkeypatch.setattr(forecast, "predict_row", failing)
    filled = backfill(own, UNIVERSE, days[0], days[2])
    assert filled.challenger.startswith(f"version 2, sessions forecast: 1; left out {days[0]}: ")
    assert filled.challenger.endswith(" and 1 more")
    roles = [(day, role) for day, _, role in published(own)]
    assert roles == [*((day, "champion") for day in days), (days[2], "challenger")]


@pytest.mark.parametrize(("column", "value"), [("rv_5d_hat", 9.0), ("hi80", 0.0001)])
def test_an_impossible_forecast_of_the_challenger_is_left_out(
    own: Store, monkeypatch: pytest.MonkeyPatch, column: str, value: float
) -> None:
    def absurd(forecaster, version, *rest):
        row = predict_row(forecaster, version, *rest)
        return row | ({column: value} if version == "2" else {})

    monkeypatch.setattr(forecast, "predict_row", absurd)
    day = last_sessions(1)[0]
    assert "forecast to publish" in backfill(own, UNIVERSE, day, day).challenger
    assert published(own) == [(day, "1", "champion")]


def test_a_challenger_of_another_target_is_left_out(own: Store) -> None:
    day = last_sessions(1)[0]
    other = UNIVERSE.model_copy(update={"target": UNIVERSE.bond, "bond": ""})
    left_out = shadow(own, other, day, day)
    assert (left_out.rows.num_rows, left_out.summary) == (0, "")


def test_an_error_of_the_champion_is_raised(own: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(forecaster, version, *rest):
        raise ValueError("feature shape")

    monkeypatch.setattr(forecast, "predict_row", failing)
    day = last_sessions(1)[0]
    with pytest.raises(ValueError, match="feature shape"):
        infer(own, UNIVERSE, day)


def read_nothing(symbol: str, as_of: date) -> pd.DataFrame:
    pytest.fail(f"the features of {symbol} up to {as_of} were read")


def test_the_recorded_decision_alone_makes_a_run_the_challenger(
    own: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "evaluate_candidate", lambda *_: pytest.fail("evaluated again"))
    registry.retire(own, "SYN", **AUDIT)
    run_id = registry.find(own, "2").run_id
    for unproven, taken in ((False, None), (True, "2")):
        champion = registry.champion_pointer(own, "SYN").sha256
        decision = GateDecision(False, "new recipe", ("Refused",), unproven, champion)
        own.objects.put(f"runs/{run_id}/verdict.json", decision.to_bytes())
        version = take_as_challenger(own, run_id, read_nothing, who="ana", when=NOON)
        assert (version and version.version) == taken
    assert registry.challenger_pointer(own, "SYN") == registry.find(own, "2")
    assert registry.history(own)[-1].why == f"run {run_id[:12]} was not shown to be better"
