"""The drift check over a store, in the interpreter that has alibi-detect."""

import hashlib
import json
import subprocess
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from bench.drift.trials import NumpyDetectors
from tests.markets import UNIVERSE, crown, fill
from volcast.core import calendar
from volcast.features.catalog import FEATURES_DAILY
from volcast.features.point_in_time import labelled_features
from volcast.monitoring.drift import DriftReport, drift_python, launch
from volcast.monitoring.drift import check as drift_check
from volcast.monitoring.drift.calibration import TESTS, calibrate
from volcast.monitoring.drift.evidence import drift_scores
from volcast.monitoring.drift.panel import feature_panel
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY

pytestmark = pytest.mark.xdist_group("drift")

SYMBOL = UNIVERSE.target
YEARS = 9


@pytest.fixture(scope="module")
def detectors() -> Path:
    python = drift_python()
    if python is None:
        pytest.skip("no interpreter with alibi-detect; `make drift` makes one")
    return python


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, date]:
    """A store with nine made-up years, and a champion trained half a year before their end."""
    store = Store.open(str(tmp_path_factory.mktemp("drift")))
    last = fill(store, YEARS)
    crown(store, calendar.after(last, -125))
    return store, last


def rows_of(store: Store, session: date) -> pd.DataFrame:
    table = store.read(MONITORING_DRIFT_DAILY, symbols=[SYMBOL], first=session, last=session)
    return table.to_pandas()


def copy_with(store: Store, folder: Path, name: str, sessions: list[date], factor: float) -> Store:
    """Copy a store, with one feature multiplied in some sessions."""
    copied = Store.open(str(folder / "store"))
    for key in store.objects.list(""):
        if not key.startswith("monitoring"):
            copied.objects.put(key, store.objects.get(key))
    rows = copied.read(FEATURES_DAILY, symbols=[SYMBOL])
    at = rows.schema.get_field_index(name)
    values = rows.column(at).to_pandas().to_numpy(dtype=float, copy=True)
    hit = rows.column("session").to_pandas().isin(sessions).to_numpy()
    values[hit] *= factor
    moved = pa.array(values, from_pandas=True)
    copied.write(FEATURES_DAILY, rows.set_column(at, FEATURES_DAILY.schema.field(at), moved))
    return copied


def test_every_feature_is_tested_and_the_verdict_names_its_reference(
    filled: tuple[Store, date], detectors: Path
) -> None:
    store, last = filled
    report = launch(store, SYMBOL, last, detectors)
    rows = rows_of(store, last)
    row = rows[rows["subject"] == "verdict"].iloc[0]
    assert (row["state"], row["detail"]) == (report.state, report.detail)
    assert report.state in ("ok", "regime-shift")
    trained = calendar.after(last, -125)
    panel = feature_panel(labelled_features(store, SYMBOL, last), trained)
    assert len(panel.names) >= 35
    assert set(panel.names) <= set(rows["subject"])
    assert {test.name for test in TESTS} <= set(rows["test"])
    assert {"missing", "frozen", "beyond", "batch_scale", "batch_given_vix"} <= set(rows["test"])
    assert {"rv_5d"} <= set(rows["subject"])
    lineage = json.loads(
        store.objects.get(store.objects.list("models/")[0].rsplit("/", 1)[0] + "/lineage.json")
    )
    assert set(rows["reference_sha256"]) == {lineage["data_sha256"]}
    assert set(rows["model_version"]) == {"1"}


SAME = """
import numpy as np
from bench.drift.trials import NumpyDetectors
from volcast.monitoring.drift.detectors import AlibiDetectors
from scipy.stats import cramervonmises_2samp, ks_2samp
rng = np.random.default_rng(5)
exact, single = [], []
for decimals in (12, 1, 0):
    reference, window = (rng.normal(size=(n, 35)).round(decimals) for n in (2500, 250))
    for name, scipy in (("ks", ks_2samp), ("cvm", cramervonmises_2samp)):
        ours = NumpyDetectors().distances(name, reference, window)
        theirs = AlibiDetectors().distances(name, reference, window)
        columns = zip(reference.T, window.T)
        of_scipy = np.array([scipy(r, w, method="asymp" if name == "ks" else "asymptotic").statistic
                             for r, w in columns])
        exact.append(np.abs(ours / of_scipy - 1).max())
        single.append((theirs == ours.astype(np.float32)).mean())
print(max(exact), min(single))
"""


