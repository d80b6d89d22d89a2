"""The command line on real histories, from CSV files to a published forecast."""

import datetime
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY

pytestmark = pytest.mark.xdist_group("champion_of_2021")

COLUMNS = [
    "session", "symbol", "rv_5d", "forecast", "lo80", "hi80", "lo95", "hi95", "random_walk",
    "mean22", "ewma94", "har_rv", "log_har", "har_x", "vix", "garch", "gjr_garch",
]  # fmt: skip
VOLCAST = f"{os.path.dirname(sys.executable)}/volcast"


def volcast(*arguments: str) -> None:
    run = subprocess.run(
        [VOLCAST, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def spy(shared_data, tmp_path_factory) -> str:
    """A store with SPY and its companions, ingested and with features."""
    store = str(tmp_path_factory.mktemp("spy") / "store")
    volcast("ingest", "--source", "csv", "--path", str(shared_data), "--store", store)
    volcast("features", "--store", store)
    return store


def test_the_evaluation_file_has_its_columns_types_and_sessions(spy, tmp_path):
    out = tmp_path / "spy.parquet"
    span = ("--from", "2012-01-01", "--to", "2021-12-31")
    volcast("evaluate", "--store", spy, *span, "--out", str(out))
    table = pq.read_table(out)
    assert table.column_names == [*COLUMNS, "iv_symbol"]
    assert table.column("iv_symbol").unique().to_pylist() == ["VIX"]
    assert str(table.schema.field("session").type) == "date32[day]"
    assert {str(table.schema.field(name).type) for name in COLUMNS[2:]} == {"double"}
    sessions = table.column("session").to_pylist()
    assert (sessions[0], sessions[-1]) == (datetime.date(2012, 1, 3), datetime.date(2021, 12, 31))
    assert table.column("rv_5d")[-5:].null_count == 5
    assert table.column("forecast").null_count == 0


def test_a_champion_is_trained_and_forecasts_the_week_after_2021(spy):
    volcast("train", "--store", spy)
    volcast("infer", "--store", spy, "--as-of", "2021-12-31")
    (row,) = Store.open(spy).read(PREDICTIONS_DAILY).to_pylist()
    assert (row["symbol"], row["session"]) == ("SPY", datetime.date(2021, 12, 31))
    assert 0 < row["lo95"] < row["lo80"] < row["rv_5d_hat"] < row["hi80"] < row["hi95"]
