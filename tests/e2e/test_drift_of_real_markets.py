"""Drift of the real market: the crash of 2020 is a market that turned, and no fault of the data."""

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from bench.drift.trials import NumpyDetectors
from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.ingest import ingest
from volcast.data.sources import CsvFolderSource
from volcast.data.validate import validate
from volcast.features import labels
from volcast.features.build import build
from volcast.features.point_in_time import labelled_features
from volcast.monitoring.drift.calibration import calibrate
from volcast.monitoring.drift.evidence import data_faults, drift_scores, findings
from volcast.monitoring.drift.panel import feature_panel
from volcast.monitoring.drift.report import decide_state
from volcast.store import Store

pytestmark = pytest.mark.xdist_group("shared_data")

TRAINED = date(2019, 12, 31)


@pytest.fixture(scope="module")
def rows(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    store, universe = Store.open(str(tmp_path_factory.mktemp("market"))), Universe()
    now = datetime(2022, 1, 2, tzinfo=UTC)
    source = CsvFolderSource(shared_data)
    as_of = ingest(store, source, universe, now=now, as_of=None).as_of
    validate(store, universe, as_of)
    build(store, universe, as_of)
    labels.build(store, universe, as_of)
    return labelled_features(store, "SPY", as_of)


@pytest.fixture(scope="module")
def states(rows: pd.DataFrame) -> dict[date, str]:
    """States of two years of daily checks against the rows up to 2019, every fifth session."""
    states = {}
    calibration = calibrate(feature_panel(rows, TRAINED))
    for session in calendar.sessions(date(2020, 1, 2), date(2021, 12, 31))[::5]:
        panel = feature_panel(rows[rows["session"] <= session], TRAINED)
        tests = list(findings(panel, calibration, NumpyDetectors()))
        scores = drift_scores(panel, calibration, NumpyDetectors())
        states[session] = decide_state(tests, list(data_faults(panel)), scores).state
    return states


def test_the_crash_of_2020_is_a_regime_shift_for_its_weeks(states: dict[date, str]) -> None:
    crash = {
        state for day, state in states.items() if date(2020, 3, 13) <= day <= date(2020, 4, 24)
    }
    assert crash == {"regime-shift"}


def test_two_years_that_began_with_it_are_neither_drift_nor_fault(states: dict[date, str]) -> None:
    assert len(states) > 100
    assert set(states.values()) == {"ok", "regime-shift"}
    assert sum(state == "ok" for state in states.values()) > 0.8 * len(states)


def test_five_features_of_twice_the_scale_are_found_within_sixty_sessions(rows):
    onset, end = date(2019, 7, 1), calendar.after(date(2019, 7, 1), 59)
    trained = date(2018, 12, 31)
    calibration = calibrate(feature_panel(rows, trained))
    changed = rows[rows["session"] <= end].copy()
    after = changed["session"] >= onset
    for name in ("g22_less_iv", "ret_5_scaled", "rv_10", "bond_ret_5", "credit_corr_66"):
        mean = changed.loc[changed["session"] <= trained, name].mean()
        changed.loc[after, name] = mean + 2 * (changed.loc[after, name] - mean)

    def scores(of: pd.DataFrame) -> dict[str, float]:
        panel = feature_panel(of, trained)
        return {s.kind: s.value for s in drift_scores(panel, calibration, NumpyDetectors())}

    assert scores(changed)["scale"] > 1
    assert max(scores(rows[rows["session"] <= end]).values()) < 1
