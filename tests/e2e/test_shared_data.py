"""The command line on real histories, from CSV files to a forecast that beats HAR."""

import datetime
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from volcast.evaluation.losses import qlike_losses

pytestmark = pytest.mark.xdist_group("champion_of_2021")

COLUMNS = [
    "session", "symbol", "rv_5d", "forecast", "lo80", "hi80", "lo95", "hi95", "random_walk",
    "mean22", "ewma94", "har_rv", "log_har", "har_x", "vix", "garch", "gjr_garch",
]  # fmt: skip
VOLCAST = f"{os.path.dirname(sys.executable)}/volcast"


def volcast(*arguments: str, code: int = 0) -> str:
    run = subprocess.run(
        [VOLCAST, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout + run.stderr


@pytest.fixture(scope="module")
def spy(shared_data, tmp_path_factory) -> str:
    """A store with SPY and its companions, ingested and with features."""
    store = str(tmp_path_factory.mktemp("spy") / "store")
    volcast("ingest", "--source", "csv", "--path", str(shared_data), "--store", store)
    volcast("features", "--store", store)
    return store


@pytest.fixture(scope="module")
def evaluation(spy, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluation") / "spy.parquet"
    span = ("--from", "2012-01-01", "--to", "2021-12-31")
    said = volcast("evaluate", "--store", spy, *span, "--out", str(out))
    return pq.read_table(out), said


def test_qlike_is_at_least_18_percent_under_har_rv_from_2012_to_2021(evaluation):
    rows = evaluation[0].to_pandas().dropna(subset=["rv_5d"])
    variance = rows["rv_5d"].to_numpy() ** 2
    ours, har = (
        qlike_losses(variance, rows[name].to_numpy() ** 2).mean() for name in ("forecast", "har_rv")
    )
    assert 1 - ours / har >= 0.18
    assert f"{100 * (1 - ours / har):.1f} %" in evaluation[1]


def test_the_evaluation_file_keeps_its_contract(evaluation):
    table, _ = evaluation
    assert table.column_names == COLUMNS
    assert str(table.schema.field("session").type) == "date32[day]"
    assert {str(table.schema.field(name).type) for name in COLUMNS[2:]} == {"double"}
    sessions = table.column("session").to_pylist()
    assert (sessions[0], sessions[-1]) == (datetime.date(2012, 1, 3), datetime.date(2021, 12, 31))
    assert table.column("rv_5d")[-5:].null_count == 5
    assert table.column("forecast").null_count == 0


def test_intervals_hold_what_they_promise(evaluation):
    rows = evaluation[0].to_pandas().dropna(subset=["rv_5d"])
    for share in (80, 95):
        inside = rows["rv_5d"].between(rows[f"lo{share}"], rows[f"hi{share}"]).mean()
        assert inside == pytest.approx(share / 100, abs=0.02)


def test_a_champion_is_trained_and_forecasts_the_week_after_2021(spy):
    volcast("train", "--store", spy)
    said = volcast("infer", "--store", spy, "--as-of", "2021-12-31")
    assert "SPY, next five sessions (2022-01-03 to 2022-01-07)" in said
    assert "80 % between" in said


def test_another_target_of_the_same_folder_is_evaluated_without_a_champion(spy, tmp_path):
    span = ("--from", "2010-01-01", "--to", "2010-12-31", "--out", str(tmp_path / "qqq.parquet"))
    volcast("evaluate", "--store", spy, "--target", "QQQ", "--iv", "VIX", *span)
    rows = pq.read_table(tmp_path / "qqq.parquet").to_pandas()
    assert (len(rows), set(rows["symbol"])) == (252, {"QQQ"})
    assert rows["forecast"].notna().all()