def test_alibi_detects_statistics_are_those_that_thresholds_come_from(detectors: Path) -> None:
    """Both are scipy's: ours to 1e-12, alibi-detect's rounded to the float32 it keeps."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [str(detectors), "-c", SAME], cwd=root, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": f"{root / 'src'}:{root}"},
    )  # fmt: skip
    difference, equal = map(float, done.stdout.split())
    assert difference < 1e-12
    assert equal > 0.99  # a float64 on the edge between two float32 may round either way


def test_the_recorded_statistics_are_those_of_the_windows(
    filled: tuple[Store, date], detectors: Path
) -> None:
    store, last = filled
    launch(store, SYMBOL, last, detectors)
    panel = feature_panel(labelled_features(store, SYMBOL, last), calendar.after(last, -125))
    thresholds = calibrate(panel).thresholds
    rows = rows_of(store, last).set_index(["subject", "test", "window"])
    for statistic in ("ks", "cvm"):
        expected = NumpyDetectors().distances(statistic, panel.reference, panel.recent[-60:])
        for column, name in enumerate(panel.names):
            row = rows.loc[(name, f"{statistic}_level", 60)]
            assert row["statistic"] == pytest.approx(expected[column], rel=1e-6)
            assert row["threshold"] == thresholds[f"{statistic}_level/60"][column]
            assert row["reference_n"] == len(panel.reference)
    scores = drift_scores(panel, calibrate(panel), NumpyDetectors())
    for score in scores:
        row = rows.loc[("features", f"batch_{score.kind}", 0)]
        assert row["statistic"] == pytest.approx(score.value, rel=1e-6)


def test_the_same_check_again_writes_the_same_bytes(
    filled: tuple[Store, date], detectors: Path
) -> None:
    store, last = filled
    digests = []
    for _ in range(2):
        launch(store, SYMBOL, last, detectors)
        keys = [key for key in store.objects.list("monitoring.drift_daily/") if "parquet" in key]
        digests.append({k: hashlib.sha256(store.objects.get(k)).hexdigest() for k in keys})
    assert digests[0]
    assert digests[0] == digests[1]


def test_a_feature_in_other_units_is_a_fault_of_the_data(
    filled: tuple[Store, date], detectors: Path, tmp_path: Path
) -> None:
    store, last = filled
    days = calendar.sessions(calendar.after(last, -2), last)
    broken = copy_with(store, tmp_path, "rv_22", days, 100.0)
    report = launch(broken, SYMBOL, last, detectors)
    assert (report.state, report.alert) == ("data-fault", True)
    assert "rv_22 outside of all history" in report.detail


def test_training_rows_that_have_changed_since_are_a_fault(
    filled: tuple[Store, date], detectors: Path, tmp_path: Path
) -> None:
    store, last = filled
    old = calendar.after(last, -800)
    report = launch(copy_with(store, tmp_path, "rv_22", [old], 1.01), SYMBOL, last, detectors)
    assert report.state == "data-fault"
    assert "have changed since" in report.detail


def test_training_rows_that_another_version_computed_are_none(
    filled: tuple[Store, date], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, last = filled
    changed = copy_with(store, tmp_path, "rv_22", [calendar.after(last, -800)], 1.01)
    monkeypatch.setattr(NumpyDetectors, "chi2", lambda *_: 0.0)
    same = drift_check.check(changed, SYMBOL, last, NumpyDetectors())
    monkeypatch.setattr(drift_check, "code_version", lambda *_: "another")
    other = drift_check.check(changed, SYMBOL, last, NumpyDetectors())
    assert (same.state, other.state == "data-fault") == ("data-fault", False)


@pytest.mark.parametrize("missing", ["interpreter", "package", "champion", "features"])
def test_what_cannot_be_checked_is_not_run_and_alarms(
    filled: tuple[Store, date], detectors: Path, missing: str, tmp_path: Path
) -> None:
    store, last = filled
    python: Path | None = detectors
    if missing == "interpreter":
        python = None
    if missing == "package":
        subprocess.run(["python3.11", "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
        python = tmp_path / "bare" / "bin" / "python"
    copied = Store.open(str(tmp_path / "store"))
    for key in store.objects.list(""):
        if not key.startswith(("monitoring", "registry" if missing == "champion" else "-")):
            copied.objects.put(key, store.objects.get(key))
    session = calendar.after(last, 1) if missing == "features" else last
    report = launch(copied, SYMBOL, session, python)
    assert (report.state, report.alert) == ("not-run", True)
    row = rows_of(copied, session)
    assert row["state"].tolist() == ["not-run"]
    assert row["alert"].tolist() == [True]
    assert row["detail"].tolist() == [report.detail]


def test_the_verdict_of_a_killed_check_is_not_run(
    filled: tuple[Store, date], tmp_path: Path
) -> None:
    store, last = filled
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nkill -9 $$\n")
    dying.chmod(0o755)
    copied = copy_with(store, tmp_path, "rv_22", [], 1.0)
    report = launch(copied, SYMBOL, last, dying)
    assert report == DriftReport(
        "not-run", "the check ended with code -9: no message", 0.0, alert=True
    )
