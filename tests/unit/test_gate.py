"""The gate: what it takes to become champion."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from math import log
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.runs import AUDIT, evaluation, put_evaluation, put_run
from volcast.core.errors import ConfigError, ContractError, CorruptFile, ModelError
from volcast.core.settings import Universe
from volcast.evaluation.rows import evaluation_bytes
from volcast.models.forecaster import Forecaster
from volcast.registry import Version
from volcast.registry.pointer import move
from volcast.registry.run_files import GateDecision, read_decision
from volcast.registry.versions import read_run, write_files
from volcast.store import Store
from volcast.store.universe import remember
from volcast.training import gate
from volcast.training.gate import decision_on, evaluate_candidate

Crown = Callable[..., Version]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


@pytest.fixture
def crown(store: Store) -> Crown:
    """Make a run champion with the registry's files and pointer alone."""

    def run(rows: pd.DataFrame, recipe: str = "blend-range") -> Version:
        put_run(store, "old", recipe)
        put_evaluation(store, "old", rows)
        sha256 = write_files(store, read_run(store, "old"))
        version = Version("volcast", "1", sha256, f"models/{sha256}/", "old", "2018-12-31")
        move(store, "SPY", version, "promote", **AUDIT)
        return version

    return run


def candidate(store: Store, rows: pd.DataFrame, recipe: str = "blend-range") -> str:
    put_run(store, "new", recipe)
    put_evaluation(store, "new", rows)
    return "new"


def decide(store: Store, rows: pd.DataFrame, recipe: str = "blend-range") -> GateDecision:
    return evaluate_candidate(store, candidate(store, rows, recipe), read_nothing)


def read_nothing(symbol: str, as_of: date) -> pd.DataFrame:
    pytest.fail(f"the features of {symbol} up to {as_of} were read")


def skilled(rows: pd.DataFrame, skill: float) -> pd.Series:
    """Forecasts that know ``skill`` of the way from .2 to the outcome, in logs."""
    return 0.2 * (rows["rv_5d"] / 0.2) ** skill


def qlike(row: pd.Series, column: str) -> float:
    ratio = row["rv_5d"] ** 2 / row[column] ** 2
    return ratio - log(ratio) - 1


def gain(rows: pd.DataFrame, column: str) -> float:
    ours = sum(qlike(row, "forecast") for _, row in rows.iterrows())
    return 1 - ours / sum(qlike(row, column) for _, row in rows.iterrows())


def test_a_first_champion_passes_with_five_percent_under_log_har(store: Store) -> None:
    rows = evaluation(800)
    rows["forecast"] = skilled(rows, 0.05)
    verdict = decide(store, rows)
    assert (verdict.passed, verdict.kind) == (True, "first")
    assert f"QLIKE is {gain(rows, 'log_har'):.2%} under HAR in logs" in verdict.reasons[1]
    assert "800 sessions from 2000-01-03 to 2003-03-12" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("without_iv", "skill", "passes"),
    [
        (0, 0.01, False),
        (200, 0.01, False),
        (210, 0.01, True),
        (210, 0, True),
        (210, -0.01, False),
        (0, -0.01, False),
    ],
)
def test_a_first_champion_needs_the_margin_where_80_percent_have_implied_volatility(
    store, without_iv, skill, passes
):
    rows = evaluation(1000)
    rows.loc[: without_iv - 1, ["vix", "har_x"]] = np.nan
    rows["forecast"] = skilled(rows, skill)
    assert abs(gain(rows, "log_har")) < 0.05
    decision = decide(store, rows)
    assert decision.passed is passes
    assert decision.reasons[1].startswith("Refused") is not passes
    behind, uncovered = skill < 0, without_iv > 200
    assert ("column log_har" in decision.reasons[1]) is (behind and not passes)
    assert ("--iv" in decision.reasons[1]) is (uncovered and not passes)
    assert not decision.unproven


