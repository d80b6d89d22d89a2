"""Checks of features and of forecasts: each fires on its fault, and none on what is sound."""

import json
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests import markets
from volcast.core import calendar
from volcast.core.errors import QualityError, StaleInput
from volcast.core.settings import Universe
from volcast.features import audit as features_audit
from volcast.features import events
from volcast.features.audit import audit_features, judge_features
from volcast.features.catalog import FEATURES_DAILY
from volcast.inference.audit import audit_predictions, judge_predictions
from volcast.steps import data as data_steps
from volcast.steps.calls import run_step
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_QUALITY, PREDICTIONS_DAILY

UNIVERSE = markets.UNIVERSE
TARGET = UNIVERSE.target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, date]:
    """A made-up market with its features."""
    store = Store.open(str(tmp_path_factory.mktemp("built")))
    return store, markets.fill(store, 2)


def tables(built: tuple[Store, date]) -> tuple[pd.DataFrame, pa.Table, date]:
    store, last = built
    features = store.read(FEATURES_DAILY, symbols=[TARGET]).to_pandas()
    return features, store.read(CURATED_MARKET_DAILY, symbols=[TARGET]), last


def failing(features: pd.DataFrame, curated: pa.Table, last: date) -> dict[str, str]:
    verdict = judge_features(FEATURES_DAILY.conform(features), curated, TARGET, last)
    return {o.check: o.detail for o in verdict.outcomes if not o.passed}


@pytest.mark.parametrize(("sessions_known", "step", "audit"), [(10, 0, 0), (9, 0, 1), (4, 1, 1)])
def test_the_end_of_the_calendar_of_events_is_warned_of(
    built: tuple[Store, date], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], sessions_known: int, step: int, audit: int,
) -> None:  # fmt: skip
    store, last = built
    until = calendar.after(last, sessions_known)
    for module in (events, features_audit, data_steps):
        monkeypatch.setattr(module, "covered_until", lambda: until)
    texts = {"as_of": str(last), "universe": UNIVERSE.model_dump_json()}
    run_step("features", store.uri, **texts)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines() if text]
    warned = [one for one in lines if one["event"] == "events_unknown"]
    assert [(one["level"], one["covered_until"]) for one in warned] == [
        ("warning", str(until))
    ] * step
    assert ("events_uncovered" in failing(*tables(built))) == bool(audit)


PLANTED = [
    ("rv_22", 0.0, "volatility_out_of_bounds"),
    ("ewma94", -0.1, "volatility_out_of_bounds"),
    ("vix", 21.0, "volatility_out_of_bounds"),
    ("rv_1", -0.01, "rv_1_out_of_bounds"),
    ("bond_corr_66", 1.01, "correlation_out_of_bounds"),
    ("gmm_calm", 1.2, "probability_out_of_bounds"),
    ("ret_5", -2.5, "log_return_out_of_bounds"),
    ("iv", 9.0, "log_variance_out_of_bounds"),
    ("max_move_22", float("inf"), "number_out_of_bounds"),
]


@pytest.mark.parametrize(("name", "value", "check"), PLANTED)
def test_a_value_that_its_unit_cannot_have_is_found_and_named(
    built: tuple[Store, date], name: str, value: float, check: str
) -> None:
    features, curated, last = tables(built)
    features.loc[len(features) - 3, name] = value
    failures = failing(features, curated, last)
    day = features.loc[len(features) - 3, "session"]
    assert f"{TARGET} {day} ({name} {value:.6g})" in failures[check]


def test_probabilities_that_do_not_sum_to_one_are_found(built: tuple[Store, date]) -> None:
    features, curated, last = tables(built)
    # A session that did not move has no volatility of its own.
    features.loc[len(features) - 3, "rv_1"] = 0.0
    assert failing(features, curated, last) == {}
    features.loc[400, ["hmm_calm", "hmm_normal", "hmm_stressed"]] = [0.5, 0.3, 0.1]
    assert list(failing(features, curated, last)) == ["hmm_sum_not_one"]


