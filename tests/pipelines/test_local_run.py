"""The two pipelines end to end on this machine, each step in a process of its own."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.contract_rows import contract_rows
from volcast import registry
from volcast.core import calendar
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.data.sources import SampleSource
from volcast.features.catalog import FEATURES_DAILY
from volcast.monitoring.drift import drift_python
from volcast.steps import STEPS
from volcast.store import Store
from volcast.store.tables import (
    LABELS_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_REALIZED_ERROR,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
)

pytestmark = pytest.mark.xdist_group("local_run")

ROOT = Path(__file__).resolve().parents[2]
DISPLAY_NAMES = {name: step.title for name, step in STEPS.items()}
NEWEST = date(2018, 12, 31)
REPEATABLE = (
    FEATURES_DAILY, LABELS_DAILY, PREDICTIONS_DAILY,
    MONITORING_PERFORMANCE, MONITORING_REALIZED_ERROR, MONITORING_RETRAIN,
)  # fmt: skip


def _run(pipeline: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a pipeline on ``folder/store`` with nothing of volcast set in the environment."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLCAST_")}
    places = ["--store", str(folder / "store"), "--pipeline-root", str(folder / "artifacts")]
    return subprocess.run(
        [sys.executable, "-m", "pipelines.local", pipeline, *places, *options],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


def _digests(folder: Path) -> dict[str, str]:
    files = [f for table in REPEATABLE for f in (folder / "store" / table.name).rglob("*.parquet")]
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Both pipelines, run once on the sample: the folder, and what was shown."""
    folder = tmp_path_factory.mktemp("sample")
    done = _run("both", folder, "--source", "sample")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_volcast_run_writes_the_same_tables_as_the_pipelines(sample, tmp_path):
    command = [sys.executable, "-c", "from volcast.cli import main; main()", "run"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLCAST_")}
    done = subprocess.run(
        [*command, "--source", "sample", "--store", str(tmp_path / "store")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ours, theirs = Store.open(str(tmp_path / "store")), Store.open(str(sample[0] / "store"))
    for table in (*REPEATABLE, MONITORING_DRIFT_DAILY, MONITORING_QUALITY):
        assert ours.read(table).equals(theirs.read(table)), table.name
    (row,) = _jobs(ours)
    assert (row["job"], row["outcome"], row["as_of"], row["exit_code"]) == (
        "volcast-daily-inference", "succeeded", NEWEST, 0,
    )  # fmt: skip


def _csv(folder: Path, last: date, *, newest_high: float) -> Path:
    sessions = calendar.sessions(date(2019, 1, 2), last)
    steps = np.random.default_rng(5).normal(scale=0.01, size=len(sessions))
    prices = pd.Series(100 * np.exp(np.cumsum(steps)))
    rows = pd.DataFrame(
        {
            "date": sessions, "open": prices, "high": prices * 1.01, "low": prices * 0.99,
            "close": prices, "adj_close": prices, "volume": 1e6,
        }
    )  # fmt: skip
    rows.loc[len(rows) - 1, "high"] = newest_high
    (folder / "csv" / "market").mkdir(parents=True)
    rows.to_csv(folder / "csv" / "market" / "SPY.csv", index=False)
    return folder / "csv"


def test_both_pipelines_run_on_the_sample_and_show_every_step(sample: tuple[Path, str]) -> None:
    folder, shown = sample
    ended = re.findall(r"^  \S+ .+ s$", shown, re.MULTILINE)
    assert len(ended) == 22
    steps = set(DISPLAY_NAMES) - {"evaluate", "survey", "shadow"}
    missing = [s for s in steps if not any(DISPLAY_NAMES[s] in line for line in ended)]
    assert missing == []
    store = Store.open(str(folder / "store"))
    rows = store.read(PREDICTIONS_DAILY).to_pylist()
    assert [(row["symbol"], row["session"]) for row in rows] == [("SPX", NEWEST)]
    assert rows[0]["model_version"] == registry.champion(store, "SPX").version.version


@pytest.mark.slow
def test_running_twice_gives_the_same_features_labels_and_forecasts(sample):
    folder, _ = sample
    before = _digests(folder)
    done = _run("both", folder, "--source", "sample")
    assert done.returncode == 0, done.stdout
    assert len(before) > 40
    assert _digests(folder) == before


def test_the_online_store_holds_the_features_that_were_forecast_from(sample):
    from feature_repo.places import locate
    from feature_repo.rows import OnlineRows

    store = Store.open(str(sample[0] / "store"))
    online = OnlineRows(locate(store)).newest("SPX")
    assert online is not None
    moment, values = online
    assert moment == calendar.closes([NEWEST])[0]
    stored = store.read(FEATURES_DAILY, symbols=["SPX"], first=NEWEST).to_pylist()[0]
    assert {name: stored[name] for name in values} == values


def test_the_training_step_leaves_its_report_as_an_artifact(sample: tuple[Path, str]) -> None:
    folder, _ = sample
    reports = sorted((folder / "artifacts").glob("volcast-train-*/train-and-gate/report"))
    assert reports
    assert "<html" in reports[-1].read_text().lower()
    output = json.loads((reports[-1].parent / "executor_output.json").read_text())
    assert "qlike" in json.dumps(output["artifacts"]["metrics"])


def test_artifacts_of_older_runs_are_removed_and_of_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    days = [f"2020-01-{day:02d}" for day in range(1, 32)]
    for name in (*(f"volcast-daily-inference-{day}" for day in days), "notes", "volcast-daily"):
        (root / name).mkdir(parents=True)
    options = ["--source", "csv", "--source-path", str(tmp_path / "none")]
    assert _run("daily", tmp_path, *options).returncode != 0
    left = sorted(path.name for path in root.iterdir())
    assert left[0] == "notes"
    assert left[1] == "volcast-daily"
    assert left[2:31] == [f"volcast-daily-inference-{day}" for day in days[2:]]
    assert len(left) == 32


@pytest.mark.slow
def test_a_refused_candidate_is_reported_and_is_no_failure(tmp_path: Path) -> None:
    done = _run("train", tmp_path, "--source", "sample", "--as-of", "2005-06-30")
    assert done.returncode == 0, done.stdout
    assert "nothing was promoted" in done.stdout
    assert DISPLAY_NAMES["promote"] not in done.stdout
    assert re.search(f"{DISPLAY_NAMES['shadow']}.*\n +challenger none", done.stdout)
    assert registry.champion_pointer(Store.open(str(tmp_path / "store")), "SPX") is None


@pytest.mark.slow
def test_a_broken_newest_row_stops_the_run_with_exit_code_10(tmp_path: Path) -> None:
    folder = _csv(tmp_path, date(2021, 12, 31), newest_high=0.5)
    done = _run("daily", tmp_path, "--source", "csv", "--source-path", str(folder))
    assert done.returncode == 10, done.stdout
    assert "QualityError" in done.stdout
    assert DISPLAY_NAMES["features"] not in done.stdout
    assert not (tmp_path / "store" / PREDICTIONS_DAILY.name).exists()


def test_a_session_that_the_source_lacks_stops_the_run_with_exit_code_40(tmp_path: Path) -> None:
    folder = _csv(tmp_path, date(2021, 12, 30), newest_high=1e4)
    options = ["--source", "csv", "--source-path", str(folder), "--as-of", "2021-12-31"]
    done = _run("daily", tmp_path, *options)
    assert done.returncode == 40, done.stdout
    assert "StaleInput" in done.stdout
    row = _jobs(Store.open(str(tmp_path / "store")))[-1]
    assert (row["outcome"], row["exit_code"]) == ("failed", 40)


def _jobs(store: Store) -> list[dict[str, object]]:
    return sorted(store.read(MONITORING_JOBS).to_pylist(), key=lambda row: row["ended_at"])


def test_every_run_records_how_it_ended(sample: tuple[Path, str]) -> None:
    rows = _jobs(Store.open(str(sample[0] / "store")))[:2]
    outcomes = [(r["job"], r["outcome"], r["as_of"], r["exit_code"], r["detail"]) for r in rows]
    assert outcomes == [
        ("volcast-train", "succeeded", NEWEST, 0, ""),
        ("volcast-daily-inference", "succeeded", NEWEST, 0, ""),
    ]
    assert rows[0]["run_id"] != rows[1]["run_id"]


def test_without_drift_the_daily_run_trains_nothing(sample: tuple[Path, str]) -> None:
    daily = sample[1].partition("volcast-daily-inference")[2]
    assert "train False" in daily
    assert DISPLAY_NAMES["train"] not in daily
    (row,) = Store.open(str(sample[0] / "store")).read(MONITORING_RETRAIN).to_pylist()
    state = "ok" if drift_python() else "not-run"
    assert (row["drift_state"], row["needed"], row["train"]) == (state, False, False)


@pytest.mark.slow
def test_a_feed_that_changes_is_drift_and_trains_once_more_for_the_gate_to_judge(tmp_path):
    if drift_python() is None:
        pytest.skip("no interpreter with alibi-detect; `make drift` makes one")
    changed = date(2018, 10, 1)
    options = ["--source", "csv", "--source-path", str(_widened_sample(tmp_path, changed))]
    options += ["--universe", SAMPLE_UNIVERSE.model_dump_json()]
    before = calendar.after(changed, -1)
    trained = _run("train", tmp_path, *options, "--as-of", str(before))
    assert trained.returncode == 0, trained.stdout
    store = Store.open(str(tmp_path / "store"))
    assert registry.champion(store, "SPX").version.as_of == str(before)
    done = _run("daily", tmp_path, *options)
    assert done.returncode == 0, done.stdout
    assert re.search(f"{DISPLAY_NAMES['drift']}.*\n +state drift, alert True", done.stdout)
    (row,) = store.read(MONITORING_RETRAIN).to_pylist()
    assert (row["drift_state"], row["train"]) == ("drift", True)
    order = [DISPLAY_NAMES[name] for name in ("publish", "retrain", "train", "gate")]
    assert [done.stdout.index(step) for step in order] == sorted(
        done.stdout.index(step) for step in order
    )
    assert registry.history(store)[-1].why.count("passed the gate") == 1
    again = _run("daily", tmp_path, *options)
    assert "train True" in again.stdout
    assert store.read(MONITORING_RETRAIN).to_pylist() == [row]


def _widened_sample(folder: Path, since: date) -> Path:
    """Write the sample as CSV, its highs and lows many times as far apart since a day."""
    rows = SampleSource().market(("SPX", "VIX"), None, None).rows
    rows["date"] = rows["session"].dt.date
    hit = (rows["symbol"] == "SPX") & (rows["date"] >= since)
    top, bottom = (rows[["open", "close"]].agg(which, axis=1) for which in ("max", "min"))
    rows.loc[hit, "high"] = top + 8 * (rows["high"] - bottom)
    rows.loc[hit, "low"] = bottom - 8 * (top - rows["low"])
    (folder / "csv" / "market").mkdir(parents=True)
    columns = ["date", "open", "high", "low", "close", "adj_close", "volume"]
    for symbol, part in rows.groupby("symbol"):
        part[columns].to_csv(folder / "csv" / "market" / f"{symbol}.csv", index=False)
    return folder / "csv"


@pytest.mark.slow
def test_a_watch_that_fails_leaves_the_forecast_published_and_fails_the_run(sample, tmp_path):
    shutil.copytree(sample[0] / "store", tmp_path / "store")
    store = Store.open(str(tmp_path / "store"))
    verdict = contract_rows(MONITORING_DRIFT_DAILY, ["SPX"], [NEWEST]).to_pandas()
    verdict = verdict.assign(subject="verdict", state="drift", alert=True, detail="g5 moved")
    store.write(MONITORING_DRIFT_DAILY, verdict)
    for key in store.objects.list("predictions_daily/"):
        store.objects.delete(key)
    (file,) = store.objects.list("monitoring.drift_daily/")
    store.objects.put(file, b"no parquet")
    done = _run("daily", tmp_path, "--source", "sample")
    assert done.returncode == 10, done.stdout
    assert len(store.read(PREDICTIONS_DAILY)) == 1
    assert DISPLAY_NAMES["train"] not in done.stdout
    row = _jobs(store)[-1]
    assert (row["outcome"], row["exit_code"], row["as_of"]) == ("failed", 10, NEWEST)
    assert str(row["detail"]).startswith("CorruptFile: ")