@pytest.mark.parametrize(("target", "stays"), [("SYN", True), ("", True), ("OTHER", False)])
def test_a_refusal_has_its_own_exit_code_and_reports_whether_a_model_stays(
    store, crown, target, stays
):
    put_run(store, "new", target="SYN")
    assert "No model forecasts SYN yet" in gate.refusal(store, "new").remedy
    version = crown(evaluation(800))
    move(store, target, replace(version, target=target), "promote", **AUDIT)
    refusal = gate.refusal(store, "new")
    assert (refusal.exit_code, "The champion stays" in refusal.remedy) == (30, stays)


def test_a_forecast_significantly_worse_than_har_x_is_refused(store: Store) -> None:
    rows = evaluation(800)
    rows = rows.assign(forecast=skilled(rows, 0.3), har_x=skilled(rows, 0.4))
    verdict = decide(store, rows)
    assert [reason.startswith("Refused") for reason in verdict.reasons] == [
        False, False, True, False,
    ]  # fmt: skip
    assert "above HAR-X on 800 sessions" in verdict.reasons[2]


@pytest.mark.parametrize(("implied", "passes"), [(0, True), (755, True), (756, False)])
def test_har_x_is_a_bar_where_three_years_have_implied_volatility(store, implied, passes):
    rows = evaluation(1000)
    rows = rows.assign(forecast=skilled(rows, 0.3), har_x=skilled(rows, 0.4))
    rows.loc[implied:, ["vix", "har_x"]] = np.nan
    assert decide(store, rows).passed is passes


@pytest.mark.parametrize("count", [1, 755])
def test_fewer_than_three_years_are_not_judged(store: Store, count: int) -> None:
    verdict = decide(store, evaluation(count))
    assert verdict.reasons == (f"Refused: {count} walk-forward forecasts; 756 are needed.",)


def test_sessions_without_an_outcome_or_before_the_first_forecast_do_not_count(store):
    rows = evaluation(900)
    rows["forecast"] = skilled(rows, 0.3)
    rows.loc[:99, "forecast"] = np.nan
    rows.loc[895:, "rv_5d"] = np.nan
    assert "Judged on 795 sessions" in decide(store, rows).reasons[0]


def test_a_recipe_that_keeps_silent_on_hard_days_is_refused(store: Store) -> None:
    rows = evaluation(1000)
    rows["forecast"] = skilled(rows, 0.3)
    rows.loc[500:510, "forecast"] = np.nan
    verdict = decide(store, rows)
    assert not verdict.passed
    assert "1.10% of the sessions since the first have no forecast" in verdict.reasons[0]


def test_the_champions_own_run_is_unchanged(store: Store, crown: Crown) -> None:
    version = crown(evaluation(800))
    verdict = evaluate_candidate(store, version.run_id, read_nothing)
    assert (verdict.passed, verdict.kind) == (True, "unchanged")


@pytest.mark.parametrize(
    ("skill", "passes", "unproven"),
    [(0.3, True, False), (0.23, True, False), (0.21, False, True), (0.2, False, True),
     (0.15, False, False)],
)  # fmt: skip
def test_a_new_recipe_must_beat_the_champions_by_five_percent_and_is_unproven_unless_worse(
    store, crown, skill, passes, unproven
):
    rows = evaluation(2520)
    crown(rows.assign(forecast=skilled(rows, 0.2)))
    rows = rows.assign(forecast=skilled(rows, skill), champion=skilled(rows, 0.2))
    verdict = decide(store, rows.drop(columns="champion"), "blend-iv")
    assert (verdict.passed, verdict.kind, verdict.unproven) == (passes, "new recipe", unproven)
    assert f"QLIKE is {abs(gain(rows, 'champion')):.2%} " in verdict.reasons[1]


def test_a_new_recipe_needs_ten_years_shared_with_the_champion(store: Store, crown: Crown) -> None:
    rows = evaluation(2519)
    crown(rows.assign(forecast=skilled(rows, 0.2)))
    verdict = decide(store, rows.assign(forecast=skilled(rows, 0.5)), "blend-iv")
    assert (verdict.passed, verdict.unproven) == (False, True)
    assert "Refused: 2519 sessions shared with version 1; 2520 are needed" in verdict.reasons[1]