def test_features_that_are_suddenly_null_are_split_by_what_they_depend_on(
    built: tuple[Store, date],
) -> None:
    features, curated, last = tables(built)
    features.loc[len(features) - 1, ["g252", "iv", "bond_ret_1"]] = np.nan
    failures = failing(features, curated, last)
    assert failures == {"own_newly_null": "g252", "others_newly_null": "iv, bond_ret_1"}
    features.loc[features.index[-3:], ["g252", "iv", "bond_ret_1"]] = np.nan
    assert failing(features, curated, last) == {}


def test_features_that_are_late_missing_or_ahead_of_their_prices_are_found(
    built: tuple[Store, date],
) -> None:
    features, curated, last = tables(built)
    assert set(failing(features.iloc[:-1], curated, last)) == {"sessions_behind"}
    assert set(failing(features.drop(index=480), curated, last)) == {"missing_sessions"}
    shorter = curated.filter(pc.less(curated["session"], last))
    assert failing(features, shorter, last) == {"session_without_price": str(last)}


def test_features_dated_before_their_close_are_found(built: tuple[Store, date]) -> None:
    features, curated, last = tables(built)
    features.loc[10, "created_timestamp"] -= pd.Timedelta(hours=1)
    features.loc[11, "event_timestamp"] += pd.Timedelta(hours=1)
    assert set(failing(features, curated, last)) == {"created_before_close", "event_not_close"}


def test_an_audit_stops_leaves_its_rows_and_is_not_repeated_on_the_same_rows(
    tmp_path: Path,
) -> None:
    store = Store.open(str(tmp_path / "store"))
    last = markets.fill(store, 2)
    report = audit_features(store, UNIVERSE, last, tmp_path / "page.html")
    rows = store.read(MONITORING_QUALITY)
    assert (report.warnings, rows.num_rows) == ([], report.checks)
    assert audit_features(store, UNIVERSE, last, tmp_path / "page.html") == report
    assert "unchanged since" in (tmp_path / "page.html").read_text()
    assert store.read(MONITORING_QUALITY).equals(rows)
    features = store.read(FEATURES_DAILY, symbols=[TARGET], first=last).to_pandas()
    store.write(FEATURES_DAILY, features.assign(rv_22=0.0))
    with pytest.raises(QualityError, match="volatility_out_of_bounds: 1 of"):
        audit_features(store, UNIVERSE, last)
    assert not pc.all(store.read(MONITORING_QUALITY)["passed"]).as_py()
    store.write(FEATURES_DAILY, features)
    with pytest.raises(StaleInput, match="sessions_behind 1"):
        audit_features(store, UNIVERSE, calendar.after(last, 1))


def forecast(session: date, **changes: object) -> dict[str, object]:
    """A sound row of predictions_daily."""
    base, parts, others = -3.6, [0.1, -0.05, 0.02], 0.03
    names = ["iv", "g5_less_iv", "ret_1_scaled"]
    drivers = zip(names, parts, strict=True)
    row = {
        "symbol": "SPY", "session": session, "model_version": "3", "role": "champion",
        "rv_5d_hat": float(np.exp((base + sum(parts) + others) / 2)),
        "lo95": 0.08, "lo80": 0.11, "hi80": 0.24, "hi95": 0.33, "base_log_variance": base,
        "drivers": [{"feature": n, "value": 1.0, "contribution": c} for n, c in drivers],
        "others_contribution": others, "target_from": calendar.after(session, 1),
        "target_to": calendar.after(session, 5), "features_as_of": session,
        "feature_hash": "f", "run_id": "r", "created_timestamp": calendar.closes([session])[0],
        "model_as_of": date(2021, 6, 30), "regime": None,
    }  # fmt: skip
    return row | changes


AS_OF = date(2021, 12, 31)
NOTHING = PREDICTIONS_DAILY.empty()


@lru_cache(maxsize=1)
def past() -> pa.Table:
    days = calendar.sessions(date(2021, 12, 1), date(2021, 12, 30))
    return table(*(forecast(day) for day in days))


def table(*rows: dict[str, object]) -> pa.Table:
    filled = [dict.fromkeys(PREDICTIONS_DAILY.schema.names) | row for row in rows]
    return pa.Table.from_pylist(filled, PREDICTIONS_DAILY.schema)


def faults(staged: pa.Table, published: pa.Table = NOTHING) -> dict[str, str]:
    verdict = judge_predictions(staged, published, "SPY", AS_OF)
    return {o.check: o.severity for o in verdict.outcomes if not o.passed}


