"""Several symbols in one run of the evaluation pipeline."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from volcast.evaluation.losses import qlike_losses

SYMBOLS = ["SPY", "QQQ", "IWM"]

pytestmark = pytest.mark.xdist_group("several_symbols")


@pytest.fixture(scope="module")
def evaluations(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the evaluation pipeline once; return the folder of its results."""
    folder = tmp_path_factory.mktemp("symbols")
    arguments = ["evaluate", "--source", "csv", "--source-path", str(shared_data)]
    arguments += ["--symbols", ",".join(SYMBOLS), "--store", str(folder / "store")]
    arguments += ["--pipeline-root", str(folder / "kfp")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLCAST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.local", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "store" / "evaluations"


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_each_symbol_saves_a_sixth_of_the_qlike_of_har_rv(evaluations, symbol):
    rows = pq.read_table(evaluations / symbol / "evaluation.parquet").to_pandas()
    assert set(rows["symbol"]) == {symbol}
    rows = rows.dropna(subset=["rv_5d", "forecast"])
    variance = rows["rv_5d"].to_numpy() ** 2
    ours, har = (
        qlike_losses(variance, rows[name].to_numpy() ** 2).mean() for name in ("forecast", "har_rv")
    )
    assert 1 - ours / har > 1 / 6


@pytest.fixture(scope="module")
def decade(evaluations) -> pd.DataFrame:
    """SPY's scored sessions from 2012 to 2021."""
    rows = pq.read_table(evaluations / "SPY" / "evaluation.parquet").to_pandas()
    days = pd.to_datetime(rows["session"])
    return rows[days.dt.year.between(2012, 2021)].dropna(subset=["rv_5d"])


def losses(rows: pd.DataFrame, name: str) -> "pd.Series[float]":
    ratio = (rows["rv_5d"] / rows[name]) ** 2
    return ratio - np.log(ratio) - 1


@pytest.mark.parametrize(
    ("baseline", "least"), [("har_rv", 0.20), ("log_har", 0.12), ("har_x", 0.04)]
)
def test_spy_saves_a_share_of_each_baselines_qlike(decade, baseline, least):
    ours, theirs = losses(decade, "forecast"), losses(decade, baseline)
    assert 1 - ours.mean() / theirs.mean() >= least
    # Diebold-Mariano by plain means: the long-run variance with Bartlett weights.
    gap = (theirs - ours).to_numpy() - (theirs - ours).mean()
    n = len(gap)
    autocovariances = [float(np.sum(gap[k:] * gap[: n - k])) / n for k in range(11)]
    long_run = autocovariances[0] + 2 * sum((1 - k / 11) * autocovariances[k] for k in range(1, 11))
    assert (theirs - ours).mean() / np.sqrt(long_run / n) > 1.645


def test_spys_error_in_points_is_two_percent_under_har_x(decade):
    ours, theirs = (
        np.sqrt(((decade["rv_5d"] - decade[name]) ** 2).mean()) for name in ("forecast", "har_x")
    )
    assert 1 - ours / theirs >= 0.02


def test_spy_beats_har_rv_in_nine_of_ten_years(decade):
    years = pd.to_datetime(decade["session"]).dt.year
    won = (
        losses(decade, "forecast").groupby(years).mean()
        < losses(decade, "har_rv").groupby(years).mean()
    )
    assert len(won) == 10
    assert won.sum() >= 9


@pytest.mark.parametrize(("share", "low", "high"), [(80, 0.77, 0.83), (95, 0.93, 0.96)])
def test_spys_intervals_cover_their_share_of_outcomes(decade, share, low, high):
    inside = (decade[f"lo{share}"] <= decade["rv_5d"]) & (decade["rv_5d"] <= decade[f"hi{share}"])
    assert low <= inside.mean() <= high


def test_the_page_compares_the_symbols(evaluations):
    page = (evaluations / "survey.html").read_text()
    for title in ("Sessions that all baselines have", "2012-2018", "2019-2021"):
        table = page.partition(f"<h2>{title}</h2>")[2].partition("</table>")[0]
        for symbol in SYMBOLS:
            assert f"<td><a href='{symbol}/report.html'>{symbol}</a></td><td>VIX</td>" in table


def test_one_symbol_alone_gives_the_same_rows(evaluations, tmp_path):
    volcast = f"{os.path.dirname(sys.executable)}/volcast"
    out = tmp_path / "qqq.parquet"
    span = ["--from", "2019-01-01", "--to", "2021-12-31", "--out", str(out)]
    store = str(evaluations.parent)
    subprocess.run(
        [volcast, "evaluate", "--store", store, "--target", "QQQ", "--iv", "VIX", *span],
        check=True, capture_output=True,
    )  # fmt: skip
    whole = pq.read_table(evaluations / "QQQ" / "evaluation.parquet").to_pandas()
    alone = pq.read_table(out).to_pandas()
    tail = whole[whole["session"] >= alone["session"].iloc[0]].reset_index(drop=True)
    assert alone.equals(tail)