def test_a_new_recipe_refused_for_more_than_want_of_proof_is_not_unproven(store, crown):
    rows = evaluation(2520)
    crown(rows.assign(forecast=skilled(rows, 0.2)))
    behind_har_x = rows.assign(forecast=skilled(rows, 0.21), har_x=skilled(rows, 0.3))
    assert not decide(store, behind_har_x, "blend-iv").unproven
    run_id = candidate(store, rows.assign(forecast=skilled(rows, 0.21)), "blend-iv")
    golden = store.objects.get("runs/new/model/golden.json").replace(b"-4.", b"-5.")
    store.objects.put("runs/new/model/golden.json", golden)
    verdict = evaluate_candidate(store, run_id, read_nothing)
    assert not verdict.passed
    assert not verdict.unproven
    assert verdict.reasons[3].startswith("Refused: Golden forecasts")


def test_a_first_or_a_refit_that_is_refused_is_not_unproven(store: Store, crown: Crown) -> None:
    rows = evaluation(2520)
    first = decide(store, rows.assign(forecast=skilled(rows, -0.3)))
    crown(rows.assign(forecast=skilled(rows, 0.2)))
    refit = decide(store, rows.assign(forecast=skilled(rows, 0.1)))
    assert [(v.kind, v.passed, v.unproven) for v in (first, refit)] == [
        ("first", False, False),
        ("refit", False, False),
    ]


def test_a_gain_that_may_be_luck_does_not_make_a_new_recipe_champion(store, crown):
    rows = evaluation(2520)
    crown(rows)
    rows.loc[500, ["rv_5d", "forecast"]] = 1.9
    verdict = decide(store, rows, "blend-iv")
    assert gain(rows, "log_har") > 0.05
    assert not verdict.passed
    # One row makes the whole difference, so mean and standard error are equal: P(z > 1) = .159.
    assert re.search(r"under version 1 .*, p 0\.1[56]\d;", verdict.reasons[1])


def test_a_champion_that_can_no_longer_be_served_is_no_bar(store, crown, monkeypatch):
    rows = evaluation(1000)
    crown(rows.assign(forecast=skilled(rows, 0.2)))
    new = candidate(store, rows.assign(forecast=skilled(rows, 0.1)), "blend-iv")
    assert not evaluate_candidate(store, new, read_nothing).passed
    load = Forecaster.load

    def another_format(files: Mapping[str, bytes]) -> Forecaster:
        if b'"run_id": "old"' in files["lineage.json"]:
            raise ModelError(found="signature version 1", expected="2", where="-", remedy="-")
        return load(files)

    monkeypatch.setattr(Forecaster, "load", another_format)
    verdict = evaluate_candidate(store, new, read_nothing)
    assert (verdict.passed, verdict.kind) == (True, "first")
    assert "Version 1 can no longer be served" in verdict.reasons[1]


@pytest.mark.parametrize(("skill", "passes"), [(0.2, True), (0.1995, False), (0.21, True)])
def test_a_refit_must_not_be_significantly_worse(store, crown, skill, passes):
    rows = evaluation(1000)
    crown(rows.assign(forecast=skilled(rows, 0.2)))
    verdict = decide(store, rows.assign(forecast=skilled(rows, skill)))
    assert (verdict.passed, verdict.kind) == (passes, "refit")


def test_a_refit_that_is_worse_by_chance_passes(store: Store, crown: Crown) -> None:
    rows = evaluation(1000)
    crown(rows.assign(forecast=skilled(rows, 0.2)))
    noise = np.exp(np.random.default_rng(3).normal(0, 0.01, 1000))
    verdict = decide(store, rows.assign(forecast=skilled(rows, 0.2) * noise))
    assert verdict.passed
    assert "above version 1" in verdict.reasons[1]


