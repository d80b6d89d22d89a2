"""The challenger's record: the same sessions, the same outcomes, and no hindsight."""

import shutil
from datetime import date
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.contract_rows import contract_rows
from tests.runs import AUDIT, put_run
from volcast import registry
from volcast.cli.registry import app
from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.evaluation.statistics import diebold_mariano
from volcast.monitoring.shadow import shadow_record
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY, PREDICTIONS_DAILY
from volcast.store.universe import remember

pytestmark = pytest.mark.xdist_group("gate_record")

DAYS = calendar.sessions(date(2019, 1, 2), date(2020, 12, 31))
"""All after the versions were trained, which is at the end of 2018."""

SEEN = date(2018, 12, 31)
RV = 0.2 * np.exp(np.random.default_rng(5).normal(0, 0.3, len(DAYS)))
OUTCOMES = dict(zip(DAYS, RV, strict=True))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 is champion, 2 challenges it; 2 and 3 are of one other recipe, 4 of a third."""
    folder = tmp_path_factory.mktemp("template") / "store"
    store = Store.open(str(folder))
    remember(store, Universe())
    for run_id, recipe in (("a", "old"), ("b", "new"), ("c", "new"), ("d", "third")):
        put_run(store, run_id, recipe, target="SPY")
        registry.register(store, run_id)
    registry.promote(store, "1", **AUDIT)
    registry.challenge(store, "2", **AUDIT)
    rows = contract_rows(LABELS_DAILY, ["SPY"], DAYS).to_pandas()
    store.write(LABELS_DAILY, rows.assign(rv_5d=RV))
    return folder


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Store:
    shutil.copytree(template, tmp_path / "store")
    return Store.open(str(tmp_path / "store"))


def put(
    store: Store, version: str, role: str, days: list[date], skill: float, seen: date | None = SEEN
) -> None:
    """Publish forecasts that go ``skill`` of the way from .2 to the outcome, in logs."""
    rows = contract_rows(PREDICTIONS_DAILY, ["SPY"], days).to_pandas().assign(
        session=days, model_version=version, role=role, model_as_of=seen,
        rv_5d_hat=[0.2 * (OUTCOMES.get(day, 0.2) / 0.2) ** skill for day in days],
    )  # fmt: skip
    store.write(PREDICTIONS_DAILY, rows)


def losses(days: list[date], skill: float) -> list[float]:
    ratios = [(OUTCOMES[day] / 0.2) ** (2 * (1 - skill)) for day in days]
    return [ratio - log(ratio) - 1 for ratio in ratios]


def error(days: list[date], skill: float) -> float:
    squares = [(OUTCOMES[d] - 0.2 * (OUTCOMES[d] / 0.2) ** skill) ** 2 for d in days]
    return 100 * sqrt(sum(squares) / len(days))


def test_both_are_scored_on_the_sessions_that_both_forecast(store):
    put(store, "1", "champion", DAYS[:400], 0.2)
    put(store, "2", "challenger", DAYS[100:450], 0.3)
    record, days = shadow_record(store, "SPY"), DAYS[100:400]
    assert (record.rows, record.first, record.last) == (300, days[0], days[-1])
    ours, champions = np.array(losses(days, 0.3)), np.array(losses(days, 0.2))
    assert record.challengers.qlike == pytest.approx(ours.mean())
    assert record.champions.qlike == pytest.approx(champions.mean())
    assert record.challengers.rmse == pytest.approx(error(days, 0.3))
    assert record.champions.rmse == pytest.approx(error(days, 0.2))
    assert record.gain == pytest.approx(1 - ours.sum() / champions.sum())
    assert record.p == pytest.approx(diebold_mariano(ours, champions))


@pytest.mark.parametrize(("count", "has_p"), [(251, False), (252, True)])
def test_under_a_year_there_is_no_p_value(store, count, has_p):
    put(store, "1", "champion", DAYS[:count], 0.2)
    put(store, "2", "challenger", DAYS[:count], 0.3)
    record = shadow_record(store, "SPY")
    assert (record.rows, record.p is not None) == (count, has_p)


def test_hindsight_is_no_part_of_the_record(store):
    put(store, "1", "champion", DAYS[:60], 0.2)
    for days, seen in ((DAYS[:20], DAYS[20]), (DAYS[20:40], DAYS[20]), (DAYS[40:60], None)):
        put(store, "2", "challenger", days, 0.3, seen=seen)
    record = shadow_record(store, "SPY")
    assert (record.rows, record.first, record.last) == (20, DAYS[20], DAYS[39])


def test_sessions_whose_outcome_is_not_known_wait(store):
    later = calendar.sessions(date(2021, 1, 4), date(2021, 1, 29))
    for version, role in (("1", "champion"), ("2", "challenger")):
        put(store, version, role, DAYS[-5:] + later, 0.2)
    assert shadow_record(store, "SPY").last == DAYS[-1]


def test_refits_of_one_recipe_are_one_record_and_another_recipe_is_not(store):
    registry.challenge(store, "3", **AUDIT)
    put(store, "1", "champion", DAYS, 0.2)
    put(store, "4", "challenger", DAYS[:100], 0.9)
    put(store, "2", "challenger", DAYS[100:200], 0.25)
    put(store, "3", "challenger", DAYS[150:300], 0.3)
    record = shadow_record(store, "SPY")
    plain = losses(DAYS[100:150], 0.25) + losses(DAYS[150:300], 0.3)
    assert (record.rows, record.first) == (200, DAYS[100])
    assert record.challengers.qlike == pytest.approx(sum(plain) / 200)


def test_the_champions_forecast_is_that_of_the_version_in_service(store):
    put(store, "1", "champion", DAYS[:100], 0.1)
    put(store, "4", "champion", DAYS[50:100], 0.4)
    put(store, "2", "challenger", DAYS[:100], 0.2)
    put(store, "4", "champion", DAYS[100:120], 0.4)
    put(store, "2", "challenger", DAYS[100:120], 0.2)
    plain = losses(DAYS[:100], 0.1) + losses(DAYS[100:120], 0.4)
    assert shadow_record(store, "SPY").champions.qlike == pytest.approx(sum(plain) / 120)


def test_forecasts_that_a_challenger_made_as_champion_are_not_its_record(store):
    put(store, "1", "champion", DAYS[:50], 0.2)
    put(store, "2", "champion", DAYS[:50], 0.3)
    assert shadow_record(store, "SPY").rows == 0


def test_without_a_challenger_there_is_no_record(store):
    registry.retire(store, "SPY", **AUDIT)
    assert shadow_record(store, "SPY") is None


def shown(store: Store) -> str:
    remember(store, Universe())
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["shadow", "--store", store.uri])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_line_shows_the_record_and_whether_it_is_too_short(store):
    assert "challenger: version 2; no session yet that both forecast" in shown(store)
    put(store, "1", "champion", DAYS, 0.2)
    put(store, "2", "challenger", DAYS[:30], 0.3)
    assert "30 sessions are too few for a p-value (252 are needed)" in shown(store)
    put(store, "2", "challenger", DAYS[30:], 0.3)
    saved = 1 - sum(losses(DAYS, 0.3)) / sum(losses(DAYS, 0.2))
    assert f"saves {100 * saved:+.1f} % of the champion's QLIKE" in shown(store)
    assert "p 0.000, and a judgement needs 756" in shown(store)