def test_a_sound_forecast_with_its_challenger_passes() -> None:
    challenger = forecast(AS_OF, role="challenger", model_version="4")
    assert faults(table(forecast(AS_OF), challenger), past()) == {}


BROKEN: list[tuple[dict[str, object], str]] = [
    ({"lo80": 0.25}, "ladder_out_of_order"),
    ({"hi95": float("nan")}, "ladder_out_of_order"),
    ({"rv_5d_hat": 0.002}, "forecast_out_of_range"),
    ({"rv_5d_hat": 5.1}, "forecast_out_of_range"),
    ({"rv_5d_hat": float("nan")}, "forecast_out_of_range"),
    ({"rv_5d_hat": 0.2}, "parts_do_not_add_up"),
    ({"others_contribution": float("nan")}, "parts_do_not_add_up"),
    ({"target_from": date(2022, 1, 1)}, "target_from_wrong"),
    ({"target_to": date(2022, 1, 10)}, "target_to_wrong"),
    ({"features_as_of": date(2021, 12, 30)}, "features_of_another_session"),
    ({"role": "emperor"}, "role_unknown"),
    ({"model_version": ""}, "model_version_missing"),
    ({"symbol": "QQQ"}, "symbol_not_target"),
    ({"created_timestamp": pd.Timestamp("2021-12-31T20:00Z")}, "created_before_close"),
    ({"role": "challenger"}, "champions"),
]


@pytest.mark.parametrize(("fault", "check"), BROKEN, ids=lambda value: str(value)[:40])
def test_a_forecast_that_cannot_be_true_is_found(fault: dict[str, object], check: str) -> None:
    assert faults(table(forecast(AS_OF, **fault)))[check] == "critical"


def test_a_forecast_of_another_session_or_of_none_is_found() -> None:
    assert set(faults(table(forecast(date(2021, 12, 30))))) == {"session_not_as_of"}
    on_holiday = forecast(AS_OF) | {"session": date(2022, 1, 1)}
    assert "session_not_as_of" in faults(table(on_holiday))


def test_two_champions_a_repeat_and_no_forecast_are_found() -> None:
    both = table(forecast(AS_OF), forecast(AS_OF, model_version="4"))
    assert faults(both) == {"champions": "critical", "second_champion": "warning"}
    assert "key_repeated" in faults(table(forecast(AS_OF), forecast(AS_OF)))
    assert set(faults(NOTHING)) == {"champions"}


def test_a_column_of_another_type_is_the_only_fault_reported() -> None:
    odd = table(forecast(AS_OF)).drop_columns("lo95").append_column("lo95", pa.array(["low"]))
    assert faults(odd) == {"columns_differ": "critical"}


def test_faults_of_published_forecasts_are_warnings() -> None:
    unsound = table(forecast(date(2021, 11, 30), lo80=0.5))
    assert faults(table(forecast(AS_OF)), pa.concat_tables([past(), unsound])) == {
        "published_unsound": "warning"
    }
    gap = past().filter(pc.not_equal(past()["session"], date(2021, 12, 15)))
    assert faults(table(forecast(AS_OF)), gap) == {"missing_forecasts": "warning"}
    other = table(forecast(AS_OF, model_version="9"))
    assert faults(table(forecast(AS_OF)), other) == {"second_champion": "warning"}


def test_a_forecast_is_audited_once_though_it_is_published_in_between(
    store: Store, tmp_path: Path
) -> None:
    universe, staged = Universe(), table(forecast(AS_OF))
    store.write(PREDICTIONS_DAILY, past())
    first = audit_predictions(store, universe, AS_OF, staged, tmp_path / "page.html")
    assert "forecast" in (tmp_path / "page.html").read_text()
    store.write(PREDICTIONS_DAILY, staged)
    assert audit_predictions(store, universe, AS_OF, staged, tmp_path / "page.html") == first
    assert "unchanged since" in (tmp_path / "page.html").read_text()
    with pytest.raises(QualityError, match="staged forecast: found SPY: ladder_out_of_order"):
        audit_predictions(store, universe, AS_OF, table(forecast(AS_OF, lo95=0.2)))