def test_runs_are_compared_on_the_sessions_that_both_have(store, crown):
    rows = evaluation(1000)
    rows["forecast"] = skilled(rows, 0.2)
    crown(rows[:900])
    verdict = decide(store, rows[100:])
    assert verdict.passed
    assert "version 1 on 800 sessions" in verdict.reasons[1]
    crown(rows.assign(symbol="SPY"))
    assert "Refused: 0 sessions shared with version 1" in decide(store, rows).reasons[1]


def test_an_altered_champion_is_no_measure(store, crown):
    version = crown(evaluation(800))
    store.objects.put(version.uri + "lineage.json", b"{}")
    with pytest.raises(ModelError, match=r"lineage\.json"):
        decide(store, evaluation(800))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (None, ModelError),
        (b"PAR1", CorruptFile),
        (evaluation_bytes(evaluation(800).drop(columns="har_x")), ContractError),
    ],
)
def test_an_evaluation_that_is_missing_or_broken_is_named(store, data, error):
    put_run(store, "new")
    if data is not None:
        store.objects.put("runs/new/evaluation.parquet", data)
    with pytest.raises(error, match=r"runs/new/evaluation\.parquet"):
        evaluate_candidate(store, "new", read_nothing)


def test_a_run_on_another_target_is_refused_until_it_is_the_stores(store: Store) -> None:
    put_run(store, "old", target="SPX")
    sha256 = write_files(store, read_run(store, "old"))
    version = Version("volcast", "1", sha256, f"models/{sha256}/", "old", "2018-12-31", "SPX")
    move(store, "SPX", version, "promote", **AUDIT)
    put_run(store, "new", target="SPY")
    put_evaluation(store, "new", evaluation(800))
    remember(store, Universe(target="SPX"))
    with pytest.raises(ConfigError, match="SPX, which the store forecasts") as caught:
        evaluate_candidate(store, "new", read_nothing)
    assert (caught.value.exit_code, read_decision(store, "new")) == (2, None)
    remember(store, Universe(target="SPY"))
    assert evaluate_candidate(store, "new", read_nothing).kind == "first"


def test_a_decision_is_recorded_and_made_again_only_for_another_champion(store, crown, monkeypatch):
    rows = evaluation(2520)
    made = decide(store, rows.assign(forecast=skilled(rows, 0.21)), "blend-iv")
    assert read_decision(store, "new") == made == decision_on(store, "new", read_nothing)
    assert (made.kind, made.champion) == ("first", "")
    champion = crown(rows.assign(forecast=skilled(rows, 0.2)))
    made = decision_on(store, "new", read_nothing)
    assert (made.kind, made.unproven, made.champion) == ("new recipe", True, champion.sha256)
    monkeypatch.setattr(gate, "evaluate_candidate", lambda *_: pytest.fail("evaluated again"))
    assert decision_on(store, "new", read_nothing) == made


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"passed": true}'])
def test_a_decision_that_cannot_be_read_is_corrupt(store: Store, data: bytes) -> None:
    store.objects.put("runs/new/verdict.json", data)
    with pytest.raises(CorruptFile, match="verdict"):
        read_decision(store, "new")


@pytest.mark.parametrize(
    ("champion", "recorded", "expected"),
    [
        ("b", "b", "recorded"),
        ("b", "a", "evaluated"),
        ("b", "", "evaluated"),
        (None, "", "recorded"),
    ],
)
def test_a_decision_holds_for_the_champion_it_was_made_against(
    store, monkeypatch, champion, recorded, expected
):
    put_run(store, "run")
    decision = SimpleNamespace(champion=recorded)
    pointer = champion and SimpleNamespace(sha256=champion)
    monkeypatch.setattr(gate, "champion_pointer", lambda *_: pointer)
    monkeypatch.setattr(gate, "read_decision", lambda *_: decision)
    monkeypatch.setattr(gate, "evaluate_candidate", lambda *_: None)
    kept = gate.decision_on(store, "run", lambda *_: None)
    assert kept is (decision if expected == "recorded" else None)
