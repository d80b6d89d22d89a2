"""Thresholds from a market's own windows, and how often they are exceeded without cause."""

import json
from dataclasses import asdict, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from bench.drift.nulls import Autoregressive, panel
from bench.drift.trials import NumpyDetectors, run
from volcast.core import calendar
from volcast.features.catalog import market_names
from volcast.monitoring.drift.calibration import (
    LEVEL,
    MARGIN,
    TESTS,
    Calibration,
    calibrate,
    upper_tenth,
)
from volcast.monitoring.drift.evidence import drift_scores
from volcast.monitoring.drift.panel import RECENT, feature_panel
from volcast.monitoring.drift.report import decide_state

ROWS = Autoregressive("seeded", 0.5).draw(np.random.default_rng(11), 2500 + RECENT)
LAID = panel(ROWS, len(ROWS))


def test_a_threshold_is_a_quantile_of_the_distances_of_the_references_own_windows() -> None:
    thresholds = calibrate(LAID).thresholds
    column, window = LAID.reference[:, 7], 60
    distances = []
    for end in range(window, len(column) + 1, 5):
        rest = np.concatenate([column[: end - window], column[end:]])
        distances.append(ks_2samp(rest, column[end - window : end]).statistic)
    assert thresholds["ks_level/60"][7] == pytest.approx(np.quantile(distances, LEVEL))


def test_a_bar_is_beyond_what_a_tenth_of_the_features_ever_reached() -> None:
    calibration = calibrate(LAID)
    noise = LAID.reference_views["noise"]
    reached = []
    for end in range(60, len(noise) + 1, 5):
        rest = np.concatenate([noise[: end - 60], noise[end:]])
        window = noise[end - 60 : end]
        distances = NumpyDetectors().distances("ks", rest, window)
        reached.append(upper_tenth(distances / calibration.thresholds["ks_scale/60"]))
    assert calibration.bars["ks_scale/60"] == pytest.approx(MARGIN * max(reached))


def test_rows_that_are_tested_are_no_part_of_the_reference() -> None:
    days = calendar.sessions(date(2000, 1, 3), date(2010, 12, 31))[: len(ROWS)]
    rows = pd.DataFrame(ROWS[:, : len(market_names())], columns=market_names()[: ROWS.shape[1]])
    rows = rows.reindex(columns=market_names()).assign(session=days)
    for trained in (days[-1], days[-200]):
        laid = feature_panel(rows, trained)
        assert len(laid.recent) == RECENT
        assert laid.reference.tolist() == rows[list(laid.names)].to_numpy()[:-RECENT].tolist()
    assert len(feature_panel(rows, days[1499]).reference) == 1500


def test_features_with_too_few_values_drop_out_of_the_batch() -> None:
    gone = replace(LAID, recent=np.full_like(LAID.recent, np.nan))
    assert drift_scores(gone, calibrate(LAID), NumpyDetectors()) == []
    recent = LAID.recent.copy()
    recent[-40:, 5] = np.nan
    some = replace(LAID, recent=recent)
    scores = drift_scores(some, calibrate(LAID), NumpyDetectors())
    assert {score.kind for score in scores} == {"given_vix"}


class Far(NumpyDetectors):
    """Detectors that report the largest distance for every window."""

    def distances(self, _: str, __: np.ndarray, window: np.ndarray) -> np.ndarray:
        return np.ones(window.shape[1])


def test_the_state_is_decided_by_what_the_detectors_return() -> None:
    calibration = calibrate(LAID)
    sound = drift_scores(LAID, calibration, NumpyDetectors())
    far = drift_scores(LAID, calibration, Far())
    assert max(score.value for score in sound) < 1
    assert {score.kind for score in far if score.value > 1} == {"given_vix", "scale"}
    assert {score.share for score in far} == {1.0}
    assert decide_state([], [], far).state == "drift"


def test_a_calibration_survives_json_without_loss() -> None:
    calibration = calibrate(LAID)
    assert Calibration(**json.loads(json.dumps(asdict(calibration)))) == calibration
    assert set(calibration.thresholds) == {test.key for test in TESTS}


@pytest.mark.stats
@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_twice_the_scale_is_reported_and_a_sound_market_raises_no_alarm(
    shared: float,
) -> None:
    change = "scale 2, 5 of 35"
    trials = [run(Autoregressive("seeded", shared), seed, change) for seed in range(8)]
    assert sum(trial.alert for trial in trials) <= 1
    assert sum(trial.seen.get(change, 999) <= 60 for trial in trials) >= 7
    for key in trials[0].raw:
        assert np.mean([trial.raw[key] for trial in trials]) <= 0.15
