"""Several symbols in one pipeline run: the same code, no change but the target."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from volcast.evaluation.losses import qlike_losses

SYMBOLS = ["SPY", "QQQ", "IWM"]


@pytest.fixture(scope="module")
def run(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The store of one run of the evaluation pipeline, and what it showed."""
    folder = tmp_path_factory.mktemp("symbols")
    asked = ["evaluate", "--source", "csv", "--source-path", str(shared_data)]
    asked += ["--symbols", ",".join(SYMBOLS), "--store", str(folder / "store")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLCAST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.local", *asked, "--pipeline-root", str(folder / "kfp")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "store", done.stdout


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_each_symbol_saves_a_sixth_of_the_qlike_of_har_rv(run, symbol):
    rows = pq.read_table(run[0] / "evaluations" / symbol / "evaluation.parquet").to_pandas()
    assert set(rows["symbol"]) == {symbol}
    rows = rows.dropna(subset=["rv_5d", "forecast"])
    variance = rows["rv_5d"].to_numpy() ** 2
    ours, har = (
        qlike_losses(variance, rows[name].to_numpy() ** 2).mean() for name in ("forecast", "har_rv")
    )
    assert 1 - ours / har > 1 / 6
    assert f"symbol {symbol}, sessions {len(rows)}, saved {1 - ours / har:.1%}" in run[1]


def test_the_page_lays_them_side_by_side(run):
    page = (run[0] / "evaluations" / "survey.html").read_text()
    for title in ("All sessions", "2012-2018", "2019-2021"):
        table = page.partition(f"<h2>{title}</h2>")[2].partition("</table>")[0]
        assert [f"<td>{symbol}</td>" in table for symbol in SYMBOLS] == [True] * 3


def test_one_symbol_alone_gives_the_same_rows(run, tmp_path):
    volcast = f"{os.path.dirname(sys.executable)}/volcast"
    out = tmp_path / "qqq.parquet"
    span = ["--from", "2019-01-01", "--to", "2021-12-31", "--out", str(out)]
    subprocess.run(
        [volcast, "evaluate", "--store", str(run[0]), "--target", "QQQ", "--iv", "VIX", *span],
        check=True, capture_output=True,
    )  # fmt: skip
    whole = pq.read_table(run[0] / "evaluations" / "QQQ" / "evaluation.parquet").to_pandas()
    alone = pq.read_table(out).to_pandas()
    tail = whole[whole["session"] >= alone["session"].iloc[0]].reset_index(drop=True)
    assert alone.equals(tail)
